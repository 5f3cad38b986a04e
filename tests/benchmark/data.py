"""The benchmark's own registry: agencies, projects and their revisions, the same for a seed and a size.

Of 100 projects 67 are confirmed on QazTech, 30 stand outside and are flagged, and 3 are of agencies out of scope. Of
the 30 outside 20 are old systems of which only ``freeze.legacy`` holds: what the floor's one rule looks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final

import psycopg
from sqlalchemy import case, insert, select, text

from registry.agencies.models import Agency, Region
from registry.core.database import db, table_of, transaction
from registry.core.dialects import is_sqlite
from registry.core.fields import check_digit
from registry.core.record_guards import COPIED
from registry.core.search import project_words, search_words
from registry.projects.fingerprints import ProjectFingerprint, refresh_fingerprints
from registry.projects.models import STATUS, NumberSeries, Project, project_number
from registry.projects.revisions import Revision
from registry.projects.vocabulary import FreezeStatus, Funding, ObjectKind
from tests.benchmark.words import names

SEED: Final = 20251210
SIZES: Final = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
AGENCIES: Final = 2000
OUT_OF_SCOPE_EVERY: Final = 33
AUDITED_ON: Final = date(2026, 3, 2)
FIRST_REGISTERED: Final = datetime(2026, 1, 5, 4)
REGISTERED_WITHIN: Final = timedelta(days=40)
PIECE: Final = 2000
ROWS_AT_ONCE: Final = 20_000
# So many are made; the rest are these again, with numbers, days and agencies of their own: in a third of the time.
MADE: Final = 100_000
KINDS_IN_SCOPE: Final = ("central_body", "local_executive", "state_legal_entity", "quasi_public", "subsidiary")

# How often in a hundred, and what the law looks at. Days are drawn between the two that are given.
OLD: Final = ("2012-01-10", "2025-06-30")
NEW: Final = ("2026-01-02", "2026-02-20")
AHEAD: Final = ("2026-04-01", "2026-12-01")
PROFILES: Final[tuple[tuple[int, dict[str, Any]], ...]] = (
    (40, {"work_type": "maintenance", "stage": "operation", "placement": "on_platform", "verified": True,
          "contract_signed_on": OLD, "object_commissioned_on": OLD}),
    (27, {"work_type": "development", "stage": "testing", "placement": "on_platform", "verified": True,
          "contract_signed_on": OLD, "object_commissioned_on": OLD}),
    (15, {"work_type": "maintenance", "stage": "operation", "placement": "off_platform",
          "contract_signed_on": OLD, "object_commissioned_on": OLD}),
    (5, {"work_type": "migration", "stage": "creation", "placement": "off_platform",
         "contract_signed_on": OLD, "object_commissioned_on": OLD}),
    (2, {"work_type": "creation", "stage": "creation", "placement": "off_platform",
         "contract_signed_on": NEW}),
    (1, {"work_type": "creation", "stage": "planning", "placement": "off_platform",
         "contract_signed_on": AHEAD}),
    (2, {"work_type": "creation", "stage": "testing", "placement": "off_platform",
         "contract_signed_on": OLD}),
    (1, {"work_type": "development", "stage": "creation", "placement": "off_platform",
         "contract_signed_on": NEW, "object_commissioned_on": OLD}),
    (1, {"work_type": "modification", "stage": "creation", "placement": "off_platform",
         "contract_signed_on": NEW, "object_commissioned_on": OLD}),
    (1, {"work_type": "creation", "stage": "pilot", "placement": "off_platform",
         "contract_signed_on": OLD, "pilot_started_on": ("2024-01-10", "2025-01-10")}),
    (1, {"work_type": "maintenance", "stage": "operation", "placement": "unknown"}),
    (1, {"work_type": "maintenance", "stage": "operation", "placement": "on_platform",
         "contract_signed_on": OLD, "object_commissioned_on": OLD}),
)  # fmt: skip

# What is registered while it is measured.
NEW_PROJECT: Final[dict[str, Any]] = {
    "name_ru": "Информационная система учёта медицинского оборудования",
    "name_kk": "Медициналық жабдықты есепке алу ақпараттық жүйесі",
    "object_kind": "system",
    "work_type": "creation",
    "stage": "creation",
    "placement": "off_platform",
    "contract_signed_on": "2026-01-20",
    "budget_kzt": 120_000_000,
}

PROJECT: Final = table_of(Project)
PROJECT_COLUMNS: Final = tuple(column.name for column in PROJECT.columns)
REVISION_COLUMNS: Final = (
    "project_id", "version", "at", "by", "work_type", "stage", "placement", "contract_signed_on", "work_started_on",
    "ended_on", "changes",
)  # fmt: skip
# What a copy of a project has of its own.
OF_COPY: Final = {
    "id": "old.id + :shift",
    "number": "new.number",
    "agency_id": f"1 + (old.agency_id + :shift / 100) % {AGENCIES}",
    "object_code": "old.object_code || '-' || :shift",
    "external_id": "'B-' || old.id + :shift",
    "contract_number": "old.id + :shift || '-К'",
    "platform_key": "CASE WHEN old.platform_key IS NOT NULL THEN 'qt-' || old.id + :shift END",
    **dict.fromkeys(("registered_at", "updated_at"), "{} + :later"),
    "words": (
        "' kt 2026 ' || substr(new.number, 9, 7) || ' ' || right(new.number, 1)"
        " || substr(left(old.words, -length(old.id || ' #b #k' || old.id)), 19)"
        " || ' #b' || old.id + :shift || ' #' || old.id + :shift || 'k'"
    ),
}
Row = tuple[str | None, ...]


def load(size: int) -> None:
    """Fill the empty, migrated database of the present app."""
    with transaction() as session:
        agencies = [_agency(place) for place in range(1, AGENCIES + 1)]
        session.bulk_insert_mappings(Agency.__mapper__, agencies)
        session.add(NumberSeries(year=2026, last=size))
    chance = Random(SEED)
    projects: list[Row] = []
    revisions: list[Row] = []
    for project, of_project in _projects(min(size, MADE), REGISTERED_WITHIN / size, chance):
        projects.append(project)
        revisions += of_project
        if len(projects) == PIECE:
            _write(projects, revisions)
    _write(projects, revisions)
    refresh_fingerprints()
    for start in range(MADE, size, ROWS_AT_ONCE):
        _write_copies(start, size)
    outside = PROJECT.c.agency_id % OUT_OF_SCOPE_EVERY == 0
    status = case((outside, FreezeStatus.OUT_OF_SCOPE.value), else_=FreezeStatus.UNAUDITED.value)
    rows = select(PROJECT.c.id, *(PROJECT.c[name] for name in COPIED), status, PROJECT.c.updated_at)
    # In parts, each of which ends before the timeout of a statement.
    for start in range(0, size, ROWS_AT_ONCE):
        part = rows.where(PROJECT.c.id > start, PROJECT.c.id <= start + ROWS_AT_ONCE).order_by(PROJECT.c.id)
        with transaction() as session:
            session.execute(insert(STATUS).from_select(["project_id", *COPIED, "freeze_status", "changed_at"], part))
    _tidy()


def bins() -> list[str]:
    """The BIN of every agency, in the order of their ids."""
    return [_bin(place) for place in range(1, AGENCIES + 1)]


def _agency(place: int) -> dict[str, Any]:
    instant = FIRST_REGISTERED.astimezone()
    kind = "private" if place % OUT_OF_SCOPE_EVERY == 0 else KINDS_IN_SCOPE[place % len(KINDS_IN_SCOPE)]
    names_of = {"name_ru": f"Государственный орган {place}", "name_kk": f"{place} мемлекеттік орган"}
    row = {
        "id": place,
        "bin": _bin(place),
        "kind": kind,
        "region": Region.codes()[place % len(Region.codes())],
        **names_of,
    }
    return row | {"parent_id": None, "version": 1, "created_at": instant, "updated_at": instant}


def _bin(place: int) -> str:
    # A serial whose check digit would be 10 is never issued: the next one is.
    for extra in range(10):
        eleven = f"0{place % 10}0140{place:04}{extra}"
        digit = check_digit(eleven)
        if digit is not None:
            return f"{eleven}{digit}"
    raise ValueError(place)


def _write_copies(start: int, size: int) -> None:
    shift = start - start % MADE
    values = {
        "shift": shift,
        "later": REGISTERED_WITHIN / size * shift,
        "after": start - shift,
        "up_to": start - shift + ROWS_AT_ONCE,
        "numbers": [project_number(2026, serial) for serial in range(start + 1, start + ROWS_AT_ONCE + 1)],
    }
    own = {name: OF_COPY.get(name, "{}").format(f'old."{name}"') for name in PROJECT_COLUMNS}
    of_revision = {name: f'old."{name}"' for name in REVISION_COLUMNS} | {
        "project_id": "old.project_id + :shift",
        "at": "old.at + :later",
    }
    of_fingerprint = {column.name: f"old.{column.name}" for column in table_of(ProjectFingerprint).columns}
    of_fingerprint["project_id"] += " + :shift"
    numbers = ", unnest(CAST(:numbers AS text[])) WITH ORDINALITY AS new (number, place)"
    with transaction() as session:
        for table, key, columns, more in (
            ("projects", "id", own, f"{numbers} WHERE new.place = old.id - :after AND"),
            ("revisions", "project_id", of_revision, " WHERE"),
            ("project_fingerprints", "project_id", of_fingerprint, " WHERE"),
        ):
            names_of = ", ".join(f'"{name}"' for name in columns)
            copied = f"SELECT {', '.join(columns.values())} FROM {table} AS old{more}"
            part = f"old.{key} > :after AND old.{key} <= :up_to ORDER BY old.{key}"
            session.execute(text(f"INSERT INTO {table} ({names_of}) {copied} {part}"), values)


def _projects(size: int, step: timedelta, chance: Random) -> Iterator[tuple[Row, list[Row]]]:
    draw = chance.random
    profiles = [_with_days(profile) for share, profile in PROFILES for _ in range(share)]
    budgets = [str(round(10 ** (6 + place / 250)) * 1000) for place in range(1000)]
    places = {name: place for place, name in enumerate(PROJECT_COLUMNS)}
    usual = dict.fromkeys(PROJECT_COLUMNS)
    for serial in range(1, size + 1):
        # Every hundred projects hold each profile as often as it says, whatever is drawn.
        law = profiles[(serial * 37) % len(profiles)]
        kk, ru, own, purpose = names(draw)
        number = project_number(2026, serial)
        instant = str(FIRST_REGISTERED + step * serial)
        version = "2" if draw() < 0.1 else "1"
        agency = 1 + int(draw() * AGENCIES)
        values = {
            **usual,
            **{name: days if isinstance(days, str) else days[int(draw() * len(days))] for name, days in law.items()},
            "id": str(serial),
            "number": number,
            "agency_id": str(agency),
            "external_id": f"B-{serial}",
            "object_code": f"O-{int(draw() * size)}",
            "name_kk": kk,
            "name_ru": ru,
            "purpose": purpose,
            "sector": f"{1 + int(draw() * 10):02}",
            "object_kind": ObjectKind.codes()[int(draw() * len(ObjectKind.codes()))],
            "platform_key": f"qt-{serial}" if law["placement"] == "on_platform" else None,
            "supplier_bin": None,
            "contract_number": f"{serial}-К",
            "budget_kzt": budgets[int(draw() * len(budgets))],
            "funding": Funding.codes()[int(draw() * len(Funding.codes()))],
            "region": Region.codes()[int(draw() * len(Region.codes()))],
            "responsible_name": f"Ответственный {own}",
            "is_restricted": "0",
            "version": version,
            "registered_at": instant,
            "updated_at": instant,
            "changed_at": instant,
        }
        values["words"] = search_words(project_words(values), values)
        row = tuple(map(values.__getitem__, places))
        yield row, [_revision(values, each, instant) for each in range(1, int(version) + 1)]


def _with_days(profile: dict[str, Any]) -> dict[str, Any]:
    law: dict[str, Any] = {}
    for name, value in profile.items():
        if name == "verified":
            law["placement_verified_on"] = "2026-02-16"
        else:
            law[name] = value if isinstance(value, str) else _days(*value)
    return law


def _days(first: str, last: str) -> list[str]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [str(begin + timedelta(days=day)) for day in range((end - begin).days + 1)]


def _revision(values: dict[str, Any], version: int, instant: str) -> Row:
    changed = ("name_kk", "name_ru", "work_type", "stage", "placement", "contract_signed_on", "object_commissioned_on")
    if version > 1:
        changes = '[{"field": "budget_kzt", "old": null, "new": ' + values["budget_kzt"] + "}]"
    else:
        each = (f'{{"field": "{name}", "old": null, "new": "{values[name]}"}}' for name in changed if values[name])
        changes = "[" + ", ".join(each) + "]"
    law = (values[name] for name in REVISION_COLUMNS[4:10])
    return (values["id"], str(version), instant, "benchmark", *law, changes)


def _write(projects: list[Row], revisions: list[Row]) -> None:
    _insert("projects", PROJECT_COLUMNS, projects)
    _insert("revisions", REVISION_COLUMNS, revisions)
    projects.clear()
    revisions.clear()


def _insert(table: str, columns: Iterable[str], rows: list[Row]) -> None:
    names_of = ", ".join(f'"{name}"' for name in columns)
    with transaction() as session:
        raw: Any = session.connection().connection.driver_connection
        if is_sqlite():
            marks = ", ".join("?" for _ in columns)
            raw.executemany(f"INSERT INTO {table} ({names_of}) VALUES ({marks})", rows)
            return
        lines = "".join("\t".join("\\N" if cell is None else cell for cell in row) + "\n" for row in rows)
        cursor: psycopg.Cursor[Any] = raw.cursor()
        with cursor, cursor.copy(f"COPY {table} ({names_of}) FROM STDIN") as copy:
            copy.write(lines)


def _tidy() -> None:
    """As after a while of work: ids go on after the last row, pages are vacuumed, the planner knows the tables."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if is_sqlite():
            connection.execute(text("ANALYZE"))
            return
        for model in (Agency, Project, Revision):
            name = table_of(model).name
            last = f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"
            connection.execute(text(last))
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM (ANALYZE)"))
        connection.execute(text("CHECKPOINT"))
