"""The lists that views are of: who may read each, what it accepts, and how many records match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from registry.accounts.roles import Actor
from registry.cases.lists import CASE_LIST
from registry.core.errors import Malformed, NotFound, Problem
from registry.core.lists import NOT, ListDeclaration
from registry.flags.queries import FLAG_LIST
from registry.projects.filters import AGENCY, BELOW
from registry.projects.queries import PROJECT_LIST
from registry.saved_views.models import ViewList

SORT: Final = "sort"
QUERY: Final = "/query"
# Counting more would cost more than what people learn from it.
MAX_COUNTED: Final = 1_000


LISTS: Final[Mapping[str, ListDeclaration[Actor]]] = {
    ViewList.CASES: CASE_LIST,
    ViewList.PROJECTS: PROJECT_LIST,
    ViewList.FLAGS: FLAG_LIST,
}


def readable_lists(actor: Actor) -> list[str]:
    """Return the lists that the actor may read."""
    return [name for name, each in LISTS.items() if actor.may(each.permission)]


def problems_of_query(actor: Actor, name: str, query: Mapping[str, str]) -> list[Problem]:
    """Return what the list would refuse of the filters and the sort, each with its pointer below ``/query``."""
    records = LISTS[name]
    filters = {key: value for key, value in query.items() if key not in (SORT, NOT)}
    # Pages, which display views, negate nothing.
    problems = [Problem(NOT, "unknown-parameter", {"name": NOT})] if NOT in query else []
    try:
        records.criteria(actor, records.split(filters)[0])
    except Malformed as error:
        problems += error.problems
    except NotFound as error:
        problems.append(Problem(AGENCY, error.code, error.params))
    if SORT in query:
        try:
            records.sort_key(query[SORT])
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
    return LISTS[name].count(actor, {key: value for key, value in query.items() if key != SORT}, MAX_COUNTED)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
