"""Token forms and pages shared by the own account and the administration of accounts, and secrets displayed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from flask import render_template
from marshmallow.fields import Field as SchemaField

from registry.accounts.roles import (
    PERMISSIONS,
    Permission,
    Role,
    Scope,
    default_scopes,
    roles_within,
    scopes_of_role,
    sorted_scopes,
)
from registry.accounts.tokens import MAX_PURPOSE_LENGTH, IssuedToken, TokenLimits
from registry.core.fields import BaseSchema, Choice, InputField, Text
from registry.core.values import InvalidValue
from registry.web.formats import gettext as _
from registry.web.forms import Field, FormPage, form_field, question_page
from registry.web.labels import choice_label, role_name

# Days.
LIFETIMES: Final = ("30", "90", "180", "366")
DEFAULTS: Final = {"expires_in": "90"}
HEADER: Final = "Authorization: Bearer qtr_…"


class TextList(InputField):
    """A list of texts: ticked checkboxes, or what blanks and line breaks separate in a text field.

    ``options``: the only texts that it may hold.
    """

    def __init__(self, options: Sequence[str] | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.options = options

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise InvalidValue("expected-text")
        if self.options is not None and not set(value) <= set(self.options):
            raise InvalidValue("not-a-choice", options=", ".join(self.options))
        return value

    def from_text(self, text: str) -> object:
        """Return the texts; None for a blank one."""
        return text.replace(",", " ").split() or None


def token_form(title: str, back: str, account_role: Role, intro: str, subject: str, *, own: bool = False) -> FormPage:
    """Return the form for a new token; it has a role field only if the account's role has narrower roles.

    ``own``: of a person's own token, which may have every scope of the role.
    """
    roles = roles_within(account_role)
    scopes = _scopes_to_choose(account_role, own=own)
    purpose = _("Optional. What the token is for, such as “Nightly transfer from e-queue”.")
    fields: list[Field] = [
        form_field("purpose", "text", label=_("Purpose of the token"), hint=purpose),
        form_field("expires_in", "radios", choices=[(value, _("%s days") % value) for value in LIFETIMES]),
    ]
    schema: dict[str, SchemaField[Any]] = {
        "purpose": Text(MAX_PURPOSE_LENGTH),
        "expires_in": Choice(LIFETIMES, required=True),
    }
    if len(roles) > 1:
        names = [(role.value, role_name(role.value)) for role in roles]
        hint = _("With a narrower role the token allows less than the account.")
        fields.append(form_field("role", "radios", hint=hint, choices=names))
        schema["role"] = Choice([role.value for role in roles], required=True)
    labels = [(scope, _scope_label(scope, account_role)) for scope in scopes]
    hint = _("What programs may do with the token. Untick what they do not need.")
    fields.append(form_field("scopes", "checkboxes", hint=hint, choices=labels))
    schema["scopes"] = TextList(scopes)
    hint = _("Optional. Addresses or ranges from which the token is accepted, one a line, such as 10.1.0.0/16.")
    fields.append(form_field("addresses", "note", hint=hint))
    schema["addresses"] = TextList()
    token_schema = BaseSchema.from_dict(schema, name="TokenForm")()
    return FormPage(title, title, back, fields, token_schema, intro=intro, subject=subject)  # type: ignore[arg-type] # a BaseSchema


def token_defaults(account_role: Role) -> dict[str, str]:
    """Return the initial values of the form: 90 days, the account's role, and its scopes but ``decisions:approve``."""
    scopes = " ".join(sorted_scopes(default_scopes(account_role)))
    return {**DEFAULTS, "role": account_role.value, "scopes": scopes}


class TokenParameters(TokenLimits):
    """The arguments of ``issue_own_token`` and ``issue_service_token``."""

    lifetime: timedelta | None
    role: Role | None


def token_parameters(values: Mapping[str, Any]) -> TokenParameters:
    """Return what was entered in the form. Without a role the token has its account's role.

    The ticked scopes that grant nothing to a narrower role are left out.
    """
    role = values.get("role")
    useful = frozenset(Scope) if role is None else scopes_of_role(Role(role))
    return TokenParameters(
        lifetime=timedelta(days=int(values["expires_in"])),
        role=None if role is None else Role(role),
        scopes=[Scope(scope) for scope in values["scopes"] or () if scope in useful],
        addresses=values["addresses"] or (),
        purpose=values["purpose"],
    )


def _scope_label(scope: str, role: Role) -> str:
    """Return the label of a scope: who manages no accounts manages the own tokens and sessions with
    ``accounts:write``.
    """
    if scope == Scope.ACCOUNTS_WRITE and Permission.PEOPLE_MANAGE not in PERMISSIONS[role]:
        return _("Manage own tokens and sessions")
    return choice_label("scope", scope)


def _scopes_to_choose(role: Role, *, own: bool) -> list[str]:
    return sorted_scopes(scopes_of_role(role) if own else default_scopes(role))


def display_token(issued: IssuedToken, whose: str, back: str) -> str:
    """Return the page that displays a new token, as the response to the POST itself."""
    notice = _("Copy the token now: it is displayed only once and cannot be recovered.")
    hint = _("Programs send it in the header %(header)s") % {"header": HEADER}
    if issued.pending:
        hint = " ".join(
            (hint + ".", _("The token works when a supervisor has confirmed it; without one, another administrator."))
        )
    return render_template(
        "shown_once.html", whose=whose, what=_("Token"), secret=issued.text, explanation=notice, hint=hint, back=back
    )


def display_password(name: str, password: str, back: str, hint: str = "", what: str = "") -> str:
    """Return the password on the answer to the POST itself: it is stored nowhere and cannot be displayed again.

    ``what`` it is, by default a password.
    """
    warning = _("It is displayed only once and cannot be recovered. Copy it now and hand it over securely.")
    return render_template(
        "shown_once.html",
        whose=name,
        what=what or _("Password"),
        secret=password,
        explanation=warning,
        hint=hint,
        back=back,
    )


def revocation_question(key_id: str, back: str) -> str:
    """Return the confirmation page for revoking a token."""
    consequences = _(
        "Programs that use this token, or a token of this account that was created with it, are refused from their "
        "next request. A revoked token cannot be restored."
    )
    return question_page(key_id, _("Revoke token"), consequences, back)
