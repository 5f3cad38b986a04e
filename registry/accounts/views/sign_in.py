"""Pages for signing in and out."""

from __future__ import annotations

from flask import make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from registry.accounts import sign_in as password_sign_in
from registry.accounts.actors import Actor
from registry.accounts.attempts import TooManyAttempts
from registry.accounts.oidc.identities import id_token_of
from registry.accounts.oidc.provider import has_provider, sign_out_address
from registry.accounts.passwords import SignInBusy
from registry.accounts.sessions import end_session
from registry.accounts.sign_in import SignedIn
from registry.core.errors import RegistryError
from registry.http.error_handlers import status_of
from registry.http.request_ids import client_request_id, request_id
from registry.http.security import own_address
from registry.web.blueprint import ANY_SIGNED_IN, Answer, Public, local_address, pages
from registry.web.current_user import (
    clear_session_cookie,
    current_user,
    forget_current_user,
    keep_device,
    known_device_of,
    set_session_cookie,
)
from registry.web.forms import Form, invalid_form

SIGN_IN_ERRORS: tuple[type[RegistryError], ...] = (
    password_sign_in.PasswordNotAccepted,
    password_sign_in.AccountNotConfirmed,
    TooManyAttempts,
    SignInBusy,
)


@pages.page("/sign-in", needs=Public("nobody is signed in before it"), methods=("GET", "POST"))
def sign_in() -> Answer:
    """Sign in with name and password."""
    back = local_address(request.values.get("back")) or url_for("web.home")
    if request.method != "POST":
        if current_user().actor is not None:
            return redirect(back, 303)
        return render_template("accounts/sign_in.html", form=Form(), back=back, ended=request.args.get("ended"))
    name, source = request.form.get("name", ""), request.remote_addr or ""
    device = known_device_of(name)
    try:
        password, ids = request.form.get("password", ""), (request_id(), client_request_id())
        agent = request.user_agent.string
        signed_in = password_sign_in.sign_in(name, password, source, *ids, device=device, user_agent=agent)
    except SIGN_IN_ERRORS as error:
        form = invalid_form({"name": name}, error, "name")
        return render_template("accounts/sign_in.html", form=form, back=back, ended=None), status_of(error)
    response = to_signed_in(signed_in, back)
    keep_device(response, name, device)
    return response


def to_signed_in(signed_in: SignedIn, back: str) -> Response:
    """Redirect to the page, or first to the second factor, with the new session in place of an earlier one."""
    if current_user().secret:
        end_session(current_user().secret)
    response = redirect(url_for("web.second_factor", back=back) if signed_in.awaits_factor else back, 303)
    set_session_cookie(response, signed_in.secret)
    return response


@pages.page("/sign-out", needs=ANY_SIGNED_IN, methods=("POST",), before_password_change=True, before_factor=True)
def sign_out(actor: Actor) -> Answer:
    """End the session, and the one at the OpenID Connect provider that it came from."""
    secret = current_user().secret
    id_token = id_token_of(secret) if has_provider() else None
    password_sign_in.sign_out(actor, secret)
    at_provider = None if id_token is None else sign_out_address(id_token, own_address("web.welcome"))
    if at_provider is None:
        response = redirect(url_for("web.welcome"), 303)
    else:
        # The page has no name, menu and button of somebody who is signed in.
        forget_current_user()
        # Not a redirect: the content security policy lets forms lead to this host only.
        response = make_response(render_template("accounts/signed_out.html", address=at_provider))
        response.headers["Refresh"] = f"0; url={at_provider}"
    clear_session_cookie(response)
    # With it goes the CSRF token of the session that ended.
    session.clear()
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
