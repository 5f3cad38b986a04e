"""A table to page through: its sort keys, rows and cursors."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Date, Integer, MetaData, Table, Text

from registry.core.database import Instant
from registry.core.errors import Malformed
from registry.core.lists import SortKey, after

PAGED = Table(
    "paged",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("whole", BigInteger),
    Column("text", Text),
    Column("day", Date),
    Column("at", Instant),
    prefixes=["TEMPORARY"],  # the service's role may make no others
)
KINDS: dict[str, type] = {"whole": int, "text": str, "day": date, "at": datetime}
KEYS = {name: SortKey(name, PAGED.c[name], kind, nullable=True) for name, kind in KINDS.items()}
LETTERS = st.text(st.sampled_from("aЯә \u00a0\n\t'\"\\%₸😀"), max_size=3)


def a_cursor(content: Any) -> str:
    """A cursor with this content."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


TEXT, DAY, AT, WHOLE = (KEYS[name] for name in ("text", "day", "at", "whole"))
REQUIRED = SortKey("whole", PAGED.c.whole, int)
ENDS = SortKey("whole", PAGED.c.whole, int, nullable=True, ends=("-1", "9"))
INVALID = [("cursor", "invalid-cursor")]


def decoded(cursor: str | None) -> Any:
    """The content of a cursor."""
    assert cursor is not None
    return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def codes_of(key: SortKey, cursor: str, *, descending: bool = False) -> list[tuple[str, str]]:
    """(pointer, code) of the problems of a cursor."""
    with pytest.raises(Malformed) as error:
        after(key, PAGED.c.id, descending, cursor)
    return [(problem.pointer, problem.code) for problem in error.value.problems]


def sql(expression: Any) -> str:
    """An expression as SQL with its values."""
    return str(expression.compile(compile_kwargs={"literal_binds": True}))
