"""Whether letters stand: a decision until it is appealed, withdrawn or replaced, the others until they are undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select

from registry.cases.models import CaseDecision, CaseEvent
from registry.cases.vocabulary import ActionName, FurtherEvent, Status
from registry.core.database import db
from registry.letters.models import Letter
from registry.letters.vocabulary import LetterEnd, LetterKind

# The status in which the letter left its case. The first action that leads out of it answers the letter, or undoes it.
LEFT_IN: Final[Mapping[str, Status]] = {
    LetterKind.QUESTION: Status.AWAITING_AGENCY,
    LetterKind.REFERRAL: Status.WITH_COMMISSION,
    LetterKind.CLOSING: Status.CLOSED,
}
UNDONE: Final[Mapping[str, LetterEnd]] = {
    ActionName.WITHDRAW: LetterEnd.WITHDRAWN,
    ActionName.APPEAL: LetterEnd.APPEALED,
    FurtherEvent.PROJECT_WITHDRAWN: LetterEnd.WITHDRAWN,
}


def ends_of(letters: Sequence[Letter]) -> dict[int, str]:
    """Return why letters no longer stand, by their id; those that stand are left out. Two queries for all of them."""
    ends = _ends_of_decisions(letters)
    # Also notices of decisions: an audit opens a case again whose decision stays in effect.
    others = [letter for letter in letters if letter.kind in LEFT_IN and letter.id not in ends]
    statement = (
        select(CaseEvent.id, CaseEvent.case_id, CaseEvent.action, CaseEvent.from_status)
        .where(CaseEvent.case_id.in_({letter.case_id for letter in others}))
        .where(CaseEvent.from_status != CaseEvent.to_status)
        .order_by(CaseEvent.id)
    )
    events = db.session.execute(statement).all() if others else []
    for letter in others:
        left_in = LEFT_IN[letter.kind]
        later = (each for each in events if each.case_id == letter.case_id and each.id > letter.event_id)
        action = next((each.action for each in later if each.from_status == left_in), None)
        end = UNDONE.get(action or "")
        if action is not None and letter.kind == LetterKind.CLOSING:
            end = LetterEnd.REOPENED
        if end is not None:
            ends[letter.id] = end.value
    return ends


def _ends_of_decisions(letters: Sequence[Letter]) -> dict[int, str]:
    decided = {letter.decision_id: letter.id for letter in letters if letter.decision_id is not None}
    statement = select(CaseDecision.id, CaseDecision.ended_because).where(CaseDecision.id.in_(decided))
    return {decided[row.id]: row.ended_because for row in db.session.execute(statement) if row.ended_because}
