"""Pages for the administration of service accounts and tokens."""

from __future__ import annotations

from typing import Any, Final

from flask import request, url_for

from registry.accounts.account_changes import confirmable, disable_account, enable_account
from registry.accounts.account_management import manageable, roles_to_give
from registry.accounts.agency_tree import agency_id_of
from registry.accounts.forms import display_token, revocation_question, token_defaults, token_form, token_parameters
from registry.accounts.models import account_id_in
from registry.accounts.queries import page_of_tokens, people_to_choose
from registry.accounts.roles import Actor, Permission, Role
from registry.accounts.same_person import change_owner, owner_name, owner_names, ownerless_accounts
from registry.accounts.schemas import AccountFields
from registry.accounts.tokens import (
    add_service_account,
    find_service_account,
    find_token,
    issue_service_token,
    list_service_accounts,
    revoke,
)
from registry.accounts.views import people
from registry.agencies.service import agencies_by_id
from registry.core.fields import BaseSchema, Text
from registry.web.blueprint import Answer, flash_message, pages, redirect_to
from registry.web.formats import gettext as _
from registry.web.forms import FormPage, answer_form, form_field, question_page
from registry.web.lists import render_list, requested_page

LISTS: Final = ("all", "inactive", "ending")


class OwnerForm(BaseSchema):
    """The person who answers for a service account."""

    owner = Text(required=True)


@pages.page("/tokens", needs=Permission.TOKENS_READ)
def tokens(actor: Actor) -> Answer:
    """List the service accounts and tokens that the user sees, newest first."""
    shown = request.args.get("show", "")
    shown = shown if shown in LISTS else "all"
    listing = page_of_tokens(actor, shown, requested_page())
    accounts = list_service_accounts(actor)
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


@pages.page("/tokens/accounts/new", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def new_service_account(actor: Actor) -> Answer:
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
        intro=people.confirmation_rule() if actor.may(Permission.ACCOUNTS_CONFIRM) else "",
    )

    def act(values: dict[str, Any]) -> Answer:
        account = add_service_account(actor, values["name"], Role(values["role"]), agency_id_of(values["agency"]))
        text = _("The service account %(name)s is added. Issue a token for it.") % {"name": account.name}
        people.flash_with_confirmation(text, account)
        return redirect_to("tokens")

    return answer_form(page, act)


@pages.page("/tokens/accounts/<row_id:account_id>/token", needs=Permission.TOKENS_MANAGE, methods=("GET", "POST"))
def new_service_token(actor: Actor, account_id: int) -> Answer:
    """Issue a token for a service account; it is displayed once."""
    account = find_service_account(actor, account_id)
    intro = _("The token works until it expires, until it is revoked, or until the role of the account changes.")
    role, back = Role(account.role), url_for("web.tokens")
    page = token_form(_("Issue token"), back, role, intro, account.name)

    def act(values: dict[str, Any]) -> Answer:
        return display_token(issue_service_token(actor, account_id, **token_parameters(values)), account.name, back)

    return answer_form(page, act, token_defaults(role))


@pages.page("/tokens/accounts/<row_id:account_id>/owner", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def change_service_owner(actor: Actor, account_id: int) -> Answer:
    """Choose the person who answers for a service account."""
    account = find_service_account(actor, account_id)
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


@pages.page("/tokens/accounts/<row_id:account_id>/disabled", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def disable_service_account(actor: Actor, account_id: int) -> Answer:
    """Disable a service account, after a confirmation page."""
    account = find_service_account(actor, account_id)
    if request.method == "GET":
        consequences = _("All tokens of this account are revoked immediately. You can enable the account again.")
        return question_page(account.name, _("Disable account"), consequences, url_for("web.tokens"))
    disable_account(actor, account.id)
    flash_message(_("The account is disabled. Its sessions and tokens have ended."))
    return redirect_to("tokens")


@pages.page("/tokens/accounts/<row_id:account_id>/enabled", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def enable_service_account(actor: Actor, account_id: int) -> Answer:
    """Enable a service account, after a confirmation page."""
    account = find_service_account(actor, account_id)
    if request.method == "GET":
        consequences = _("You can issue tokens for the account again. Its earlier tokens stay revoked.")
        consequences = people.with_confirmation_note(consequences, account)
        return question_page(account.name, _("Enable account"), consequences, url_for("web.tokens"), ends=False)
    enable_account(actor, account.id)
    people.flash_with_confirmation(_("The account %(name)s is enabled.") % {"name": account.name}, account)
    return redirect_to("tokens")


@pages.page("/tokens/<key_id>/revocation", needs=Permission.TOKENS_MANAGE, methods=("GET", "POST"))
def revoke_token(actor: Actor, key_id: str) -> Answer:
    """Revoke any token, after a confirmation page."""
    if request.method == "GET":
        return revocation_question(find_token(actor, key_id).key_id, url_for("web.tokens"))
    revoke(actor, key_id)
    flash_message(_("The token no longer works."))
    return redirect_to("tokens")
