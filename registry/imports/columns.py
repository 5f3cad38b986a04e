"""Columns that an agency mapped by hand, remembered for its next file."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, select

from registry.accounts.actors import Actor
from registry.core.clock import now
from registry.core.database import db
from registry.core.transactions import transaction
from registry.imports.headers import header_key
from registry.imports.models import RememberedColumn
from registry.journal import service as journal


def remembered_columns(actor: Actor, kind: str) -> dict[str, str | None]:
    """Header key → field, None for a column that is left out, as somebody of the actor's agency mapped them."""
    rows = db.session.execute(
        select(RememberedColumn.header, RememberedColumn.field).where(
            RememberedColumn.agency_id.is_not_distinct_from(actor.agency_id), RememberedColumn.kind == kind
        )
    )
    return {header: name for header, name in rows}  # noqa: C416 - a Row is no pair to a type checker


def remember_columns(actor: Actor, kind: str, mapping: Mapping[str, str | None]) -> None:
    """Remember the fields of headers for the actor's agency, in place of what was remembered of them."""
    fields = {header_key(text): name for text, name in mapping.items() if header_key(text)}
    if not fields:
        return
    with transaction() as session:
        session.execute(
            delete(RememberedColumn).where(
                RememberedColumn.agency_id.is_not_distinct_from(actor.agency_id),
                RememberedColumn.kind == kind,
                RememberedColumn.header.in_(list(fields)),
            )
        )
        for header, name in fields.items():
            session.add(
                RememberedColumn(
                    agency_id=actor.agency_id,
                    kind=kind,
                    header=header,
                    field=name,
                    recorded_at=now(),
                    recorded_by=actor.principal,
                )
            )
        journal.record(actor, "import.columns-mapped", f"import-columns:{kind}", {"columns": dict(mapping)})
