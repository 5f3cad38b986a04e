"""What the pages of tokens share: the form of a new token, its text displayed once, and how its state is called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from flask import render_template, url_for

from registry.accounts.roles import Role, roles_within
from registry.accounts.tokens import Issued
from registry.core.clock import now
from registry.core.field_types import Choice
from registry.web.blueprint import Answer
from registry.web.fields import Field, form_field
from registry.web.form_pages import FormPage
from registry.web.labels import role_name
from registry.web.translations import gettext as _

# Days.
LIFETIMES: Final = ("30", "90", "365")
USUAL: Final = {"expires_in": "90"}
HEADER: Final = "Authorization: Bearer qtr_…"


def token_form(title: str, back: str, account_role: Role, intro: str, subject: str) -> FormPage:
    """The form of a new token; it asks for a role only where the account's own has a narrower one."""
    roles = roles_within(account_role)
    fields: list[Field] = [
        form_field("expires_in", "radios", choices=[(value, _("%s days") % value) for value in LIFETIMES])
    ]
    kinds = {"expires_in": Choice(LIFETIMES)}
    if len(roles) > 1:
        names = [(role.value, role_name(role.value)) for role in roles]
        hint = _("With a narrower role the token allows less than the account.")
        fields.append(form_field("role", "radios", hint=hint, choices=names))
        kinds["role"] = Choice(tuple(role.value for role in roles))
    return FormPage(title, title, back, fields, kinds, tuple(kinds), intro=intro, subject=subject)


def usual_token(account_role: Role) -> dict[str, str]:
    """What the form begins with: 90 days, and the account's own role."""
    return {**USUAL, "role": account_role.value}


def chosen_token(values: Mapping[str, Any]) -> tuple[timedelta, Role | None]:
    """The lifetime and role that were chosen in the form; no role is the account's own."""
    role = values.get("role")
    return timedelta(days=int(values["expires_in"])), None if role is None else Role(role)


def display_token(issued: Issued, whose: str, back: str) -> str:
    """The new token, on the answer to the POST itself."""
    told = _("Copy the token now: it is displayed only once and cannot be recovered.")
    hint = _("Programs send it in the header %(header)s") % {"header": HEADER}
    return render_template(
        "shown_once.html", whose=whose, what=_("Token"), secret=issued.text, told=told, hint=hint, back=back
    )


def revocation_question(key_id: str, back: str) -> Answer:
    """The page before a token is revoked."""
    told = _("Programs that use this token are refused from their next request. A revoked token cannot be restored.")
    return render_template("question.html", subject=key_id, act=_("Revoke token"), told=told, back=url_for(back))


def token_status(token: Mapping[str, Any]) -> str:
    """``revoked``, ``expired`` or ``valid``."""
    if token["revoked_at"] is not None:
        return "revoked"
    return "expired" if token["expires_at"] is not None and token["expires_at"] <= now() else "valid"
