"""Accounts that a second person has to confirm: another administrator, or a supervisor."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from registry.accounts.account_changes import can_confirm, confirm_account, pending_accounts
from registry.accounts.actors import Actor
from registry.accounts.models import Account, find_account
from registry.accounts.roles import PERMISSIONS, Permission, Role
from registry.core.errors import Conflict, invalid
from registry.web.blueprint import Answer, pages, see
from registry.web.error_messages import refusal_text
from registry.web.flash import say
from registry.web.translations import gettext as _


@pages.page("/people/pending", needs=Permission.ACCOUNTS_CONFIRM)
def accounts_to_confirm(actor: Actor) -> Answer:
    """The accounts that wait, the longest waiting first."""
    return render_template("accounts/pending.html", actor=actor, pending=list_pending(actor))


@pages.page("/people/pending/<row_id:account_id>/confirmation", needs=Permission.ACCOUNTS_CONFIRM, methods=("POST",))
def confirm(actor: Actor, account_id: int) -> Answer:
    """Confirm the account with the role that was displayed beside the button."""
    name, role = find_account(account_id).name, request.form.get("role", "")
    if role not in PERMISSIONS:
        raise invalid("/role", "not-a-choice", options=", ".join(PERMISSIONS))
    try:
        confirm_account(actor, account_id, Role(role))
    except Conflict as refused:
        say(refusal_text(refused), "error")
    else:
        say(_("The account %(name)s is confirmed.") % {"name": name})
    return see("accounts_to_confirm")


def list_pending(actor: Actor) -> list[dict[str, Any]]:
    """Each account that waits, with whether the person who acts may confirm it."""
    return [{"account": account, "can_confirm": can_confirm(actor, account)} for account in pending_accounts(actor)]


def with_confirmation_note(text: str, account: Account) -> str:
    """The consequences of a change before it is made, with the confirmation that the account's role needs."""
    if not Role(account.role).needs_two_people:
        return text
    note = _("After that the account works only when another administrator or a supervisor has confirmed it.")
    return f"{text} {note}"


def say_with_confirmation(text: str, account: Account) -> None:
    """Display what was done on the next page, and that a second person has to confirm it, where that is so."""
    say(f"{text} {pending_text()}" if account.status == "pending" else text)


def pending_text() -> str:
    """That a second person has to confirm an account."""
    return _("The account works when another administrator or a supervisor has confirmed it.")


def confirmation_rule() -> str:
    """Which roles need a confirmation, before one is chosen."""
    return _(
        "The account of a reviewer, a supervisor or an administrator works only when another administrator or a "
        "supervisor has confirmed it."
    )
