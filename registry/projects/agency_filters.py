"""Filters that only pages have: with the agencies below the chosen one, and of projects the kind of agency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import ColumnElement, select

from registry.accounts.agency_tree import subtree
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.core.filters import ChoiceFilter, conditions
from registry.freeze.vocabulary import AgencyKind
from registry.projects.models import Project

AGENCY: Final = "agency"
BELOW: Final = "below"
KIND: Final = "kind"
YES: Final = "true"


def split_agency_filters(filters: Mapping[str, str]) -> tuple[dict[str, str], list[ColumnElement[bool]]]:
    """Split off the page-only filters: returns the other filters, and the conditions of the page-only ones.

    Raises AgencyNotFound and Malformed.
    """
    shared, clauses = split_below({name: value for name, value in filters.items() if name != KIND})
    kinds = {name: value for name, value in filters.items() if name == KIND}
    return shared, [*conditions({KIND: ChoiceFilter(Agency.kind.expression, AgencyKind.codes())}, kinds), *clauses]


def split_below(filters: Mapping[str, str]) -> tuple[dict[str, str], list[ColumnElement[bool]]]:
    """Split off ``below`` with its agency: returns the other filters, and the condition on Project.

    Raises AgencyNotFound.
    """
    shared = {name: value for name, value in filters.items() if name != BELOW}
    if filters.get(BELOW) != YES or AGENCY not in shared:
        return shared, []
    root = agency_by_bin(shared.pop(AGENCY))
    return shared, [Project.agency_id.in_(select(subtree(root.id).c.id))]
