"""Import of projects: reads rows, compares them with registered projects, and writes them as single edits would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import select, true
from sqlalchemy.orm import aliased

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.locks import share_agencies
from registry.agencies.models import Agency
from registry.agencies.service import own_agencies
from registry.audits.verdicts import is_reason_required
from registry.core.bulk import table_of
from registry.core.database import db
from registry.core.dialects import is_among, is_one_of
from registry.core.errors import Problem
from registry.core.spreadsheets.cell_values import cell_fields, load_cells
from registry.core.spreadsheets.reader import Row
from registry.core.spreadsheets.row_errors import ImportResult, ImportRow
from registry.imports.agency_names import AgencyNames, own_bin
from registry.imports.previews import ProjectPreview
from registry.projects.bulk_writes import NewProject, ProjectChange, register_projects, update_projects
from registry.projects.fields import READ_ONLY, cross_field_problems
from registry.projects.models import CHANGEABLE, Project
from registry.projects.placement_claims import withdraw_confirmations
from registry.projects.revisions import differences
from registry.projects.schemas import ProjectRegistration

ROW: Final = ProjectRegistration()
FIELDS: Final = {"agency": ROW.inputs["agency"], **ROW.inputs}
COLUMNS: Final = (*FIELDS, *READ_ONLY)
REQUIRED_COLUMNS: Final = ("agency", "external_id")
# One transaction's round trips are shared by 1000 rows; other registrations wait for its numbers until it commits.
CHUNK: Final = 1000
NOTHING: Final[dict[str, Any]] = {**dict.fromkeys(CHANGEABLE), "is_restricted": False}
SUCCESSOR: Final = aliased(Agency)


class _Agency(NamedTuple):
    """An agency of the file: whether the actor may act for it, and who succeeded it if it is closed."""

    id: int
    is_own: bool
    successor: str | None


def _reason_problem(changes: Sequence[Mapping[str, Any]]) -> Problem:
    field = next(change["field"] for change in changes if is_reason_required([change]))
    return Problem(f"/{field}", "import-reason-required")


class ProjectImport:
    """The import of one file of projects for one actor.

    ``change_reason``: why, for the history. Without one, a row of an upload on a page that changes what needs a reason
    on pages is rejected.
    """

    def __init__(self, actor: Actor, columns: Sequence[str], dry_run: bool, change_reason: str | None = None) -> None:
        self.actor = actor
        self.dry_run = dry_run
        self.change_reason = change_reason
        self.needs_reason = actor.is_session and not dry_run and change_reason is None
        self.columns = columns
        self.places = {name: place for place, name in enumerate(columns) if name}
        self.agency_names = AgencyNames()
        self.own_bin = own_bin(actor) if "agency" not in self.places else None
        self.fields = cell_fields(columns, ROW, {"agency": self.agency_names.read_bin})
        self.seen: dict[tuple[str | None, ...], int] = {}

    def chunks(self, rows: Iterator[Row], done: int) -> Iterator[list[ImportRow]]:
        """Yield the rows after the first ``done`` in chunks. The keys of skipped rows are remembered."""
        incoming = map(self._read, rows)
        for _ in islice(incoming, done):
            pass
        while chunk := list(islice(incoming, CHUNK)):
            yield chunk

    def apply(self, chunk: Sequence[ImportRow]) -> ImportResult:
        """Write changed rows inside the open transaction; a dry run only reports them."""
        outcome = ImportResult()
        agencies = self._agencies({row.key[0] for row in chunk})
        good = []
        for row in chunk:
            problems = self._agency_problems(row, agencies) + row.problems
            if problems:
                self._reject(outcome, row, problems)
            else:
                good.append((agencies[row.key[0]].id, row))
        registered = self._registered([(agency_id, row.values["external_id"]) for agency_id, row in good])
        preview = ProjectPreview(self.dry_run)
        new: list[NewProject] = []
        changed: list[ProjectChange] = []
        for agency_id, row in good:
            before = registered.get((agency_id, row.values["external_id"]))
            if before is None:
                record = NOTHING | row.values
            elif before["is_restricted"] and not self.actor.may(Permission.RESTRICTED_READ):
                taken: dict[str, object] = {"external_id": row.key[1], "agency": row.key[0]}
                self._reject(outcome, row, [Problem("/external_id", "external-id-taken", taken)])
                continue
            elif before["withdrawn_at"] is not None:
                self._reject(outcome, row, [Problem("/external_id", "project-withdrawn", {"number": before["number"]})])
                continue
            else:
                record = before | row.values
            problems = [self._of_file(problem) for problem in cross_field_problems(record)]
            if problems:
                self._reject(outcome, row, problems)
            elif before is None:
                new.append(NewProject(agency_id, str(row.key[0]), record))
                outcome.created += 1
                preview.add(row, "created", agency_id, record, before)
            else:
                withdraw_confirmations(before, record)
                changes = differences(before, record)
                if self.needs_reason and is_reason_required(changes):
                    self._reject(outcome, row, [_reason_problem(changes)])
                elif changes:
                    changed.append(ProjectChange(record, changes))
                    outcome.updated += 1
                    preview.add(row, "updated", agency_id, record, before)
                else:
                    outcome.unchanged += 1
                    preview.add(row, "unchanged", agency_id, record, before)
        if self.dry_run:
            outcome.preview = preview.rows(outcome.errors, chunk)
        else:
            register_projects(self.actor, new)
            update_projects(self.actor, changed, "project.changed", reason=self.change_reason)
        return outcome

    def _reject(self, outcome: ImportResult, row: ImportRow, problems: Iterable[Problem]) -> None:
        outcome.reject(row.row, problems, {name: row.cells[place] for name, place in self.places.items()})

    def _of_file(self, problem: Problem) -> Problem:
        """Says of a missing value whether its column is missing."""
        is_missing = problem.code == "required" and problem.pointer[1:] not in self.places
        return Problem(problem.pointer, "required-without-column", problem.params) if is_missing else problem

    def _read(self, row: Row) -> ImportRow:
        values, problems = load_cells(row.cells, self.fields)
        wrong = {problem.pointer for problem in problems}
        agency = values.pop("agency", self.own_bin)
        if agency is None and "/agency" not in wrong:
            problems.insert(0, Problem("/agency", "required"))
        if row.surplus:
            problems.append(Problem("", "row-too-long", {"columns": len(self.columns), "surplus": row.surplus}))
        external_id = values.get("external_id")
        key = (agency, external_id)
        if external_id is None:
            if "/external_id" not in wrong:
                problems.append(Problem("/external_id", "required"))
        elif agency is not None and (first := self.seen.setdefault(key, row.number)) != row.number:
            problems.append(Problem("/external_id", "external-id-twice", {"row": first}))
        return ImportRow(row.number, key, values, problems, row.cells)

    def _agencies(self, bins: Iterable[str | None]) -> dict[str | None, _Agency]:
        """Map each BIN to the agency, as the open transaction sees it until its end."""
        named = is_among(Agency.bin.expression, [number for number in bins if number is not None])
        own = own_agencies(self.actor)
        is_own = true() if own is None else Agency.id.in_(own)
        successor = select(SUCCESSOR.bin).where(SUCCESSOR.id == Agency.successor_id).scalar_subquery()
        statement = select(Agency.bin, Agency.id, is_own, successor).where(named).order_by(Agency.id)
        if not self.dry_run:
            share_agencies(named)
            # As the foreign key will: nobody closes them, or changes their kind, until the chunk is written.
            statement = statement.with_for_update(of=Agency, read=True, key_share=True)
        rows = db.session.execute(statement).all()
        return {number: _Agency(agency_id, bool(acts_for), closed) for number, agency_id, acts_for, closed in rows}

    def _agency_problems(self, row: ImportRow, agencies: dict[str | None, _Agency]) -> list[Problem]:
        number = row.key[0]
        if number is None:
            return []
        if number not in agencies:
            return [Problem("/agency", "agency-unknown", {"bin": number})]
        agency = agencies[number]
        if agency.successor is not None:
            return [Problem("/agency", "agency-closed", {"bin": number, "successor": agency.successor})]
        return [] if agency.is_own else [Problem("/agency", "agency-not-yours", {"bin": number})]

    def _registered(self, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], dict[str, Any]]:
        """Map (agency id, external id) to the registered project, locked for update unless this is a dry run."""
        pairs = list(keys)
        if not pairs:
            return {}
        table = table_of(Project).c
        names = ("id", "number", "agency_id", "version", "withdrawn_at", *CHANGEABLE)
        statement = select(*(table[name] for name in names)).where(is_one_of(table.agency_id, table.external_id, pairs))
        if not self.dry_run:
            # Always in the same order, so that concurrent imports do not deadlock.
            statement = statement.order_by(Project.id).with_for_update(of=Project)
        rows = db.session.execute(statement)
        return {(row.agency_id, row.external_id): dict(zip(names, row, strict=True)) for row in rows}
