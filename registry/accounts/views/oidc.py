"""Signing in and out at the OpenID Connect provider."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, make_response, render_template, request, session, url_for
from werkzeug.wrappers import Response

from registry.accounts.oidc.configuration import sign_in_configuration
from registry.accounts.oidc.identities import (
    SignInRequest,
    end_sessions_of_identity,
    read_claims,
    sign_in_with_identity,
)
from registry.accounts.oidc.provider import (
    LEEWAY_SECONDS,
    AccountDisabled,
    IdentityNameNotUsable,
    IdentityWithoutAgency,
    IdentityWithoutRole,
    ProviderAnswerInvalid,
    ProviderDenied,
    ProviderUnavailable,
    SignInExpired,
    TooManyPendingAccounts,
    has_provider,
    read_answer,
    read_logout_token,
    redirect_to_provider,
)
from registry.accounts.sign_in import AccountNotConfirmed
from registry.accounts.views.sign_in import to_signed_in
from registry.core.errors import RegistryError
from registry.http.error_handlers import retry_after, status_of
from registry.http.http_errors import RouteNotFound
from registry.http.request_ids import client_request_id, request_id
from registry.http.request_log import LOG
from registry.http.security import own_address
from registry.web.blueprint import Answer, Public, local_address, pages
from registry.web.current_user import page_locale
from registry.web.forms import Form

SIGN_IN_ERRORS: Final[tuple[type[RegistryError], ...]] = (
    AccountDisabled,
    IdentityNameNotUsable,
    IdentityWithoutAgency,
    IdentityWithoutRole,
    ProviderAnswerInvalid,
    ProviderDenied,
    ProviderUnavailable,
    SignInExpired,
    TooManyPendingAccounts,
)
BACK: Final = "sign_in_back"
# The provider calls it without a session or a form token: the signed logout token is the proof.
provider_calls = Blueprint("oidc", __name__)


@pages.page("/sign-in/oidc", needs=Public("nobody is signed in before it"))
def sign_in_with_provider() -> Answer:
    """Redirect to the provider. ``again``: a person who is signed in there signs in again, for a step-up."""
    _require_provider()
    try:
        response = redirect_to_provider(own_address("web.provider_callback"), again="again" in request.args)
    except ProviderUnavailable as error:
        return _failed(error)
    session[BACK] = local_address(request.args.get("back")) or url_for("web.home")
    return response


@pages.page("/sign-in/oidc/callback", needs=Public("the provider sends people here to be signed in"))
def provider_callback() -> Answer:
    """Start a session for the person whom the provider has signed in."""
    _require_provider()
    try:
        answer = read_answer()
        claims = read_claims(sign_in_configuration(), answer.claims)
        agent = request.user_agent.string
        origin = SignInRequest(request.remote_addr or "", request_id(), client_request_id(), page_locale(), agent)
        signed_in = sign_in_with_identity(claims, answer.id_token, origin)
    except AccountNotConfirmed as error:
        # All went well, although the account does not work yet.
        session.pop(BACK, None)
        return render_template("accounts/requested.html"), status_of(error)
    except SIGN_IN_ERRORS as error:
        return _failed(error)
    return to_signed_in(signed_in, local_address(session.pop(BACK, None)) or url_for("web.home"))


@provider_calls.post("/sign-in/oidc/back-channel-logout")
def back_channel_logout() -> Response:
    """End the sessions that the provider ended (OpenID Connect Back-Channel Logout 1.0)."""
    _require_provider()
    claims = read_logout_token(request.form.get("logout_token", ""))
    # Clocks may differ.
    before = datetime.fromtimestamp(float(claims["iat"]) + LEEWAY_SECONDS, UTC)
    ended = end_sessions_of_identity(claims["iss"], claims.get("sub"), claims.get("sid"), before)
    LOG.info("the provider signed somebody out", extra={"sessions": ended})
    return Response(status=200, headers={"Cache-Control": "no-store"})


def _failed(error: RegistryError) -> Response:
    if isinstance(error, ProviderAnswerInvalid | ProviderUnavailable):
        LOG.warning("single sign-on failed: %s", error.params or error.code, exc_info=error.__cause__)
    back = local_address(session.get(BACK)) or url_for("web.home")
    form = Form({}, service_error=error, at="provider")
    page = render_template("accounts/sign_in.html", form=form, back=back, ended=None)
    response = make_response(page, status_of(error))
    wait = retry_after(error)
    if wait is not None:
        response.headers["Retry-After"] = wait
    return response


def _require_provider() -> None:
    if not has_provider():
        raise RouteNotFound
