"""Compliance by agency as a tree: each agency together with all below it, one level at a time."""

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
    """What lies directly below an agency, or the top of what the reader sees.

    ``above``: the agencies on the way down to it, itself the last. ``rows``: as the report's, the most flagged first,
    each with ``below``, how many agencies it has below it that have projects. The agency itself comes first, with what
    is its own and ``below`` None.
    """

    above: list[Mapping[str, Any]]
    rows: list[Row]
    totals: Row


def compliance_below(actor: Actor, bin_number: str | None) -> Level:
    """The level below the agency of that BIN, None for the top; a single agency at the top is gone into.

    Raises RoleNotAllowed, and AgencyNotFound for one that is not there or not the reader's to see.
    """
    agencies = seen_agencies(actor)
    own = {row["key"]: row for row in compliance(actor, "agency", agencies)["items"]}
    whole: dict[int, Row] = {}
    below: dict[int, int] = {}
    for agency in agencies.values():
        row = own.get(agency["bin"])
        if row is None:
            continue
        for place, holder in enumerate(_way_up(agencies, agency)):
            sums = whole.setdefault(holder["id"], dict.fromkeys(COUNTED, 0))
            for name in COUNTED:
                sums[name] += row[name]
            below[holder["id"]] = below.get(holder["id"], 0) + (place > 0)
    top = _found(agencies, bin_number)
    held = _directly_below(agencies, whole, top)
    if top is None and len(held) == 1 and below[held[0]["id"]]:
        top = held[0]
        held = _directly_below(agencies, whole, top)
    rows = [_row(agency, whole[agency["id"]], below[agency["id"]]) for agency in held]
    rows.sort(key=lambda row: (-row["flagged"], -row["projects"], row["key"]))
    if top is not None and top["bin"] in own:
        rows.insert(0, _row(top, own[top["bin"]], None))
    above = [] if top is None else [*_way_up(agencies, top)][::-1]
    return Level(above, rows, added(rows))


def parents(actor: Actor) -> dict[str, str | None]:
    """The BIN of each agency that the reader sees, with that of the agency above it, if the reader sees that one."""
    agencies = seen_agencies(actor)
    return {
        agency["bin"]: agencies[agency["parent_id"]]["bin"] if agency["parent_id"] in agencies else None
        for agency in agencies.values()
    }


def _found(agencies: Agencies, bin_number: str | None) -> Mapping[str, Any] | None:
    if bin_number is None:
        return None
    for agency in agencies.values():
        if agency["bin"] == bin_number:
            return agency
    raise AgencyNotFound(bin=bin_number)


def _way_up(agencies: Agencies, agency: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The agency and each above it, as far as the reader sees."""
    found: Mapping[str, Any] | None = agency
    while found is not None:
        yield found
        found = agencies.get(found["parent_id"])


def _directly_below(
    agencies: Agencies, whole: Mapping[int, Row], top: Mapping[str, Any] | None
) -> list[Mapping[str, Any]]:
    if top is None:
        held = (agency for agency in agencies.values() if agency["parent_id"] not in agencies)
    else:
        held = (agency for agency in agencies.values() if agency["parent_id"] == top["id"])
    return [agency for agency in held if agency["id"] in whole]


def _row(agency: Mapping[str, Any], sums: Row, below: int | None) -> Row:
    counts = with_share({name: sums[name] for name in COUNTED})
    return {"key": agency["bin"], "below": below, **{name: agency[name] for name in NAMES}, **counts}
