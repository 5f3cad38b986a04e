"""Account names: allowed characters, the skeleton for detecting confusable names, and former names.

Names with the same skeleton are the same by UTS 39, by letter case, or by both in any number of steps.
``confusables.txt`` beside this module has the classes of the allowed characters; packages on PyPI lack the skeleton or
have an old table of 900 kB.
"""

import re
import unicodedata
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.clock import now
from registry.core.database import Instant, Model, db, require_transaction
from registry.core.errors import Problem

MAX_NAME_LENGTH: Final = 200
CONFUSABLES: Final = Path(__file__).with_name("confusables.txt")
# Latin and Cyrillic letters of living languages of Europe and Central Asia, digits and punctuation. Phonetic and
# historic letters are left out: they would join the look-alikes of different letters. The colon is reserved for the
# principals ``local:`` and ``service:``.
ALLOWED_CHARACTERS: Final = re.compile(
    r"[0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0148\u014a-\u017e\u018f\u01f4\u01f5\u0218-\u021b\u0259"
    r"\u0400-\u045f\u048c-\u04ff '\u2019._@()+&/,#-]+"
)
RESERVED: Final = ("local", "service", "schedule", "system", "root")
"""Names that a reader of the journal would take for the machine's own."""


def clean_name(name: str) -> str:
    """Return the normalised name: NFC, single spaces, trimmed."""
    return " ".join(part for part in unicodedata.normalize("NFC", name).split(" ") if part)


def name_problems(name: str) -> list[Problem]:
    """Return the problems of a normalised name: its length, a character that is not allowed, or that it is reserved."""
    if not name or len(name) > MAX_NAME_LENGTH or not ALLOWED_CHARACTERS.fullmatch(name):
        return [Problem("/name", "name-not-usable", {"limit": MAX_NAME_LENGTH})]
    if skeleton(name) in {skeleton(reserved) for reserved in RESERVED}:
        return [Problem("/name", "name-reserved")]
    return []


def skeleton(name: str) -> str:
    """Return the UTS 39 skeleton; two names that look alike have the same one."""
    # The table folds case: folding first would lose what only capitals share. Names of earlier versions may have other
    # letters, whose case is folded afterwards.
    parts = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", clean_name(name)))
    return unicodedata.normalize("NFD", parts.translate(_prototypes()).casefold())


@cache
def _prototypes() -> dict[int, str]:
    lines = CONFUSABLES.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if not line.startswith("#"))
    return {ord(letter): prototype for prototype, letters in pairs for letter in letters}


# Former names of renamed accounts: reserved for their account for ever, so that no other account can pass for it.
#
# Records name people as they were called at the time; ``same_person.py`` tells whether two names are one account.


class FormerName(Model):
    """A name that an account had until ``renamed_at``. An account may return to its own former name."""

    __tablename__ = "former_names"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    name_skeleton: Mapped[str] = mapped_column(Text, index=True)
    renamed_at: Mapped[datetime] = mapped_column(Instant)


def keep_former_name(account_id: int, name: str, name_skeleton: str) -> None:
    """Record in the open transaction that the account is called differently from now on."""
    values = {"account_id": account_id, "name": name, "name_skeleton": name_skeleton}
    require_transaction().add(FormerName(**values, renamed_at=now()))


def former_name_like(name_skeleton: str, account_id: int | None = None) -> str | None:
    """Return the former name with that skeleton of an account other than ``account_id``; None without one."""
    statement = select(FormerName.name).where(FormerName.name_skeleton == name_skeleton)
    if account_id is not None:
        statement = statement.where(FormerName.account_id != account_id)
    return db.session.scalar(statement.limit(1))
