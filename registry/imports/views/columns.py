"""Import columns: their labels and value types, and the empty template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from registry.core.field_types import AnyDay, Bin, Choice, Day, Kind, Whole, YesNo
from registry.imports import agencies as import_agencies
from registry.imports import projects as import_projects
from registry.projects.fields import REQUIRED
from registry.web.labels import choice_label, field_label
from registry.web.translations import gettext as _

COLUMNS: Final[Mapping[str, Mapping[str, Kind]]] = {
    "projects": import_projects.KINDS,
    "agencies": import_agencies.KINDS,
}
NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "projects": (*import_projects.REQUIRED_COLUMNS, *REQUIRED),
    "agencies": (*import_agencies.REQUIRED_COLUMNS, "kind"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` is the table's heading, ``label`` the page's term; ``codes`` maps each allowed code to its label."""

    name: str
    label: str
    needed: bool
    form: str
    codes: Sequence[tuple[str, str]]


def import_columns(kind: str) -> list[Column]:
    """Return the columns of a table of projects or agencies, in template order."""
    return [
        Column(name, field_label(name), name in NEEDED[kind], _form(of), _codes(name, of))
        for name, of in COLUMNS[kind].items()
    ]


def _codes(name: str, kind: Kind) -> list[tuple[str, str]]:
    return [(code, choice_label(name, code)) for code in kind.options] if isinstance(kind, Choice) else []


def _form(kind: Kind) -> str:
    match kind:
        case Choice():
            return _("One of the codes")
        case Day() | AnyDay():
            return _("A date, such as %(example)s") % {"example": "2026-01-20"}
        case Whole():
            return _("A whole number")
        case YesNo():
            return _("%(yes)s or %(no)s") % {"yes": "true", "no": "false"}
        case Bin():
            return _("Twelve digits")
    return _("A text")
