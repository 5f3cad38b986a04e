"""Signing in and out."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for

from registry.accounts import sign_in as password_sign_in
from registry.accounts.actors import Actor
from registry.accounts.passwords import SignInBusy
from registry.accounts.sessions import end_session
from registry.core.errors import Refusal
from registry.http.error_handlers import status_of
from registry.http.request_ids import client_request_id, request_id
from registry.web.blueprint import ANYBODY_SIGNED_IN, Answer, Open, local_address, pages
from registry.web.current_user import drop_session, keep_device, keep_session, known_device_of, visitor
from registry.web.forms import Form, refused_form

REFUSALS: tuple[type[Refusal], ...] = (
    password_sign_in.PasswordNotAccepted,
    password_sign_in.AccountNotConfirmed,
    password_sign_in.TooManyAttempts,
    SignInBusy,
)


@pages.page("/sign-in", needs=Open("nobody is signed in before it"), methods=("GET", "POST"))
def sign_in() -> Answer:
    """The form, and what becomes of it."""
    back = local_address(request.values.get("back")) or url_for("web.home")
    if request.method != "POST":
        if visitor().actor is not None:
            return redirect(back, 303)
        return render_template("accounts/sign_in.html", form=Form(), back=back, ended="ended" in request.args)
    name, source = request.form.get("name", ""), request.remote_addr or ""
    device = known_device_of(name)
    try:
        password, ids = request.form.get("password", ""), (request_id(), client_request_id())
        secret = password_sign_in.sign_in(name, password, source, *ids, device=device)
    except REFUSALS as refusal:
        form = refused_form({"name": name}, refusal, "name")
        return render_template("accounts/sign_in.html", form=form, back=back, ended=False), status_of(refusal)
    if visitor().actor is not None:
        end_session(visitor().secret)
    response = redirect(back, 303)
    keep_session(response, secret)
    keep_device(response, name, device)
    return response


@pages.page("/sign-out", needs=ANYBODY_SIGNED_IN, methods=("POST",), before_password_change=True)
def sign_out(actor: Actor) -> Answer:
    """End the session."""
    password_sign_in.sign_out(actor, visitor().secret)
    response = redirect(url_for("web.welcome"), 303)
    drop_session(response)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
