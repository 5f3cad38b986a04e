"""Pages of accounts and tokens that a second person must confirm."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for

from registry.accounts.account_changes import confirm_account, confirmable, pending_accounts
from registry.accounts.account_management import is_own
from registry.accounts.actors import Actor
from registry.accounts.confirmers import confirming_people, has_confirmer
from registry.accounts.forms import display_password
from registry.accounts.models import Account, find_account
from registry.accounts.people_queries import people_by_account
from registry.accounts.queries import similar_accounts
from registry.accounts.rejections import reject_account
from registry.accounts.roles import PERMISSIONS, Permission, Role
from registry.accounts.same_person import names_of_person
from registry.accounts.token_confirmation import confirm_token, pending_tokens
from registry.agencies.service import agencies_by_id
from registry.core.errors import Conflict, invalid
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.errors import error_message
from registry.web.flash import flash_message
from registry.web.formats import gettext as _


@pages.page("/people/pending", needs=Permission.ACCOUNTS_CONFIRM)
def accounts_to_confirm(actor: Actor) -> Answer:
    """List the pending accounts and tokens, oldest first."""
    return render_template(
        "accounts/pending.html",
        actor=actor,
        pending=list_pending(actor),
        tokens=pending_tokens(actor),
        no_confirmer_note=no_confirmer_note,
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
                _("An administrator other than you sees the first half on the page of the person."),
                second_behind_first(),
            )
        )
        back = url_for("web.accounts_to_confirm")
        return display_password(name, password, back, hint, _("Second half of the password"))
    status = find_account(account_id).status
    if status == "pending":
        confirmed = _("You have confirmed the account %(name)s. It works when a second person has confirmed it, too.")
        confirmed %= {"name": name}
    if status == "invited":
        confirmed = _("The account %(name)s is confirmed, and an invitation goes out.") % {"name": name}
    flash_message(confirmed)
    return redirect_to("accounts_to_confirm")


@pages.page("/people/pending/<row_id:account_id>/rejection", needs=Permission.ACCOUNTS_CONFIRM, methods=("GET", "POST"))
def reject(actor: Actor, account_id: int) -> Answer:
    """Reject a pending account, after a confirmation page."""
    account = find_account(account_id)
    back = url_for("web.accounts_to_confirm")
    if account.status != "pending":
        flash_message(_("The account %(name)s does not wait for a confirmation.") % {"name": account.name}, "error")
        return redirect_to("accounts_to_confirm")
    if request.method == "GET":
        consequences = _(
            "The account is disabled, and the journal records that you rejected it. If that was a mistake, an "
            "administrator enables the account again."
        )
        return render_template(
            "question.html", subject=account.name, act=_("Reject account"), explanation=consequences, back=back
        )
    try:
        reject_account(actor, account_id)
    except Conflict as error:
        flash_message(error_message(error), "error")
    else:
        flash_message(_("The account %(name)s is rejected and disabled.") % {"name": account.name})
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
    """The pending accounts, each with what a second person must know of it and whether the actor may act on it."""
    accounts = pending_accounts(actor)
    similar, own = similar_accounts(accounts), confirmable(actor, accounts)
    names, confirmers = names_of_person(actor), confirming_people()
    ids = {account.id for account in accounts} | {other.id for others in similar.values() for other in others}
    people = people_by_account(sorted(ids))
    agencies = agencies_by_id() if accounts else {}
    return [
        {
            "account": account,
            "person": people.get(account.id),
            "email": None if account.id not in people else people[account.id].email,
            "agency": agencies.get(account.agency_id or 0),
            "similar": [(other, people.get(other.id)) for other in similar[account.id]],
            "can_confirm": account.id in own,
            "asked_by_actor": is_own(actor, account) or not names.isdisjoint(account.asked_by or ()),
            "can_reject": not is_own(actor, account),
            "has_confirmer": account.id in own or has_confirmer(account, people=confirmers),
        }
        for account in accounts
    ]


def with_confirmation_note(text: str, account: Account) -> str:
    """The consequences of a change, plus a note if the account's role then requires a confirmation."""
    if not Role(account.role).needs_two_people:
        return text
    note = _(
        "After that the account works only when a supervisor has confirmed it; without one, another administrator."
    )
    return " ".join((text, note, *_password_note(account)))


def flash_with_confirmation(text: str, account: Account) -> None:
    """Flash a message, plus a note if the account is now pending."""
    if account.status == "pending":
        note = _("The account works when a supervisor has confirmed it; without one, another administrator.")
        if not has_confirmer(account):
            note = " ".join((note, no_confirmer_note(account)))
        text = " ".join((text, note, *_password_note(account)))
    flash_message(text)


def no_confirmer_note(account: Account) -> str:
    """What to do where no other administrator or supervisor exists who could confirm the account."""
    command = f'registry users confirm "{account.name}"'
    return _("There is no other administrator or supervisor yet. On the server, run: %(command)s") % {
        "command": command
    }


def _password_note(account: Account) -> list[str]:
    if not account.is_person or account.invited_at is not None:
        return []
    return [
        _(
            "Whoever confirms it is shown the second half of a new password. You, or another administrator, then see "
            "the first half on the page of the person, who changes the password at the first sign-in."
        )
    ]


def second_behind_first() -> str:
    """How the person uses the two halves."""
    return _("Give it to the person yourself. The person types the first half and the second half behind it.")


def confirmation_rule() -> str:
    """The note about which roles require a confirmation."""
    return _(
        "The account of a reviewer, supervisor, auditor, operator, administrator or leader works only when a "
        "supervisor has confirmed it; while the register has none, another administrator."
    )
