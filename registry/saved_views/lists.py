"""The lists that views are of: who may read each, what it accepts, and how many records match."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from registry.accounts.roles import Actor, Permission
from registry.cases import lists as cases
from registry.cases.lists import count_matching
from registry.core.errors import Malformed, NotFound, Problem
from registry.core.lists import NOT
from registry.projects import queries as projects
from registry.projects.filters import AGENCY, BELOW, project_conditions, split_agency_filters
from registry.saved_views.models import ViewList

SORT: Final = "sort"
QUERY: Final = "/query"
# Counting more would cost more than what people learn from it.
MAX_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class SavedList:
    """A list. ``check`` and ``check_sort`` raise what the list raises for filters and a sort that it does not accept.

    ``count``: how many records match the filters; None for more than ``MAX_COUNTED``.
    """

    required_permission: Permission
    check: Callable[[Actor, Mapping[str, str]], object]
    check_sort: Callable[[str], object]
    count: Callable[[Actor, Mapping[str, str]], int | None]


def _check_projects(actor: Actor, filters: Mapping[str, str]) -> None:
    shared, _ = split_agency_filters(filters)
    project_conditions(actor, shared)


def _count_cases(actor: Actor, filters: Mapping[str, str]) -> int | None:
    return count_matching(actor, filters, most=MAX_COUNTED)


def _count_projects(actor: Actor, filters: Mapping[str, str]) -> int | None:
    shared, only = split_agency_filters(filters)
    return projects.count_projects(actor, shared, MAX_COUNTED, only=only)


LISTS: Final[Mapping[str, SavedList]] = {
    ViewList.CASES: SavedList(Permission.CASES_READ, cases.case_conditions, cases.sort_key, _count_cases),
    ViewList.PROJECTS: SavedList(Permission.PROJECTS_READ, _check_projects, projects.sort_key, _count_projects),
}


def readable_lists(actor: Actor) -> list[str]:
    """Return the lists that the actor may read."""
    return [name for name, each in LISTS.items() if actor.may(each.required_permission)]


def problems_of_query(actor: Actor, name: str, query: Mapping[str, str]) -> list[Problem]:
    """Return what the list would refuse of the filters and the sort, each with its pointer below ``/query``."""
    filters = {key: value for key, value in query.items() if key not in (SORT, NOT)}
    # Pages, which display views, negate nothing.
    problems = [Problem(NOT, "unknown-parameter", {"name": NOT})] if NOT in query else []
    try:
        LISTS[name].check(actor, filters)
    except Malformed as error:
        problems += error.problems
    except NotFound as error:
        problems.append(Problem(AGENCY, error.code, error.params))
    if SORT in query:
        try:
            LISTS[name].check_sort(query[SORT])
        except Malformed as error:
            problems += error.problems
    return [replace(problem, pointer=f"{QUERY}/{_escaped(problem.pointer)}") for problem in problems]


def problems_of_new_query(actor: Actor, name: str, query: Mapping[str, str]) -> list[Problem]:
    """Return the same for a query that is to be saved, and a filter in it that has no meaning without another one."""
    problems = problems_of_query(actor, name, query)
    if BELOW in query and AGENCY not in query:
        problems.append(Problem(f"{QUERY}/{BELOW}", "below-needs-agency"))
    return problems


def count_records(actor: Actor, name: str, query: Mapping[str, str]) -> int | None:
    """Return how many records of a valid view the actor sees, from one statement; None for more than
    ``MAX_COUNTED``.
    """
    return LISTS[name].count(actor, {key: value for key, value in query.items() if key != SORT})


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
