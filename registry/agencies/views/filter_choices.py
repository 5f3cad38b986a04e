"""Agencies in lists: their names under the projects, and the field that narrows a list to one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, select

from registry.accounts.actors import Actor
from registry.agencies.service import Agency, agency_by_bin, subtree
from registry.agencies.views.choices import agency_choices, agency_name
from registry.core.database import db
from registry.core.filters import ChoiceFilter, conditions
from registry.core.vocabularies import AGENCY_KINDS
from registry.projects.models import Project
from registry.web.labels import name_in_page_language

# Filters of lists of projects that only pages have: with the agency those below it, and the kind of agency.
BELOW: Final = "below"
KIND: Final = "kind"
YES: Final = "true"
# Long names of more agencies than these would weigh as much as the list itself.
MOST_CHOICES: Final = 40


@dataclass(frozen=True, slots=True)
class AgencyFilter:
    """The field: what is chosen, what there is to choose from (nothing: a BIN is typed), and how it is called.

    ``below`` is None in a list that knows an agency by itself only.
    """

    given: str
    choices: Sequence[tuple[str, str]]
    name: str
    below: bool | None


def agency_filter(actor: Actor, filters: Mapping[str, str], *, with_below: bool = False) -> AgencyFilter | None:
    """The field that narrows a list to an agency; None for who sees a single one."""
    given, choices = filters.get("agency", ""), agency_choices(actor, MOST_CHOICES)
    if len(choices) == 1 and not given:
        return None
    below = filters.get(BELOW) == YES if with_below else None
    if given and given not in dict(choices):
        return AgencyFilter(given, [], ", ".join(map(agency_name, given.split(","))), below)
    return AgencyFilter(given, choices, dict(choices).get(given, ""), below)


def of_agencies(filters: Mapping[str, str]) -> tuple[dict[str, str], list[ColumnElement[bool]]]:
    """The filters that every list of projects has, and the conditions that those of pages alone come to.

    Raises AgencyNotFound and Malformed.
    """
    usual = {name: value for name, value in filters.items() if name not in (BELOW, KIND)}
    kinds = {name: value for name, value in filters.items() if name == KIND}
    only = conditions({KIND: ChoiceFilter(Agency.kind.expression, AGENCY_KINDS)}, kinds)
    if filters.get(BELOW) == YES and "agency" in usual:
        top = agency_by_bin(usual.pop("agency"))
        only.append(Project.agency_id.in_(select(subtree(top.id).c.id)))
    return usual, only


def names_of_agencies(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The name of each project's agency, by BIN, in the page's language."""
    wanted = {item["agency"] for item in items}
    names = (Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en)
    found = db.session.execute(select(*names).where(Agency.bin.in_(wanted)))
    return {agency.bin: name_in_page_language(agency) for agency in found}
