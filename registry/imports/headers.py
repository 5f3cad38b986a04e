"""Headers of tables: which field a header names, by code, label, alias or what the agency chose before."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from marshmallow import Schema
from sqlalchemy import ColumnElement, delete, select

from registry.accounts.roles import Actor
from registry.agencies.fields import AGENCY
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import NotFound
from registry.core.fields import InputField
from registry.core.translations import LANGUAGES, translate
from registry.core.values import comparable
from registry.imports import agencies, projects
from registry.imports.models import ColumnMapping, ImportKind, ImportRun
from registry.journal import service as journal
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
# "Сумма на 2026 год", "2026 жылғы сома"
OF_YEAR: Final = re.compile(
    r"(?:\b(?:на|за|в)\s+)?(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])\s*(?:г\b\.?|год[ау]?\b|ж\b\.?|жыл\w*)?", re.IGNORECASE
)
BY_YEAR: Final = "cost_by_year"
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
        """Return the best of the keys that are among these columns."""
        return next((name for name in self.keys if name in columns), None)

    def missing(self, columns: Collection[str | None], *, needs_agency: bool) -> list[str]:
        """Return the columns that a table with these needs besides."""
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
FIELDS: Final[Mapping[str, Mapping[str, InputField]]] = {
    ImportKind.PROJECTS: projects.FIELDS,
    ImportKind.AGENCIES: agencies.FIELDS,
}
# What agencies write: by kind and field, below groups, and of organisations.
WORDS: Final[Mapping[str, Any]] = tomllib.loads(Path(__file__).with_name("headers.toml").read_text(encoding="utf-8"))


def all_labels(kind: str, name: str) -> str:
    """Return a field by its code and its labels in all languages, for errors that name a column to programs and
    people.
    """
    labels = dict.fromkeys(f'"{label}"' for field, label in _labels(kind) if field == name)
    return f"{name} ({', '.join(labels)})"


def header_key(text: str) -> str:
    """Return the letters and digits of a header, № as a word: equal for two spellings of one header."""
    return comparable(text[:MAX_HEADER_LENGTH].replace("№", " номер "))


def layout_key(headers: Iterable[str]) -> str:
    """Return what two tables with the same set of headers have in common, in any order and spelling."""
    keys = sorted({key for text in headers if (key := header_key(text))})
    return hashlib.sha256("\n".join(keys).encode("utf-8", "surrogatepass")).hexdigest()


def header_keys(text: str) -> list[str]:
    """Return the keys of a header: of the whole text, without brackets and units, and without what stands behind it."""
    short = text[:MAX_HEADER_LENGTH]
    bare = BRACKETS.sub(" ", short).strip()
    texts = (short, *(UNITS.sub("", " ".join(each.split())) for each in (bare, BEHIND.sub("", bare))))
    return [key for key in dict.fromkeys(map(header_key, texts)) if key]


def match_header(kind: str, text: str) -> Match | None:
    """Return the field that a header names, or that all its parts name in several languages; None for an unknown
    one.
    """
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
    if match is not None and match.field in REAL_DATES and PLANNED.search(text.casefold()):
        # What stands in brackets or behind a name does not count otherwise.
        return None
    if len(YEAR.findall(text)) == 1 and (match is None or match.field.endswith("_kzt")):
        of_amount = _match(kind, OF_YEAR.sub(" ", text[:MAX_HEADER_LENGTH]))
        return Match(BY_YEAR, ALIAS) if of_amount is not None and of_amount.field == "budget_kzt" else None
    return None if match is not None and YEAR.search(text) and match.field.endswith("_kzt") else match


def is_by_year(name: str, texts: Sequence[str]) -> bool:
    """True for the amounts of a project by year, of which each column has another year in its header."""
    years = [YEAR.findall(text) for text in texts]
    return name == BY_YEAR and all(len(each) == 1 for each in years) and len({each[0] for each in years}) == len(years)


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
    return ((field, text) for field, texts in WORDS[kind].items() for text in texts)


def _group_aliases(kind: str) -> Iterable[tuple[str, str]]:
    return group_aliases() if kind == ImportKind.PROJECTS else ()


# Groups of headers: what "Наименование" means below "Поставщик", "Дата" below "Договор".
#
# The names of a column below its group are aliases of fields. Below an organisation a name or a BIN is never the
# project's.


class Group(NamedTuple):
    """Names of a group, and of the columns below it by field. ``is_other``: of somebody else than the project."""

    names: Sequence[str]
    fields: Mapping[str, Sequence[str]]
    is_other: bool = False


GROUPS: Final = tuple(Group(**group) for group in WORDS["groups"])
OTHER_GROUPS: Final = frozenset(comparable(name) for group in GROUPS if group.is_other for name in group.names)
BETWEEN: Final = frozenset(map(comparable, WORDS["between"]["names"]))
ORGANISATION: Final = frozenset(map(comparable, WORDS["organisation"]["names"]))


def group_aliases() -> Iterator[tuple[str, str]]:
    """Field and header, of each column below each group."""
    for group in GROUPS:
        for field, names in group.fields.items():
            yield from ((field, f"{above} {name}") for above in group.names for name in names)


def header_texts(own: str, levels: Sequence[str]) -> list[str]:
    """Return the texts that may name a column below ``levels`` of groups: with its groups, nearest first, then alone.

    Below an organisation a BIN, a name or a telephone is that organisation's, and does not stand alone.
    """
    groups = [group for group in reversed(dict.fromkeys(levels)) if group != own and comparable(group) not in BETWEEN]
    texts = [f"{group} {own}" for group in groups]
    texts += [" ".join(reversed([own, *groups[:count]])) for count in range(2, len(groups) + 1)]
    if comparable(own) in ORGANISATION and any(comparable(group) in OTHER_GROUPS for group in groups):
        return texts
    return list(dict.fromkeys([*texts, own]))


# Headers of names: which language "Наименование ИС (каз.)" or "Жүйенің атауы орыс тілінде" is about.

# As in keys of headers: lower case, without spaces and brackets, Kazakh letters as the Russian ones.
NAME_LANGUAGES: Final = {
    "name_kk": r"каз|казахск(?:ом|ий)|гос|государственн(?:ом|ый)|казакша|казак|мемлекеттик|кк",
    "name_ru": r"рус|русск(?:ом|ий)|орысша|орыс|ру",
    "name_en": r"англ|английск(?:ом|ий)|агылшынша|агылшын|ен|eng|en",
}
SUBJECTS: Final = {
    ImportKind.PROJECTS: (
        r"проекта?|ис|аис|системы|информационнойсистемы|обьекта?|обьектаинформатизации|жоба(?:нын)?|жуйе(?:нин)?|аж"
        r"|обьекти?(?:нин)?"
    ),
    ImportKind.AGENCIES: r"организации|го|госоргана|государственногооргана|уйым(?:нын)?|органнын",
}
IN_LANGUAGE: Final = r"(?:языке?|яз|тилинде(?:ги)?|тилдеги|тили)?"
NAME: Final = r"(?:наименование|название|атауы)"


def name_field(kind: str, key: str) -> str | None:
    """``name_kk``, ``name_ru`` or ``name_en`` for the key of a header that says its language, else None."""
    return next((field for field, pattern in _patterns(kind).items() if pattern.fullmatch(key)), None)


@cache
def _patterns(kind: str) -> dict[str, re.Pattern[str]]:
    subject = f"(?:{SUBJECTS[ImportKind(kind)]})?"
    return {
        field: re.compile(
            rf"{subject}{NAME}{subject}(?:на)?(?:{words}){IN_LANGUAGE}|(?:{words}){IN_LANGUAGE}{subject}{NAME}{subject}"
        )
        for field, words in NAME_LANGUAGES.items()
    }


# Columns and words of tables that an agency chose by hand, remembered for its next tables.


class ColumnMappingNotFound(NotFound):
    """The mapping does not exist, or belongs to another agency."""


def chosen_mapping(headers: Iterable[str], fields: Iterable[str | None]) -> dict[str, Any]:
    """Return what a run keeps of columns chosen by hand, until it has succeeded and they are remembered.

    Of two columns with one header, nobody knows in the next table which is which.
    """
    pairs = [(header, name) for header, name in zip(headers, fields, strict=True) if header_key(header)]
    keys = [header_key(header) for header, _name in pairs]
    columns = {header: name for (header, name), key in zip(pairs, keys, strict=True) if keys.count(key) == 1}
    return {"layout": layout_key(header for header, _name in pairs), "columns": columns}


def remembered_columns(actor: Actor, kind: str) -> dict[str, dict[str, str | None]]:
    """Key of a layout → header key → field, None for a column that is left out, as the actor's agency chose them."""
    remembered = _remembered(actor, kind).items()
    return {layout: {header_key(text): name for text, name in columns.items()} for layout, columns in remembered}


def _remembered(actor: Actor, kind: str) -> dict[str, dict[str, str | None]]:
    rows = db.session.execute(select(ColumnMapping.layout, ColumnMapping.columns).where(*_of(actor, kind)))
    return {row.layout: row.columns for row in rows}


def column_mappings(actor: Actor) -> list[ColumnMapping]:
    """Return what is remembered for the actor's agency, newest first."""
    statement = select(ColumnMapping).where(*_of(actor)).order_by(ColumnMapping.id.desc())
    return list(db.session.scalars(statement))


def remembered_words(actor: Actor, kind: str) -> dict[str, dict[str, str | None]]:
    """Field → word → code, None for an empty cell, as the actor's agency chose them for any of its tables."""
    return {name: words for name, words in _remembered(actor, kind).items() if name in FIELDS[kind]}


def remember_choices(actor: Actor, run: ImportRun) -> None:
    """Remember the columns and words of a run that has succeeded, if they were chosen by hand, in the open
    transaction.
    """
    chosen: Mapping[str, Any] = (run.layout or {}).get("chosen") or {}
    known = remembered_words(actor, run.kind)
    kept = {name: {**known.get(name, {}), **words} for name, words in chosen.get("words", {}).items() if words}
    if chosen.get("columns"):
        kept[chosen["layout"]] = chosen["columns"]
    session = require_transaction()
    for layout, columns in kept.items():
        session.execute(delete(ColumnMapping).where(*_of(actor, run.kind), ColumnMapping.layout == layout))
        session.add(
            ColumnMapping(
                agency_id=actor.agency_id,
                kind=run.kind,
                layout=layout,
                columns=columns,
                recorded_at=now(),
                recorded_by=actor.principal,
            )
        )
        of_field = {"field": layout} if layout in FIELDS[run.kind] else {}
        journal.record(actor, "import.columns-mapped", f"import:{run.id}", {**of_field, "columns": columns})


def delete_column_mapping(actor: Actor, mapping_id: int) -> None:
    """Forget the columns of a layout. Raises ColumnMappingNotFound."""
    with transaction() as session:
        mapping = session.scalar(select(ColumnMapping).where(*_of(actor), ColumnMapping.id == mapping_id))
        if mapping is None:
            raise ColumnMappingNotFound(id=mapping_id)
        session.delete(mapping)
        journal.record(
            actor, "import.columns-forgotten", f"import-columns:{mapping.kind}", {"columns": mapping.columns}
        )


def _of(actor: Actor, kind: str | None = None) -> tuple[ColumnElement[bool], ...]:
    kinds = ImportKind.codes() if kind is None else (kind,)
    return ColumnMapping.agency_id.is_not_distinct_from(actor.agency_id), ColumnMapping.kind.in_(kinds)
