"""Search of the whole register: the first matches of each kind, as the list of that kind finds them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from registry.accounts.models import AccountKind
from registry.accounts.queries import ACCOUNT_LIST
from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.queries import AGENCY_LIST
from registry.agencies.service import agency_by_bin, may_act_for, own_agencies
from registry.cases.lists import case_number, list_cases
from registry.cases.queries import find_case
from registry.core.errors import Malformed, NotFound, Problem
from registry.core.fields import is_bin
from registry.core.lists import Listing, Page
from registry.core.search import NAMES, words_of
from registry.core.translations import Language
from registry.letters.queries import LETTER_LIST, may_read_letter
from registry.projects.models import is_project_number
from registry.projects.queries import list_projects
from registry.projects.service import find_project

# The one record that a number names: a project, a case, a letter, or an agency by its BIN.

# What word processors and telephones write for the hyphen of a number.
HYPHENS: Final = re.compile("[\u2010-\u2015\u2212]")


class RecordKind(StrEnum):
    """What a number can name."""

    PROJECT = "project"
    AGENCY = "agency"
    CASE = "case"
    LETTER = "letter"


class Record(NamedTuple):
    """A kind, and the number, BIN or id of the record."""

    kind: RecordKind
    number: str


def record_numbered(actor: Actor, text: str) -> Record | None:
    """Return the record that the actor may see whose whole number the text is; None without one. Nothing counts as
    read yet.

    Letters may be small, and a case may have ``#`` or ``№`` before its number.
    """
    number = HYPHENS.sub("-", text.strip()).upper()
    try:
        if is_project_number(number):
            return Record(RecordKind.PROJECT, find_project(actor, number).number)
        if is_bin(number):
            agency = agency_by_bin(number)
            return Record(RecordKind.AGENCY, agency.bin) if may_act_for(actor, agency.id) else None
        if not actor.may(Permission.CASES_READ):
            return None
        case_id = case_number(number)
        if case_id is not None:
            return Record(RecordKind.CASE, str(find_case(actor, case_id).id))
    except NotFound:
        return None
    return Record(RecordKind.LETTER, number) if may_read_letter(actor, number) else None


AT_MOST: Final = 5
MIN_LENGTH: Final = 2
NOTHING: Final = Listing([], None)
PAGE: Final = Page(AT_MOST)
# By the primary key: a page of common words is filled from the newest rows, and no matches have to be sorted.
NEWEST: Final = Page(AT_MOST, sort="-id")


@dataclass(frozen=True, slots=True)
class Matches:
    """The matches of each kind, at most five, as the list of the kind shows them; people as accounts."""

    projects: Listing
    agencies: Listing
    cases: Listing
    letters: Listing
    people: Listing

    @property
    def is_empty(self) -> bool:
        """True when nothing of any kind matches."""
        return not any(each.items for each in (self.projects, self.agencies, self.cases, self.letters, self.people))


def search(actor: Actor, text: str, language: Language) -> Matches:
    """Return the first five matches of each kind that the actor may list, newest first, agencies and people by name.
    Of the five projects and agencies, those whose names have the words as they were typed come first.

    ``next`` of a listing is None when there are no more. A kind that the actor may not list is empty. Agencies find
    themselves and those below them only. Restricted projects among the matches are journalled as read, as by the lists.
    Raises RoleNotAllowed, and Malformed for a text that is missing, shorter than two characters or not usable.
    """
    actor.require(Permission.PROJECTS_READ)
    _require_length(text)
    words = {"q": text}
    reads_cases = actor.may(Permission.CASES_READ)
    lists_people = actor.may(Permission.PEOPLE_READ)
    return Matches(
        projects=_as_typed_first(list_projects(actor, words, PAGE), text),
        agencies=_as_typed_first(_agencies(actor, text), text),
        cases=list_cases(actor, words, NEWEST, language) if reads_cases else NOTHING,
        letters=LETTER_LIST.read(actor, words, NEWEST) if reads_cases else NOTHING,
        people=ACCOUNT_LIST.read(actor, words | {"kind": AccountKind.PERSON}, PAGE) if lists_people else NOTHING,
    )


def _agencies(actor: Actor, text: str) -> Listing:
    if not actor.may(Permission.AGENCIES_READ):
        return NOTHING
    own = own_agencies(actor)
    only = [] if own is None else [Agency.id.in_(own)]
    return AGENCY_LIST.read(actor, {"q": text}, Page(AT_MOST, sort="name_ru"), only=only)


def _as_typed_first(listing: Listing, text: str) -> Listing:
    typed = words_of(text)

    def is_other(item: Mapping[str, Any]) -> bool:
        words = words_of(" ".join(item[name] or "" for name in NAMES))
        return not all(any(word.startswith(each) for word in words) for each in typed)

    return replace(listing, items=sorted(listing.items, key=is_other))


def _require_length(text: str) -> None:
    length = sum(not each.isspace() for each in text)
    if length == 0:
        raise Malformed([Problem("q", "value-missing")])
    if length < MIN_LENGTH:
        raise Malformed([Problem("q", "search-too-short", {"smallest": MIN_LENGTH})])
