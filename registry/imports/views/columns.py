"""Import columns: the fields of the schemas with their labels and value types, and the empty template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from registry.core.fields import AnyDay, Bin, Boolean, Choice, InputField, WholeNumber
from registry.imports import agencies as import_agencies
from registry.imports import projects as import_projects
from registry.web.formats import gettext
from registry.web.labels import choice_label

COLUMNS: Final[Mapping[str, Mapping[str, InputField]]] = {
    "projects": import_projects.FIELDS,
    "agencies": import_agencies.FIELDS,
}
# Columns without which a row cannot be matched, and required fields.
KEYS: Final[Mapping[str, Sequence[str]]] = {
    "projects": import_projects.REQUIRED_COLUMNS,
    "agencies": import_agencies.REQUIRED_COLUMNS,
}


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` is the table's heading, ``label`` the page's term; ``codes`` maps each allowed code to its label.

    ``key`` columns match rows to records.
    """

    name: str
    label: str
    needed: bool
    key: bool
    form: str
    codes: Sequence[tuple[str, str]]


def column_explanations(kind: str) -> list[Column]:
    """Return the columns of a table of projects or agencies, in template order."""
    return [
        Column(
            name, gettext(of.label), of.required or name in KEYS[kind], name in KEYS[kind], _form(of), _codes(name, of)
        )
        for name, of in COLUMNS[kind].items()
    ]


def _codes(name: str, field: InputField) -> list[tuple[str, str]]:
    return [(code, choice_label(name, code)) for code in field.options] if isinstance(field, Choice) else []


def _form(field: InputField) -> str:
    match field:
        case Choice():
            return gettext("One of the codes")
        case AnyDay():
            return gettext("A date, such as %(example)s") % {"example": "2026-01-20"}
        case WholeNumber():
            return gettext("A whole number")
        case Boolean():
            return gettext("%(yes)s or %(no)s") % {"yes": "true", "no": "false"}
        case Bin():
            return gettext("Twelve digits")
    return gettext("A text")
