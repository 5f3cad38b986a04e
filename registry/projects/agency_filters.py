"""Filters that only pages have: with the agencies below the chosen one, and of projects the kind of agency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import ColumnElement, false, or_, select

from registry.accounts.agency_tree import subtree
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.errors import Malformed, Problem
from registry.core.filters import ChoiceFilter, bin_numbers, conditions
from registry.core.value_checks import InvalidValue
from registry.freeze.vocabulary import AgencyKind
from registry.projects.models import Project

AGENCY: Final = "agency"
BELOW: Final = "below"
KIND: Final = "kind"
YES: Final = "true"


def split_agency_filters(filters: Mapping[str, str]) -> tuple[dict[str, str], list[ColumnElement[bool]]]:
    """Split off the page-only filters: returns the other filters, and the conditions of the page-only ones.

    Raises Malformed.
    """
    shared, clauses = split_below({name: value for name, value in filters.items() if name != KIND})
    kinds = {name: value for name, value in filters.items() if name == KIND}
    return shared, [*conditions({KIND: ChoiceFilter(Agency.kind.expression, AgencyKind.codes())}, kinds), *clauses]


def split_below(filters: Mapping[str, str]) -> tuple[dict[str, str], list[ColumnElement[bool]]]:
    """Split off ``below`` with its agency: returns the other filters, and the condition on Project.

    Raises Malformed.
    """
    shared = {name: value for name, value in filters.items() if name != BELOW}
    if filters.get(BELOW) != YES or AGENCY not in shared:
        return shared, []
    try:
        numbers = bin_numbers(shared.pop(AGENCY))
    except InvalidValue as error:
        raise Malformed([Problem(AGENCY, error.code, error.params)]) from error
    roots = db.session.scalars(select(Agency.id).where(Agency.bin.in_(numbers)))
    return shared, [or_(false(), *(Project.agency_id.in_(select(subtree(root).c.id)) for root in roots))]
