"""Reads of the public: projects with their public fields, as somebody without any permission sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, select

from registry.accounts.actors import Actor
from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.agencies.queries import ids_with_words
from registry.core.bulk import table_of
from registry.core.database import db
from registry.core.errors import NotFound
from registry.core.pagination import Listing, Page
from registry.open_data.public_fields import PUBLIC_FIELDS, PUBLIC_NAMES
from registry.projects.models import Project
from registry.projects.numbers import is_project_number
from registry.projects.queries import count_projects, list_projects
from registry.projects.visibility import visible_projects
from registry.projects.vocabulary import WithdrawnProjects
from registry.projects.withdrawn import NOT_WITHDRAWN

# Without any scope it has no permission, whatever its role has: it reads no restricted project.
PUBLIC_READER: Final = Actor("public", Role.LEADER, source="open-data", scopes=frozenset())
FILTERS: Final = ("q", "region", "sector", "freeze_status")
# The only order: cursors show the value that they continue from.
NEWEST_FIRST: Final = "-number"
MAX_COUNT: Final = 10_000
# As long as other filters may be.
MAX_WORDS_LENGTH: Final = 500
PROJECT: Final = table_of(Project).c


class PublicProjectNotFound(NotFound):
    """No project has that number, or it is not public: the answer is the same."""


def public_conditions() -> list[ColumnElement[bool]]:
    """The conditions on Project of everything public: neither restricted nor withdrawn."""
    return [*visible_projects(PUBLIC_READER), NOT_WITHDRAWN]


def list_public_projects(filters: Mapping[str, str], agency: str, page: Page) -> Listing:
    """A page of public projects, the newest first, with the public fields that lists have.

    ``filters``: some of ``FILTERS``. ``agency``: words of the agency's name or BIN, empty for every agency.
    Raises Malformed for an invalid filter or cursor.
    """
    listing = list_projects(
        PUBLIC_READER, _narrowed(filters), Page(page.limit, page.cursor, NEWEST_FIRST), only=_of_agency(agency)
    )
    items = [{name: value for name, value in item.items() if name in PUBLIC_NAMES} for item in listing.items]
    return Listing(items, listing.next)


def count_public_projects(filters: Mapping[str, str], agency: str) -> int | None:
    """Count the same projects; None for more than ``MAX_COUNT``. Raises Malformed for an invalid filter."""
    return count_projects(PUBLIC_READER, _narrowed(filters), MAX_COUNT, only=_of_agency(agency))


def read_public_project(number: str) -> dict[str, Any]:
    """The public fields of a project. Raises PublicProjectNotFound."""
    statement = (
        select(*(field.column().label(field.name) for field in PUBLIC_FIELDS))
        .join_from(table_of(Project), table_of(Agency), table_of(Agency).c.id == PROJECT.agency_id)
        .where(PROJECT.number == number, *public_conditions())
    )
    row = db.session.execute(statement).mappings().first() if is_project_number(number) else None
    if row is None:
        raise PublicProjectNotFound(number=number)
    return dict(row)


def _narrowed(filters: Mapping[str, str]) -> dict[str, str]:
    known = {name: filters[name] for name in FILTERS if name in filters}
    return known | {"withdrawn": WithdrawnProjects.EXCLUDE.value}


def _of_agency(words: str) -> list[ColumnElement[bool]]:
    return [PROJECT.agency_id.in_(ids_with_words(words[:MAX_WORDS_LENGTH]))] if words else []
