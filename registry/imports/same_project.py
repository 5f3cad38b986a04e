"""Whether a row of a table is a project that is registered already: what is asked before anything is overwritten.

A misread column makes another project of one that is registered. So a row that gives a project another name, or another
contract with another supplier, is a question, and so is a row without a key that resembles a registered project.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, Column, Select, bindparam, func, select, update

from registry.accounts.roles import Actor
from registry.core.database import db, table_of, transaction
from registry.core.dialects import is_among
from registry.core.errors import Conflict, Invalid, Problem
from registry.core.search import NAMES, project_words
from registry.core.values import comparable
from registry.imports.models import ANSWERS, SAME, ImportRun, ImportWrite, PreviewedRow, has_file
from registry.imports.queries import find_import, require_rows
from registry.projects.fingerprints import NAME_HASHES, ProjectFingerprint, exact_value, fingerprint
from registry.projects.models import Project
from registry.projects.similarity import SAME_NAME, Words, WordWeights, kept_name, name_similarity, words_of
from registry.projects.visibility import NOT_WITHDRAWN, visible_projects

# Answers to the questions of a dry run: whether a row is the registered project that it resembles, or a new one.

MAX_PROBLEMS: Final = 20
# In place of the number in an answer about an earlier row of the file.
NO_PROJECT: Final = "-"
ROW: Final = table_of(PreviewedRow).c


class AnswersNotPossible(Conflict):
    """The import is no finished dry run, or its file was imported or deleted since."""


def answer_questions(actor: Actor, import_id: int, answers: Mapping[int, str | None]) -> ImportRun:
    """Answer rows of a dry run with "same" or "new", or take an answer back (None). The others stay as they are.

    Raises ImportNotFound, AnswersNotPossible, and Invalid at ``/answers`` for rows without a question.
    """
    run = find_import(actor, import_id)
    require_rows(actor, run)
    with transaction() as session:
        session.refresh(run, with_for_update=True)
        if not run.dry_run or run.state != "done" or not has_file(run.id):
            raise AnswersNotPossible(id=run.id)
        asking = set(session.scalars(select(ROW.row).where(ROW.import_id == run.id, ROW.outcome == "question")))
        wrong = [row for row in answers if row not in asking][:MAX_PROBLEMS]
        if wrong:
            raise Invalid([Problem("/answers", "row-asks-nothing", {"row": row}) for row in wrong])
        if any(answer not in (None, *ANSWERS) for answer in answers.values()):
            raise Invalid([Problem("/answers", "answers-invalid")])
        if answers:
            statement = update(table_of(PreviewedRow)).values(answer=bindparam("_answer"))
            statement = statement.where(ROW.import_id == run.id, ROW.row == bindparam("_row"))
            rows = [{"_row": row, "_answer": answer} for row, answer in answers.items()]
            session.connection().execute(statement, rows)
    return run


def stored_answers(dry: ImportRun) -> dict[str, str]:
    """Row → answer for the import of a dry run: what was answered to its questions, else with its file.

    Each goes with the project that was asked for, so that another one is asked for again.
    """
    answers = dict(dry.answers or {})
    rows = select(ROW.row, ROW.answer, ROW.record).where(ROW.import_id == dry.id)
    if not answers:
        rows = rows.where(ROW.answer.is_not(None))
    for row, answer, record in db.session.execute(rows):
        if answer is not None:
            answers[str(row)] = bound_answer(answer, record)
        elif answers.get(str(row)) == SAME:
            answers[str(row)] = bound_answer(SAME, record)
    return answers


def bound_answer(answer: str, number: str | None) -> str:
    """Return an answer that counts for one project alone, None for an earlier row of the file."""
    return f"{answer} {number or NO_PROJECT}"


def answer_for(answer: str | None, number: str | None) -> str | None:
    """``same`` or ``new`` of an answer that counts for this project; None for one that was given for another."""
    word, _, project = (answer or "").partition(" ")
    return word if word and project in ("", number or NO_PROJECT) else None


def same_as(answer: str | None) -> str | None:
    """Return the number of the project that a row is by its answer; None without one that names a project."""
    word, _, project = (answer or "").partition(" ")
    return project if word == SAME and project not in ("", NO_PROJECT) else None


# From this similarity on, a row without a key may be a registered project.
NEAR_NAME: Final = 0.68
CONTRACT: Final = ("contract_number", "supplier_bin")
PROJECT: Final = table_of(Project).c
WRITE: Final = table_of(ImportWrite).c
# How many names are compared word by word, and how many of those with one word in common are looked at.
MAX_COMPARED: Final = 40
MAX_WITH_HASH: Final = 400

Contract = tuple[str | None, ...]


class NamedProject(NamedTuple):
    """A registered project of which a row may have the name."""

    number: str
    external_id: str | None


class RegisteredProject(NamedTuple):
    """A registered project as rows without a key are compared with it. ``hashes``: of its names, as ``NAME_HASHES``."""

    number: str
    names: Mapping[str, str]
    contract: Contract | None
    hashes: Sequence[int | None]


def name_key(name: str) -> int:
    """Return what stands for a name among all of a file and a register, in an eighth of its memory: 64 bits, the same
    for two spellings of the same words.
    """
    return hash(comparable(name))


def newest_of_name(
    projects: list[NamedProject], name: int, names_of: Callable[[str | None], Collection[int]]
) -> NamedProject | None:
    """Return the newest of the projects of a name to which the file gives no row of this name; ``names_of``: the keys
    of the names that it gives to the project with a reference.

    The newest: an answer that was given before it was registered counts for an older one. Projects that have a row
    keep it, and are not looked at again: a file may have thousands of one name.
    """
    while projects and name in names_of(projects[-1].external_id):
        projects.pop()
    return projects[-1] if projects else None


class AgencyProjects:
    """The registered projects of one agency, by what a row without a key may have in common with them."""

    def __init__(self, projects: Sequence[RegisteredProject]) -> None:
        self.projects = projects
        self.by_contract: dict[Contract | None, RegisteredProject] = {each.contract: each for each in projects}
        self._by_hash: defaultdict[tuple[str, int | None], list[RegisteredProject]] = defaultdict(list)
        for each in projects:
            for key in zip(NAME_HASHES, each.hashes, strict=True):
                self._by_hash[key].append(each)
        self._words: dict[str, Mapping[str, Words]] = {}

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """Word → weight: the less, the more of the projects have it in their names."""
        return WordWeights(Counter(word for project in self.projects for word in _all_words(project.names)))

    def near(self, values: Mapping[str, Any]) -> RegisteredProject | None:
        """Return the project with the nearest name, None when no name is near."""
        hashes = fingerprint(values, project_words(values))
        near: dict[str, RegisteredProject] = {}
        counts: Counter[str] = Counter()
        for place in NAME_HASHES:
            value = hashes[place]
            for project in self._by_hash.get((place, value), [])[:MAX_WITH_HASH] if value is not None else ():
                near[project.number] = project
                counts[project.number] += 1
        names = words_of(_names(values))
        scored = [
            (name_similarity(names, self._words_of_project(near[number]), self.weights), number)
            for number, _count in counts.most_common(MAX_COMPARED)
        ]
        score, number = max(scored, default=(0.0, ""))
        return near[number] if score >= NEAR_NAME else None

    def _words_of_project(self, project: RegisteredProject) -> Mapping[str, Words]:
        if project.number not in self._words:
            self._words[project.number] = words_of(project.names)
        return self._words[project.number]


class SameProject:
    """Compares the rows of one import with the registered projects, which are read once for each agency.

    What the import itself has registered is no registered project, also after it was interrupted: rows that repeat
    earlier ones are asked for as such.
    """

    def __init__(self, actor: Actor, run_id: int) -> None:
        self._actor = actor
        # The keys of the names of the agencies that were read; the projects of those where a row has one.
        self._named: set[int] = set()
        self._names: set[int] = set()
        self._by_name: dict[int, defaultdict[int, list[NamedProject]]] = {}
        self._agencies: dict[int, AgencyProjects] = {}
        self._read_to = 0
        self._rows: dict[tuple[str | None, int], int] = {}
        self._contracts: dict[tuple[str | None, Contract], tuple[int, Mapping[str, Words]]] = {}
        # Looked up for each project, whatever PostgreSQL takes the import to have written so far.
        own = select(WRITE.version).where(WRITE.import_id == run_id, WRITE.number == PROJECT.number)
        self._is_of_others = func.coalesce(own.scalar_subquery(), 0) != 1

    def of_agency(self, agency_id: int) -> AgencyProjects:
        """Return the registered projects of an agency that the actor may see, without withdrawn ones."""
        if agency_id not in self._agencies:
            kept = table_of(ProjectFingerprint).c
            columns = [PROJECT.number, *(PROJECT[name] for name in (*NAMES, *CONTRACT))]
            statement = self._registered([agency_id], [*columns, *(kept[name] for name in NAME_HASHES)])
            statement = statement.outerjoin(table_of(ProjectFingerprint), kept.project_id == PROJECT.id)
            rows = map(dict, db.session.execute(statement).mappings())
            self._agencies[agency_id] = AgencyProjects(
                [
                    RegisteredProject(row["number"], _names(row), _contract(row), [row[name] for name in NAME_HASHES])
                    for row in rows
                ]
            )
        return self._agencies[agency_id]

    def forget_what_changed(self) -> None:
        """Have the agencies read again in which others have registered projects since: ids follow the commits."""
        newest = db.session.execute(select(func.max(PROJECT.id))).scalar_one() or 0
        if self._named or self._agencies:
            # In the text of the statement: of a parameter, PostgreSQL takes it for a third of the projects.
            read_to: BindParameter[int] = bindparam("read_to", self._read_to, literal_execute=True)
            since = select(PROJECT.agency_id).where(PROJECT.id > read_to, self._is_of_others).distinct()
            for agency_id in db.session.execute(since).scalars():
                self._named.discard(agency_id)
                self._by_name.pop(agency_id, None)
                self._agencies.pop(agency_id, None)
        self._read_to = newest

    def read_names(self, agency_ids: Iterable[int]) -> None:
        """Read the names of the projects of these agencies, unless they are known, in one statement."""
        unknown = set(agency_ids) - self._named
        if unknown:
            self._named |= unknown
            for names in db.session.execute(self._registered(unknown, [PROJECT[name] for name in NAMES])):
                self._names.update(map(name_key, filter(None, names)))

    def _projects_of_name(self, agency_id: int, name: int) -> list[NamedProject]:
        """Return the projects of an agency with a name, by its key. Few names of a file are registered: only then are
        the agency's projects kept, which take five times the memory of their names.
        """
        if name not in self._names:
            return []
        if agency_id not in self._by_name:
            by_name = self._by_name[agency_id] = defaultdict(list)
            columns = [PROJECT[column] for column in ("number", "external_id", *NAMES)]
            for number, external_id, *names in db.session.execute(self._registered([agency_id], columns)):
                project = NamedProject(number, external_id)
                for each in filter(None, names):
                    by_name[name_key(each)].append(project)
        return self._by_name[agency_id][name]

    def _registered(self, agency_ids: Iterable[int], columns: Sequence[Column[Any]]) -> Select[Any]:
        """Return these columns of the registered projects of agencies, oldest first, without those of this import."""
        of_agencies = is_among(PROJECT.agency_id, sorted(agency_ids))
        seen = (NOT_WITHDRAWN, *visible_projects(self._actor), self._is_of_others)
        return select(*columns).select_from(table_of(Project)).where(of_agencies, *seen).order_by(PROJECT.id)

    def change_problem(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Problem | None:
        """Return the question that a change of a registered project asks; None when it is plainly the same project."""
        params: dict[str, object] = {"number": before["number"]}
        changed = [name for name in NAMES if before[name] != after[name]]
        if changed:
            weights = self.of_agency(before["agency_id"]).weights
            if kept_name(before, after, weights) < SAME_NAME:
                return Problem(f"/{changed[0]}", "row-changes-name", params)
        if all(before[name] is not None and before[name] != after[name] for name in CONTRACT):
            return Problem("/contract_number", "row-changes-contract", params)
        return None

    def repeated_row(self, agency: str | None, row: int, values: Mapping[str, Any]) -> Problem | None:
        """Return the question of a row without a key whose name an earlier row of the file has, or whose contract with
        a similar name: a further lot. ``agency``: its BIN.
        """
        for field, name in _names(values).items():
            first = self._rows.setdefault((agency, name_key(name)), row)
            if first != row:
                return Problem(f"/{field}", "row-repeats-row", {"row": first})
        contract = _contract(values)
        if contract is None:
            return None
        names = words_of(_names(values))
        first, known = self._contracts.setdefault((agency, contract), (row, names))
        is_lot = first != row and name_similarity(names, known, WordWeights()) >= NEAR_NAME
        return Problem("/contract_number", "row-has-contract-of-row", {"row": first}) if is_lot else None

    def resembled_project(
        self,
        agency_id: int,
        values: Mapping[str, Any],
        names_of: Callable[[str | None], Collection[int]],
        *,
        has_key: bool,
    ) -> Problem | None:
        """Return the question of a row that may be a registered project.

        With a reference of its own, that no project has, it asks only for a project of exactly its name; without one,
        also for one of a similar name or on the same contract. ``names_of``: the keys of the names that the file gives
        to the project with a reference: of two projects that bear one name before and after, neither is the other.
        """
        self.read_names([agency_id])
        for field, name in reversed(_names(values).items()):
            key = name_key(name)
            project = newest_of_name(self._projects_of_name(agency_id, key), key, names_of)
            if project is not None:
                return Problem(f"/{field}", "row-has-name-of-project", {"number": project.number})
        if has_key:
            return None
        projects, contract = self.of_agency(agency_id), _contract(values)
        if contract is not None and contract in projects.by_contract:
            number = projects.by_contract[contract].number
            return Problem("/contract_number", "row-has-contract-of-project", {"number": number})
        near = projects.near(values)
        if near is not None:
            return Problem(f"/{_named_field(values)}", "row-resembles-project", {"number": near.number})
        return None


def _names(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: values[name] for name in NAMES if values.get(name)}


def _named_field(values: Mapping[str, Any]) -> str:
    return next((name for name in ("name_ru", *NAMES) if values.get(name)), "name_ru")


def _contract(values: Mapping[str, Any]) -> Contract | None:
    contract = tuple(exact_value(name, values.get(name)) for name in CONTRACT)
    return None if None in contract else contract


def _all_words(names: Mapping[str, str]) -> Iterable[str]:
    return {word for words in words_of(names).values() for word in words}
