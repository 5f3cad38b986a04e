"""Agencies in tables: by BIN or by name."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.fields import LENGTH
from registry.core.values import MAX_LOST_ZEROS, InvalidValue, comparable, read_digits

MIN_LETTERS: Final = 3


def own_bin(actor: Actor) -> str | None:
    """The BIN of the actor's agency, None for an actor without one."""
    if actor.agency_id is None:
        return None
    return db.session.scalar(select(Agency.bin).where(Agency.id == actor.agency_id))


class AgencyNames:
    """The agencies by their names in three languages, read when a table first names one."""

    def read_bin(self, text: str) -> str | None:
        """The BIN that a cell has, or that of the agency that it names; None for a blank one.

        Raises InvalidValue for a name that no agency, or several, have.
        """
        number = read_digits(text, LENGTH, MAX_LOST_ZEROS)
        if sum(letter.isalpha() for letter in number) < MIN_LETTERS or any(digit in number for digit in "0123456789"):
            return number or None
        bins = self._bins.get(comparable(text), set())
        if not bins:
            raise InvalidValue("agency-name-unknown")
        if len(bins) > 1:
            raise InvalidValue("agency-name-ambiguous")
        return min(bins)

    @cached_property
    def _bins(self) -> dict[str, set[str]]:
        bins: dict[str, set[str]] = {}
        for number, *names in db.session.execute(select(Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en)):
            for name in names:
                if name is not None:
                    bins.setdefault(comparable(name), set()).add(number)
        return bins
