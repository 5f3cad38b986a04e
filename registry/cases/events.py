"""Events of cases, for the slices above."""

from __future__ import annotations

from typing import Final

from registry.accounts.actors import Actor
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.core.events import Event

# After each action of a person: the actor, the case after it, its entry of the timeline, and the proposal that waited.
case_acted: Final[Event[[Actor, Case, CaseEvent, CaseDecision | None]]] = Event("case_acted")
