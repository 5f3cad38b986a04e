"""What the pages of accounts share: the form of a new token, secrets displayed once, and the status of a token."""

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
    if issued.pending:
        hint = " ".join((hint + ".", _("The token works when another administrator or a supervisor has confirmed it.")))
    return render_template(
        "shown_once.html", whose=whose, what=_("Token"), secret=issued.text, told=told, hint=hint, back=back
    )


def display_password(name: str, password: str, back: str, hint: str = "") -> str:
    """The password on the answer to the POST itself: it is stored nowhere and cannot be displayed again."""
    told = _("It is displayed only once and cannot be recovered. Copy it now and hand it over securely.")
    return render_template(
        "shown_once.html", whose=name, what=_("Password"), secret=password, told=told, hint=hint, back=back
    )


def revocation_question(key_id: str, back: str) -> Answer:
    """The page before a token is revoked."""
    told = _("Programs that use this token are refused from their next request. A revoked token cannot be restored.")
    return render_template("question.html", subject=key_id, act=_("Revoke token"), told=told, back=url_for(back))


def token_status(token: Mapping[str, Any]) -> str:
    """``revoked``, ``expired``, ``pending`` or ``valid``."""
    if token["revoked_at"] is not None:
        return "revoked"
    if token["expires_at"] is not None and token["expires_at"] <= now():
        return "expired"
    return "valid" if token["pending_since"] is None else "pending"
