"""Pages of accounts and tokens that another administrator or a supervisor must confirm."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for

from registry.accounts.account_changes import confirm_account, confirmable, pending_accounts
from registry.accounts.actors import Actor
from registry.accounts.forms import display_password
from registry.accounts.models import Account, find_account
from registry.accounts.people_queries import emails_of
from registry.accounts.roles import PERMISSIONS, Permission, Role
from registry.accounts.token_confirmation import confirm_token, pending_tokens
from registry.core.errors import Conflict, invalid
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.error_messages import error_message
from registry.web.flash import flash_message
from registry.web.translations import gettext as _


@pages.page("/people/pending", needs=Permission.ACCOUNTS_CONFIRM)
def accounts_to_confirm(actor: Actor) -> Answer:
    """List the pending accounts and tokens, oldest first."""
    return render_template(
        "accounts/pending.html", actor=actor, pending=list_pending(actor), tokens=pending_tokens(actor)
    )


@pages.page("/people/pending/<row_id:account_id>/confirmation", needs=Permission.ACCOUNTS_CONFIRM, methods=("POST",))
def confirm(actor: Actor, account_id: int) -> Answer:
    """Confirm the account with the displayed role; the second half of a person's new password is displayed."""
    name, role = find_account(account_id).name, request.form.get("role", "")
    if role not in PERMISSIONS:
        raise invalid("/role", "not-a-choice", options=", ".join(PERMISSIONS))
    try:
        password = confirm_account(actor, account_id, Role(role), request.form.get("email"))
    except Conflict as error:
        flash_message(error_message(error), "error")
        return redirect_to("accounts_to_confirm")
    confirmed = _("The account %(name)s is confirmed.") % {"name": name}
    if password is not None:
        hint = " ".join(
            (
                confirmed,
                _("Another administrator sees the first half on the page of the person."),
                second_behind_first(),
            )
        )
        back = url_for("web.accounts_to_confirm")
        return display_password(name, password, back, hint, _("Second half of the password"))
    if find_account(account_id).status == "invited":
        confirmed = _("The account %(name)s is confirmed, and an invitation is sent.") % {"name": name}
    flash_message(confirmed)
    return redirect_to("accounts_to_confirm")


@pages.page("/people/pending/tokens/<key_id>/confirmation", needs=Permission.ACCOUNTS_CONFIRM, methods=("POST",))
def confirm_pending_token(actor: Actor, key_id: str) -> Answer:
    """Confirm a token that an administrator issued for a service account with a role that decides."""
    try:
        confirm_token(actor, key_id)
    except Conflict as error:
        flash_message(error_message(error), "error")
    else:
        flash_message(_("The token %(key_id)s is confirmed.") % {"key_id": key_id})
    return redirect_to("accounts_to_confirm")


def list_pending(actor: Actor) -> list[dict[str, Any]]:
    """The pending accounts, each with its address and whether the actor may confirm it."""
    accounts = pending_accounts(actor)
    emails, own = emails_of([account.id for account in accounts]), confirmable(actor, accounts)
    return [
        {"account": account, "email": emails.get(account.id), "can_confirm": account.id in own} for account in accounts
    ]


def with_confirmation_note(text: str, account: Account) -> str:
    """The consequences of a change, plus a note if the account's role then requires a confirmation."""
    if not Role(account.role).needs_two_people:
        return text
    note = _("After that the account works only when another administrator or a supervisor has confirmed it.")
    return " ".join((text, note, *_password_note(account)))


def flash_with_confirmation(text: str, account: Account) -> None:
    """Flash a message, plus a note if the account is now pending."""
    if account.status == "pending":
        note = _("The account works when another administrator or a supervisor has confirmed it.")
        text = " ".join((text, note, *_password_note(account)))
    flash_message(text)


def _password_note(account: Account) -> list[str]:
    if not account.is_person or account.invited_at is not None:
        return []
    return [
        _(
            "Whoever confirms it is shown one half of a new password, and another administrator the other half. The "
            "person changes it at the first sign-in."
        )
    ]


def second_behind_first() -> str:
    """How the person uses the two halves."""
    return _("Give it to the person yourself. The person types the first half and the second half behind it.")


def confirmation_rule() -> str:
    """The note about which roles require a confirmation."""
    return _(
        "An account with an oversight role works only when another administrator or a supervisor has confirmed it."
    )
