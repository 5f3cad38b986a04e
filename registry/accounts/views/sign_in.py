"""Signing in and out: with a password, and at the OpenID Connect provider."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from flask import Blueprint, current_app, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from registry.accounts import oidc_provider, sign_in as access
from registry.accounts.attempts import FAILED_SIGN_INS, TooManyAttempts
from registry.accounts.models import MAX_EMAIL_LENGTH
from registry.accounts.oidc_configuration import sign_in_configuration
from registry.accounts.oidc_provider import ProviderUnavailable
from registry.accounts.passwords import BY_EMAIL, SignInBusy
from registry.accounts.roles import Actor, Permission
from registry.accounts.service import accept_invitation, account_of_link, request_password_link
from registry.accounts.sessions import end_session
from registry.core.errors import Invalid, Problem, RegistryError, RouteNotFound
from registry.core.fields import BaseSchema, Text
from registry.core.translations import lazy_text
from registry.http.requests import LOG, client_request_id, request_id
from registry.http.security import own_address
from registry.web import current_user
from registry.web.blueprint import ANY_SIGNED_IN, BOTH, Answer, Public, flash_message, local_address, pages, redirect_to
from registry.web.formats import gettext as _
from registry.web.forms import Form, FormPage, answer_form, form_field, invalid_form
from registry.web.lists import render_list, requested_filters, requested_page

SIGN_IN_ERRORS: tuple[type[RegistryError], ...] = (
    access.PasswordNotAccepted,
    access.AccountNotConfirmed,
    TooManyAttempts,
    SignInBusy,
)


@pages.page("/sign-in", needs=Public("nobody is signed in before it"), methods=BOTH)
def sign_in() -> Answer:
    """Sign in with name and password."""
    back = local_address(request.values.get("back")) or url_for("web.home")
    if request.method != "POST":
        if current_user.current_user().actor is not None:
            return redirect(back, 303)
        return render_template("accounts/sign_in.html", form=Form(), back=back, ended=request.args.get("ended"))
    name, source = request.form.get("name", ""), request.remote_addr or ""
    device = current_user.known_device_of(name)
    try:
        password, ids = request.form.get("password", ""), (request_id(), client_request_id())
        agent = request.user_agent.string
        signed_in = access.sign_in(name, password, source, *ids, device=device, user_agent=agent)
    except SIGN_IN_ERRORS as error:
        form = invalid_form({"name": name}, error, "name")
        return render_template("accounts/sign_in.html", form=form, back=back, ended=None), error.status
    response = to_signed_in(signed_in, back)
    current_user.keep_device(response, name, device)
    return response


def to_signed_in(signed_in: access.SignedIn, back: str) -> Response:
    """Redirect to the page, or first to the second factor, with the new session in place of an earlier one."""
    if current_user.current_user().secret:
        end_session(current_user.current_user().secret)
    response = redirect(url_for("web.second_factor", back=back) if signed_in.awaits_factor else back, 303)
    current_user.set_session_cookie(response, signed_in.secret)
    return response


@pages.page("/sign-out", needs=ANY_SIGNED_IN, methods=("POST",), before_password_change=True, before_factor=True)
def sign_out(actor: Actor) -> Answer:
    """End the session, and the one at the OpenID Connect provider that it came from."""
    secret = current_user.current_user().secret
    id_token = access.id_token_of(secret) if oidc_provider.has_provider() else None
    access.sign_out(actor, secret)
    at_provider = None if id_token is None else oidc_provider.sign_out_address(id_token, own_address("web.welcome"))
    if at_provider is None:
        response = redirect(url_for("web.welcome"), 303)
    else:
        # The page has no name, menu and button of somebody who is signed in.
        current_user.forget_current_user()
        # Not a redirect: the content security policy lets forms lead to this host only.
        response = make_response(render_template("accounts/signed_out.html", address=at_provider))
        response.headers["Refresh"] = f"0; url={at_provider}"
    current_user.clear_session_cookie(response)
    current_user.set_language_cookie(response, current_user.page_locale())
    # With it goes the CSRF token of the session that ended.
    session.clear()
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


# Forgotten passwords: the page that asks for a link, and the page to which the link, or an invitation, leads.


class PasswordLinkForm(BaseSchema):
    """Whose password was forgotten."""

    name = Text(MAX_EMAIL_LENGTH, label=lazy_text("E-mail address or name"), required=True)


@pages.page("/forgotten-password", needs=Public("whoever forgot the password cannot sign in"), methods=BOTH)
def forgotten_password() -> Answer:
    """Ask for a link to a new password; the answer is the same for every name and address."""
    if not current_app.config.get(BY_EMAIL):
        raise RouteNotFound
    page = FormPage(
        _("Forgotten password"),
        _("Send the link"),
        url_for("web.sign_in"),
        [form_field("name", "text", label=_("E-mail address or name"))],
        PasswordLinkForm(),
        intro=_(
            "We send a link to the e-mail address of your account. It works once, for one hour. Accounts of oversight "
            "without a second factor, and those that use single sign-on, get no link: ask the administrator of the "
            "register."
        ),
    )

    def act(values: dict[str, Any]) -> Answer:
        request_password_link(values["name"], request.remote_addr or "", request_id())
        flash_message(
            _("If the register has an account with this name or address, a link is on its way to its e-mail address.")
        )
        return redirect_to("sign_in")

    return answer_form(page, act)


# Passwords have at most 200 characters; the service says so.
MAX_TYPED: int = 1000


class PasswordForm(BaseSchema):
    """The new password, twice."""

    password = Text(MAX_TYPED, required=True)
    password_again = Text(MAX_TYPED, required=True)


@pages.page(
    "/invitation",
    needs=Public("whoever gets the link has no password that works; the link's key is the proof"),
    methods=BOTH,
)
def invitation() -> Answer:
    """Choose the first password, or a new one. The key is in the query, which no log has."""
    key = request.args.get("key", "")
    account = account_of_link(key)
    name, consequences = account.name, []
    if account.invited_at is None:
        consequences = [_("All your sessions and tokens end.")]
        if account.restricted_admitted_at is not None:
            consequences.append(_("You see no restricted projects until another person has approved it again."))
    page = FormPage(
        _("Choose a password"),
        _("Set password"),
        url_for("web.welcome"),
        [
            form_field("password", "password", hint=_("12 to 200 characters")),
            form_field("password_again", "password", label=_("The same password again")),
        ],
        PasswordForm(),
        intro=" ".join(
            [
                _("You sign in to the project register with the name %(name)s and the password that you choose here.")
                % {"name": name},
                *consequences,
            ]
        ),
        subject=name,
    )

    def act(_values: dict[str, Any]) -> Answer:
        # As typed: a schema trims texts, and a password may begin with a blank.
        password, again = request.form["password"], request.form["password_again"]
        if password != again:
            raise Invalid([Problem("/password_again", "passwords-differ")])
        accept_invitation(key, password, request.remote_addr or "", request_id(), client_request_id())
        flash_message(_("Your password is set. Sign in with the name %(name)s.") % {"name": name})
        return redirect_to("sign_in")

    return answer_form(page, act)


# The page of failed and refused sign-ins.

# The codes of the errors that end a sign-in.
REASONS: Final[Mapping[str, str]] = {
    "password-not-accepted": lazy_text("Wrong name or password, or disabled account"),
    "account-not-confirmed": lazy_text("Correct password, but the account is not confirmed"),
    "too-many-attempts": lazy_text("Too many attempts"),
    "account-disabled": lazy_text("Single sign-on to a disabled account"),
    "identity-without-role": lazy_text("Single sign-on without a role for the register"),
    "identity-without-agency": lazy_text("Single sign-on without a registered agency"),
    "identity-name-not-usable": lazy_text("Single sign-on with an unusable name"),
    "too-many-pending-accounts": lazy_text("Single sign-on while too many accounts wait"),
}


FILTERS: Final = ("name", "source")


@pages.page("/journal/failed-sign-ins", needs=Permission.JOURNAL_READ)
def failed_sign_ins(actor: Actor) -> Answer:
    """List the failed and refused sign-ins of the last 90 days, the latest first."""
    filters = requested_filters(FILTERS)
    listing = FAILED_SIGN_INS.read(actor, filters, requested_page(50))
    return render_list("accounts/failed_sign_ins.html", listing, filters=filters, reason_label=reason_label)


def reason_label(code: str) -> str:
    """Return the label of a reason; the code itself for an unknown one."""
    return _(REASONS[code]) if code in REASONS else code


# Signing in and out at the OpenID Connect provider.

PROVIDER_ERRORS: Final[tuple[type[RegistryError], ...]] = (
    oidc_provider.AccountDisabled,
    oidc_provider.IdentityNameNotUsable,
    oidc_provider.IdentityWithoutAgency,
    oidc_provider.IdentityWithoutRole,
    oidc_provider.ProviderAnswerInvalid,
    oidc_provider.ProviderDenied,
    ProviderUnavailable,
    oidc_provider.SignInExpired,
    oidc_provider.TooManyPendingAccounts,
)
BACK: Final = "sign_in_back"
# The provider calls it without a session or a form token: the signed logout token is the proof.
provider_calls = Blueprint("oidc", __name__)


@pages.page("/sign-in/oidc", needs=Public("nobody is signed in before it"))
def sign_in_with_provider() -> Answer:
    """Redirect to the provider. ``again``: a person who is signed in there signs in again, for a step-up."""
    _require_provider()
    try:
        response = oidc_provider.redirect_to_provider(
            own_address("web.provider_callback"), again="again" in request.args
        )
    except ProviderUnavailable as error:
        return _failed(error)
    session[BACK] = local_address(request.args.get("back")) or url_for("web.home")
    return response


@pages.page("/sign-in/oidc/callback", needs=Public("the provider sends people here to be signed in"))
def provider_callback() -> Answer:
    """Start a session for the person whom the provider has signed in."""
    _require_provider()
    try:
        answer = oidc_provider.read_answer()
        claims = access.read_claims(sign_in_configuration(), answer.claims)
        agent = request.user_agent.string
        origin = access.SignInRequest(
            request.remote_addr or "", request_id(), client_request_id(), current_user.page_locale(), agent
        )
        signed_in = access.sign_in_with_identity(claims, answer.id_token, origin)
    except access.AccountNotConfirmed as error:
        # All went well, although the account does not work yet.
        session.pop(BACK, None)
        return render_template("accounts/requested.html"), error.status
    except PROVIDER_ERRORS as error:
        return _failed(error)
    return to_signed_in(signed_in, local_address(session.pop(BACK, None)) or url_for("web.home"))


@provider_calls.post("/sign-in/oidc/back-channel-logout")
def back_channel_logout() -> Response:
    """End the sessions that the provider ended (OpenID Connect Back-Channel Logout 1.0)."""
    _require_provider()
    claims = oidc_provider.read_logout_token(request.form.get("logout_token", ""))
    # Clocks may differ.
    before = datetime.fromtimestamp(float(claims["iat"]) + oidc_provider.LEEWAY_SECONDS, UTC)
    ended = access.end_sessions_of_identity(claims["iss"], claims.get("sub"), claims.get("sid"), before)
    LOG.info("the provider signed somebody out", extra={"sessions": ended})
    return Response(status=200, headers={"Cache-Control": "no-store"})


def _failed(error: RegistryError) -> Response:
    if isinstance(error, oidc_provider.ProviderAnswerInvalid | ProviderUnavailable):
        LOG.warning("single sign-on failed: %s", error.params or error.code, exc_info=error.__cause__)
    back = local_address(session.get(BACK)) or url_for("web.home")
    form = Form({}, service_error=error, at="provider")
    page = render_template("accounts/sign_in.html", form=form, back=back, ended=None)
    response = make_response(page, error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _require_provider() -> None:
    if not oidc_provider.has_provider():
        raise RouteNotFound
