"""Compliance report by agency as a tree: each agency with all agencies below it, one level at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registry.accounts.actors import Actor
from registry.agencies.service import AgencyNotFound
from registry.reports.compliance import COUNTED, NAMES, Agencies, added, compliance, seen_agencies, with_share

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Level:
    """The agencies directly below an agency, or the top level that the actor sees.

    ``above``: the agencies from the top to this one, inclusive. ``rows``: as in the report, most flagged first, each
    with ``below``, the number of agencies below it that have projects. The agency itself comes first, with its own
    projects and ``below`` None.
    """

    above: list[Mapping[str, Any]]
    rows: list[Row]
    totals: Row


def compliance_below(actor: Actor, bin_number: str | None) -> Level:
    """Return the level below the agency of that BIN (None: the top level). A single agency at the top is skipped.

    Raises RoleNotAllowed, and AgencyNotFound for an unknown agency or one that the actor may not see.
    """
    agencies = seen_agencies(actor)
    own = {row["key"]: row for row in compliance(actor, "agency", agencies)["items"]}
    totals_by_agency: dict[int, Row] = {}
    below: dict[int, int] = {}
    for agency in agencies.values():
        row = own.get(agency["bin"])
        if row is None:
            continue
        for place, holder in enumerate(_ancestors(agencies, agency)):
            sums = totals_by_agency.setdefault(holder["id"], dict.fromkeys(COUNTED, 0))
            for name in COUNTED:
                sums[name] += row[name]
            below[holder["id"]] = below.get(holder["id"], 0) + (place > 0)
    top = _find_agency(agencies, bin_number)
    members = _directly_below(agencies, totals_by_agency, top)
    if top is None and len(members) == 1 and below[members[0]["id"]]:
        top = members[0]
        members = _directly_below(agencies, totals_by_agency, top)
    rows = [_row(agency, totals_by_agency[agency["id"]], below[agency["id"]]) for agency in members]
    rows.sort(key=lambda row: (-row["flagged"], -row["projects"], row["key"]))
    if top is not None and top["bin"] in own:
        rows.insert(0, _row(top, own[top["bin"]], None))
    above = [] if top is None else [*_ancestors(agencies, top)][::-1]
    return Level(above, rows, added(rows))


def parents(actor: Actor) -> dict[str, str | None]:
    """Map the BIN of each visible agency to that of its parent, if that is visible too."""
    agencies = seen_agencies(actor)
    return {
        agency["bin"]: agencies[agency["parent_id"]]["bin"] if agency["parent_id"] in agencies else None
        for agency in agencies.values()
    }


def _find_agency(agencies: Agencies, bin_number: str | None) -> Mapping[str, Any] | None:
    if bin_number is None:
        return None
    for agency in agencies.values():
        if agency["bin"] == bin_number:
            return agency
    raise AgencyNotFound(bin=bin_number)


def _ancestors(agencies: Agencies, agency: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the agency and each visible ancestor."""
    current: Mapping[str, Any] | None = agency
    while current is not None:
        yield current
        current = agencies.get(current["parent_id"])


def _directly_below(
    agencies: Agencies, totals_by_agency: Mapping[int, Row], top: Mapping[str, Any] | None
) -> list[Mapping[str, Any]]:
    if top is None:
        members = (agency for agency in agencies.values() if agency["parent_id"] not in agencies)
    else:
        members = (agency for agency in agencies.values() if agency["parent_id"] == top["id"])
    return [agency for agency in members if agency["id"] in totals_by_agency]


def _row(agency: Mapping[str, Any], sums: Row, below: int | None) -> Row:
    counts = with_share({name: sums[name] for name in COUNTED})
    return {"key": agency["bin"], "below": below, **{name: agency[name] for name in NAMES}, **counts}
