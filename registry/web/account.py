"""The own account: a new password, which somebody with a password from an administrator must choose first."""

from __future__ import annotations

from flask import render_template, request, url_for

from registry.access.passwords import SignInBusy
from registry.access.people import change_own_password
from registry.http.errors import status_of
from registry.store.errors import Invalid
from registry.web.catalogues import gettext as _
from registry.web.forms import Form, refused_form
from registry.web.pages import ANYBODY_SIGNED_IN, Actor, Answer, pages, see
from registry.web.said import say
from registry.web.visitors import keep_device, keep_session, visitor


@pages.page("/account/password", needs=ANYBODY_SIGNED_IN, methods=("GET", "POST"), before_password_change=True)
def own_password(by: Actor) -> Answer:
    """The form, and what becomes of it: every other session ends, and this one goes on as a new one."""
    must_change = visitor().must_change_password
    if request.method != "POST":
        return _form(Form(), must_change=must_change)
    try:
        secret = change_own_password(by, request.form.get("old_password", ""), request.form.get("new_password", ""))
    except (Invalid, SignInBusy) as refused:
        return _form(refused_form({}, refused, "old_password"), must_change=must_change), status_of(refused)
    say(_("Your password is changed. Your other sessions and your tokens have ended."))
    response = see("home")
    keep_session(response, secret)
    # The cookie of a known device holds for one password.
    keep_device(response, by.principal, None)
    return response


def _form(form: Form, *, must_change: bool) -> str:
    return render_template("own_password.html", form=form, must_change=must_change, back=url_for("web.home"))
