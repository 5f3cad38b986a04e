"""Agencies in forms and lists: choices, and names by BIN."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin, own_agencies
from registry.core.collation import kazakh_key
from registry.core.database import db
from registry.core.errors import NotFound
from registry.web.labels import name_in_page_language

MAX_CHOICES: Final = 200


def agency_choices(actor: Actor, most: int = MAX_CHOICES) -> list[tuple[str, str]]:
    """``(BIN, name)`` of the actor's open agencies by name; empty when there are more than ``most``."""
    names = (Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en)
    statement = select(*names).where(Agency.closed_on.is_(None)).limit(most + 1)
    own = own_agencies(actor)
    rows = db.session.execute(statement if own is None else statement.where(Agency.id.in_(own))).all()
    if len(rows) > most:
        return []
    choices = [(agency.bin, f"{name_in_page_language(agency)} ({agency.bin})") for agency in rows]
    return sorted(choices, key=lambda choice: kazakh_key(choice[1]))


def agency_defaults(actor: Actor) -> dict[str, str]:
    """The initial values of a draft: the actor's agency and its region."""
    agency = None if actor.agency_id is None else db.session.get(Agency, actor.agency_id)
    return {} if agency is None else {"agency": agency.bin, "region": agency.region or ""}


def agency_names(bins: Iterable[str]) -> dict[str, str]:
    """The names of agencies by BIN, in the page's language."""
    names = (Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en)
    rows = db.session.execute(select(*names).where(Agency.bin.in_(set(bins))))
    return {agency.bin: name_in_page_language(agency) for agency in rows}


def agency_name(number: str | None) -> str:
    """The name of the agency with that BIN; the BIN itself when there is none."""
    if number is None:
        return ""
    try:
        return name_in_page_language(agency_by_bin(number))
    except NotFound:
        return number
