"""Columns and words of tables that an agency chose by hand, remembered for its next tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, select

from registry.accounts.roles import Actor
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import NotFound
from registry.imports.headers import FIELDS, header_key, layout_key
from registry.imports.models import ColumnMapping, ImportKind, ImportRun
from registry.journal import service as journal


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
