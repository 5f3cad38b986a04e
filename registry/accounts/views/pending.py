"""Pages of accounts that another administrator or a supervisor must confirm."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from registry.accounts.account_changes import can_confirm, confirm_account, pending_accounts
from registry.accounts.actors import Actor
from registry.accounts.models import Account, find_account
from registry.accounts.roles import PERMISSIONS, Permission, Role
from registry.core.errors import Conflict, invalid
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.error_messages import error_message
from registry.web.flash import flash_message
from registry.web.translations import gettext as _


@pages.page("/people/pending", needs=Permission.ACCOUNTS_CONFIRM)
def accounts_to_confirm(actor: Actor) -> Answer:
    """List the pending accounts, oldest first."""
    return render_template("accounts/pending.html", actor=actor, pending=list_pending(actor))


@pages.page("/people/pending/<row_id:account_id>/confirmation", needs=Permission.ACCOUNTS_CONFIRM, methods=("POST",))
def confirm(actor: Actor, account_id: int) -> Answer:
    """Confirm the account with the role that was displayed beside the button."""
    name, role = find_account(account_id).name, request.form.get("role", "")
    if role not in PERMISSIONS:
        raise invalid("/role", "not-a-choice", options=", ".join(PERMISSIONS))
    try:
        confirm_account(actor, account_id, Role(role))
    except Conflict as error:
        flash_message(error_message(error), "error")
    else:
        flash_message(_("The account %(name)s is confirmed.") % {"name": name})
    return redirect_to("accounts_to_confirm")


def list_pending(actor: Actor) -> list[dict[str, Any]]:
    """The pending accounts, each with whether the actor may confirm it."""
    return [{"account": account, "can_confirm": can_confirm(actor, account)} for account in pending_accounts(actor)]


def with_confirmation_note(text: str, account: Account) -> str:
    """The consequences of a change, plus a note if the account's role then requires a confirmation."""
    if not Role(account.role).needs_two_people:
        return text
    note = _("After that the account works only when another administrator or a supervisor has confirmed it.")
    return f"{text} {note}"


def flash_with_confirmation(text: str, account: Account) -> None:
    """Flash a message, plus a note if the account is now pending."""
    flash_message(f"{text} {pending_text()}" if account.status == "pending" else text)


def pending_text() -> str:
    """The note that a second person must confirm the account."""
    return _("The account works when another administrator or a supervisor has confirmed it.")


def confirmation_rule() -> str:
    """The note about which roles require a confirmation."""
    return _(
        "The account of a reviewer, a supervisor or an administrator works only when another administrator or a "
        "supervisor has confirmed it."
    )
