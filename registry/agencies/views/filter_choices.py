"""Agency filter of project lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, select

from registry.accounts.actors import Actor
from registry.accounts.agency_tree import subtree
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.agencies.views.choices import agency_choices, agency_name
from registry.core.filters import ChoiceFilter, conditions
from registry.freeze.vocabulary import AgencyKind
from registry.projects.models import Project

# Filters that only pages have: include subordinate agencies, and the kind of agency.
BELOW: Final = "below"
KIND: Final = "kind"
YES: Final = "true"
# More choices would make the page twice as large.
MAX_CHOICES: Final = 40


@dataclass(frozen=True, slots=True)
class AgencyFilter:
    """The filter field: the selected BIN, the choices (empty for a text field) and the selected agency's name.

    ``below`` is None in a list that cannot include subordinate agencies.
    """

    given: str
    choices: Sequence[tuple[str, str]]
    name: str
    below: bool | None


def agency_filter(actor: Actor, filters: Mapping[str, str], *, with_below: bool = False) -> AgencyFilter | None:
    """The agency filter of a list; None for actors with a single agency."""
    selected, choices = filters.get("agency", ""), agency_choices(actor, MAX_CHOICES)
    if len(choices) == 1 and not selected:
        return None
    below = filters.get(BELOW) == YES if with_below else None
    if selected and selected not in dict(choices):
        return AgencyFilter(selected, [], ", ".join(map(agency_name, selected.split(","))), below)
    return AgencyFilter(selected, choices, dict(choices).get(selected, ""), below)


def split_agency_filters(filters: Mapping[str, str]) -> tuple[dict[str, str], list[ColumnElement[bool]]]:
    """Split off the page-only filters: returns the other filters, and the conditions of the page-only ones.

    Raises AgencyNotFound and Malformed.
    """
    shared = {name: value for name, value in filters.items() if name not in (BELOW, KIND)}
    kinds = {name: value for name, value in filters.items() if name == KIND}
    clauses = conditions({KIND: ChoiceFilter(Agency.kind.expression, AgencyKind.codes())}, kinds)
    if filters.get(BELOW) == YES and "agency" in shared:
        root = agency_by_bin(shared.pop("agency"))
        clauses.append(Project.agency_id.in_(select(subtree(root.id).c.id)))
    return shared, clauses
