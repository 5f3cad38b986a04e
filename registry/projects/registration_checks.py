"""What a registration is checked for before anything is written, one by one and in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from registry.agencies.models import Agency
from registry.agencies.service import closed_problem
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.projects.fields import cross_field_problems, merge_problems


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
