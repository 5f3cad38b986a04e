"""Bearer tokens for programs: listed without their secrets, issued and shown once, revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from flask import render_template, url_for

from registry.access.actors import Actor
from registry.access.roles import Permission, Role
from registry.access.tokens import all_tokens, issue, revoke
from registry.records.agencies import agencies_by_id
from registry.records.values import Bin, Choice, Text
from registry.web.catalogues import gettext as _
from registry.web.fields import asked
from registry.web.form_pages import FormPage, answer_form
from registry.web.labels import options
from registry.web.pages import Answer, pages, see
from registry.web.people import ROLES, agency_field, agency_id, shown_once
from registry.web.said import say

LIFETIMES: Final = ("30", "90", "365")


@pages.page("/tokens", needs=Permission.TOKENS_MANAGE)
def tokens(_by: Actor) -> Answer:
    """Every token, the newest first."""
    return render_template("tokens.html", tokens=all_tokens()[::-1], agencies=agencies_by_id())


@pages.page("/tokens/new", needs=Permission.TOKENS_MANAGE, methods=("GET", "POST"))
def new_token(by: Actor) -> Answer:
    """Issue a token."""
    days = [(value, _("%s days") % value) for value in LIFETIMES]
    page = FormPage(
        _("Issue a token"),
        _("Issue"),
        url_for("web.tokens"),
        [
            asked(
                "name",
                "text",
                hint=_("The service account; a new name creates one. People create their own tokens."),
            ),
            asked("role", "radios", choices=options("role")),
            agency_field(by),
            asked("expires_in", "radios", choices=days),
        ],
        {"name": Text(), "role": ROLES, "agency": Bin(), "expires_in": Choice(LIFETIMES)},
        ("name", "role", "expires_in"),
    )

    def act(values: dict[str, Any]) -> Answer:
        lifetime = timedelta(days=int(values["expires_in"]))
        issued = issue(by, values["name"], Role(values["role"]), agency_id(values["agency"]), lifetime)
        return shown_once(values["name"], _("Token"), issued.text, url_for("web.tokens"))

    return answer_form(page, act, {"expires_in": "90"})


@pages.page("/tokens/<key_id>/revocation", needs=Permission.TOKENS_MANAGE, methods=("POST",))
def revoke_token(by: Actor, key_id: str) -> Answer:
    """End a token."""
    revoke(by, key_id)
    say(_("The token no longer works."))
    return see("tokens")
