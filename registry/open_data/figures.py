"""Small tables of the open data: coverage of IT contracts, checkpoints of the journal, what is confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from registry.agencies.models import Agency
from registry.core.clock import rfc3339
from registry.core.database import db, table_of
from registry.core.translations import lazy_text
from registry.freeze.facts import CONFIRMABLE, ENDED_ON
from registry.freeze.vocabulary import Placement
from registry.journal.checkpoints import newest_checkpoints
from registry.open_data.models import Publication
from registry.open_data.queries import PUBLIC_READER
from registry.procurement.coverage import Coverage, added_coverage, coverage_by_agency
from registry.procurement.models import CONTRACT
from registry.projects.models import Project
from registry.projects.revisions import confirmed_of
from registry.projects.visibility import NOT_WITHDRAWN, visible_projects

PROJECT: Final = table_of(Project).c
AGENCY: Final = table_of(Agency).c
# The share of fewer contracts, beside the portal, would say which of them are those of projects that are not public.
MIN_CONTRACTS: Final = 10
# Three years of nights.
MAX_CHECKPOINTS: Final = 1100


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is made when it is asked for: ``columns`` in their order, and the rows."""

    title: str
    description: str
    columns: Sequence[str]
    rows: Callable[[Publication], Iterable[Sequence[Any]]]


def _coverage(_publication: Publication) -> Iterable[Sequence[Any]]:
    """The country, then each agency itself with enough IT contracts, whether or not their projects are public."""
    covered = coverage_by_agency(PUBLIC_READER)
    counting = select(CONTRACT.c.agency_id, func.count()).where(CONTRACT.c.is_it).group_by(CONTRACT.c.agency_id)
    counted: dict[int, int] = {row[0]: row[1] for row in db.session.execute(counting)}
    if sum(counted.values()) >= MIN_CONTRACTS:
        yield "", "", "", "", *_shares(added_coverage(covered.values()) or Coverage())
    enough = [agency_id for agency_id, count in counted.items() if count >= MIN_CONTRACTS]
    agencies = select(AGENCY.id, AGENCY.bin, AGENCY.name_kk, AGENCY.name_ru, AGENCY.name_en)
    for row in db.session.execute(agencies.where(AGENCY.id.in_(enough)).order_by(AGENCY.bin)):
        yield *row[1:], *_shares(covered.get(row.id, Coverage()))


def _shares(covered: Coverage) -> list[int | None]:
    every, since = covered.every, covered.since_cutoff
    parts = (
        *((amount, every.total_kzt) for amount in (every.matched_kzt, every.to_check_kzt, every.unmatched_kzt)),
        (since.matched_kzt, since.total_kzt),
    )
    return [round(100 * amount / total) if total else None for amount, total in parts]


def _checkpoints(publication: Publication) -> Iterable[Sequence[Any]]:
    origin = publication.home.rpartition("/")[0]
    for each in newest_checkpoints(MAX_CHECKPOINTS):
        yield each.size, each.root, rfc3339(each.created_at), f"{origin}/checkpoints/{each.size}.txt"


def _confirmed(_publication: Publication) -> Iterable[Sequence[Any]]:
    """The placement on the platform, and each fact that a document confirms: public projects that state it."""
    public = (*visible_projects(PUBLIC_READER), NOT_WITHDRAWN)
    on_platform = PROJECT.placement == Placement.ON_PLATFORM.value
    counts = select(
        func.count().filter(on_platform),
        func.count().filter(on_platform, PROJECT.placement_verified_on.is_not(None)),
        func.count(PROJECT.ending_confirmed_on),
        *(func.count(PROJECT[name]) for name in CONFIRMABLE),
    )
    claimed, verified, ended, *stated = db.session.execute(counts.where(*public)).one()
    entries = db.session.scalars(select(PROJECT.confirmed_facts).where(*public, PROJECT.confirmed_facts.is_not(None)))
    confirmed = Counter(name for each in entries for name, _day in confirmed_of(each))
    confirmed[ENDED_ON] = ended
    yield "placement", claimed, verified, _percent(verified, claimed)
    for name, count in zip(CONFIRMABLE, stated, strict=True):
        yield name, count, confirmed[name], _percent(confirmed[name], count)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


TABLES: Final = {
    "coverage": Table(
        lazy_text("IT contracts of state bodies: the share of their money that is in the register"),
        lazy_text(
            "In whole percent, by agency with ten IT contracts of the procurement portal or more; the first row is the "
            "country. Contracts of restricted projects are left out."
        ),
        (
            *("agency", "agency_name_kk", "agency_name_ru", "agency_name_en"),
            *("in_register_percent", "to_check_percent", "without_project_percent", "in_register_since_cutoff_percent"),
        ),
        _coverage,
    ),
    "checkpoints": Table(
        lazy_text("Signed checkpoints of the journal"),
        lazy_text(
            "Whoever keeps one can tell later that no entry before it was changed: size, root hash, time and the "
            "address of the signed note."
        ),
        ("size", "root", "created_at", "note"),
        _checkpoints,
    ),
    "confirmed": Table(
        lazy_text("What of the records is confirmed"),
        lazy_text(
            "Of the public projects that state a placement on QazTech or a fact, how many are confirmed by somebody "
            "else than their agency."
        ),
        ("fact", "stated", "confirmed", "confirmed_percent"),
        _confirmed,
    ),
}
