"""Events of accounts, published inside the transaction of the change. Most have the account's id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from registry.core.database import Event

if TYPE_CHECKING:
    from registry.accounts.handover import HandOver
    from registry.accounts.roles import Actor

agency_changed_of_account: Final[Event[[int]]] = Event("agency_changed_of_account")
"""The account has another agency, or has one now, or none any more."""
not_admitted: Final[Event[[Actor, int]]] = Event("not_admitted")
"""By whom an account of an agency was made or changed so that it waits for its admission to restricted projects."""
admitted: Final[Event[[int]]] = Event("admitted")
"""An account that was not admitted to restricted projects is from now on."""
# Handlers give the receiver what the giver has, and add to ``counts`` how much it was.
work_handed_over: Final[Event[[HandOver]]] = Event("work_handed_over")
drafts_handed_over: Final[Event[[HandOver]]] = Event("drafts_handed_over")
"""Only the drafts: of a person who goes on in another agency."""
