"""The OpenID Connect provider, spoken to with Authlib: authorization code with PKCE, state and nonce.

The issuer's discovery document gives the endpoints; its keys are fetched again when an ID token names an unknown one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client.errors import MismatchingStateError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask, current_app, request
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from requests.exceptions import RequestException
from werkzeug.wrappers import Response

from registry.accounts.oidc_configuration import OidcClient, is_provider_address, sign_in_configuration
from registry.core.clock import now
from registry.core.errors import Malformed, NotAllowed, Unavailable
from registry.core.trace_context import outgoing_headers

# Errors of single sign-on.


class ProviderUnavailable(Unavailable):
    """The provider cannot be reached, or its discovery document cannot be used."""


class ProviderDenied(NotAllowed):
    """The provider did not sign the person in: cancelled there, or not permitted."""


class SignInExpired(Malformed):
    """The answer belongs to no sign-in that this browser started, or to one that was already used."""


class ProviderAnswerInvalid(Malformed):
    """The ID token fails validation: its signature, key, issuer, audience, time or nonce."""


class IdentityWithoutRole(NotAllowed):
    """No value of the role claim leads to a role of the register."""


class IdentityWithoutAgency(NotAllowed):
    """The role acts for an agency, and the claims name none that is registered."""


class IdentityNameNotUsable(NotAllowed):
    """The name claim is missing or has characters that account names cannot have."""


class TooManyPendingAccounts(NotAllowed):
    """So many accounts from the provider wait for a confirmation that no more are added."""


class AccountDisabled(NotAllowed):
    """The identity's account is disabled."""


NAME: Final = "oidc"
EXTENSION: Final = "registry.oidc"
KEYS_FETCHED_AT: Final = "registry.oidc.keys_fetched_at"
DISCOVERY: Final = "/.well-known/openid-configuration"
TIMEOUT_SECONDS: Final = 10
LEEWAY_SECONDS: Final = 120
"""How far the clocks of the provider and of this machine may differ."""
MAX_LOGOUT_TOKEN_AGE_SECONDS: Final = 300
# Neither "none" nor a shared secret: only the provider can sign with these.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
# What says how the person signed in counts from the signed ID token only.
AUTHENTICATION_CLAIMS: Final = frozenset({"acr", "amr", "auth_time", "sid"})
# Asked for, so that the provider must say when the person signed in there (auth_time): as long as a session here.
MAX_AUTHENTICATION_AGE_SECONDS: Final = 43_200
# Anybody can send a logout token that names an unknown key.
KEYS_FETCHED_AT_MOST_EVERY: Final = timedelta(minutes=1)
# What a logout token names: the person, the session, or both.
SIGNED_OUT: Final = ("sub", "sid")
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """Validated claims of the ID token, with those of the userinfo endpoint, and the ID token itself."""

    claims: Mapping[str, Any]
    id_token: str


class TracedSession(OAuth2Session):  # type: ignore[misc] # Authlib is untyped
    """Passes on the trace context of the present request."""

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        """Send a request with ``traceparent``."""
        self.headers.update(outgoing_headers())
        return super().request(method, url, **kwargs)


class TracedProvider(FlaskOAuth2App):  # type: ignore[misc] # likewise
    """A provider that is called with ``TracedSession``."""

    client_cls = TracedSession


class TracedOAuth(OAuth):  # type: ignore[misc] # likewise
    """Authlib's registry of providers, with ``TracedProvider``."""

    oauth2_client_cls = TracedProvider


def init_provider(app: Flask, client: OidcClient | None) -> None:
    """Register the provider; without settings, sign-in uses passwords only."""
    app.extensions[EXTENSION] = client
    if client is None:
        return
    TracedOAuth(app).register(
        NAME,
        client_id=client.client_id,
        client_secret=client.client_secret,
        server_metadata_url=client.issuer.rstrip("/") + DISCOVERY,
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_SECONDS,
        },
    )


def has_provider() -> bool:
    """Return True when single sign-on is set up."""
    return current_app.extensions.get(EXTENSION) is not None


def redirect_to_provider(redirect_uri: str, *, again: bool = False) -> Response:
    """Return the redirect that starts a sign-in; ``again``: the provider must ask the person. Raises
    ProviderUnavailable.
    """
    _metadata()
    acr_values = sign_in_configuration().acr
    parameters = {"acr_values": " ".join(acr_values)} if acr_values else {}
    parameters["max_age"] = str(MAX_AUTHENTICATION_AGE_SECONDS)
    if again:
        # With max_age the answer must say when the person signed in (OpenID Connect Core, 2).
        parameters |= {"prompt": "login", "max_age": "0"}
    response: Response = _client().authorize_redirect(redirect_uri, **parameters)
    return response


def read_answer() -> ProviderAnswer:
    """Exchange the code of the current request and validate the ID token.

    Raises ProviderUnavailable, ProviderDenied, SignInExpired, ProviderAnswerInvalid.
    """
    metadata = _metadata()
    # RFC 9207: an answer of another issuer is one of a mix-up attack.
    if request.args.get("iss", metadata["issuer"]) != metadata["issuer"]:
        raise ProviderAnswerInvalid(reason="iss")
    if "error" in request.args:
        raise ProviderDenied(error=request.args["error"][:100])
    try:
        token = _client().authorize_access_token(leeway=LEEWAY_SECONDS)
        claims = dict(token["userinfo"])
        if metadata.get("userinfo_endpoint"):
            more = _client().userinfo(token=token)
            if more.get("sub") != claims["sub"]:
                raise ProviderAnswerInvalid(reason="sub")
            claims = {**{name: more[name] for name in more if name not in AUTHENTICATION_CLAIMS}, **claims}
    except MismatchingStateError as error:
        raise SignInExpired from error
    except RequestException as error:
        raise ProviderUnavailable from error
    except (AuthlibBaseError, JoseError, KeyError, ValueError) as error:
        raise ProviderAnswerInvalid(reason=getattr(error, "error", "") or type(error).__name__) from error
    return ProviderAnswer(claims, token["id_token"])


def sign_out_address(id_token: str | None, back: str) -> str | None:
    """Return where the provider ends its own session; None when it has no usable endpoint or cannot be reached."""
    try:
        endpoint = _metadata().get("end_session_endpoint")
    except ProviderUnavailable:
        return None
    # It stands in a link and in the header Refresh.
    if not isinstance(endpoint, str) or not is_provider_address(endpoint):
        return None
    answer = _client().create_logout_url(
        post_logout_redirect_uri=back, id_token_hint=id_token, client_id=_client().client_id
    )
    address: str = answer["url"]
    return address


def read_logout_token(text: str) -> Mapping[str, Any]:
    """Validate a logout token (OpenID Connect Back-Channel Logout 1.0, 2.6) and return its claims.

    Raises ProviderUnavailable and ProviderAnswerInvalid.
    """
    metadata = _metadata()
    try:
        claims = _decode(text).claims
        at = now().timestamp()
        audience = claims["aud"]
        valid = (
            claims["iss"] == metadata["issuer"]
            and _client().client_id in (audience if isinstance(audience, list) else [audience])
            and abs(at - float(claims["iat"])) <= MAX_LOGOUT_TOKEN_AGE_SECONDS
            and float(claims.get("exp", at)) >= at - LEEWAY_SECONDS
            and LOGOUT_EVENT in claims["events"]
            and "nonce" not in claims
            and any(name in claims for name in SIGNED_OUT)
            and isinstance(claims["jti"], str)
            and all(isinstance(claims.get(name, ""), str) and claims.get(name, "").isprintable() for name in SIGNED_OUT)
        )
    except RequestException as error:
        raise ProviderUnavailable from error
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise ProviderAnswerInvalid(reason=type(error).__name__) from error
    if not valid:
        raise ProviderAnswerInvalid(reason="claims")
    return claims


def _client() -> Any:
    return current_app.extensions["authlib.integrations.flask_client"].create_client(NAME)


def _metadata() -> Mapping[str, Any]:
    """Return the discovery document, fetched once. Raises ProviderUnavailable, also when it is of another issuer."""
    client, settings = _client(), current_app.extensions[EXTENSION]
    try:
        metadata: dict[str, Any] = client.load_server_metadata()
    except (RequestException, ValueError) as error:
        raise ProviderUnavailable from error
    if metadata.get("issuer", "").rstrip("/") != settings.issuer.rstrip("/"):
        # Nothing of it is used, so that the next sign-in fetches it again.
        metadata.clear()
        raise ProviderUnavailable
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [each for each in offered if each in ALGORITHMS] or ["RS256"]
    return metadata


def _decode(text: str) -> jwt.Token:
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    try:
        return jwt.decode(text, KeySet.import_key_set(_client().fetch_jwk_set()), registry=registry)
    except InvalidKeyIdError:
        # The keys may have been rotated.
        if not _may_fetch_keys():
            raise
        return jwt.decode(text, KeySet.import_key_set(_client().fetch_jwk_set(force=True)), registry=registry)


def _may_fetch_keys() -> bool:
    fetched_at = current_app.extensions.get(KEYS_FETCHED_AT)
    if fetched_at is not None and timedelta() <= now() - fetched_at < KEYS_FETCHED_AT_MOST_EVERY:
        return False
    current_app.extensions[KEYS_FETCHED_AT] = now()
    return True
