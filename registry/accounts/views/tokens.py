"""Pages for the administration of service accounts and tokens."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from flask import render_template, request, url_for
from marshmallow.fields import Field as SchemaField

from registry.accounts import roles as account_roles, tokens as access
from registry.accounts.account_changes import confirmable, disable_account, enable_account
from registry.accounts.account_management import manageable, roles_to_give
from registry.accounts.agency_tree import agency_id_of
from registry.accounts.models import account_id_in
from registry.accounts.queries import page_of_tokens, people_to_choose
from registry.accounts.same_person import change_owner, owner_name, owner_names, ownerless_accounts
from registry.accounts.schemas import AccountFields
from registry.accounts.views import people
from registry.agencies.service import agencies_by_id
from registry.core.fields import BaseSchema, Choice, InputField, Text
from registry.core.values import InvalidValue
from registry.web.blueprint import BOTH, Answer, flash_message, pages, redirect_to
from registry.web.formats import gettext as _
from registry.web.forms import Field, FormPage, answer_form, form_field, question_page
from registry.web.labels import choice_label, role_name
from registry.web.lists import render_list, requested_page

# Token forms and pages shared by the own account and the administration of accounts, and secrets displayed once.

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


def token_form(
    title: str, back: str, account_role: account_roles.Role, intro: str, subject: str, *, own: bool = False
) -> FormPage:
    """Return the form for a new token; it has a role field only if the account's role has narrower roles.

    ``own``: of a person's own token, which may have every scope of the role.
    """
    roles = account_roles.roles_within(account_role)
    scopes = _scopes_to_choose(account_role, own=own)
    purpose = _("Optional. What the token is for, such as “Nightly transfer from e-queue”.")
    fields: list[Field] = [
        form_field("purpose", "text", label=_("Purpose of the token"), hint=purpose),
        form_field("expires_in", "radios", choices=[(value, _("%s days") % value) for value in LIFETIMES]),
    ]
    schema: dict[str, SchemaField[Any]] = {
        "purpose": Text(access.MAX_PURPOSE_LENGTH),
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


def token_defaults(account_role: account_roles.Role) -> dict[str, str]:
    """Return the initial values of the form: 90 days, the account's role, and its scopes but ``decisions:approve``."""
    scopes = " ".join(account_roles.sorted_scopes(account_roles.default_scopes(account_role)))
    return {**DEFAULTS, "role": account_role.value, "scopes": scopes}


class TokenParameters(access.TokenLimits):
    """The arguments of ``issue_own_token`` and ``issue_service_token``."""

    lifetime: timedelta | None
    role: account_roles.Role | None


def token_parameters(values: Mapping[str, Any]) -> TokenParameters:
    """Return what was entered in the form. Without a role the token has its account's role.

    The ticked scopes that grant nothing to a narrower role are left out.
    """
    role = values.get("role")
    useful = frozenset(account_roles.Scope) if role is None else account_roles.scopes_of_role(account_roles.Role(role))
    return TokenParameters(
        lifetime=timedelta(days=int(values["expires_in"])),
        role=None if role is None else account_roles.Role(role),
        scopes=[account_roles.Scope(scope) for scope in values["scopes"] or () if scope in useful],
        addresses=values["addresses"] or (),
        purpose=values["purpose"],
    )


def _scope_label(scope: str, role: account_roles.Role) -> str:
    """Return the label of a scope: who manages no accounts manages the own tokens and sessions with
    ``accounts:write``.
    """
    if (
        scope == account_roles.Scope.ACCOUNTS_WRITE
        and account_roles.Permission.PEOPLE_MANAGE not in account_roles.PERMISSIONS[role]
    ):
        return _("Manage own tokens and sessions")
    return choice_label("scope", scope)


def _scopes_to_choose(role: account_roles.Role, *, own: bool) -> list[str]:
    return account_roles.sorted_scopes(
        account_roles.scopes_of_role(role) if own else account_roles.default_scopes(role)
    )


def display_token(issued: access.IssuedToken, whose: str, back: str) -> str:
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


def revocation_question(key_id: str, back: str) -> str:
    """Return the confirmation page for revoking a token."""
    consequences = _(
        "Programs that use this token, or a token of this account that was created with it, are refused from their "
        "next request. A revoked token cannot be restored."
    )
    return question_page(key_id, _("Revoke token"), consequences, back)


LISTS: Final = ("all", "inactive", "ending")


class OwnerForm(BaseSchema):
    """The person who answers for a service account."""

    owner = Text(required=True)


@pages.page("/tokens", needs=account_roles.Permission.TOKENS_READ)
def tokens(actor: account_roles.Actor) -> Answer:
    """List the service accounts and tokens that the user sees, newest first."""
    shown = request.args.get("show", "")
    shown = shown if shown in LISTS else "all"
    listing = page_of_tokens(actor, shown, requested_page())
    accounts = access.list_service_accounts(actor)
    return render_list(
        "accounts/tokens.html",
        listing,
        actor=actor,
        confirmable=confirmable(actor, accounts),
        manageable=manageable(actor, accounts),
        accounts=accounts,
        owners=owner_names(accounts),
        ownerless={account.id for account in ownerless_accounts(actor)},
        revocable=[role.value for role in roles_to_give(actor)],
        shown=shown,
        tokens=listing.items,
        agencies=agencies_by_id(),
    )


@pages.page("/tokens/accounts/new", needs=account_roles.Permission.PEOPLE_MANAGE, methods=BOTH)
def new_service_account(actor: account_roles.Actor) -> Answer:
    """Add a service account."""
    page = FormPage(
        _("Add service account"),
        _("Add service account"),
        url_for("web.tokens"),
        [
            form_field("name", "text", hint=_("The name of the system that works through the API.")),
            people.role_field(actor),
            people.agency_field(actor),
        ],
        AccountFields(only=("name", "role", "agency")),
        intro=people.confirmation_rule() if actor.may(account_roles.Permission.ACCOUNTS_CONFIRM) else "",
    )

    def act(values: dict[str, Any]) -> Answer:
        account = access.add_service_account(
            actor, values["name"], account_roles.Role(values["role"]), agency_id_of(values["agency"])
        )
        text = _("The service account %(name)s is added. Issue a token for it.") % {"name": account.name}
        people.flash_with_confirmation(text, account)
        return redirect_to("tokens")

    return answer_form(page, act)


@pages.page("/tokens/accounts/<row_id:account_id>/token", needs=account_roles.Permission.TOKENS_MANAGE, methods=BOTH)
def new_service_token(actor: account_roles.Actor, account_id: int) -> Answer:
    """Issue a token for a service account; it is displayed once."""
    account = access.find_service_account(actor, account_id)
    intro = _("The token works until it expires, until it is revoked, or until the role of the account changes.")
    role, back = account_roles.Role(account.role), url_for("web.tokens")
    page = token_form(_("Issue token"), back, role, intro, account.name)

    def act(values: dict[str, Any]) -> Answer:
        return display_token(
            access.issue_service_token(actor, account_id, **token_parameters(values)), account.name, back
        )

    return answer_form(page, act, token_defaults(role))


@pages.page("/tokens/accounts/<row_id:account_id>/owner", needs=account_roles.Permission.PEOPLE_MANAGE, methods=BOTH)
def change_service_owner(actor: account_roles.Actor, account_id: int) -> Answer:
    """Choose the person who answers for a service account."""
    account = access.find_service_account(actor, account_id)
    choices = people.person_choices(people_to_choose(actor))
    hint = _("The person who answers for the service account and gets the notices about its tokens.")
    page = FormPage(
        _("Change owner"),
        _("Change owner"),
        url_for("web.tokens"),
        [form_field("owner", "select", hint=hint, choices=choices)],
        OwnerForm(),
        subject=account.name,
    )

    def act(values: dict[str, Any]) -> Answer:
        change_owner(actor, account_id, account_id_in("owner", values["owner"]))
        flash_message(_("%(owner)s answers for %(name)s now.") % {"owner": values["owner"], "name": account.name})
        return redirect_to("tokens")

    return answer_form(page, act, {"owner": owner_name(account) or ""})


@pages.page("/tokens/accounts/<row_id:account_id>/disabled", needs=account_roles.Permission.PEOPLE_MANAGE, methods=BOTH)
def disable_service_account(actor: account_roles.Actor, account_id: int) -> Answer:
    """Disable a service account, after a confirmation page."""
    account = access.find_service_account(actor, account_id)
    if request.method == "GET":
        consequences = _("All tokens of this account are revoked immediately. You can enable the account again.")
        return question_page(account.name, _("Disable account"), consequences, url_for("web.tokens"))
    disable_account(actor, account.id)
    flash_message(_("The account is disabled. Its sessions and tokens have ended."))
    return redirect_to("tokens")


@pages.page("/tokens/accounts/<row_id:account_id>/enabled", needs=account_roles.Permission.PEOPLE_MANAGE, methods=BOTH)
def enable_service_account(actor: account_roles.Actor, account_id: int) -> Answer:
    """Enable a service account, after a confirmation page."""
    account = access.find_service_account(actor, account_id)
    if request.method == "GET":
        consequences = _("You can issue tokens for the account again. Its earlier tokens stay revoked.")
        consequences = people.with_confirmation_note(consequences, account)
        return question_page(account.name, _("Enable account"), consequences, url_for("web.tokens"), ends=False)
    enable_account(actor, account.id)
    people.flash_with_confirmation(_("The account %(name)s is enabled.") % {"name": account.name}, account)
    return redirect_to("tokens")


@pages.page("/tokens/<key_id>/revocation", needs=account_roles.Permission.TOKENS_MANAGE, methods=BOTH)
def revoke_token(actor: account_roles.Actor, key_id: str) -> Answer:
    """Revoke any token, after a confirmation page."""
    if request.method == "GET":
        return revocation_question(access.find_token(actor, key_id).key_id, url_for("web.tokens"))
    access.revoke(actor, key_id)
    flash_message(_("The token no longer works."))
    return redirect_to("tokens")
