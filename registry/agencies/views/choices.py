"""The agencies that somebody may register for, as choices."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.agencies.service import Agency, agency_by_bin, own_agencies
from registry.core.collation import kazakh_key
from registry.core.database import db
from registry.core.errors import NotFound
from registry.web.labels import name_in_page_language

MOST_CHOICES: Final = 200


def agency_choices(actor: Actor, most: int = MOST_CHOICES) -> list[tuple[str, str]]:
    """``(BIN, name)`` by name; empty when there are more than ``most`` to choose from, and the BIN is typed."""
    statement = select(Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en).limit(most + 1)
    own = own_agencies(actor)
    found = db.session.execute(statement if own is None else statement.where(Agency.id.in_(own))).all()
    if len(found) > most:
        return []
    named = [(agency.bin, f"{name_in_page_language(agency)} ({agency.bin})") for agency in found]
    return sorted(named, key=lambda choice: kazakh_key(choice[1]))


def usual_agency(actor: Actor) -> dict[str, str]:
    """What a draft begins with: the own agency and its region."""
    agency = None if actor.agency_id is None else db.session.get(Agency, actor.agency_id)
    return {} if agency is None else {"agency": agency.bin, "region": agency.region or ""}


def agency_name(number: str | None) -> str:
    """The name of the agency of that BIN; the BIN itself when there is none."""
    if number is None:
        return ""
    try:
        return name_in_page_language(agency_by_bin(number))
    except NotFound:
        return number
