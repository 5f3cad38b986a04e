"""The projects table: current values. Earlier values are in the revisions."""

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship
from sqlalchemy.sql.dml import ReturningUpdate
from stdnum.iso7064 import mod_11_10

from registry.agencies.models import Agency
from registry.core.clock import today
from registry.core.database import Event, Instant, Model, require_transaction, table_of
from registry.core.dialects import has_row_locks, has_sequences, insert_or_ignore, next_id, reserve_ids
from registry.core.fields import EntriesText, YearlyAmountsText
from registry.core.record_guards import COPIED
from registry.projects.vocabulary import FreezeStatus

# The statuses that few projects have, which have an index.
RARE_STATUSES: Final = (FreezeStatus.UNAUDITED, FreezeStatus.EXEMPT, FreezeStatus.ACCEPTED)
HAS_RARE_STATUS: Final = text(f"freeze_status IN ({', '.join(repr(status.value) for status in RARE_STATUSES)})")

# True of every project. SQLite, which does not know how rare a value is, reads an index of filters only for a statement
# that repeats this, and ``queries.py`` adds it where that is never slower.
BY_FILTERS: Final = text("version > 0")

IS_ONBOARDING: Final = text("placement = 'onboarding'")
IS_WITHDRAWN: Final = text("withdrawn_at IS NOT NULL")
EXTERNAL_ID_UNIQUE: Final = "uq_projects_agency_id_external_id"


class ProjectStatus(Model):
    """Where a project stands: its freeze status, and the severity of its highest active flag.

    ``flags/freeze_status.py`` writes them. What is counted with them is copied from the project by a trigger
    (``core/record_guards.py``), so that counts read this narrow table alone. ``changed_at``: when the project or its
    status was last written.
    """

    __tablename__ = "project_statuses"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True, autoincrement=False)
    agency_id: Mapped[int]
    budget_kzt: Mapped[int | None] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    placement_verified_on: Mapped[date | None]
    is_restricted: Mapped[bool]
    freeze_status: Mapped[str] = mapped_column(String(12))
    severity: Mapped[str | None] = mapped_column(String(10))
    region: Mapped[str | None] = mapped_column(String(2))
    sector: Mapped[str | None] = mapped_column(String(2))
    placement: Mapped[str] = mapped_column(String(20))

    __table_args__ = (
        Index(None, "agency_id"),
        Index(None, "changed_at", "project_id"),
        # An index of all statuses would lead SQLite to sort most of the table for a page.
        Index(
            "ix_project_statuses_rare", "freeze_status", sqlite_where=HAS_RARE_STATUS, postgresql_where=HAS_RARE_STATUS
        ),
    )


STATUS: Final = table_of(ProjectStatus)
# What it shows of a project beside the project's own columns.
STATUS_COLUMNS: Final = (STATUS.c.freeze_status, STATUS.c.severity, STATUS.c.changed_at)


class Project(Model):
    """One piece of work on one digital object. Money is in whole tenge, dates are local, ``region`` is a KATO prefix.

    ``words`` is the search text: names, purpose and number in lower case. ``updated_at``: the last edit;
    ``attested_on``: when the agency last confirmed that the record is true; None since its registration.
    ``withdrawn_at``: when a project that was registered in error was withdrawn (``visibility.py``).
    ``freeze_status``, ``severity`` and ``changed_at`` are columns of ``ProjectStatus``.
    """

    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(17), unique=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    external_id: Mapped[str | None] = mapped_column(String(200))
    object_code: Mapped[str | None] = mapped_column(String(200))
    name_kk: Mapped[str | None] = mapped_column(String(500))
    name_ru: Mapped[str | None] = mapped_column(String(500))
    name_en: Mapped[str | None] = mapped_column(String(500))
    purpose: Mapped[str | None] = mapped_column(Text)
    sector: Mapped[str | None] = mapped_column(String(2))
    object_kind: Mapped[str] = mapped_column(String(20))
    work_type: Mapped[str] = mapped_column(String(20))
    stage: Mapped[str] = mapped_column(String(20))
    placement: Mapped[str] = mapped_column(String(20))
    platform_key: Mapped[str | None] = mapped_column(String(200))
    onboarding_due_on: Mapped[date | None]
    specification_approved_on: Mapped[date | None]
    contract_signed_on: Mapped[date | None]
    work_started_on: Mapped[date | None]
    pilot_started_on: Mapped[date | None]
    commissioned_on: Mapped[date | None]
    object_commissioned_on: Mapped[date | None]
    planned_end_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    contract_number: Mapped[str | None] = mapped_column(String(200))
    supplier_bin: Mapped[str | None] = mapped_column(String(12))
    supplier_name: Mapped[str | None] = mapped_column(String(500))
    budget_kzt: Mapped[int | None] = mapped_column(BigInteger)
    budget_programme: Mapped[str | None] = mapped_column(String(200))
    cost_by_year: Mapped[list[dict[str, int]] | None] = mapped_column(YearlyAmountsText)
    object_original_cost_kzt: Mapped[int | None] = mapped_column(BigInteger)
    consent_number: Mapped[str | None] = mapped_column(String(200))
    funding: Mapped[str | None] = mapped_column(String(20))
    region: Mapped[str | None] = mapped_column(String(2))
    url: Mapped[str | None] = mapped_column(String(200))
    source_repository_url: Mapped[str | None] = mapped_column(String(200))
    integrations: Mapped[list[str] | None] = mapped_column(EntriesText)
    security_conclusion_number: Mapped[str | None] = mapped_column(String(200))
    security_conclusion_on: Mapped[date | None]
    object_class: Mapped[int | None]
    is_ai: Mapped[bool | None]
    holds_personal_data: Mapped[bool | None]
    ai_purpose: Mapped[str | None] = mapped_column(Text)
    ai_model: Mapped[str | None] = mapped_column(String(500))
    ai_supplier: Mapped[str | None] = mapped_column(String(500))
    ai_data: Mapped[str | None] = mapped_column(Text)
    ai_personal_data: Mapped[bool | None]
    ai_risk_class: Mapped[str | None] = mapped_column(String(10))
    ai_overseer: Mapped[str | None] = mapped_column(String(500))
    ai_tests: Mapped[str | None] = mapped_column(Text)
    ai_notice: Mapped[str | None] = mapped_column(Text)
    ai_objection: Mapped[str | None] = mapped_column(Text)
    ai_office: Mapped[str | None] = mapped_column(String(500))
    ai_reviewed_on: Mapped[date | None]
    responsible_name: Mapped[str | None] = mapped_column(String(200))
    responsible_position: Mapped[str | None] = mapped_column(String(200))
    responsible_phone: Mapped[str | None] = mapped_column(String(200))
    responsible_email: Mapped[str | None] = mapped_column(String(200))
    placement_verified_on: Mapped[date | None]
    onboarding_confirmed_on: Mapped[date | None]
    ending_confirmed_on: Mapped[date | None]
    # Of each the name and the day: ``registry/projects/edits.py``.
    confirmed_facts: Mapped[list[str] | None] = mapped_column(EntriesText)
    attested_on: Mapped[date | None]
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    attested_by: Mapped[str | None] = mapped_column(Text)
    is_restricted: Mapped[bool]
    version: Mapped[int]
    registered_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
    words: Mapped[str] = mapped_column(Text)
    freeze_status: Mapped[str] = column_property(
        select(STATUS.c.freeze_status).where(STATUS.c.project_id == id).scalar_subquery()
    )
    severity: Mapped[str | None] = column_property(
        select(STATUS.c.severity).where(STATUS.c.project_id == id).scalar_subquery()
    )

    changed_at: Mapped[datetime] = column_property(
        select(STATUS.c.changed_at).where(STATUS.c.project_id == id).scalar_subquery()
    )

    agency: Mapped[Agency] = relationship(lazy="raise")

    __table_args__ = (
        UniqueConstraint("agency_id", "external_id"),
        Index(None, "registered_at", "id"),
        Index(None, "updated_at", "id"),
        Index(None, "platform_key"),
        Index(None, "agency_id", "registered_at"),
        # Rare filters in the order of the usual sort.
        Index("ix_projects_stage_registered_at", "stage", "registered_at", "id", sqlite_where=BY_FILTERS),
        Index(
            "ix_projects_region_sector_registered_at",
            "region",
            "sector",
            "registered_at",
            "id",
            sqlite_where=BY_FILTERS,
        ),
        Index(
            "ix_projects_restricted", "id", sqlite_where=text("is_restricted"), postgresql_where=text("is_restricted")
        ),
        # What ends soon is counted on the overview.
        Index(
            "ix_projects_onboarding", "onboarding_due_on", sqlite_where=IS_ONBOARDING, postgresql_where=IS_ONBOARDING
        ),
        Index("ix_projects_withdrawn", "id", sqlite_where=IS_WITHDRAWN, postgresql_where=IS_WITHDRAWN),
    )


NOT_CHANGEABLE = (
    "id",
    "number",
    "agency_id",
    "version",
    "registered_at",
    "updated_at",
    "withdrawn_at",
    "words",
    # Recorded by ``attestations.py`` alone, with a revision of its own.
    "attested_on",
    "attested_by",
)
# What a revision and the journal compare: everything shown of a project that can change.
CHANGEABLE = tuple(column.name for column in Project.__table__.columns if column.name not in NOT_CHANGEABLE)
# A row of which nothing is known.
NO_VALUES: Final = dict.fromkeys(Project.__table__.columns.keys())


# Project numbers: ``QT-<year>-<7 digits>-<check digit>``, the check by ISO 7064 mod 11,10 over year and serial.
#
# The year's row is locked from the first reservation to the commit, so serials and project ids follow the order of
# commits: a single id tells which projects an audit has evaluated.

NUMBER_PATTERN = re.compile(r"QT-([0-9]{4})-([0-9]{7})-([0-9])")


class NumberSeries(Model):
    """The last serial used in a year."""

    __tablename__ = "number_series"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


SERIES: Final = table_of(NumberSeries).c
# Built once at import: other registrations wait for this statement.
RESERVE_SERIALS: Final = (
    update(table_of(NumberSeries))
    .where(SERIES.year == bindparam("this_year"))
    .values(last=SERIES.last + bindparam("count"))
    .returning(SERIES.last)
)
RESERVE_SERIAL_WITH_ID: Final[ReturningUpdate[*tuple[Any, ...]]] = RESERVE_SERIALS.returning(next_id(Project))


def reserve_numbers(count: int) -> list[str]:
    """Reserve the next ``count`` numbers of this year, in the open transaction."""
    session = require_transaction()
    year = today().year
    parameters = {"this_year": year, "count": count}
    last = session.scalar(RESERVE_SERIALS, parameters)
    if last is None:
        session.execute(insert_or_ignore(NumberSeries).values(year=year, last=0).on_conflict_do_nothing())
        last = session.scalar(RESERVE_SERIALS, parameters) or count
    return [project_number(year, serial) for serial in range(last - count + 1, last + 1)]


def reserve_number() -> tuple[str, int]:
    """Reserve the next number of this year and the id of its project, in the open transaction."""
    session = require_transaction()
    year = today().year
    if has_sequences():
        reserved = session.execute(RESERVE_SERIAL_WITH_ID, {"this_year": year, "count": 1}).one_or_none()
        if reserved is not None:
            serial, project_id = reserved
            return project_number(year, serial), project_id
    return reserve_numbers(1)[0], reserve_ids(session, Project, 1)[0]


def project_number(year: int, serial: int) -> str:
    """Return the project number for a year and serial."""
    digits = f"{year:04}{serial:07}"
    return f"QT-{year:04}-{serial:07}-{mod_11_10.calc_check_digit(digits)}"


def is_project_number(text: str) -> bool:
    """True for a well-formed number with a correct check digit."""
    match = NUMBER_PATTERN.fullmatch(text)
    return match is not None and mod_11_10.calc_check_digit(match[1] + match[2]) == match[3]


# Events of projects, published inside the transaction of the change.

# The project, as it is now: few may see it, or all again.
project_restricted: Final[Event[[Project]]] = Event("project_restricted")
# A project is about to be restricted, or open again: published before it is locked.
project_restricting: Final[Event[[]]] = Event("project_restricting")
# The project, which was registered in error.
project_withdrawn: Final[Event[[Project]]] = Event("project_withdrawn")


# Locks of many projects, and the freeze status that they begin with.
#
# Rows are locked by rising ids, as imports and inventories lock them, so that two who write many do not wait for
# each other.

PROJECT: Final = table_of(Project)


def lock_projects(*which: ColumnElement[bool]) -> None:
    """Lock the projects that fit until the open transaction ends."""
    if has_row_locks():
        locked = select(PROJECT.c.id).where(*which).order_by(PROJECT.c.id).with_for_update(key_share=True).cte("locked")
        require_transaction().execute(select(func.count()).select_from(locked))


# The freeze status of a project that no audit has seen. Later ones are written by ``flags/freeze_status.py``.


def first_status(row: Mapping[str, Any], agency_kind: str, scope: Collection[str]) -> dict[str, Any]:
    """Return where a project stands that is registered with this row, as the row of its status."""
    status = FreezeStatus.UNAUDITED.value if agency_kind in scope else FreezeStatus.OUT_OF_SCOPE.value
    copies = {name: row[name] for name in COPIED}
    known = {"project_id": row["id"], "changed_at": row["updated_at"], **copies}
    return known | {"freeze_status": status, "severity": None}
