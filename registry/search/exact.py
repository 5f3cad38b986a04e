"""The one record that a number names: a project, a case, a letter, or an agency by its BIN."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.service import agency_by_bin, may_act_for
from registry.cases.queries import find_case
from registry.cases.search import case_number
from registry.core.bin_numbers import is_bin
from registry.core.errors import NotFound
from registry.letters.queries import may_read_letter
from registry.projects.numbers import is_project_number
from registry.projects.service import find_project

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
    """The record that the actor may see whose whole number the text is; None without one. Nothing counts as read yet.

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
