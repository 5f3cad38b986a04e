"""Token forms and pages shared by the own account and the administration of accounts, and secrets displayed once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from flask import render_template, url_for
from marshmallow.fields import Field as SchemaField

from registry.accounts.roles import Role, roles_within
from registry.accounts.tokens import IssuedToken
from registry.accounts.vocabulary import TokenStatus
from registry.core.base_schema import BaseSchema
from registry.core.clock import now
from registry.core.fields import Choice
from registry.web.blueprint import Answer
from registry.web.fields import Field, form_field
from registry.web.form_pages import FormPage
from registry.web.labels import role_name
from registry.web.translations import gettext as _

# Days.
LIFETIMES: Final = ("30", "90", "365")
DEFAULTS: Final = {"expires_in": "90"}
HEADER: Final = "Authorization: Bearer qtr_…"


def token_form(title: str, back: str, account_role: Role, intro: str, subject: str) -> FormPage:
    """The form for a new token; it has a role field only if the account's role has narrower roles."""
    roles = roles_within(account_role)
    fields: list[Field] = [
        form_field("expires_in", "radios", choices=[(value, _("%s days") % value) for value in LIFETIMES])
    ]
    schema: dict[str, SchemaField[Any]] = {"expires_in": Choice(LIFETIMES, required=True)}
    if len(roles) > 1:
        names = [(role.value, role_name(role.value)) for role in roles]
        hint = _("With a narrower role the token allows less than the account.")
        fields.append(form_field("role", "radios", hint=hint, choices=names))
        schema["role"] = Choice([role.value for role in roles], required=True)
    token_schema = BaseSchema.from_dict(schema, name="TokenForm")()
    return FormPage(title, title, back, fields, token_schema, intro=intro, subject=subject)  # type: ignore[arg-type] # a BaseSchema


def token_defaults(account_role: Role) -> dict[str, str]:
    """The initial values of the form: 90 days and the account's role."""
    return {**DEFAULTS, "role": account_role.value}


def token_parameters(values: Mapping[str, Any]) -> tuple[timedelta, Role | None]:
    """The lifetime and role entered in the form; None stands for the account's role."""
    role = values.get("role")
    return timedelta(days=int(values["expires_in"])), None if role is None else Role(role)


def display_token(issued: IssuedToken, whose: str, back: str) -> str:
    """The page that displays a new token, as the response to the POST itself."""
    notice = _("Copy the token now: it is displayed only once and cannot be recovered.")
    hint = _("Programs send it in the header %(header)s") % {"header": HEADER}
    if issued.pending:
        hint = " ".join((hint + ".", _("The token works when another administrator or a supervisor has confirmed it.")))
    return render_template(
        "shown_once.html", whose=whose, what=_("Token"), secret=issued.text, explanation=notice, hint=hint, back=back
    )


def display_password(name: str, password: str, back: str, hint: str = "") -> str:
    """The password on the answer to the POST itself: it is stored nowhere and cannot be displayed again."""
    warning = _("It is displayed only once and cannot be recovered. Copy it now and hand it over securely.")
    return render_template(
        "shown_once.html", whose=name, what=_("Password"), secret=password, explanation=warning, hint=hint, back=back
    )


def revocation_question(key_id: str, back: str) -> Answer:
    """The confirmation page for revoking a token."""
    consequences = _(
        "Programs that use this token are refused from their next request. A revoked token cannot be restored."
    )
    return render_template(
        "question.html", subject=key_id, act=_("Revoke token"), explanation=consequences, back=url_for(back)
    )


def token_status(token: Mapping[str, Any]) -> str:
    """``revoked``, ``expired``, ``pending`` or ``valid``."""
    if token["revoked_at"] is not None:
        return TokenStatus.REVOKED.value
    if token["expires_at"] is not None and token["expires_at"] <= now():
        return TokenStatus.EXPIRED.value
    return (TokenStatus.VALID if token["pending_since"] is None else TokenStatus.PENDING).value
