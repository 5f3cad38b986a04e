"""Fingerprints of names, purposes and exact values, by which similar projects are found."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from struct import Struct
from typing import Any, Final
from zlib import crc32

from sqlalchemy import Column, Index, SmallInteger, bindparam, delete, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.core.database import Model, table_of, transaction
from registry.core.dialects import insert_rows
from registry.core.search import NAMES, WORD, Words, fold, project_words, words_of
from registry.projects.models import Project

# Words of state projects that mean the same in Kazakh, Russian and English, one meaning a line. Above the empty line
# stand words that say how a project is done or what kind of object it makes, not what it is about: they hardly count.
#
# A line needs one form of each word: beginnings are compared, so that inflected forms are the same word.
GLOSSARY: Final = Path(__file__).with_name("glossary.txt").read_text(encoding="utf-8")
COMMON: Final = GLOSSARY.partition("\n\n")[0]


# Fingerprints of projects: a narrow row for each, by which records with similar words are found in one scan.
#
# MinHash: two sets of words have the least value of one hash in common as often as their overlap (Jaccard) says. A
# row holds eight such values of the names and four of the purpose, and a hash of each exact value. It is written
# with its project; ``refresh_fingerprints`` writes those that are missing or of another ``VERSION``.

# Reduced words for comparison: Cyrillic in Latin letters, beginnings instead of endings, one word for one meaning.

# Long enough to tell words apart, short enough to lose endings and to match loan words: медици-на, медици-налық.
STEM_LENGTH: Final = 6
BEGINNING: Final = 5
SHORT_BEGINNING: Final = 4
ENDINGS: Final = "aeiouj"
MIN_STEM_LENGTH: Final = 3
# Voiced as voiceless: Kazakh changes them before endings (кезек, кезегі).
VOICELESS: Final = str.maketrans("bg", "pk")


def _plain(word: str) -> str:
    beginning = fold(word).translate(VOICELESS)[:STEM_LENGTH]
    shorter = beginning.rstrip(ENDINGS)
    return shorter if len(shorter) >= MIN_STEM_LENGTH else beginning


def _same_words() -> dict[str, str]:
    same: dict[str, str] = {}
    for line in filter(None, GLOSSARY.splitlines()):
        words = [_plain(word) for word in words_of(line)]
        meaning = next((same[word] for word in words if word in same), words[0])
        for word in words:
            same.setdefault(word, meaning)
            same.setdefault(word[:BEGINNING], meaning)
    return same


_SAME: Final = _same_words()
# Too short for the glossary, whose words they would be joined with: what they stand for hardly counts anyway.
ABBREVIATIONS: Final = (
    "ИС АИС АСУ ЕИС ЕАИС ИАС АЖ ААЖ АҚЖ АТ ИТ IT БД РК ҚР АО АҚ ТОО ЖШС НАО ПАО ООО РГП РМК КГП КМК ГУ ММ КММ"
)
# Before the number of a stage: ``stems_of``.
NUMBER: Final = "no"
COMMON_STEMS: Final = frozenset(
    {
        *map(_plain, words_of(ABBREVIATIONS)),
        *(_SAME[_plain(word)] for word in words_of(COMMON)),
        *(f"{NUMBER}{number}" for number in range(100)),
    }
)


@lru_cache(maxsize=1 << 14)
def stem(word: str) -> str:
    """Return the reduced form of one word of ``words_of``."""
    plain = _plain(word)
    same = _SAME.get(plain) or _SAME.get(plain[:BEGINNING])
    if same is None and not word.isascii():
        # Kazakh and Russian words have long endings; English ones of four equal letters differ in meaning.
        same = _SAME.get(plain[:SHORT_BEGINNING])
    return same or plain


def stems(text: str | None) -> list[str]:
    """Return the reduced words of a text, in its order."""
    return stems_of(words_of(text)) if text else []


# Stages of one project, however they are numbered: 2-я очередь, вторая очередь, II этап, 2-кезең, stage 2.
STAGE: Final = stem("этап")
STAGES: Final = frozenset(map(stem, words_of("этап кезең фаза phase лот часть бөлік part")))
# Also what an object is about (электронная очередь), so a stage only after a number.
QUEUES: Final = frozenset(map(stem, words_of("очередь кезек")))
STAGES_AND_QUEUES: Final = STAGES | QUEUES
ROMAN: Final = {word: number for number, word in enumerate(words_of("I II III IV V VI VII VIII IX X XI XII"), 1)}
ORDINALS: Final = {
    beginning: number
    for number, words in enumerate(("перв бірі firs", "втор екін seco", "трет үшін thir", "четв төрт four"), 1)
    for beginning in words_of(words)
}
# What follows the digits of an ordinal: 2-я, 3-го, 2-ші.
ORDINAL_ENDINGS: Final = frozenset(words_of("я й ая ый ой го ей ші шы нші ншы st nd rd th"))
LOOKS_ROMAN: Final = str.maketrans("іх", "ix")


def stems_of(words: Sequence[str]) -> list[str]:
    """Return the reduced forms of words of ``words_of``, in their order; the number of a stage hardly counts."""
    kept = words if ORDINAL_ENDINGS.isdisjoint(words) else [word for word in words if word not in ORDINAL_ENDINGS]
    reduced = list(map(stem, kept))
    if STAGES_AND_QUEUES.isdisjoint(reduced):
        return reduced
    for place, each in enumerate(reduced):
        # The number stands before the stage (2-я очередь), or after it (этап 2).
        beside = (place - 1, place + 1) if each in STAGES else (place - 1,) if each in QUEUES else ()
        numbers = ((at, _number(kept[at])) for at in beside if 0 <= at < len(kept))
        at, number = next((pair for pair in numbers if pair[1] is not None), (place, None))
        if number is not None:
            reduced[place], reduced[at] = STAGE, f"{NUMBER}{number}"
    return reduced


def _number(word: str) -> int | None:
    if word.isascii() and word.isdigit() and len(word) <= 2:
        return int(word)
    return ROMAN.get(word.translate(LOOKS_ROMAN)) or ORDINALS.get(word[:4])


# Values that are compared as a whole: the object's code, the contract, the supplier, the web address.

CONTRACT: Final = ("contract_number", "supplier_bin")
EXACT: Final = ("object_code", "contract_number", "supplier_bin", "url")


def exact_value(name: str, value: Any) -> str | None:
    """Return the value without what people write differently: case, spaces and signs, of an address also its
    beginning.
    """
    if not value:
        return None
    words = WORD.findall(str(value).casefold())
    if name == "url":
        words = [word for word in words if word not in ("https", "http", "www")]
    return "-".join(words) or None


# Raise it when a change of stems, glossary or hashes gives other values: the rows are then written again.
VERSION: Final = 2
NAME_HASHES: Final = tuple(f"name_{place}" for place in range(1, 9))
PURPOSE_HASHES: Final = tuple(f"purpose_{place}" for place in range(1, 5))
# Beyond its first sentences a purpose says little that tells it from others, and each word takes time.
MAX_PURPOSE_WORDS: Final = 60
HASH_COLUMNS: Final = (*NAME_HASHES, *PURPOSE_HASHES, *EXACT)
COMPARED: Final = frozenset({*NAMES, "purpose", *EXACT})
# Eight hashes of a word, of 16 bits each: records that are equal by chance are compared word by word anyway.
HASHES: Final = Struct("<8h")
AT_ONCE: Final = 2000


class ProjectFingerprint(Model):
    """The fingerprint of a project. A hash is null where there is nothing to compare.

    Without a foreign key, whose check costs an import as much as all the rest of the row: projects are never deleted,
    and a row without one would only be passed over.
    """

    __tablename__ = "project_fingerprints"

    project_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(SmallInteger)
    name_1: Mapped[int | None] = mapped_column(SmallInteger)
    name_2: Mapped[int | None] = mapped_column(SmallInteger)
    name_3: Mapped[int | None] = mapped_column(SmallInteger)
    name_4: Mapped[int | None] = mapped_column(SmallInteger)
    name_5: Mapped[int | None] = mapped_column(SmallInteger)
    name_6: Mapped[int | None] = mapped_column(SmallInteger)
    name_7: Mapped[int | None] = mapped_column(SmallInteger)
    name_8: Mapped[int | None] = mapped_column(SmallInteger)
    purpose_1: Mapped[int | None] = mapped_column(SmallInteger)
    purpose_2: Mapped[int | None] = mapped_column(SmallInteger)
    purpose_3: Mapped[int | None] = mapped_column(SmallInteger)
    purpose_4: Mapped[int | None] = mapped_column(SmallInteger)
    object_code: Mapped[int | None] = mapped_column(SmallInteger)
    contract_number: Mapped[int | None] = mapped_column(SmallInteger)
    supplier_bin: Mapped[int | None] = mapped_column(SmallInteger)
    url: Mapped[int | None] = mapped_column(SmallInteger)

    # Every registration looks for former records of the same object or contract.
    __table_args__ = (Index(None, "object_code"), Index(None, "contract_number"))


def fingerprint(values: Mapping[str, Any], words: Words) -> dict[str, int | None]:
    """Return the hashes of a project's values, by column. ``words``: the ``project_words`` of the values."""
    names, purpose = _least(words.names), _least(words.purpose[:MAX_PURPOSE_WORDS])
    return dict(zip(HASH_COLUMNS, (*names, *islice(purpose, len(PURPOSE_HASHES)), *_exact(values)), strict=True))


def exact_hashes(values: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the hashes of the values that are compared as a whole, by column."""
    return dict(zip(EXACT, _exact(values), strict=True))


def fingerprint_row(project_id: int, values: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Return the row of ``ProjectFingerprint`` for a project with these values."""
    return {"project_id": project_id, "version": VERSION, **fingerprint(values, words)}


def save_fingerprints(session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace the rows, in the open transaction; their projects are locked by it."""
    written = list(rows)
    if not written:
        return
    table = table_of(ProjectFingerprint)
    session.execute(
        delete(table).where(table.c.project_id == bindparam("project")),
        [{"project": row["project_id"]} for row in written],
    )
    insert_rows(session, ProjectFingerprint, written)


def refresh_fingerprints() -> int:
    """Write the fingerprints that are missing or of another version, in batches; returns how many were written."""
    count = 0
    while written := _refresh_some():
        count += written
    return count


def _refresh_some() -> int:
    project, kept = table_of(Project).c, table_of(ProjectFingerprint).c
    columns: list[Column[Any]] = [project.id, *(project[name] for name in sorted(COMPARED))]
    stale = or_(kept.project_id.is_(None), kept.version != VERSION)
    joined = table_of(Project).outerjoin(table_of(ProjectFingerprint), kept.project_id == project.id)
    due = select(*columns).select_from(joined).where(stale).order_by(project.id).limit(AT_ONCE)
    with transaction() as session:
        # Whoever edits a project meanwhile waits, and writes a fingerprint of the new values.
        rows = session.execute(due.with_for_update(of=table_of(Project))).mappings().all()
        save_fingerprints(session, [fingerprint_row(row["id"], row, project_words(row)) for row in map(dict, rows)])
    return len(rows)


def _exact(values: Mapping[str, Any]) -> Iterator[int | None]:
    for name in EXACT:
        value = exact_value(name, values[name]) if values.get(name) else None
        yield None if value is None else (crc32(value.encode()) & 0xFFFF) - 0x8000


def _least(words: Sequence[str]) -> Iterable[int | None]:
    distinct = {*stems_of(words)}
    hashes = list(map(_hashes_of, distinct - COMMON_STEMS or distinct))
    if len(hashes) > 1:
        return map(min, *hashes)
    return hashes[0] if hashes else (None,) * len(NAME_HASHES)


@lru_cache(maxsize=1 << 14)
def _hashes_of(reduced: str) -> tuple[int, ...]:
    return HASHES.unpack(blake2b(reduced.encode(), digest_size=HASHES.size).digest())
