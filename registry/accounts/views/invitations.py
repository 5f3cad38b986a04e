"""The page to which an invitation leads: the person chooses the first password."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from registry.accounts.invited_people import accept_invitation, name_of_invited
from registry.core.base_schema import BaseSchema
from registry.core.errors import Invalid, Problem
from registry.core.fields import Text
from registry.http.request_ids import client_request_id, request_id
from registry.web.blueprint import Answer, Public, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.forms import FormPage, answer_form, form_field

# Passwords have at most 200 characters; the service says so.
MAX_TYPED: int = 1000


class PasswordForm(BaseSchema):
    """The first password, twice."""

    password = Text(MAX_TYPED, required=True)
    password_again = Text(MAX_TYPED, required=True)


@pages.page(
    "/invitation",
    needs=Public("whoever is invited has no password yet; the link's key is the proof"),
    methods=("GET", "POST"),
)
def invitation() -> Answer:
    """Choose the first password. The key is in the query, which no log has."""
    key = request.args.get("key", "")
    name = name_of_invited(key)
    page = FormPage(
        _("Choose a password"),
        _("Set password"),
        url_for("web.welcome"),
        [
            form_field("password", "password", hint=_("12 to 200 characters")),
            form_field("password_again", "password", label=_("The same password again")),
        ],
        PasswordForm(),
        intro=_("You sign in to the project register with the name %(name)s and the password that you choose here.")
        % {"name": name},
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
