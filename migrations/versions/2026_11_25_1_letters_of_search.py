"""The words that projects are found by: ё as е, and letters with their marks as one letter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_1"
down_revision = "2026_11_24_9"
branch_labels = None
depends_on = None

AT_ONCE = 5000
WORD = re.compile(r"\w+")
PROJECTS = sa.table("projects", *(sa.column(name) for name in ("id", "number", "words")))
TEXTS = tuple(sa.column(name) for name in ("name_kk", "name_ru", "name_en", "purpose"))


def upgrade() -> None:
    """Write anew the words in which it makes a difference."""
    _write(_plain, _folded)


def downgrade() -> None:
    """The same, as they were."""
    _write(_folded, _plain)


def _plain(text: str) -> str:
    return text.casefold()


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().replace("ё", "е")


def _write(before: Callable[[str], str], after: Callable[[str], str]) -> None:
    connection, last = op.get_bind(), 0
    update = sa.update(PROJECTS).where(PROJECTS.c.id == sa.bindparam("project"))
    update = update.values(words=sa.bindparam("new"))
    read = sa.select(PROJECTS.c.id, PROJECTS.c.number, *TEXTS).select_from(PROJECTS).order_by(PROJECTS.c.id)
    while rows := connection.execute(read.where(PROJECTS.c.id > last).limit(AT_ONCE)).all():
        texts = [(row.id, " ".join(part for part in row[1:] if part)) for row in rows]
        changed = [
            {"project": project, "new": " " + " ".join(word[:100] for word in WORD.findall(after(text)))}
            for project, text in texts
            if before(text) != after(text)
        ]
        if changed:
            connection.execute(update, changed)
        last = rows[-1].id
