"""Agency filter of lists: a text field that takes a BIN or a name, with suggestions from the server."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from flask import render_template, request
from sqlalchemy import Select, select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.models import Agency
from registry.agencies.queries import ids_with_words
from registry.agencies.service import own_agencies
from registry.agencies.views.choices import agency_name
from registry.core.bin_numbers import is_bin
from registry.core.collation import kazakh_key
from registry.core.database import db
from registry.core.errors import Problem
from registry.core.search import words_of
from registry.projects.agency_filters import AGENCY, BELOW, YES
from registry.web.blueprint import Answer, pages
from registry.web.labels import name_in_page_language

# More suggestions than a person reads.
MAX_SUGGESTIONS: Final = 10
MAX_LENGTH: Final = 500


@dataclass(frozen=True, slots=True)
class AgencyFilter:
    """The filter field: the BIN or the text entered, the agency's name, and agencies with the words of that text.

    ``below`` is None in a list that cannot include subordinate agencies. ``is_known`` is False for a text that is
    neither the BIN of an agency nor its name.
    """

    given: str
    name: str
    below: bool | None
    is_known: bool = True
    suggestions: Sequence[tuple[str, str]] = ()


def agency_filter(actor: Actor, filters: Mapping[str, str], *, with_below: bool = False) -> AgencyFilter | None:
    """The agency filter of a list; None for actors with a single agency."""
    given = filters.get(AGENCY, "")
    if not given and actor.agency_id is not None and len(db.session.execute(_own(actor).limit(2)).all()) == 1:
        return None
    below = filters.get(BELOW) == YES if with_below else None
    if given and not _is_number(given):
        suggestions = suggested_agencies(actor, given)
        return AgencyFilter(given, given, below, bool(suggestions), suggestions)
    numbers = [number.strip() for number in given.split(",")] if given else []
    names = list(map(agency_name, numbers))
    return AgencyFilter(given, ", ".join(names), below, not set(names).intersection(numbers))


def names_no_agency(filters: Mapping[str, str]) -> bool:
    """True for an agency filter that the list would refuse: a text that is no BIN. Its page lists nothing, and asks."""
    return AGENCY in filters and not all(is_bin(part.strip()) for part in filters[AGENCY].split(","))


def suggested_agencies(actor: Actor, text: str) -> list[tuple[str, str]]:
    """``(BIN, name)`` of the first open agencies, by name, that have the words of a text in their BIN or a name."""
    rows = db.session.execute(_own(actor).where(Agency.id.in_(ids_with_words(text[:MAX_LENGTH])))).all()
    choices = [(agency.bin, name_in_page_language(agency)) for agency in rows]
    return sorted(choices, key=lambda choice: kazakh_key(choice[1]))[:MAX_SUGGESTIONS]


def address_with_agency(actor: Actor) -> str | None:
    """The address of the same list for the agency whose name was entered; None without a name, or with an unclear one.

    A name is clear when it is the whole name of one agency in any language, or only one agency has its words.
    """
    text = request.args.get(AGENCY, "").strip()
    if not text or _is_number(text):
        return None
    numbers = _agencies_named(actor, text)
    if len(numbers) != 1:
        return None
    others = [(name, value) for name, value in request.args.items(multi=True) if name not in (AGENCY, "cursor")]
    return f"{request.path}?{urlencode([*others, (AGENCY, numbers[0])])}"


def with_bins(actor: Actor, names: Collection[str], texts: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """The texts of a form whose fields of these names take an agency's BIN or its name, with the BIN in place of the
    name; and a problem for each name that no agency or several have.
    """
    converted, problems = dict(texts), []
    for name in names:
        text = texts.get(name, "").strip()
        if not text or _is_number(text):
            continue
        numbers = _agencies_named(actor, text)
        if len(numbers) == 1:
            converted[name] = numbers[0]
        else:
            code = "agency-name-ambiguous" if numbers else "agency-name-unknown"
            problems.append(Problem(f"/{name}", code))
    return converted, problems


def _agencies_named(actor: Actor, text: str) -> list[str]:
    """The BINs of the open agencies whose whole name in any language is the text; of all with its words if none is."""
    if len(text) > MAX_LENGTH:
        # Its first words alone could be the name of an agency that is not meant.
        return []
    rows = db.session.execute(_own(actor).where(Agency.id.in_(ids_with_words(text)))).all()
    words = words_of(text)
    exact = [row for row in rows if words in [words_of(each or "") for each in (row.name_kk, row.name_ru, row.name_en)]]
    return [row.bin for row in exact or rows]


@pages.page("/agencies/suggestions", needs=Permission.AGENCIES_READ)
def agency_suggestions(actor: Actor) -> Answer:
    """The options of the agency field for the text entered so far."""
    return render_template("agencies/suggestions.html", matches=suggested_agencies(actor, request.args.get("q", "")))


def _own(actor: Actor) -> Select[str, str | None, str | None, str | None]:
    names = (Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en)
    statement = select(*names).where(Agency.closed_on.is_(None))
    own = own_agencies(actor)
    return statement if own is None else statement.where(Agency.id.in_(own))


def _is_number(text: str) -> bool:
    return all(part.strip().isdigit() for part in text.split(","))
