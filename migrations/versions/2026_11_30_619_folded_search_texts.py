"""Search texts of projects in Latin letters, with the external id and the contract number; and back to plain words.

The triggers that note changes ignore search texts, so nobody is told of a change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from registry.core.search import NAMES, REFERENCES, project_words, search_words

revision = "2026_11_30_619"
down_revision = "2026_11_30_500"
branch_labels = None
depends_on = None

AT_ONCE: Final = 2000
COLUMNS: Final = ("id", "number", "purpose", *NAMES, *REFERENCES)
PROJECTS: Final = sa.table("projects", sa.column("words"), *map(sa.column, COLUMNS))


def upgrade() -> None:
    """Write the words as searches compare them from now on."""
    _write(lambda row: search_words(project_words(row), row))


def downgrade() -> None:
    """Write the words as release 0.3 searches them."""
    _write(_plain_words)


def _plain_words(row: Mapping[str, Any]) -> str:
    words = project_words(row)
    return " " + " ".join([row["number"].lower().replace("-", " "), *words.names, *words.purpose])


def _write(text_of: Callable[[Mapping[str, Any]], str]) -> None:
    connection, last = op.get_bind(), 0
    rows = sa.select(*(PROJECTS.c[name] for name in COLUMNS)).order_by(PROJECTS.c.id).limit(AT_ONCE)
    written = PROJECTS.update().where(PROJECTS.c.id == sa.bindparam("_id")).values(words=sa.bindparam("_words"))
    while found := connection.execute(rows.where(PROJECTS.c.id > last)).mappings().all():
        connection.execute(written, [{"_id": row["id"], "_words": text_of(row)} for row in found])
        last = found[-1]["id"]
