"""What a registration is checked for before anything is written, one by one and in batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import lazyload

from registry.agencies.models import Agency
from registry.agencies.service import BINS, WITH_BINS, closed_problem, share_agencies_with
from registry.core.database import db, table_of
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.core.read_along import columns_read_along, keep_read_along
from registry.projects.fields import cross_field_problems, merge_problems
from registry.projects.models import Project

PROJECT: Final = table_of(Project).c
# Built once: every registration executes it.
SAME_EXTERNAL_ID: Final = select(PROJECT.number).where(
    PROJECT.agency_id == bindparam("agency"), PROJECT.external_id == bindparam("reference")
)


class AgencyNotYours(NotAllowed):
    """The actor may only act for the own agency and its subordinate agencies."""


class ExternalIdTaken(Conflict):
    """The agency already has a project with that external id."""


def checked_agency(
    agency_bin: str | None,
    agency: Agency | None,
    may_act_for: Callable[[int], bool],
    values: Mapping[str, Any],
    known: Sequence[Problem],
) -> Agency:
    """The agency of a project that could be registered, but for its external id.

    ``agency``: the one with this BIN, None when there is none. ``known``: problems that the schema found.
    Raises AgencyNotYours and Invalid with all problems, the known ones among them.
    """
    # Of a closed agency everybody may know who succeeded it: those who acted for it act for the successor.
    if agency is not None and agency.closed_on is None and not may_act_for(agency.id):
        raise AgencyNotYours(bin=agency.bin)
    problems = cross_field_problems(values)
    if agency_bin is None:
        problems.insert(0, Problem("/agency", "required"))
    elif agency is None:
        problems.insert(0, Problem("/agency", "agency-unknown", {"bin": agency_bin}))
    elif (closed := closed_problem(agency, "/agency")) is not None:
        problems.insert(0, closed)
    problems = merge_problems(known, problems)
    if problems or agency is None:
        raise Invalid(problems)
    return agency


def require_unused_external_id(agency: Agency, external_id: str | None) -> None:
    """Raise ExternalIdTaken when the agency has a project with that external id."""
    if external_id is None:
        return
    if db.session.scalar(SAME_EXTERNAL_ID, {"agency": agency.id, "reference": external_id}) is not None:
        raise ExternalIdTaken(external_id=external_id, agency=agency.bin)


def agencies_to_register_for(bins: Collection[str]) -> dict[str, Agency]:
    """The agencies with these BINs; until the commit nobody closes them, or changes the kind of one.

    The kind decides the freeze status. They are locked as their foreign keys will, in the order of their ids, and read
    with the versions of the policy, which decide the status too.
    """
    share_agencies_with(bins)
    rows = db.session.execute(_locked_agencies(), {BINS: list(bins)}).all()
    if rows:
        keep_read_along(rows[0]._mapping)
    return {row[0].bin: row[0] for row in rows}


# Built once, after the hooks: every registration executes it. Without parent and successor, which it seldom needs.
@lru_cache(maxsize=1)
def _locked_agencies() -> Select[Any]:
    statement = select(Agency, *columns_read_along()).where(WITH_BINS).order_by(Agency.id)
    statement = statement.options(lazyload(Agency.parent), lazyload(Agency.successor))
    statement = statement.with_for_update(of=Agency, read=True, key_share=True)
    return statement.execution_options(populate_existing=True)
