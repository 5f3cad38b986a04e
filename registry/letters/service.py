"""Letters: what they say, and how each order, question, referral and closing freezes it with its action."""

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Final

from babel import Locale
from babel.dates import format_date
from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.accounts.models import public_url
from registry.accounts.roles import Actor, Role
from registry.cases.actions import carry_out
from registry.cases.decisions import TEXTS, appeal_terms, language_of, order_steps, with_both_languages
from registry.cases.models import Case, CaseDecision, CaseEvent
from registry.cases.queries import find_case_to_change, flags_of_cases
from registry.cases.transitions import waiting_proposal
from registry.cases.vocabulary import ActionName, AppealOutcome, DecisionKind, FurtherEvent, Status
from registry.cases.workflow import ACCEPTING
from registry.core.clock import local_date, today
from registry.core.database import db, require_transaction, table_of, transaction
from registry.core.dialects import insert_or_ignore
from registry.core.pdf import make_pdf
from registry.core.translations import LOCALES, OFFICIAL_LANGUAGES, Language, lazy_text, translate, translator
from registry.flags.models import ComingChange
from registry.flags.queries import next_coming_flag
from registry.freeze.dates import format_deadline
from registry.freeze.findings import Finding, explain
from registry.freeze.policy import policy_in_force
from registry.freeze.vocabulary import Translate, in_language
from registry.journal import service as journal
from registry.journal.checkpoints import verifier_key_in_use
from registry.letters.models import Letter, LetterEnd, LetterKind, LetterSeries
from registry.projects.models import Project

# What a letter says, in one language: title, facts, sections. The words are frozen with the letter.

# Day and month, then the year as the language writes it in full dates.
DATES: Final[Mapping[Language, str]] = {"kk": "{year} жылғы {day}", "ru": "{day} {year} года"}
ASKED: Final = lazy_text("Explain the flags of the project.")
REFERRED: Final = lazy_text("The case is referred to the Commission for its decision.")
CLEARED: Final = lazy_text("An audit found that the flags are cleared. The case is closed as corrected.")
APPEALED: Final = lazy_text(
    "The agency may appeal this decision %(deadline)s: open the case in the register and choose “Appeal”. "
    "Officials who took no part in this decision decide on the appeal; their decision can be challenged in court."
)
# Whether an appeal suspends an order, by the value of the policy.
SUSPENDS: Final = {
    True: lazy_text("The appeal suspends the order until the decision on the appeal."),
    False: lazy_text("The appeal does not suspend the order: it stays in force until another decision replaces it."),
}
ISSUER: Final = lazy_text("QazTech project register")
APPEAL_TITLE: Final = lazy_text("Decision on an appeal")
ONLY_IN: Final[Mapping[Language, str]] = {
    "kk": lazy_text("The text is in Kazakh:"),
    "ru": lazy_text("The text is in Russian:"),
}


def full_date(value: date, language: Language) -> str:
    """Return a date in full, as official letters of the language write it."""
    day = format_date(value, "d MMMM", locale=Locale.parse(LOCALES[language]))
    return DATES[language].format(day=day, year=value.year)


def letter_text(facts: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Return what a letter says in a language: the lines of its head and foot, ``facts`` (label and value), and
    ``sections`` (heading, paragraphs, whether they are steps).
    """
    _ = translator(language)
    day = full_date(date.fromisoformat(facts["date"]), language)
    title = APPEAL_TITLE if facts["appeal_outcome"] else LetterKind(facts["kind"]).label
    return {
        "issuer": facts["letterhead"][language] or [_(ISSUER)],
        "number": _("No. %(number)s of %(day)s") % {"number": facts["number"], "day": day},
        "addressee": _addressee(facts, language, _),
        "title": _(title),
        "facts": [[label, value] for label, value in _labelled_facts(facts, language, _) if value],
        "sections": [
            {"heading": heading, "paragraphs": paragraphs, "steps": steps}
            for heading, paragraphs, steps in _sections(facts, language, _)
            if paragraphs
        ],
        "signature": _signature(facts, _),
        "check": " ".join(_checks(facts, grouped(facts["code"]), _)),
    }


def _addressee(facts: Mapping[str, Any], language: Language, _: Translate) -> str:
    if facts["kind"] == LetterKind.REFERRAL:
        return _("The Commission for the introduction of digitalisation under the President")
    bin_label = _("BIN")
    return f"{_name(facts['agency'], language)}, {bin_label} {facts['agency']['bin']}"


def _signature(facts: Mapping[str, Any], _: Translate) -> list[str]:
    """Return the post and the name of who signed it, and who prepared it, if it was somebody else."""
    role, prepared_by = Role(facts["signed_role"]), facts["proposed_by"]
    signed = [_(role.label), facts["approved_by"] or facts["issued_by"]]
    return signed + ([_("Prepared by: %(name)s") % {"name": prepared_by}] if prepared_by else [])


def grouped(code: str) -> str:
    """Return a check code in groups of four characters, as people read it."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def _checks(facts: Mapping[str, Any], code: str, _: Translate) -> Iterator[str]:
    """Yield the full address of the check, without a public address its page and the code; then the journal's key."""
    address = facts["check_address"]
    if address.startswith("/"):
        yield _("Check this letter: open %(address)s and enter the code %(code)s.") % {"address": address, "code": code}
    else:
        yield _("Check this letter: %(address)s") % {"address": f"{address}/{code}"}
    if facts["journal_key"]:
        yield _("Key of the journal: %(key)s") % {"key": facts["journal_key"]}


def _labelled_facts(facts: Mapping[str, Any], language: Language, _: Translate) -> list[tuple[str, str]]:
    project, decision = facts["project"], facts["decision"]
    outcome = facts["appeal_outcome"]
    return [
        (_("Project"), f"{_name(project, language)}, {project['number']}"),
        (_("Case"), str(facts["case"])),
        (_("Decision on the appeal"), _(AppealOutcome(outcome).label) if outcome else ""),
        (_("Decision"), _(DecisionKind(decision).label) if decision else ""),
        (_("Carry out"), _deadline(facts["due_on"], language)),
        (_("Answer due"), _deadline(facts["answer_by"], language)),
    ]


def _sections(facts: Mapping[str, Any], language: Language, _: Translate) -> list[tuple[str, Sequence[str], bool]]:
    kind, decision = facts["kind"], facts["decision"]
    usual = {LetterKind.QUESTION: ASKED, LetterKind.REFERRAL: REFERRED, LetterKind.CLOSING: CLEARED}
    flags = facts["flags"][language]
    # Of a decision on an appeal, and of one that replaces it for the same findings.
    is_final = decision is not None and facts["appeal_until"] is None
    # The law stands in a letter once: as the basis of its decision, or else as the clauses of its flags.
    law = _text(facts, "legal_basis", language, _) or list(dict.fromkeys(clause for _title, clause in flags))
    due_on = None if facts["due_on"] is None else date.fromisoformat(facts["due_on"])
    appeal = [_(APPEALED) % {"deadline": _deadline(facts["appeal_until"], language)}] if facts["appeal_until"] else []
    if appeal and kind == LetterKind.ORDER:
        suspends = facts["appeal_suspends"]
        appeal.append(_(SUSPENDS[suspends]))
    return [
        (_("What was found"), list(dict.fromkeys(observed for observed, _clause in flags)), False),
        (_("If nothing changes"), _coming(facts["coming"], language, _), False),
        (_("Grounds"), _text(facts, "reason", language, _), False),
        (_("Legal basis"), law, False),
        (
            _("Contents"),
            [] if decision else _text(facts, "text", language, _) or [_(usual[LetterKind(kind)])],
            False,
        ),
        (
            _("How to carry out the order"),
            order_steps(decision, due_on, language, _) if kind == LetterKind.ORDER else [],
            True,
        ),
        (
            _("How to answer"),
            [_("Open the case in the register and choose “Answer”. Add the documents that your answer rests on.")]
            if kind == LetterKind.QUESTION
            else [],
            False,
        ),
        (_("How to appeal"), appeal, False),
        (
            _("Next instance"),
            [_("The agency’s appeal has been decided. This decision can be challenged in court.")] if is_final else [],
            False,
        ),
    ]


def _coming(change: ComingChange | None, language: Language, _: Translate) -> list[str]:
    """Return what time alone will flag next, so that the addressee can act before."""
    if change is None or change.flagged_for is None:
        return []
    title = in_language(policy_in_force().rules[change.flagged_for].title, language)
    return [_("Flagged from %(day)s on: %(rule)s.") % {"day": full_date(change.on, language), "rule": title}]


def _text(facts: Mapping[str, Any], name: str, language: Language, _: Translate) -> list[str]:
    """Return the text in the language; in the other one after a note that says so."""
    own = facts[f"{name}_{language}"]
    if own:
        return [own]
    other = next(each for each in OFFICIAL_LANGUAGES if each != language)
    text = facts[f"{name}_{other}"]
    return [_(ONLY_IN[other]), text] if text else []


def _name(named: Mapping[str, Any], language: Language) -> str:
    order = (language, *reversed(OFFICIAL_LANGUAGES), "en")
    return next((str(name) for each in order if (name := named.get(f"name_{each}"))), "")


def _deadline(value: str | None, language: Language) -> str:
    return format_deadline(date.fromisoformat(value), language) if value else ""


# Letters as PDF/A-2u, in Kazakh and Russian in one document.

LAYOUT: Final = Path(__file__).parent / "data" / "letter.typ"


def letter_pdf(data: Mapping[str, Any]) -> bytes:
    """Return the letter in Kazakh and Russian. Raises DocumentNotMade."""
    # Letters of earlier versions have neither head nor signature.
    parts = [
        {"language": each, "issuer": [translate(ISSUER, each)], **data["texts"][each]} for each in OFFICIAL_LANGUAGES
    ]
    document = {"number": data["number"], "date": data["date"], "issuer": ISSUER, "parts": parts}
    return make_pdf(LAYOUT, data["number"], document)


# Letter numbers: ``QL-<year>-<6 digits>``, without gaps in each year.
#
# The year's row is locked from the reservation to the commit. It happens at the end of a transaction, just before
# the journal is appended, so that transactions which lock several cases never wait for each other in a circle.

SERIES: Final = table_of(LetterSeries).c


def reserve_letter_number(year: int) -> str:
    """Reserve the next number of the year in the open transaction."""
    first = insert_or_ignore(LetterSeries).values(year=year, last=1)
    following = first.on_conflict_do_update(index_elements=[SERIES.year], set_={"last": SERIES.last + 1})
    serial = require_transaction().scalars(following.returning(SERIES.last)).one()
    return f"QL-{year:04}-{serial:06}"


# Whether letters stand: a decision until it is appealed, withdrawn or replaced, the others until they are undone.

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


PENDING: Final = "letters_pending"
# The setting with the lines that name the issuing body, by language.
LETTERHEAD: Final = "LETTERHEAD"
# Facts that only the texts of a letter hold.
NOT_STORED: Final = (
    *("project_record", "flags", "coming", "appeal_suspends", "check_address", "letterhead", "journal_key"),
)
ISSUED: Final = "letter.issued"
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
    if decision is None and event.action not in KINDS:
        return
    pending = require_transaction().info.setdefault(PENDING, [])
    decision_id = None if decision is None else decision.id
    pending.append((actor, event, decision_id, _facts(actor, case, event, decision)))


def issue_pending(session: Session) -> None:
    """Number and store the letters of the open transaction, with their journal entries."""
    for actor, event, decision_id, facts in session.info.pop(PENDING, []):
        if event not in session:
            # A savepoint took the action back; SQLite gives its id to the next one.
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
            event_id=event.id,
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
        journal.record(actor, ISSUED, f"letter:{letter.id}", details | {"sha256": sha256})


def discard_pending(session: Session) -> None:
    """Discard the letters of a transaction that was rolled back."""
    session.info.pop(PENDING, None)


class _Previewed(Exception):
    """Rolls back the action whose letter was rendered."""


# What a letter has only when it is issued.
NOT_YET: Final = "…"


def preview_letter(actor: Actor, case_id: int, action: str, values: Mapping[str, Any]) -> dict[Language, Any]:
    """Return what the letter of an action would say in each official language; empty for an action without one.

    Writes nothing: the action is carried out and rolled back. A proposal has the letter of its approval, if that were
    today. Raises what the action raises.
    """
    letters: list[dict[str, Any]] = []
    with suppress(_Previewed), transaction() as session:
        case = carry_out(actor, find_case_to_change(actor, case_id), action, values, is_preview=True)
        letters += [facts for *_, facts in session.info.get(PENDING, [])]
        proposal = waiting_proposal(case)
        if action == ActionName.PROPOSE and proposal is not None:
            until, outcome = appeal_terms(case, proposal)
            approved = {"approved_by": NOT_YET, "signed_role": Role.SUPERVISOR.value, "appeal_until": _iso(until)}
            letters.append(_facts(actor, case, case.events[-1], proposal) | approved | {"appeal_outcome": outcome})
        issued = {"number": NOT_YET, "date": today().isoformat(), "code": NOT_YET}
        texts = {each: letter_text(facts | issued, each) for facts in letters for each in OFFICIAL_LANGUAGES}
        raise _Previewed
    return texts


def _facts(actor: Actor, case: Case, event: CaseEvent, decision: CaseDecision | None) -> dict[str, Any]:
    if decision is None:
        kind = KINDS[ActionName(event.action)]
    else:
        kind = LetterKind.CLOSING if decision.decision in ACCEPTING else LetterKind.ORDER
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
        "signed_role": actor.role.value,
        "letterhead": {each: current_app.config.get(LETTERHEAD, {}).get(each, []) for each in OFFICIAL_LANGUAGES},
        "appeal_outcome": event.details.get("appeal_outcome"),
        **{name: texts.get(name) for name in TEXTS},
        **{f"text_{each}": text if each == spoken else None for each in OFFICIAL_LANGUAGES},
        "flags": _flags(actor, case),
        "coming": next_coming_flag(project.id),
        "appeal_suspends": policy_in_force().appeal_suspends,
        "check_address": f"{public_url() or ''}{CHECK_PATH}",
        "journal_key": verifier_key_in_use(),
    }


def _flags(actor: Actor, case: Case) -> dict[str, list[tuple[str, str]]]:
    """What was found and the clause of each active flag, by language."""
    active = [flag for flag in flags_of_cases(actor, [case.id], "kk")[case.id] if flag["status"] != "cleared"]
    findings = [(Finding(flag["rule"], flag["severity"], flag["observed"]), flag["last_seen_on"]) for flag in active]
    shown: dict[str, list[tuple[str, str]]] = {}
    for each in OFFICIAL_LANGUAGES:
        texts = [explain(finding, policy_in_force(), on, each, translator(each)) for finding, on in findings]
        shown[each] = [(f"{text.title}. {text.reason}".rstrip(), text.clause) for text in texts]
    return shown


def _names(named: Any) -> dict[str, str | None]:
    return {name: getattr(named, name) for name in ("name_kk", "name_ru", "name_en")}


def _iso(value: Any) -> str | None:
    return None if value is None else value.isoformat()


def _new_code() -> str:
    return base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode()
