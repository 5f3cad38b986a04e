// The certified provider oidc-provider on a local port: node server.mjs REDIRECT_URI POST_LOGOUT_URI BACKCHANNEL_URI
// Prints its issuer when it listens. Whoever signs in says who they are: any login is accepted, as an editor.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [modules, redirectUri, postLogoutUri, backchannelUri, bin] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { Provider } = await import(require.resolve("oidc-provider"));

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "registry",
        client_secret: "a client secret",
        redirect_uris: [redirectUri],
        post_logout_redirect_uris: [postLogoutUri],
        backchannel_logout_uri: backchannelUri,
        backchannel_logout_session_required: true,
      },
    ],
    claims: { openid: ["sub"], profile: ["name", "roles", "organization_bin"], email: ["email", "email_verified"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["of the tests"] },
    features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
    fetch: (url, options) => fetch(url, options),
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: () => ({
        sub,
        name: `Айгүл Сапарова ${sub}`,
        roles: ["qaztech-editor"],
        organization_bin: bin,
        email: `${sub}@ministry.kz`,
        email_verified: true,
      }),
    }),
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
