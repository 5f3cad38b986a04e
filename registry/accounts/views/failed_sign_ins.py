"""The page of failed and refused sign-ins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import render_template

from registry.accounts.actors import Actor
from registry.accounts.failed_sign_in_queries import FILTERS, list_failed_sign_ins
from registry.accounts.roles import Permission
from registry.core.translations import lazy_text
from registry.web.blueprint import Answer, pages
from registry.web.formats import gettext
from registry.web.lists import first_address, next_address, requested_filters, requested_page

# The codes of the errors that end a sign-in.
REASONS: Final[Mapping[str, str]] = {
    "password-not-accepted": lazy_text("Wrong name or password, or disabled account"),
    "account-not-confirmed": lazy_text("Correct password, but the account is not confirmed"),
    "too-many-attempts": lazy_text("Too many attempts"),
    "account-disabled": lazy_text("Single sign-on to a disabled account"),
    "identity-without-role": lazy_text("Single sign-on without a role for the register"),
    "identity-without-agency": lazy_text("Single sign-on without a registered agency"),
    "identity-name-not-usable": lazy_text("Single sign-on with an unusable name"),
    "too-many-pending-accounts": lazy_text("Single sign-on while too many accounts wait"),
}


@pages.page("/journal/failed-sign-ins", needs=Permission.JOURNAL_READ)
def failed_sign_ins(actor: Actor) -> Answer:
    """List the failed and refused sign-ins of the last 90 days, the latest first."""
    filters = requested_filters(FILTERS)
    listing = list_failed_sign_ins(actor, filters, requested_page(50))
    return render_template(
        "accounts/failed_sign_ins.html",
        items=listing.items,
        filters=filters,
        reason_label=reason_label,
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


def reason_label(code: str) -> str:
    """The label of a reason; the code itself for an unknown one."""
    return gettext(REASONS[code]) if code in REASONS else code
