"""Reads of imports: a run, the actor's runs, the errors of its rows, and what a dry run would do with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, or_, select

from registry.accounts.roles import Actor, Permission, Role
from registry.accounts.same_person import lost_admission_since
from registry.agencies.service import may_act_for
from registry.audits.verdicts import ProposedProject, is_reason_required, rules_that_would_flag
from registry.core.database import db
from registry.core.errors import NotFound
from registry.core.lists import ListDeclaration, Listing, Page, RecordList, read_page, sort_keys
from registry.core.spreadsheets.rows import ImportRow
from registry.freeze.facts import EarlierRevision
from registry.imports.models import NEW, SAME, ImportKind, ImportRun, PreviewedRow, RowError, is_own
from registry.projects.revisions import differences

MAX_RUNS: Final = 100
ERROR_LIST: Final = ListDeclaration[Actor](
    name="import errors", permission=Permission.IMPORTS_RUN, sorts=sort_keys(RowError.row.expression)
)
BY_PREVIEW: Final = sort_keys(PreviewedRow.row.expression)


class ImportNotFound(NotFound):
    """No import has this id, or it belongs to another account."""


def find_import(actor: Actor, import_id: int) -> ImportRun:
    """Return the run, for its owner and administrators. Raises ImportNotFound."""
    run = db.session.scalar(
        select(ImportRun).where(ImportRun.id == import_id).execution_options(populate_existing=True)
    )
    if run is None or not _may_see(actor, run):
        raise ImportNotFound(id=import_id)
    return run


def may_read_rows(actor: Actor, run: ImportRun) -> bool:
    """True unless rows of an agency's file may be about restricted projects, which the actor may not read.

    Also for whoever ran it: a run from before an account lost its admission shows what it may read no more.
    """
    if run.agency_id is None:
        return True
    is_reader = actor.agency_id is None or may_act_for(actor, run.agency_id)
    if is_reader and actor.may(Permission.RESTRICTED_READ):
        return True
    return run.is_of(actor) and not lost_admission_since(actor, run.queued_at)


def require_rows(actor: Actor, run: ImportRun) -> None:
    """Raise ImportNotFound for another account's run, RoleNotAllowed where the actor may not read its rows."""
    if not _may_see(actor, run):
        raise ImportNotFound(id=run.id)
    if not may_read_rows(actor, run):
        actor.require(Permission.RESTRICTED_READ)
        raise ImportNotFound(id=run.id)


def imports_of(actor: Actor) -> list[ImportRun]:
    """Return the actor's runs, or all runs for an administrator, newest first, at most 100."""
    return list(db.session.scalars(_visible(actor).order_by(ImportRun.id.desc()).limit(MAX_RUNS)))


def errors_of(actor: Actor, run: ImportRun, page: Page, *, settled: bool = True) -> Listing:
    """Return a page of ``{row, column, code, params}`` in row order; ``column`` is None when the whole row is invalid.

    ``settled``: with questions that are answered, and what is wrong with rows only as the project that they are not.

    Raises what ``require_rows`` raises, and Malformed for an invalid sort or cursor.
    """
    require_rows(actor, run)
    statement = select(RowError.row, RowError.column, RowError.code, RowError.params, RowError.value).where(
        RowError.import_id == run.id
    )
    if not settled:
        row = PreviewedRow
        of_answer = or_(row.answer == NEW, row.question == RowError.code)
        answered = select(row.id).where(row.import_id == run.id, row.row == RowError.row, of_answer)
        statement = statement.where(~answered.where(row.answer.is_not(None)).exists())
    return read_page(statement, page, RowError.id, ERROR_LIST.sorts, "row")


def previewed_rows(actor: Actor, run: ImportRun, page: Page, outcome: str | None = None) -> Listing:
    """Return a page of what a dry run would do with its rows, in their order, all or those with one outcome.

    Raises what ``require_rows`` raises, and Malformed for an invalid sort or cursor.
    """
    require_rows(actor, run)
    columns = ("row", "outcome", "record", "name", "changes", "would_flag", "question", "answer")
    shown = [getattr(PreviewedRow, name) for name in columns]
    statement = select(*shown).where(PreviewedRow.import_id == run.id)
    if outcome is not None:
        statement = statement.where(PreviewedRow.outcome == outcome)
    return read_page(statement, page, PreviewedRow.id, BY_PREVIEW, "row")


def questions_of(run: ImportRun, rows: Sequence[Mapping[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Row → ``{column, code, params}`` of the question that a previewed row asks, and of its errors as that project."""
    asking = {row["row"]: row["question"] for row in rows if row["outcome"] == "question"}
    statement = select(RowError.row, RowError.column, RowError.code, RowError.params)
    asked = statement.where(RowError.import_id == run.id, RowError.row.in_(asking)).order_by(RowError.id)
    by_row: dict[int, list[dict[str, Any]]] = {row: [] for row in asking}
    for error in db.session.execute(asked).mappings():
        by_row[error["row"]].append(dict(error))
    return by_row


def asking_rows(run: ImportRun, rows: Collection[int]) -> dict[int, str]:
    """Row → the code of its question, for those of the rows of a dry run that ask one."""
    asking = select(PreviewedRow.row, PreviewedRow.question).where(
        PreviewedRow.import_id == run.id, PreviewedRow.row.in_(rows), PreviewedRow.question.is_not(None)
    )
    return {each.row: each.question for each in db.session.execute(asking)}


def count_answers(run: ImportRun) -> tuple[int, int]:
    """Return how many questions of a dry run are answered, and how many of those rows are wrong by their answer."""
    row = PreviewedRow
    further = select(RowError.id).where(
        RowError.import_id == run.id, RowError.row == row.row, RowError.code != row.question
    )
    wrong = func.count(case((and_(row.answer == SAME, further.exists()), 1)))
    counted = select(func.count(), wrong).where(row.import_id == run.id, row.answer.is_not(None))
    answered, wrong_by_answer = db.session.execute(counted).one()
    return answered, wrong_by_answer


# Why rows are rejected that register a former record again without a reason.
FORMER_RECORD_CODES: Final = ("former-record", "former-record-elsewhere")


def missing_columns(run: ImportRun) -> Sequence[str]:
    """Return the fields without a column that new projects of a run need."""
    missing = select(RowError.column).where(RowError.import_id == run.id, RowError.code == "required-without-column")
    return sorted(filter(None, db.session.scalars(missing.distinct())))


def registers_again(run: ImportRun) -> bool:
    """Return whether rows of a dry run were rejected because they register former records again without a reason."""
    again = select(RowError.row).where(RowError.import_id == run.id, RowError.code.in_(FORMER_RECORD_CODES))
    return db.session.scalar(again.limit(1)) is not None


def needs_change_reason(run: ImportRun) -> bool:
    """Return whether a dry run would change what needs a reason on pages."""
    # A row that is the same as an earlier one of the file changes nothing.
    is_same = and_(PreviewedRow.answer == SAME, PreviewedRow.record.is_not(None))
    is_change = or_(PreviewedRow.outcome == "updated", is_same)
    changes = select(PreviewedRow.changes).where(PreviewedRow.import_id == run.id, is_change)
    if run.kind != ImportKind.PROJECTS or not (run.updated or run.unanswered):
        return False
    with closing(db.session.scalars(changes, execution_options={"yield_per": 1000})) as rows:
        return any(map(is_reason_required, rows))


def _visible(actor: Actor) -> Select[Any]:
    statement = select(ImportRun)
    return statement if actor.may(Permission.IMPORTS_READ_ALL) else statement.where(is_own(actor))


# The actor's runs, or all for an administrator.
IMPORT_LIST: Final = RecordList(
    name="imports", permission=Permission.IMPORTS_RUN, rows=_visible, unique=ImportRun.id.expression
)


def can_undo(actor: Actor, run: ImportRun) -> bool:
    """True for who ran the import, and for an administrator of its agency."""
    return run.is_of(actor) or _administers(actor, run)


def _administers(actor: Actor, run: ImportRun) -> bool:
    is_administrator = actor.role is Role.AGENCY_ADMINISTRATOR and run.agency_id is not None
    return is_administrator and not run.dry_run and may_act_for(actor, run.agency_id or 0)


def _may_see(actor: Actor, run: ImportRun) -> bool:
    return run.is_of(actor) or actor.may(Permission.IMPORTS_READ_ALL) or _administers(actor, run)


# Previews of dry runs: what each row would do, and which rules would flag it then.

NAMES: Final = ("name_ru", "name_kk", "name_en")
NOTHING: Final[Mapping[str, Any]] = {"is_restricted": False}


def row_preview(
    row: int,
    outcome: str,
    record: str | None,
    values: Mapping[str, Any],
    changes: Sequence[Mapping[str, Any]],
    question: str | None = None,
) -> dict[str, Any]:
    """Return a previewed row as it is stored."""
    name = next((values[each] for each in NAMES if values.get(each)), None)
    return {
        "row": row,
        "outcome": outcome,
        "record": record,
        "name": name,
        "changes": list(changes),
        "would_flag": [],
        "question": question,
    }


def rejected_rows(errors: Iterable[Mapping[str, Any]], chunk: Sequence[ImportRow]) -> list[dict[str, Any]]:
    """Return the previews of the rows with errors."""
    wrong = {error["row"] for error in errors}
    return [row_preview(row.row, "rejected", None, row.values, ()) for row in chunk if row.row in wrong]


class ProjectPreview:
    """Collects the rows of a chunk when the import is a dry run."""

    def __init__(self, is_dry_run: bool) -> None:
        self._is_dry_run = is_dry_run
        self._rows: list[dict[str, Any]] = []
        self._proposed: list[ProposedProject] = []

    def add(
        self,
        row: ImportRow,
        outcome: str,
        agency_id: int,
        record: Mapping[str, Any],
        before: Mapping[str, Any] | None,
        *,
        question: str | None = None,
        former: tuple[tuple[EarlierRevision, ...], ...] = (),
    ) -> None:
        """Add a row with the values that it would have, or that ``before`` would have if it is the project asked for.

        ``former``: the past of its former records.
        """
        if not self._is_dry_run:
            return
        number, project_id = (None, None) if before is None else (before["number"], before["id"])
        changes = differences(before or NOTHING, record)
        self._rows.append(row_preview(row.row, outcome, number, record, changes, question))
        self._proposed.append(ProposedProject(agency_id, project_id, record, former))

    def rows(self, errors: Iterable[Mapping[str, Any]], chunk: Sequence[ImportRow]) -> list[dict[str, Any]]:
        """Return all rows of the chunk in the order of the file, with the rules that would flag them."""
        for row, rules in zip(self._rows, rules_that_would_flag(self._proposed), strict=True):
            row["would_flag"] = rules
        asked = {row["row"] for row in self._rows}
        rejected = [row for row in rejected_rows(errors, chunk) if row["row"] not in asked]
        return sorted([*self._rows, *rejected], key=lambda row: row["row"])
