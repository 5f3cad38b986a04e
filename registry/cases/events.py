"""Events of cases, published inside the transaction of the change, after its entries of the timeline are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from registry.accounts.actors import Actor
from registry.accounts.handover import HandOver
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.core.events import Event

case_acted: Final[Event[[Actor, Case, CaseEvent, CaseDecision | None]]] = Event("case_acted")
"""A person or a service account acted: the case after it, its entry of the timeline, and the proposal that waited."""
timeline_written: Final[Event[[Actor, int]]] = Event("timeline_written")
"""A person or a service account acted on a case: the actor, and the id of the entry of the timeline."""
cases_moved_by_audit: Final[Event[[int, datetime]]] = Event("cases_moved_by_audit")
"""An audit opened or moved cases: its id, and ``changed_at`` of these cases."""
cases_handed_over: Final[Event[[HandOver, Sequence[int]]]] = Event("cases_handed_over")
"""Cases have another assignee because theirs leaves: the ids of the entries of the timeline."""
case_seen: Final[Event[[Actor, int, int]]] = Event("case_seen")
"""A person has seen a case: the actor, the id of the case, and up to which entry of its timeline."""
