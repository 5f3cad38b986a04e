"""Import of agencies: parents before their children, whatever the order in the file; each row is one edit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import aliased

from registry.accounts.roles import Actor
from registry.agencies.fields import CHANGEABLE, AgencyFields
from registry.agencies.models import Agency
from registry.agencies.service import (
    agency_to_change,
    approval_problems,
    change_agency,
    missing_field_problems,
    register_agency,
)
from registry.core.database import db
from registry.core.errors import Invalid, Problem
from registry.core.fields import LENGTH
from registry.core.spreadsheets.reader import Row
from registry.core.spreadsheets.rows import CellReader, ImportResult, ImportRow, cell_fields, load_row
from registry.core.values import MAX_LOST_ZEROS, InvalidValue, comparable, read_digits
from registry.imports.queries import rejected_rows, row_preview

# Agencies in tables: by BIN or by name.

MIN_LETTERS: Final = 3


def own_bin(actor: Actor) -> str | None:
    """Return the BIN of the actor's agency, None for an actor without one."""
    if actor.agency_id is None:
        return None
    return db.session.scalar(select(Agency.bin).where(Agency.id == actor.agency_id))


class AgencyNames:
    """The agencies by their names in three languages, read when a table first names one."""

    def read_bin(self, text: str) -> str | None:
        """Return the BIN that a cell has, or that of the agency that it names; None for a blank one.

        Raises InvalidValue for a name that no agency, or several, have.
        """
        number = read_digits(text, LENGTH, MAX_LOST_ZEROS)
        if sum(letter.isalpha() for letter in number) < MIN_LETTERS or any(digit in number for digit in "0123456789"):
            return number or None
        bins = self._bins.get(comparable(text), set())
        if not bins:
            raise InvalidValue("agency-name-unknown")
        if len(bins) > 1:
            raise InvalidValue("agency-name-ambiguous")
        return min(bins)

    @cached_property
    def _bins(self) -> dict[str, set[str]]:
        bins: dict[str, set[str]] = {}
        for number, *names in db.session.execute(select(Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en)):
            for name in names:
                if name is not None:
                    bins.setdefault(comparable(name), set()).add(number)
        return bins


ROW: Final = AgencyFields()
FIELDS: Final = ROW.inputs
COLUMNS: Final = (*FIELDS, "version")
REQUIRED_COLUMNS: Final = ("bin",)
CHUNK: Final = 500


class AgencyImport:
    """The import of one file of agencies for one actor."""

    def __init__(
        self,
        actor: Actor,
        columns: Sequence[str],
        dry_run: bool,
        run_id: int,
        readers: Mapping[str, CellReader],
    ) -> None:
        self.actor = actor
        self.dry_run = dry_run
        self.run_id = run_id
        self.columns = columns
        self.places = {name: place for place, name in enumerate(columns) if name}
        self.fields = cell_fields(columns, ROW, readers)
        self.seen: dict[str, int] = {}
        # Registered agencies and those added by this run: a dry run writes nothing but must resolve its parents.
        self.known: dict[str, dict[str, Any]] = {}

    def chunks(self, rows: Iterator[Row], done: int) -> Iterator[list[ImportRow]]:
        """Yield the rows after the first ``done``, parents first, in an order that depends on the file alone."""
        if self.dry_run:
            self.known = _registered()
        ordered = iter(parents_first([self._read(row) for row in rows]))
        passed = list(islice(ordered, done))
        if self.dry_run:
            for row in passed:
                self._judge(row)
        while chunk := list(islice(ordered, CHUNK)):
            yield chunk

    def apply(self, chunk: Sequence[ImportRow]) -> ImportResult:
        """Write changed rows inside the open transaction; a dry run only reports them."""
        outcome = ImportResult()
        if not self.dry_run:
            self.known = _registered()
        for row in chunk:
            before = self.known.get(str(row.key[0]))
            problems = self._judge(row)
            if not problems and not self.dry_run:
                try:
                    self._write(row, before is None)
                except Invalid as error:
                    problems = list(error.problems)
            if problems:
                cells = {name: row.cells[place] for name, place in self.places.items()}
                outcome.reject(row.row, problems, cells)
                continue
            changes = [
                {"field": name, "old": (before or {}).get(name), "new": value}
                for name, value in row.values.items()
                if (before or {}).get(name) != value
            ]
            kind = "created" if before is None else "updated" if changes else "unchanged"
            setattr(outcome, kind, getattr(outcome, kind) + 1)
            if self.dry_run:
                number = None if before is None else str(row.key[0])
                outcome.preview.append(row_preview(row.row, kind, number, row.values, changes))
        if self.dry_run:
            outcome.preview += rejected_rows(outcome.errors, chunk)
        return outcome

    def _write(self, row: ImportRow, new: bool) -> None:
        if new:
            register_agency(self.actor, row.values)
        else:
            changes = {name: value for name, value in row.values.items() if name != "bin"}
            # By which an undo finds the values of before.
            change_agency(self.actor, agency_to_change(str(row.key[0])), changes, details={"import": self.run_id})

    def _judge(self, row: ImportRow) -> list[Problem]:
        """Validate the row against the current tree; a valid row becomes part of it."""
        if row.problems:
            return row.problems
        number = str(row.key[0])
        agency = self.known.get(number, dict.fromkeys(FIELDS)) | row.values
        problems = missing_field_problems(agency) + self._closed_problems(number, agency["parent_bin"])
        above = agency["parent_bin"]
        if above is not None and above not in self.known and above != number:
            problems.append(Problem("/parent_bin", "agency-unknown", {"bin": above}))
        while above is not None and above != number:
            above = self.known[above]["parent_bin"] if above in self.known else None
        if above == number:
            problems.append(Problem("/parent_bin", "parent-below-itself"))
        if not problems and (known := self.known.get(number)) is not None:
            problems += approval_problems(name for name, value in row.values.items() if known.get(name) != value)
        if not problems:
            self.known[number] = agency
        return problems

    def _closed_problems(self, number: str, parent: str | None) -> list[Problem]:
        """Return the problems of changing a closed agency, or of naming one as the parent."""
        return [
            Problem(pointer, "agency-closed", {"bin": closed, "successor": self.known[closed]["successor_bin"]})
            for pointer, closed in (("/bin", number), ("/parent_bin", parent))
            if closed in self.known and self.known[closed].get("successor_bin") is not None
        ]

    def _read(self, row: Row) -> ImportRow:
        values, problems = load_row(row, self.columns, self.fields)
        number = values.get("bin")
        if number is None:
            if not any(problem.pointer == "/bin" for problem in problems):
                problems.append(Problem("/bin", "required"))
        elif (first := self.seen.setdefault(number, row.number)) != row.number:
            problems.append(Problem("/bin", "bin-twice", {"row": first}))
        return ImportRow(row.number, (number,), values, problems, row.cells)


def parents_first(rows: Sequence[ImportRow]) -> list[ImportRow]:
    """Sort each row after its parent's row, if the file has one. Rows in a cycle get a problem."""
    own = {row.key[0]: row for row in rows if not row.problems}
    placed: dict[int, ImportRow] = {}
    for row in rows:
        chain: dict[int, ImportRow] = {}
        step: ImportRow | None = row
        while step is not None and step.row not in placed and step.row not in chain:
            chain[step.row] = step
            step = None if step.problems else own.get(step.values.get("parent_bin"))
        if step is not None and step.row in chain:
            links = list(chain.values())
            for link in links[links.index(step) :]:
                link.problems.append(Problem("/parent_bin", "parent-below-itself"))
        placed.update(reversed(chain.items()))
    return list(placed.values())


def _registered() -> dict[str, dict[str, Any]]:
    parent, successor = aliased(Agency), aliased(Agency)
    columns = [getattr(Agency, name) for name in CHANGEABLE if name != "parent_bin"]
    bins = (parent.bin.label("parent_bin"), successor.bin.label("successor_bin"))
    statement = (
        select(Agency.bin, *columns, *bins)
        .outerjoin(parent, parent.id == Agency.parent_id)
        .outerjoin(successor, successor.id == Agency.successor_id)
    )
    return {row["bin"]: dict(row) for row in db.session.execute(statement).mappings()}
