"""Import of projects: reads rows, compares them with registered projects, and writes them as single edits would."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import aliased

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.service import lock_agencies_for_import, own_agencies, share_agencies
from registry.audits.verdicts import is_reason_required
from registry.core.database import db, require_transaction, table_of
from registry.core.dialects import insert_rows, is_among, is_one_of
from registry.core.errors import Problem
from registry.core.search import NAMES
from registry.core.spreadsheets.reader import Row
from registry.core.spreadsheets.rows import CellReader, ImportResult, ImportRow, cell_fields, load_cells
from registry.imports.agencies import AgencyNames, own_bin
from registry.imports.models import NEW, SAME, ImportRun, ImportWrite, PreviewedRow, RowError
from registry.imports.queries import ProjectPreview
from registry.imports.same_project import SameProject, answer_for, name_key, same_as
from registry.projects.bulk_writes import NOTHING, NewProject, ProjectChange, register_projects, update_projects
from registry.projects.edits import Names, names_decided_on, other_name_problem, withdraw_confirmations
from registry.projects.fields import READ_ONLY, cross_field_problems, total_of_years, with_changes
from registry.projects.former_records import former_records_of, reason_problem, without_hidden
from registry.projects.models import CHANGEABLE, Project, is_project_number
from registry.projects.revisions import differences
from registry.projects.schemas import ProjectRow

ROW: Final = ProjectRow()
FIELDS: Final = {"agency": ROW.inputs["agency"], **ROW.inputs}
COLUMNS: Final = (*FIELDS, *READ_ONLY)
REQUIRED_COLUMNS: Final = ("agency",)
# What tells projects apart: the number in the register, the agency's own reference, else a name.
KEY_COLUMNS: Final = ("number", "external_id", "name_ru", "name_kk", "name_en")
NUMBER_PREFIX: Final = "QT-"
# One transaction's round trips are shared by 1000 rows; other registrations wait for its numbers until it commits.
CHUNK: Final = 1000
SUCCESSOR: Final = aliased(Agency)
RUN: Final = table_of(ImportRun).c
PREVIEWED: Final = table_of(PreviewedRow).c
NO_ANSWERS: Final[Mapping[int, str]] = {}


class _Agency(NamedTuple):
    """An agency of the file: whether the actor may act for it, and who succeeded it if it is closed."""

    id: int
    kind: str
    is_own: bool
    successor: str | None


def _reason_problem(changes: Sequence[Mapping[str, Any]]) -> Problem:
    field = next(change["field"] for change in changes if is_reason_required([change]))
    return Problem(f"/{field}", "import-reason-required")


class _Registered(NamedTuple):
    """The registered projects of a chunk, by agency and external id, and by number."""

    by_key: Mapping[tuple[int, str], dict[str, Any]]
    by_number: Mapping[str, dict[str, Any]]


class ProjectImport:
    """The import of one file of projects for one actor.

    A row is matched by the project's number in the register, else by the agency's own reference. One that would make
    another project of the matched one, or that resembles a registered project without being matched, is a question
    (``same_project.py``): it is written only with an answer. ``answers``: row → "same" or "new", with the number of
    the project that was asked for, where one was. ``run_id`` makes references of new projects that have none.
    ``readers`` read the cells of some fields, and ``of_new`` has the choices of new projects in fields without a
    column (``values.py``).

    ``change_reason``: why, for the history. Without one, a row of an upload on a page that changes what needs a reason
    on pages is rejected.
    """

    def __init__(
        self,
        actor: Actor,
        columns: Sequence[str],
        dry_run: bool,
        change_reason: str | None = None,
        *,
        run_id: int = 0,
        answers: Mapping[int, str] = NO_ANSWERS,
        readers: Mapping[str, CellReader] | None = None,
        of_new: Mapping[str, str] | None = None,
    ) -> None:
        self.actor = actor
        self.dry_run = dry_run
        self.change_reason = change_reason
        self.needs_reason = actor.is_session and not dry_run and change_reason is None
        self.columns = columns
        self.places = {name: place for place, name in enumerate(columns) if name}
        self.nothing = NOTHING | {name: code for name, code in (of_new or {}).items() if name not in self.places}
        self.agency_names = AgencyNames()
        self.own_bin = own_bin(actor) if "agency" not in self.places else None
        self.fields = cell_fields(columns, ROW, {**(readers or {}), "agency": self.agency_names.read_bin})
        self.run_id = run_id
        self.answers = answers
        self.same_project = SameProject(actor, run_id)
        # The hash of the key of each row, in half of its memory, with the row's number and the keys of its names.
        self.seen: dict[int, tuple[int, ...]] = {}
        # Project id → the row that it was matched with: two keys can name one project.
        self.matched: dict[int, int] = {}

    def chunks(self, rows: Iterator[Row], done: int) -> Iterator[list[ImportRow]]:
        """Yield the rows after the first ``done`` in chunks. The keys and names of skipped rows are remembered."""
        incoming = map(self._read, rows)
        for row in islice(incoming, done):
            if not row.problems and row.key[1:] == (None, None):
                self.same_project.repeated_row(row.key[0], row.row, row.values)
        yield from iter(lambda: list(islice(incoming, CHUNK)), [])

    def apply(self, chunk: Sequence[ImportRow]) -> ImportResult:
        """Write changed rows inside the open transaction; a dry run only reports them."""
        outcome = ImportResult()
        agencies = self._agencies({row.key[0] for row in chunk})
        self.same_project.forget_what_changed()
        good = []
        for row in chunk:
            problems = self._agency_problems(row, agencies) + row.problems
            if problems:
                self._reject(outcome, row, problems)
            else:
                good.append((agencies[row.key[0]].id, row))
        questions = self._resembled(good)
        registered = self._registered(good, questions)
        matched = self._matched_by_dry_run(chunk)
        decided = names_decided_on([project["id"] for project in registered.by_number.values()])
        preview = ProjectPreview(self.dry_run)
        new: list[tuple[ImportRow, dict[str, Any]]] = []
        changed: list[ProjectChange] = []
        for agency_id, row in good:
            before, problem = self._match(agency_id, row, registered)
            if problem is not None:
                self._reject(outcome, row, [problem])
                continue
            question = questions.get(row.row)
            if before is not None:
                question = self.same_project.change_problem(before, before | _given(row))
            stored = self.answers.get(row.row)
            meant = same_as(stored) or matched.get(row.row)
            if question is None and meant is not None and (before is None or before["number"] != meant):
                self._reject(outcome, row, [Problem("", "row-answer-outdated", {"number": meant})])
                continue
            if question is not None:
                asked = before or registered.by_number.get(str(question.params.get("number")))
                if asked is not None and not self._is_open(agency_id, asked):
                    self._reject(outcome, row, [Problem("", "row-project-not-of-agency", {"number": asked["number"]})])
                    continue
                answer = answer_for(stored, None if asked is None else asked["number"])
                if answer == NEW:
                    before = None
                elif answer == SAME:
                    if asked is None:
                        first = int(str(question.params["row"]))
                        if self._is_rejected(outcome, first):
                            self._reject(outcome, row, [Problem("", "row-same-as-rejected", {"row": first})])
                            continue
                        # The earlier row of the file has registered it.
                        outcome.unchanged += 1
                        preview.add(row, "unchanged", agency_id, NOTHING | _given(row), None)
                        continue
                    before = asked
                else:
                    record = with_changes(asked or self.nothing, _given(row))
                    # Who answers sees at once what is wrong with the row as the same project.
                    as_same = self._problems(asked, record, decided) if self.dry_run and asked is not None else []
                    self._reject(outcome, row, [question, *as_same])
                    outcome.unanswered += 1
                    preview.add(row, "question", agency_id, record, asked, question=question.code)
                    continue
            if before is None:
                record = self.nothing | row.values | {"external_id": self._reference(agency_id, row, registered)}
                # As on the form.
                record["budget_kzt"] = total_of_years(record) if record["budget_kzt"] is None else record["budget_kzt"]
            else:
                first = self.matched.setdefault(before["id"], row.row)
                if first != row.row:
                    twice: dict[str, object] = {"number": before["number"], "row": first}
                    self._reject(outcome, row, [Problem("", "project-twice-in-file", twice)])
                    continue
                record = with_changes(before, _given(row))
            problems = [self._of_file(problem) for problem in self._problems(before, record, decided)]
            if problems:
                self._reject(outcome, row, problems)
            elif before is None:
                new.append((row, record))
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
        to_register = self._with_former(outcome, agencies, new, preview)
        if self.dry_run:
            outcome.preview = preview.rows(outcome.errors, chunk)
        else:
            written = [(number, 1) for number in register_projects(self.actor, to_register)]
            update_projects(self.actor, changed, "project.changed", reason=self.change_reason)
            written += [(change.values["number"], change.values["version"] + 1) for change in changed]
            rows = [{"import_id": self.run_id, "number": number, "version": version} for number, version in written]
            insert_rows(require_transaction(), ImportWrite, rows)
        return outcome

    @staticmethod
    def _problems(
        before: Mapping[str, Any] | None, record: Mapping[str, Any], decided: Mapping[int, Names]
    ) -> list[Problem]:
        """Return what is wrong with a row as this project, None for a new one."""
        name = None if before is None else other_name_problem(decided.get(before["id"]), before, record)
        return cross_field_problems(record) if name is None else [*cross_field_problems(record), name]

    def _with_former(
        self,
        outcome: ImportResult,
        agencies: Mapping[str | None, _Agency],
        new: Sequence[tuple[ImportRow, dict[str, Any]]],
        preview: ProjectPreview,
    ) -> list[NewProject]:
        """Return the new projects with their former records; rows that do not say why they register one again are
        rejected.
        """
        former = former_records_of([(agencies[row.key[0]].id, record) for row, record in new])
        accepted = []
        for (row, record), matches in zip(new, former, strict=True):
            problem = reason_problem(self.actor, matches)
            if problem is not None and self.change_reason is None:
                self._reject(outcome, row, [Problem("", problem.code, problem.params)])
                continue
            reason = None if problem is None else self.change_reason
            agency = agencies[row.key[0]]
            accepted.append(NewProject(agency.id, str(row.key[0]), agency.kind, record, matches, reason))
            outcome.created += 1
            pasts = tuple(each.past for each in without_hidden(self.actor, matches))
            preview.add(row, "created", agency.id, record, None, former=pasts)
        return accepted

    def _matched_by_dry_run(self, chunk: Sequence[ImportRow]) -> dict[int, str]:
        """Row → the project that its key named in the dry run which is imported: it becomes no new one meanwhile."""
        if self.dry_run or not chunk:
            return {}
        dry_run = select(RUN.dry_run_id).where(RUN.id == self.run_id).scalar_subquery()
        rows = (PREVIEWED.row >= min(row.row for row in chunk), PREVIEWED.row <= max(row.row for row in chunk))
        matched = (PREVIEWED.import_id == dry_run, *rows, PREVIEWED.outcome.in_(("updated", "unchanged")))
        statement = select(PREVIEWED.row, PREVIEWED.record).where(*matched, PREVIEWED.record.is_not(None))
        return {row: number for row, number in db.session.execute(statement) if number is not None}

    def _is_rejected(self, outcome: ImportResult, row: int) -> bool:
        """Return whether an earlier row was rejected, in this chunk or before."""
        before = select(RowError.id).where(RowError.import_id == self.run_id, RowError.row == row).limit(1)
        return any(error["row"] == row for error in outcome.errors) or db.session.execute(before).first() is not None

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
        external_id, number = values.get("external_id"), self._number(row)
        if number is not None and not is_project_number(number):
            problems.append(Problem("/number", "project-unknown", {"number": number}))
        elif number is not None and (first := self.seen.setdefault(hash(number), (row.number,))[0]) != row.number:
            problems.append(Problem("/number", "project-twice-in-file", {"number": number, "row": first}))
        if external_id is not None and agency is not None:
            names = (name_key(values[name]) for name in NAMES if values.get(name))
            first = self.seen.setdefault(hash((agency, external_id)), (row.number, *names))[0]
            if first != row.number:
                problems.append(Problem("/external_id", "external-id-twice", {"row": first}))
        return ImportRow(row.number, (agency, external_id, number), values, problems, row.cells)

    def _number(self, row: Row) -> str | None:
        """Return the number in the register; None for other numbers, such as those of rows, which are left alone."""
        place = self.places.get("number")
        text = "" if place is None else row.cells[place].strip().upper()
        return text if text.startswith(NUMBER_PREFIX) else None

    def _resembled(self, good: Sequence[tuple[int, ImportRow]]) -> dict[int, Problem]:
        """Row → the question of a row that no key matches with a registered project."""
        keys = [(agency_id, row.key[1]) for agency_id, row in good if row.key[1] is not None and row.key[2] is None]
        known = self._known(keys)
        unmatched = [
            (agency_id, row) for agency_id, row in good if row.key[2] is None and (agency_id, row.key[1]) not in known
        ]
        self.same_project.read_names(agency_id for agency_id, _ in unmatched)
        questions = {}
        for agency_id, row in unmatched:
            agency, external_id, _ = row.key

            def names_of(reference: str | None, agency: str | None = agency) -> Collection[int]:
                return self.seen.get(hash((agency, reference)), ())[1:]

            has_key = external_id is not None
            question = self.same_project.resembled_project(agency_id, row.values, names_of, has_key=has_key)
            if not has_key:
                repeated = self.same_project.repeated_row(agency, row.row, row.values)
                question = question or repeated
            if question is not None:
                questions[row.row] = question
        return questions

    def _match(
        self, agency_id: int, row: ImportRow, registered: _Registered
    ) -> tuple[dict[str, Any] | None, Problem | None]:
        """Return the registered project that a key of the row names, or the problem of that key."""
        agency, external_id, number = row.key
        owner = None if external_id is None else registered.by_key.get((agency_id, external_id))
        before, pointer = owner, "/external_id"
        if number is not None:
            before, pointer = registered.by_number.get(number), "/number"
            if before is None or before["agency_id"] != agency_id or not self._may_see(before):
                return None, Problem(pointer, "row-project-not-of-agency", {"number": number})
        if owner is not None and (owner is not before or not self._may_see(owner)):
            taken: dict[str, object] = {"external_id": external_id, "agency": agency}
            return None, Problem("/external_id", "external-id-taken", taken)
        if before is not None and before["withdrawn_at"] is not None:
            return None, Problem(pointer, "project-withdrawn", {"number": before["number"]})
        return before, None

    def _is_open(self, agency_id: int, project: Mapping[str, Any]) -> bool:
        """Return whether a project that was compared earlier is still one of the agency, and not withdrawn."""
        return project["agency_id"] == agency_id and project["withdrawn_at"] is None and self._may_see(project)

    def _may_see(self, project: Mapping[str, Any]) -> bool:
        return not project["is_restricted"] or self.actor.may(Permission.RESTRICTED_READ)

    def _reference(self, agency_id: int, row: ImportRow, registered: _Registered) -> str | None:
        """Return the reference of a new project: that of the row, else one that is made of the import and the row."""
        external_id = row.key[1]
        if external_id is not None and (agency_id, external_id) not in registered.by_key:
            return external_id
        # A dry run writes nothing, and the import that follows has another number.
        return None if self.dry_run else f"IMP-{self.run_id}-{row.row}"

    def _agencies(self, bins: Iterable[str | None]) -> dict[str | None, _Agency]:
        """Map each BIN to the agency, as the open transaction sees it until its end."""
        named = is_among(Agency.bin.expression, [number for number in bins if number is not None])
        own = own_agencies(self.actor)
        is_own = true() if own is None else Agency.id.in_(own)
        successor = select(SUCCESSOR.bin).where(SUCCESSOR.id == Agency.successor_id).scalar_subquery()
        statement = select(Agency.bin, Agency.id, Agency.kind, is_own, successor).where(named).order_by(Agency.id)
        if not self.dry_run:
            # One import at a time compares its rows with the projects of an agency and registers others.
            lock_agencies_for_import(named)
            share_agencies(named)
            # As the foreign key will: nobody closes them, or changes their kind, until the chunk is written.
            statement = statement.with_for_update(of=Agency, read=True, key_share=True)
        rows = db.session.execute(statement)
        return {number: _Agency(key, kind, bool(acts_for), closed) for number, key, kind, acts_for, closed in rows}

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

    def _known(self, pairs: Sequence[tuple[int, str]]) -> set[tuple[int, str | None]]:
        """Return those of the pairs of agency id and external id that a project has."""
        if not pairs:
            return set()
        table = table_of(Project).c
        taken = select(table.agency_id, table.external_id).where(is_one_of(table.agency_id, table.external_id, pairs))
        return {(agency_id, external_id) for agency_id, external_id in db.session.execute(taken)}

    def _registered(self, good: Sequence[tuple[int, ImportRow]], questions: Mapping[int, Problem]) -> _Registered:
        """Return the projects that rows name or resemble, locked for update unless this is a dry run."""
        table = table_of(Project).c
        pairs = [(agency_id, row.key[1]) for agency_id, row in good if row.key[1] is not None]
        asked = (question.params.get("number") for question in questions.values())
        numbers = {*(row.key[2] for _, row in good), *asked} - {None}
        by_key = self._projects(is_one_of(table.agency_id, table.external_id, pairs)) if pairs else []
        by_number = self._projects(is_among(table.number, sorted(map(str, numbers)))) if numbers else []
        # One object for one project, however it was found.
        projects = {project["id"]: project for project in (*by_number, *by_key)}
        return _Registered(
            {(project["agency_id"], project["external_id"]): project for project in projects.values()},
            {project["number"]: project for project in projects.values()},
        )

    def _projects(self, condition: ColumnElement[bool]) -> list[dict[str, Any]]:
        table = table_of(Project).c
        names = ("id", "number", "agency_id", "version", "withdrawn_at", *CHANGEABLE)
        statement = select(*(table[name] for name in names)).where(condition)
        if not self.dry_run:
            # Always in the same order, so that concurrent imports do not deadlock.
            statement = statement.order_by(Project.id).with_for_update(of=Project)
        return [dict(zip(names, row, strict=True)) for row in db.session.execute(statement)]


def _given(row: ImportRow) -> dict[str, Any]:
    """Return the values that a row gives to a registered project: an empty cell takes no reference away."""
    return {name: value for name, value in row.values.items() if name != "external_id" or value is not None}
