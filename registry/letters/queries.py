"""Letter queries: the register, the letters of a case, single letters, and the public check of one."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import aliased, contains_eager

from registry.accounts.roles import AGENCY_ROLES, Actor, Permission
from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.core import lists
from registry.core.clock import rfc3339
from registry.core.database import db
from registry.core.errors import NotFound
from registry.core.lists import Listing, Page, every_page
from registry.core.spreadsheets.writer import Rows, table_as_csv
from registry.journal.checkpoints import inclusion_proof, newest_checkpoint
from registry.journal.service import JournalEntry
from registry.letters.models import Letter, LetterKind
from registry.letters.service import ISSUED, ends_of
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads, visible_projects
from registry.signatures.models import SignableAct, Signature
from registry.signatures.service import SIGNATURE_FACTS, signatures_of

NUMBER: Final = re.compile("QL-[0-9]{4}-[0-9]{6,}")
# A number from its beginning, with or without QL, or its serial alone.
NUMBER_PART: Final = re.compile(r"(?:QL[\s-]*)?([0-9]{1,9}(?:-[0-9]{0,9})?)", re.ASCII | re.IGNORECASE)
CODE: Final = re.compile("[A-Z2-7]{16}")
MAX_CODE_LENGTH: Final = 40
SHOWN: Final = ("number", "kind", "issued_on", "issued_at", "case_id", "sha256")
CONTENT_SHOWN: Final = ("decision", "due_on", "answer_by", "appeal_until")


class LetterNotFound(NotFound):
    """No letter has this number, or the actor may not see it."""


class LetterCodeUnknown(NotFound):
    """No letter has this check code."""


def letters_of_case(actor: Actor, case: Case, page: Page) -> Listing:
    """Return a page of the letters of a case that the actor may see, oldest first; the caller has read the case.

    Raises Malformed.
    """
    listing = lists.read_page(_letters(actor, Letter.case_id == case.id), page, Letter.id)
    return replace(listing, items=_rows(listing.items))


def read_letter(actor: Actor, number: str) -> dict[str, Any]:
    """Return a letter with all that it says; one about a restricted project is journalled as read. Raises
    LetterNotFound.
    """
    actor.require(Permission.CASES_READ)
    # PostgreSQL stores no NUL, and reads none in a condition.
    known = NUMBER.fullmatch(number) is not None
    letter = db.session.scalar(_letters(actor, Letter.number == number)) if known else None
    if letter is None:
        raise LetterNotFound(number=number)
    data = letter.data
    return _shown(actor, [letter])[0] | {"data": json.loads(data)}


def may_read_letter(actor: Actor, number: str) -> bool:
    """True for the number of a letter that the actor may see; nothing is read of it, so nothing is journalled."""
    if not actor.may(Permission.CASES_READ) or NUMBER.fullmatch(number) is None:
        return False
    return db.session.scalar(_letters(actor, Letter.number == number).with_only_columns(Letter.id)) is not None


def check_letter(code: str) -> dict[str, Any]:
    """Return what anybody with the check code of a letter may know: no project, and of people only who signed the
    decision electronically.

    Small letters, spaces and hyphens do not matter, nor do the places to break in an address copied from a PDF. Raises
    LetterCodeUnknown.
    """
    plain = re.sub(r"[\s\u200b-]", "", code[:MAX_CODE_LENGTH]).upper()
    letter = None
    if CODE.fullmatch(plain):
        letter = db.session.scalar(select(Letter).where(Letter.code == plain))
    if letter is None:
        raise LetterCodeUnknown
    ended = ends_of([letter]).get(letter.id)
    content = json.loads(letter.data)
    names = {name: content["agency"][name] for name in ("bin", "name_kk", "name_ru")}
    return {
        "number": letter.number,
        "date": letter.issued_on.isoformat(),
        "kind": letter.kind,
        "agency": names,
        "stands": ended is None,
        "ended_because": ended,
        "sha256": letter.sha256,
        "proof": _proof(letter),
        "signatures": [_signature(each) for each in _signatures(letter)],
    }


def _signatures(letter: Letter) -> list[Signature]:
    """Return the electronic signatures of the approval of the letter's decision."""
    signed = [] if letter.decision_id is None else signatures_of([f"case:{letter.case_id}"])
    approvals = [each for each in signed if each.act == SignableAct.DECISION]
    return [each for each in approvals if json.loads(each.content)["values"]["proposed"]["id"] == letter.decision_id]


def _signature(signature: Signature) -> dict[str, Any]:
    shown = {name: getattr(signature, name) for name in SIGNATURE_FACTS}
    return {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in shown.items()}


def _proof(letter: Letter) -> dict[str, Any] | None:
    """Return where the newest checkpoint has the entry of the letter; None before the first one that has it."""
    checkpoint = newest_checkpoint()
    seq = db.session.scalar(
        select(JournalEntry.seq).where(JournalEntry.subject == f"letter:{letter.id}", JournalEntry.action == ISSUED)
    )
    if checkpoint is None or seq is None or seq > checkpoint.size:
        return None
    leaf, path = inclusion_proof(seq, checkpoint.size)
    hashes = {"leaf_hash": b64encode(leaf).decode(), "path": [b64encode(each).decode() for each in path]}
    return {"seq": seq, **hashes, "checkpoint_size": checkpoint.size, "checkpoint": checkpoint.note}


def _numbered(text: str) -> ColumnElement[bool]:
    part = NUMBER_PART.fullmatch(text.strip())
    if part is None:
        return false()
    other = aliased(Letter)
    matching = [other.number.startswith(f"QL-{part[1]}")]
    if part[1].isdigit():
        matching.append(other.number.endswith(f"-{int(part[1]):06}"))
    # Of the index of numbers alone: a row of the table holds the whole letter.
    return Letter.id.in_(select(other.id).where(or_(*matching)))


def _letters(actor: Actor, *criteria: ColumnElement[bool]) -> Any:
    # A referral is addressed to the Commission and may hold notes of oversight.
    own = [Letter.kind != LetterKind.REFERRAL] if actor.role in AGENCY_ROLES else []
    return (
        select(Letter)
        .join(Letter.project_record)
        .join(Agency, Agency.id == Project.agency_id)
        .options(contains_eager(Letter.project_record).contains_eager(Project.agency))
        .where(*visible_projects(actor), *own, *criteria)
        .execution_options(populate_existing=True)
    )


def _shown(actor: Actor, letters: Sequence[Letter]) -> list[dict[str, Any]]:
    restricted = [each.project_record.number for each in letters if each.project_record.is_restricted]
    rows = _rows(letters)
    journal_restricted_reads(actor, restricted, "letters")
    return rows


def _rows(letters: Sequence[Letter]) -> list[dict[str, Any]]:
    ends = ends_of(letters)
    rows = []
    for letter in letters:
        content = json.loads(letter.data)
        row = {name: getattr(letter, name) for name in SHOWN} | {name: content[name] for name in CONTENT_SHOWN}
        row |= {"case": row.pop("case_id"), "project": content["project"]["number"], "agency": content["agency"]["bin"]}
        row |= {"agency_names": {name: content["agency"][name] for name in ("name_kk", "name_ru", "name_en")}}
        row |= {"stands": letter.id not in ends, "ended_because": ends.get(letter.id)}
        rows.append(row)
    return rows


LETTER_LIST: Final = lists.RecordList(
    name="letters",
    permission=Permission.CASES_READ,
    rows=_letters,
    unique=Letter.id.expression,
    shown=_shown,
    filters={
        "number": lists.TextFilter(Letter.number.expression),
        "kind": lists.ChoiceFilter(Letter.kind.expression, LetterKind.codes()),
        # The one to which the project belongs now.
        "agency": lists.BinFilter(Agency.bin.expression),
        "project": lists.TextFilter(Project.number.expression),
        **lists.date_filters("issued_on", Letter.issued_on.expression),
        "q": lists.WordsFilter(_numbered, "The beginning of a number, or its digits after the year."),
    },
    sorts=lists.sort_keys(Letter.id.expression, Letter.issued_on.expression),
)

# The register of letters as a table: codes and ISO dates.

COLUMNS: Final = (
    "number",
    "kind",
    "issued_on",
    "issued_at",
    "agency",
    "agency_name_kk",
    "agency_name_ru",
    "project",
    "case",
    "decision",
    "due_on",
    "answer_by",
    "appeal_until",
    "stands",
    "ended_because",
    "sha256",
)


def export_csv(actor: Actor, raw: Mapping[str, str]) -> Iterator[bytes]:
    """Stream the letters as CSV, newest first. Raises RoleNotAllowed and Malformed, before the first piece."""
    return table_as_csv(COLUMNS, every_page(lambda page: LETTER_LIST.read(actor, raw, page), letter_rows))


def letter_rows(letters: Sequence[Mapping[str, Any]]) -> Rows:
    """Return one row a letter."""
    return [[letter_cell(letter, name) for name in COLUMNS] for letter in letters]


def letter_cell(letter: Mapping[str, Any], name: str) -> Any:
    """Return the value of a column of the table."""
    if name.startswith("agency_name_"):
        return letter["agency_names"][name.removeprefix("agency_")]
    value = letter[name]
    if name == "issued_at":
        return rfc3339(value)
    return ("true" if value else "false") if isinstance(value, bool) else value
