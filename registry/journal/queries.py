"""Journal queries. Entries about restricted projects are visible only to actors who may read those.

Whether an entry is about a restricted project is decided by the project of its subject, whatever its kind.
Reading such entries is journalled, except entries of ``restricted.read`` itself: otherwise each
page read would append entries, and a reader would never reach the end.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, String, Subquery, cast, func, literal, or_, select, union, union_all

from registry.accounts.account_names import FormerName
from registry.accounts.models import Account
from registry.accounts.roles import Actor, Permission
from registry.accounts.same_person import every_name_of
from registry.agencies.queries import AGENCY_LIST
from registry.approvals.models import Approval
from registry.audits.queries import RESTRICTED, without_restricted
from registry.cases.models import Case
from registry.core import lists
from registry.core.database import db, table_of
from registry.core.errors import NotFound
from registry.core.lists import MAX_LIMIT, Page
from registry.core.spreadsheets.writer import Cell, Rows, table_as_csv
from registry.exemptions.models import Exemption
from registry.flags.models import Flag
from registry.journal.checkpoints import Checkpoint, find_checkpoint, inclusion_proof
from registry.journal.merkle import leaf_hash
from registry.journal.service import WRITTEN_ROWS, JournalEntry, hashed_text
from registry.journal.verification import head_now
from registry.letters.models import Letter
from registry.projects.documents import Document
from registry.projects.links import ProjectLink
from registry.projects.models import Project
from registry.projects.queries import list_projects
from registry.projects.visibility import RESTRICTED_READ_ACTION, among_visible, journal_restricted_reads
from registry.requests.models import Request

# Subjects of journal entries: their kinds, and which of them belong to restricted projects.

# Kinds whose key is the id of a row with a project_id. Every kind that belongs to a project must be listed here.
PROJECT_KINDS: Final[Mapping[str, Any]] = {
    "approval": table_of(Approval),
    "case": table_of(Case),
    "document": table_of(Document),
    "exemption": table_of(Exemption),
    "flag": table_of(Flag),
    "letter": table_of(Letter),
    "request": table_of(Request),
}
# Of these each case of a project has its own.
OF_CASES: Final[Mapping[str, str]] = {"case": "id", "letter": "case_id"}
# Links belong to two projects: an entry about one shows to those who may see both.
LINK: Final = "link"
# Kinds without a single project. Their details about restricted projects are redacted.
OTHER_KINDS: Final = frozenset(
    {
        *(
            "account",
            "agency",
            "audit",
            "case-template",
            "contracts",
            "database",
            "government-report",
            "import",
            "import-columns",
        ),
        *("inventory", "open-data", "person", "policy", "product", "saved-view", "sign-ins", "state-system"),
        *("token", "webhook"),
    }
)
KINDS: Final = frozenset({"project", LINK, *PROJECT_KINDS, *OTHER_KINDS})

PROJECT: Final = table_of(Project).c


def restricted_subjects() -> Subquery:
    """``subject`` and ``project`` (its number) of all records that belong to restricted projects.

    Restricted projects are few and have a partial index, so that all of them are read in one step.
    """
    parts: list[Select[Any]] = [_part("project", PROJECT.number, None)]
    parts += [_part(kind, cast(table.c.id, String), table) for kind, table in PROJECT_KINDS.items()]
    parts += _link_parts()
    return union_all(*parts).subquery("restricted_subjects")


def subjects_of_project(number: str, project_id: int, case_id: int | None = None) -> set[str]:
    """Return the subjects of a project and of what belongs to it; ``case_id``: of its cases this one alone."""
    subjects = {f"project:{number}"}
    for kind, table in PROJECT_KINDS.items():
        ids = select(table.c.id).where(table.c.project_id == project_id)
        if case_id is not None and kind in OF_CASES:
            ids = ids.where(table.c[OF_CASES[kind]] == case_id)
        subjects |= {f"{kind}:{each}" for each in db.session.scalars(ids)}
    return subjects


def _part(kind: str, key: ColumnElement[str], table: Any) -> Select[Any]:
    subject = (literal(f"{kind}:") + key).label("subject")
    statement = select(subject, PROJECT.number.label("project")).select_from(table_of(Project))
    if table is not None:
        statement = statement.join(table, table.c.project_id == PROJECT.id)
    return statement.where(PROJECT.is_restricted)


def _link_parts() -> list[Select[Any]]:
    """Return each link of a restricted project once, also when both of its projects are restricted."""
    link, other = table_of(ProjectLink), table_of(Project).alias("other")
    subject = (literal(f"{LINK}:") + cast(link.c.id, String)).label("subject")
    statement = select(subject, PROJECT.number.label("project")).select_from(link)
    from_restricted = statement.join(table_of(Project), PROJECT.id == link.c.project_id).where(PROJECT.is_restricted)
    to_restricted = (
        statement.join(table_of(Project), PROJECT.id == link.c.target_id)
        .join(other, other.c.id == link.c.project_id)
        .where(PROJECT.is_restricted, other.c.is_restricted.is_(False))
    )
    return [from_restricted, to_restricted]


# Redaction of journal entries about many projects for readers who may not see restricted ones.

AUDIT: Final = "audit:"
CASES_FOLLOWED: Final = "cases.followed"
# Entries about platform inventories do not store separate counts of restricted projects, so these are removed.
INVENTORY_APPLIED: Final = "inventory.applied"
INVENTORY_COUNTS: Final = frozenset(
    {"matched", "lost", "mismatched", "shared", "flagged", "changed_since_audit", "unregistered"}
)
# The same applies to entries about voided audits.
UNREDACTABLE_COUNTS: Final = frozenset({"flags_cleared", "flags_restored", "cases_corrected"})


def redact_details(actor: Actor, entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries with details that neither count restricted projects nor contain ids of their cases.

    The hash of an entry covers the original details, so only a reader of the full entry can verify it.
    """
    return [{**entry, "details": _redacted(actor, entry)} for entry in entries]


def _redacted(actor: Actor, entry: Mapping[str, Any]) -> dict[str, Any]:
    details = dict(entry["details"])
    # How many rows, of restricted projects too.
    of_several = details.get(WRITTEN_ROWS, {}).get("count", 0) > 1 or entry["subject"].startswith(AUDIT)
    if of_several and entry["subject"].partition(":")[0] in OTHER_KINDS:
        details.pop(WRITTEN_ROWS, None)
    if entry["action"] == INVENTORY_APPLIED:
        return {name: value for name, value in details.items() if name not in INVENTORY_COUNTS}
    if not entry["subject"].startswith(AUDIT):
        return details
    if entry["action"] == "audit.voided":
        return {name: value for name, value in details.items() if name not in UNREDACTABLE_COUNTS}
    if entry["action"] != CASES_FOLLOWED:
        restricted = details.pop(RESTRICTED, None)
        return without_restricted(details, restricted)
    opened = details.pop("opened", None)
    hidden = set(db.session.scalars(select(Case.id).join(Case.project_record).where(Project.is_restricted)))
    redacted: dict[str, Any] = {name: [case for case in ids if case not in hidden] for name, ids in details.items()}
    if opened is not None:
        redacted["opened"] = _opened(actor, opened, int(entry["subject"].removeprefix(AUDIT)))
    return {name: value for name, value in redacted.items() if value}


def _opened(actor: Actor, opened: Mapping[str, int], audit_id: int) -> dict[str, int]:
    opened_cases = (Case.opened_by_audit == audit_id, Case.id.between(opened["first"], opened["last"]))
    visible = select(func.count(), func.min(Case.id), func.max(Case.id)).where(
        *opened_cases, *among_visible(actor, Case.project_id.expression)
    )
    count, first, last = db.session.execute(visible).one()
    return {"count": count, "first": first, "last": last} if count else {}


# Search of the journal by what people know: a part of a name, words of a project or agency, a number.

# Of each kind; a search that fits more is too wide to mean any of them.
MAX_SUBJECTS: Final = 50


SEARCH: Final = (
    "Entries by or about what it names: a part of a person's name, words of a project or agency, a number, a subject."
)


def search_condition(actor: Actor, text: str) -> ColumnElement[bool]:
    """Return the condition on entries by, or about, what the text names among what the actor may see.

    It names people and service accounts by a part of a present or former name, projects (with their cases) and agencies
    by the words that their lists search, and any subject by its key. Restricted projects are journalled as read.
    """
    text = text.strip()
    names = _names_with(text)
    subjects = {
        *_records_of_projects(actor, text),
        *(f"agency:{row['bin']}" for row in AGENCY_LIST.read(actor, {"q": text}, Page(MAX_SUBJECTS)).items),
        *(f"{kind}:{name}" for kind in ("person", "account") for name in names),
        text,
        f"case:{text}",
    }
    return or_(JournalEntry.principal.in_([*names, text]), JournalEntry.subject.in_(sorted(subjects)))


def _names_with(text: str) -> list[str]:
    """Present and former names with the text. Compared in Python: SQLite's lower() does not support Cyrillic."""
    part = text.casefold()
    every = union(select(Account.name), select(FormerName.name))
    return sorted(name for name in db.session.scalars(every) if part in name.casefold())


def _records_of_projects(actor: Actor, text: str) -> list[str]:
    numbers = [row["number"] for row in list_projects(actor, {"q": text}, Page(MAX_SUBJECTS)).items]
    cases = select(Case.id).join(Project, Project.id == Case.project_id).where(Project.number.in_(numbers))
    return [*(f"project:{number}" for number in numbers), *(f"case:{key}" for key in db.session.scalars(cases))]


COLUMNS: Final = tuple(column.label(column.key) for column in JournalEntry.__table__.columns)


def _by(value: str) -> ColumnElement[bool]:
    # A name may have commas itself.
    return JournalEntry.principal.in_(every_name_of({*lists.split_values(value), value.strip()}))


class JournalEntryNotFound(NotFound):
    """The entry does not exist, or the actor may not see it."""


def read_chain(actor: Actor, after_seq: int, up_to: int, limit: int) -> list[dict[str, Any]]:
    """Return the next entries of the chain, oldest first: each with the text that was hashed, or redacted.

    Redacted is what the actor may not see whole. The restricted projects of the others are journalled as read. Raises
    RoleNotAllowed.
    """
    return _links(actor, limit, JournalEntry.seq > after_seq, JournalEntry.seq <= up_to)


def read_acts(actor: Actor, subjects: Collection[str]) -> list[dict[str, Any]]:
    """Return the entries about these subjects, as ``read_chain`` does."""
    return _links(actor, None, JournalEntry.subject.in_(subjects))


def _links(actor: Actor, limit: int | None, *criteria: ColumnElement[bool]) -> list[dict[str, Any]]:
    actor.require(Permission.JOURNAL_READ)
    restricted = restricted_subjects()
    statement = (
        select(*COLUMNS, restricted.c.project.label("_restricted"))
        .select_from(JournalEntry)
        .outerjoin(restricted, restricted.c.subject == JournalEntry.subject)
        .where(*criteria)
        .order_by(JournalEntry.seq)
        .limit(limit)
    )
    rows = db.session.execute(statement).mappings().all()
    if actor.may(Permission.RESTRICTED_READ):
        _journalled_as_read(actor, rows)
    return [_link(row, redacted=not _is_seen_whole(actor, row)) for row in map(dict, rows)]


def _is_seen_whole(actor: Actor, row: Mapping[str, Any]) -> bool:
    if actor.may(Permission.RESTRICTED_READ):
        return True
    entry = _entry_values(row)
    return row["_restricted"] is None and redact_details(actor, [entry])[0]["details"] == entry["details"]


def _link(row: Mapping[str, Any], *, redacted: bool) -> dict[str, Any]:
    text = hashed_text(row)
    return {
        "seq": row["seq"],
        "previous_hash": row["previous_hash"],
        "hash": row["hash"],
        "redacted": redacted,
        "hashed": None if redacted else text,
        "leaf_hash": leaf_hash(text).hex(),
    }


def _checkpoints(_actor: Actor) -> Select[tuple[Checkpoint]]:
    return select(Checkpoint)


CHECKPOINT_LIST: Final = lists.RecordList(
    name="checkpoints",
    permission=Permission.PROJECTS_READ,
    rows=_checkpoints,
    unique=Checkpoint.size.expression,
    filters={"created_at": lists.InstantFilter(Checkpoint.created_at.expression)},
    sorts=lists.sort_keys(Checkpoint.size.expression),
    default_sort="-size",
)


def read_inclusion_proof(actor: Actor, seq: int, size: int) -> tuple[Checkpoint, bytes, list[bytes]]:
    """Return a checkpoint, the leaf hash of an entry that it covers, and the path from there to its root.

    Raises RoleNotAllowed, CheckpointNotFound and JournalEntryNotFound.
    """
    actor.require(Permission.JOURNAL_READ)
    checkpoint = find_checkpoint(size)
    if not 1 <= seq <= size:
        raise JournalEntryNotFound(seq=seq)
    return checkpoint, *inclusion_proof(seq, size)


def find_entry(actor: Actor, seq: int) -> dict[str, Any]:
    """Return one entry; a restricted project is journalled as read. Raises RoleNotAllowed and JournalEntryNotFound."""
    actor.require(Permission.JOURNAL_READ)
    row = db.session.execute(_entries(actor).where(JournalEntry.seq == seq)).mappings().one_or_none()
    if row is None:
        raise JournalEntryNotFound(seq=seq)
    return _journalled_as_read(actor, [row])[0]


def _entries(actor: Actor) -> Select[Any]:
    """Return the entries visible to the actor; ``_restricted`` is the number of the restricted project, if any."""
    restricted = restricted_subjects()
    statement = (
        select(*COLUMNS, restricted.c.project.label("_restricted"))
        .select_from(JournalEntry)
        .outerjoin(restricted, restricted.c.subject == JournalEntry.subject)
    )
    return statement if actor.may(Permission.RESTRICTED_READ) else statement.where(restricted.c.project.is_(None))


def _journalled_as_read(actor: Actor, rows: Sequence[Any]) -> list[dict[str, Any]]:
    entries = [_entry_values(row) for row in rows]
    if not actor.may(Permission.RESTRICTED_READ):
        return redact_details(actor, entries)
    read = (row["_restricted"] for row in rows if row["_restricted"] and row["action"] != RESTRICTED_READ_ACTION)
    journal_restricted_reads(actor, read, "journal")
    return entries


def _entry_values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: row[name] for name in row if not name.startswith("_")}, "details": json.loads(row["details"])}


JOURNAL: Final = lists.RecordList(
    name="journal",
    permission=Permission.JOURNAL_READ,
    rows=_entries,
    unique=JournalEntry.seq.expression,
    shown=_journalled_as_read,
    filters={
        "q": lists.ReaderFilter(lambda actor: lists.WordsFilter(partial(search_condition, actor), SEARCH, blank=False)),
        "subject": lists.TextFilter(JournalEntry.subject.expression),
        "action": lists.TextFilter(JournalEntry.action.expression),
        "principal": lists.CustomFilter(
            _by,
            lists.TextFilter(JournalEntry.principal.expression),
            takes=f"{lists.SEVERAL} Of a renamed account its present and former names.",
        ),
        "request_id": lists.TextFilter(JournalEntry.request_id.expression),
        **lists.range_filters(lists.TimestampFilter, "at", JournalEntry.at.expression),
    },
    sorts=lists.sort_keys(JournalEntry.seq.expression),
    default_sort="-seq",
)


# The journal as a table: all columns of an entry, ``details`` as JSON.

EXPORTED_COLUMNS: Final = (
    "seq",
    "at",
    "principal",
    "role",
    "action",
    "subject",
    "details",
    "source",
    "request_id",
    "credential",
    "client_request_id",
    "previous_hash",
    "hash",
)


def journal_cell(entry: Mapping[str, Any], name: str) -> Cell:
    """Return the value of a column of the table."""
    value: Cell = json.dumps(entry[name], ensure_ascii=False) if name == "details" else entry[name]
    return value


def _table_rows(entries: Sequence[Mapping[str, Any]]) -> Rows:
    return [[journal_cell(entry, name) for name in EXPORTED_COLUMNS] for entry in entries]


def export_csv(actor: Actor, raw: Mapping[str, str]) -> Iterator[bytes]:
    """Stream the entries as CSV, newest first. Raises RoleNotAllowed and Malformed, before the first piece.

    Entries written in the meantime are left out: each page continues where the one before ended.
    """
    return table_as_csv(EXPORTED_COLUMNS, lists.every_page(lambda page: JOURNAL.read(actor, raw, page), _table_rows))


def export_chain(actor: Actor, after: int) -> Iterator[bytes]:
    """Stream the entries after a number as NDJSON, oldest first, each with the text that was hashed.

    Ends with the entry that was the last one at the start. Raises RoleNotAllowed, before the first piece.
    """
    up_to = head_now().seq
    while entries := read_chain(actor, after, up_to, MAX_LIMIT):
        yield "".join(f"{json.dumps(entry, ensure_ascii=False)}\n" for entry in entries).encode()
        after = entries[-1]["seq"]
