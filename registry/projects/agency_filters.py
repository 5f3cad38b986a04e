"""Filters that only pages of projects have: with the agencies below the chosen one, and the kind of agency."""

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
    shared = {name: value for name, value in filters.items() if name not in (BELOW, KIND)}
    kinds = {name: value for name, value in filters.items() if name == KIND}
    clauses = conditions({KIND: ChoiceFilter(Agency.kind.expression, AgencyKind.codes())}, kinds)
    if filters.get(BELOW) == YES and AGENCY in shared:
        root = agency_by_bin(shared.pop(AGENCY))
        clauses.append(Project.agency_id.in_(select(subtree(root.id).c.id)))
    return shared, clauses
