"""Issues letters: each order, question, referral and closing freezes what it says, in the transaction of its action."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.accounts.actors import Actor
from registry.accounts.factors.requirements import public_url
from registry.cases.bilingual_texts import TEXTS, language_of, with_both_languages
from registry.cases.covered_flags import flags_of_cases
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.cases.vocabulary import ActionName
from registry.cases.workflow import ACCEPTING
from registry.core.clock import local_date
from registry.core.languages import OFFICIAL_LANGUAGES
from registry.core.transactions import require_transaction
from registry.journal import service as journal
from registry.letters.models import Letter
from registry.letters.numbers import reserve_letter_number
from registry.letters.vocabulary import LetterKind
from registry.letters.wording import letter_text
from registry.projects.models import Project

PENDING: Final = "letters_pending"
# Facts that only the texts of a letter hold.
NOT_STORED: Final = ("project_record", "flags", "check_address")
CODE_BYTES: Final = 10
CHECK_PATH: Final = "/verify"
KINDS: Final = {
    ActionName.ASK: LetterKind.QUESTION,
    ActionName.REFER: LetterKind.REFERRAL,
    ActionName.CONFIRM: LetterKind.CLOSING,
}


def prepare_letter(actor: Actor, case: Case, event: CaseEvent, proposal: CaseDecision | None) -> None:
    """Freeze what the letter of an action says; it gets its number at the end of the transaction.

    Actions without a letter are ignored.
    """
    decision = proposal if event.action == ActionName.APPROVE else None
    if decision is not None:
        kind = LetterKind.CLOSING if decision.decision in ACCEPTING else LetterKind.ORDER
    elif event.action in KINDS:
        kind = KINDS[ActionName(event.action)]
    else:
        return
    pending = require_transaction().info.setdefault(PENDING, [])
    decision_id = None if decision is None else decision.id
    pending.append((actor, event.id, decision_id, _facts(actor, case, event, kind, decision)))


def issue_pending(session: Session) -> None:
    """Number and store the letters of the open transaction, with their journal entries."""
    for actor, event_id, decision_id, facts in session.info.pop(PENDING, []):
        event = session.scalar(select(CaseEvent).where(CaseEvent.id == event_id))
        if event is None:
            # A savepoint took the action back.
            continue
        project = facts["project_record"]
        day = local_date(event.at)
        facts |= {"number": reserve_letter_number(day.year), "date": day.isoformat(), "code": _new_code()}
        content = {name: value for name, value in facts.items() if name not in NOT_STORED}
        data = journal.canonical(content | {"texts": {each: letter_text(facts, each) for each in OFFICIAL_LANGUAGES}})
        sha256 = hashlib.sha256(data.encode()).hexdigest()
        letter = Letter(
            number=facts["number"],
            kind=facts["kind"],
            issued_on=day,
            issued_at=event.at,
            case_id=event.case_id,
            event_id=event_id,
            decision_id=decision_id,
            project_id=project.id,
            agency_id=project.agency_id,
            code=facts["code"],
            data=data,
            sha256=sha256,
        )
        session.add(letter)
        session.flush()
        details = {"project": project.number, "case": event.case_id, "kind": facts["kind"], "number": letter.number}
        journal.record(actor, "letter.issued", f"letter:{letter.id}", details | {"sha256": sha256})


def discard_pending(session: Session) -> None:
    """Discard the letters of a transaction that was rolled back."""
    session.info.pop(PENDING, None)


def _facts(
    actor: Actor, case: Case, event: CaseEvent, kind: LetterKind, decision: CaseDecision | None
) -> dict[str, Any]:
    project: Project = case.project_record
    agency = project.agency
    texts = with_both_languages({name: getattr(decision, name, None) for name in ("reason", "legal_basis", *TEXTS)})
    # The comment of a confirmation or an approval is a note of oversight and stays inside.
    text = event.comment if kind in (LetterKind.QUESTION, LetterKind.REFERRAL) else None
    spoken = language_of(text or "")
    return {
        "kind": kind.value,
        "agency": {"bin": agency.bin, **_names(agency)},
        "project": {"number": project.number, **_names(project)},
        "project_record": project,
        "case": case.id,
        "decision": None if decision is None else decision.decision,
        "due_on": _iso(None if decision is None else decision.due_on),
        "answer_by": _iso(case.due_on if kind is LetterKind.QUESTION else None),
        "appeal_until": _iso(None if decision is None else decision.appeal_until),
        "proposed_by": None if decision is None else decision.proposed_by,
        "approved_by": None if decision is None else decision.decided_by,
        "issued_by": event.by,
        **{name: texts.get(name) for name in TEXTS},
        **{f"text_{each}": text if each == spoken else None for each in OFFICIAL_LANGUAGES},
        "flags": {each: _flags(actor, case, each) for each in OFFICIAL_LANGUAGES},
        "check_address": f"{public_url() or ''}{CHECK_PATH}",
    }


def _flags(actor: Actor, case: Case, language: str) -> list[str]:
    shown = flags_of_cases(actor, [case.id], language)[case.id]
    active = (flag for flag in shown if flag["status"] != "cleared")
    return list(dict.fromkeys(f"{flag['title']}: {flag['clause']}" for flag in active))


def _names(named: Any) -> dict[str, str | None]:
    return {name: getattr(named, name) for name in ("name_kk", "name_ru", "name_en")}


def _iso(value: Any) -> str | None:
    return None if value is None else value.isoformat()


def _new_code() -> str:
    return base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode()
