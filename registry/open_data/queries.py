"""Reads of the public: projects with their public fields, as somebody without any permission sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Select, select

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.agencies.queries import ids_with_words
from registry.core.database import db, table_of
from registry.core.errors import NotFound
from registry.core.fields import Boolean, Choice, Day, WholeNumber
from registry.core.lists import Listing, Page
from registry.core.translations import lazy_text
from registry.freeze.policy import policy_in_force
from registry.freeze.vocabulary import Choices
from registry.projects.exports import DAYS
from registry.projects.fields import FIELDS, PUBLIC
from registry.projects.filters import started_on
from registry.projects.models import STATUS, Project, is_project_number
from registry.projects.queries import PROJECT_LIST, list_projects
from registry.projects.revisions import confirmed_of
from registry.projects.schemas import PROJECT
from registry.projects.visibility import NOT_WITHDRAWN, visible_projects
from registry.projects.vocabulary import FreezeStatus, WithdrawnProjects

# The public fields (``PUBLIC`` of ``projects/fields.py``): files, pages and their dictionary are made of them.

# As Table Schema calls them.
Kind = Literal["string", "integer", "date", "boolean"]
AGENCY_PREFIX: Final = "agency_"


@dataclass(frozen=True, slots=True)
class PublicField:
    """A column of the file. ``title`` is its English label; ``choices`` are the codes that it can have."""

    name: str
    title: str
    kind: Kind = "string"
    choices: type[Choices] | None = None

    @property
    def codes(self) -> list[Choices]:
        """The choices that occur in public records; empty for other fields."""
        return [choice for choice in self.choices or () if choice != FreezeStatus.WITHDRAWN]

    def column(self) -> ColumnElement[Any]:
        """Return its value; the statement must join Agency and ProjectStatus."""
        if self.name == "agency":
            return table_of(Agency).c.bin
        if self.name == "started_on":
            return started_on(policy_in_force())
        if self.name.startswith(AGENCY_PREFIX):
            return table_of(Agency).c[self.name.removeprefix(AGENCY_PREFIX)]
        return STATUS.c.freeze_status if self.name == "freeze_status" else table_of(Project).c[self.name]


def _of_project(name: str) -> PublicField:
    title, field = PROJECT.fields[name].metadata["label"], FIELDS.get(name)
    if name == "freeze_status":
        return PublicField(name, title, choices=FreezeStatus)
    if isinstance(field, Choice):
        return PublicField(name, title, choices=field.choices)
    if isinstance(field, WholeNumber):
        return PublicField(name, title, "integer")
    if isinstance(field, Boolean):
        return PublicField(name, title, "boolean")
    return PublicField(name, title, "date" if isinstance(field, Day) or name in DAYS else "string")


PUBLIC_FIELDS: Final = (
    _of_project("number"),
    PublicField("agency", lazy_text("BIN of the agency")),
    PublicField("agency_name_kk", lazy_text("Name of the agency in Kazakh")),
    PublicField("agency_name_ru", lazy_text("Name of the agency in Russian")),
    PublicField("agency_name_en", lazy_text("Name of the agency in English")),
    *map(_of_project, PUBLIC),
)
PUBLIC_NAMES: Final = frozenset(field.name for field in PUBLIC_FIELDS)


# Without any scope it has no permission, whatever its role has: it reads no restricted project.
PUBLIC_READER: Final = Actor("public", Role.LEADER, source="open-data", scopes=frozenset())
FILTERS: Final = ("q", "region", "sector", "freeze_status", "is_ai", "ai_risk_class")
# The only order: cursors show the value that they continue from.
NEWEST_FIRST: Final = "-number"
MAX_COUNT: Final = 10_000
# As long as other filters may be.
MAX_WORDS_LENGTH: Final = 500
COLUMNS: Final = table_of(Project).c


class PublicProjectNotFound(NotFound):
    """No project has that number, or it is not public: the answer is the same."""


def public_projects(*more: Any) -> Select[Any]:
    """Return the statement of the public fields of all public projects, and of further columns."""
    project, agency = table_of(Project), table_of(Agency)
    return (
        select(*(field.column().label(field.name) for field in PUBLIC_FIELDS), *more)
        .join_from(project, agency, agency.c.id == project.c.agency_id)
        .join(STATUS, STATUS.c.project_id == project.c.id)
        .where(*visible_projects(PUBLIC_READER), NOT_WITHDRAWN)
    )


def list_public_projects(filters: Mapping[str, str], agency: str, page: Page) -> Listing:
    """Return a page of public projects, the newest first, with the public fields that lists have.

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
    return PROJECT_LIST.count(PUBLIC_READER, _narrowed(filters), MAX_COUNT, only=_of_agency(agency))


def read_public_project(number: str) -> dict[str, Any]:
    """Return the public fields of a project, and the names of its ``confirmed_facts``. Raises PublicProjectNotFound."""
    statement = public_projects(COLUMNS.confirmed_facts).where(COLUMNS.number == number)
    row = db.session.execute(statement).mappings().first() if is_project_number(number) else None
    if row is None:
        raise PublicProjectNotFound(number=number)
    return {**row, "confirmed_facts": [name for name, _day in confirmed_of(row["confirmed_facts"])]}


def _narrowed(filters: Mapping[str, str]) -> dict[str, str]:
    known = {name: filters[name] for name in FILTERS if name in filters}
    return known | {"withdrawn": WithdrawnProjects.EXCLUDE.value}


def _of_agency(words: str) -> list[ColumnElement[bool]]:
    return [COLUMNS.agency_id.in_(ids_with_words(words[:MAX_WORDS_LENGTH]))] if words else []
