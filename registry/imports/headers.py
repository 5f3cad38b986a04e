"""Headers of tables: which field a header names, by code, label or alias, however it is written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Final, NamedTuple

from marshmallow import Schema

from registry.agencies.schemas import AGENCY
from registry.core.translations import LANGUAGES, translate
from registry.core.values import comparable
from registry.imports import agencies, projects
from registry.imports.aliases import AGENCY_HEADERS, PROJECT_HEADERS, Aliases
from registry.imports.header_groups import group_aliases
from registry.imports.name_headers import name_field
from registry.imports.vocabulary import ImportKind
from registry.projects.schemas import PROJECT

MAX_HEADER_LENGTH: Final = 300
# Also one that is not closed.
BRACKETS: Final = re.compile(r"[(\[][^)\]]*[)\]]?")
# Of an example or an explanation behind the name: "Дата договора, дд.мм.гггг", "Бюджет – тенге".
BEHIND: Final = re.compile(r"(?:[,;:*\n]|\s[-\u2013\u2014]\s).*", re.DOTALL)
UNITS: Final = re.compile(r" ?(?:,|\bв\b)? ?(?:₸|\b(?:тг|тенге|теңге|теңгемен|kzt|tenge)\b\.?)$", re.IGNORECASE)
# "Шарт күні / Дата договора"
BETWEEN_LANGUAGES: Final = re.compile(r"[/|]")
PLANNED: Final = re.compile("план|жоспар|прогноз|planned")
YEAR: Final = re.compile("(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
REAL_DATES: Final = frozenset(
    name for name in projects.FIELDS if name.endswith("_on") and name not in ("planned_end_on", "onboarding_due_on")
)
EXACT, LABEL, ALIAS = range(3)


class Match(NamedTuple):
    """A field, and how it was recognised: EXACT by its code, LABEL or ALIAS."""

    field: str
    how: int


class KnownColumns(NamedTuple):
    """What the columns of a table may be: all fields, read-only ones too.

    ``required``: those by which a header is recognised. A table needs one of ``keys``, which tell its records
    apart, best first, and ``agency`` where it is not that of the actor.
    """

    fields: tuple[str, ...]
    required: tuple[str, ...]
    keys: tuple[str, ...]

    def key_among(self, columns: Collection[str | None]) -> str | None:
        """The best of the keys that are among these columns."""
        return next((name for name in self.keys if name in columns), None)

    def missing(self, columns: Collection[str | None], *, needs_agency: bool) -> list[str]:
        """The columns that a table with these needs besides."""
        missing = ["agency"] if needs_agency and "agency" in self.required and "agency" not in columns else []
        return missing if self.key_among(columns) is not None else [*missing, self.required[-1]]


KNOWN: Final[Mapping[str, KnownColumns]] = {
    ImportKind.PROJECTS: KnownColumns(projects.COLUMNS, ("agency", "external_id"), projects.KEY_COLUMNS),
    ImportKind.AGENCIES: KnownColumns(agencies.COLUMNS, agencies.REQUIRED_COLUMNS, ("bin",)),
}
SCHEMAS: Final[Mapping[str, tuple[Schema, ...]]] = {
    ImportKind.PROJECTS: (projects.ROW, PROJECT),
    ImportKind.AGENCIES: (agencies.ROW, AGENCY),
}
ALIASES: Final[Mapping[str, Aliases]] = {ImportKind.PROJECTS: PROJECT_HEADERS, ImportKind.AGENCIES: AGENCY_HEADERS}


def all_labels(kind: str, name: str) -> str:
    """A field by its code and its labels in all languages, for errors that name a column to programs and people."""
    labels = dict.fromkeys(f'"{label}"' for field, label in _labels(kind) if field == name)
    return f"{name} ({', '.join(labels)})"


def header_key(text: str) -> str:
    """The letters and digits of a header, № as a word: equal for two spellings of one header."""
    return comparable(text[:MAX_HEADER_LENGTH].replace("№", " номер "))


def layout_key(headers: Iterable[str]) -> str:
    """What two tables with the same set of headers have in common, in any order and spelling."""
    keys = sorted({key for text in headers if (key := header_key(text))})
    return hashlib.sha256("\n".join(keys).encode("utf-8", "surrogatepass")).hexdigest()


def header_keys(text: str) -> list[str]:
    """The keys of a header: of the whole text, without brackets and units, and without what stands behind it."""
    short = text[:MAX_HEADER_LENGTH]
    bare = BRACKETS.sub(" ", short).strip()
    texts = (short, *(UNITS.sub("", " ".join(each.split())) for each in (bare, BEHIND.sub("", bare))))
    return [key for key in dict.fromkeys(map(header_key, texts)) if key]


def match_header(kind: str, text: str) -> Match | None:
    """The field that a header names, or that all its parts name in several languages; None for an unknown one."""
    match = _match(kind, text)
    if match is not None or not BETWEEN_LANGUAGES.search(text[:MAX_HEADER_LENGTH]):
        return match
    parts = [part for part in BETWEEN_LANGUAGES.split(text[:MAX_HEADER_LENGTH]) if header_key(part)]
    matches = [_match(kind, part) for part in parts]
    fields = {None if each is None else each.field for each in matches}
    return matches[0] if len(fields) == 1 else None


def _match(kind: str, text: str) -> Match | None:
    table, keys = _headers(kind), header_keys(text)
    if keys and keys[0] in table:
        return table[keys[0]]
    if keys and (name := name_field(kind, keys[0])) is not None:
        return Match(name, ALIAS)
    match = next((table[key] for key in keys if key in table), None)
    return None if match is not None and _means_something_else(match.field, text) else match


def _means_something_else(field: str, text: str) -> bool:
    """True for a planned date where the field is the real one, and for the amount of one year.

    What stands in brackets or behind a name does not count otherwise.
    """
    folded = text.casefold()
    if field.endswith("_kzt"):
        return YEAR.search(folded) is not None
    return field in REAL_DATES and PLANNED.search(folded) is not None


@cache
def _headers(kind: str) -> dict[str, Match]:
    """Header key → field. A code comes before a label, and a label before an alias."""
    known: dict[str, Match] = {}
    for how, names in enumerate((_codes(kind), _labels(kind), [*_aliases(kind), *_group_aliases(kind)])):
        for field, text in names:
            known.setdefault(header_key(text), Match(field, how))
    return known


def _codes(kind: str) -> Iterable[tuple[str, str]]:
    return ((field, field) for field in KNOWN[kind].fields)


def _labels(kind: str) -> Iterable[tuple[str, str]]:
    for schema in SCHEMAS[kind]:
        for name in KNOWN[kind].fields:
            label = schema.fields[name].metadata.get("label") if name in schema.fields else None
            if label:
                yield from ((name, translate(label, language)) for language in LANGUAGES)


def _aliases(kind: str) -> Iterable[tuple[str, str]]:
    return ((field, text) for field, texts in ALIASES[kind].items() for text in texts)


def _group_aliases(kind: str) -> Iterable[tuple[str, str]]:
    return group_aliases() if kind == ImportKind.PROJECTS else ()
