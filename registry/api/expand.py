"""``expand``: the records that a list's items name, beside them on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from registry.accounts.roles import Actor
from registry.api.parameters import one_of
from registry.core.database import table_of
from registry.core.errors import Malformed, Problem
from registry.core.lists import MAX_LIMIT, SEVERAL, Listing, Page, choices
from registry.core.values import InvalidValue
from registry.http.requests import Parameter
from registry.projects.models import Project
from registry.projects.queries import list_projects
from registry.projects.schemas import PROJECT_RECORD, SHORT_PROJECT

EXPAND: Final = "expand"
PROJECT: Final = "project"


def expand_parameter(*options: str) -> Parameter:
    """Return the parameter of a list whose items can have these records beside them."""
    return Parameter(EXPAND, f"Records to add to each item. {SEVERAL}", one_of(options))


def split_expand(filters: Mapping[str, str], *options: str) -> tuple[dict[str, str], list[str]]:
    """Return the filters without ``expand``, and what it asks for. Raises Malformed."""
    others = {name: value for name, value in filters.items() if name != EXPAND}
    if EXPAND not in filters:
        return others, []
    try:
        return others, choices(filters[EXPAND], options)
    except InvalidValue as error:
        raise Malformed([Problem(EXPAND, error.code, error.params)]) from error


def with_projects(actor: Actor, listing: Listing, expand: Sequence[str]) -> Listing:
    """Return the items with the project that each names, as lists show it, if it is asked for: one statement for
    all.
    """
    if PROJECT not in expand or not listing.items:
        return listing
    named = table_of(Project).c.number.in_({item[PROJECT] for item in listing.items})
    listed = list_projects(actor, {"withdrawn": "include"}, Page(MAX_LIMIT), only=(named,))
    records: dict[str, Any] = {each["number"]: SHORT_PROJECT.dump(each) for each in listed.items}
    # One that became restricted in the meantime is shown nowhere.
    items = [{**item, PROJECT_RECORD: records[item[PROJECT]]} for item in listing.items if item[PROJECT] in records]
    return Listing(items, listing.next, listing.count)
