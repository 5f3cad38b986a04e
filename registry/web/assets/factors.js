// Passkeys (WebAuthn), and copying and printing of secrets that are displayed once. Without scripts the pages offer other ways.
const decode = text => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), letter => letter.charCodeAt(0));
const encode = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const described = list => (list ?? []).map(each => ({ ...each, id: decode(each.id) }));

// The options of the server with bytes in place of base64url texts, as browsers want them.
const readable = {
  create: options => ({ ...options, challenge: decode(options.challenge), user: { ...options.user, id: decode(options.user.id) }, excludeCredentials: described(options.excludeCredentials) }),
  get: options => ({ ...options, challenge: decode(options.challenge), allowCredentials: described(options.allowCredentials) }),
};

const asJson = ({ id, rawId, type, response }) => ({
  id, type, rawId: encode(rawId),
  response: Object.fromEntries(["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]
    .filter(name => response[name]).map(name => [name, encode(response[name])])),
});

class Refused extends Error {}

async function send(form, address, body = {}) {
  const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrf_token.value }, body: JSON.stringify(body) });
  if (!answer.headers.get("Content-Type")?.includes("json")) throw new Refused(form.dataset.unreachable);
  const said = await answer.json();
  if (said.error) throw new Refused(said.error);
  return said;
}

async function usePasskey(form) {
  const kind = form.dataset.passkey;
  const options = await send(form, form.dataset.options);
  if (options.location) return options;
  const credential = await navigator.credentials[kind]({ publicKey: readable[kind](options) });
  const query = new URLSearchParams({ back: form.elements.back.value, name: form.elements.name?.value ?? "" });
  return send(form, `${form.dataset.finish}?${query}`, { credential: asJson(credential) });
}

function textOf(error, form) {
  if (error instanceof Refused) return error.message;
  if (error.name === "InvalidStateError") return form.dataset.registered;
  return error instanceof DOMException ? form.dataset.failed : form.dataset.unreachable;
}

for (const form of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  document.querySelector("[data-no-passkeys]").hidden = true;
  const button = form.querySelector("button");
  const shown = form.querySelector("[data-error]");
  form.addEventListener("submit", async event => {
    event.preventDefault();
    button.disabled = true;
    shown.hidden = true;
    try {
      const next = await usePasskey(form);
      if (next.form) document.getElementById(next.form).submit();
      else location.assign(next.location);
    } catch (error) {
      shown.textContent = textOf(error, form);
      shown.hidden = false;
      button.disabled = false;
    }
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const copied = document.getElementById(button.dataset.copy);
    const lines = copied.children.length ? [...copied.children] : [copied];
    await navigator.clipboard.writeText(lines.map(item => item.textContent).join("\n"));
    button.textContent = button.dataset.copied;
  });
}
