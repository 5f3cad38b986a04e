"""Words as searches compare them, and the conditions of the full-text search of projects.

Each query word matches the beginning of a word, in Latin letters: with Kazakh letters, without them, transliterated.
PostgreSQL uses a GIN index on the unstemmed words, without a dictionary or an extension, so that Kazakh, Russian and
English are treated alike. SQLite scans all search texts (``registry/projects/filters.py``).
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from rapidfuzz.distance import OSA
from sqlalchemy import ColumnElement, and_, cast, func, or_
from sqlalchemy.dialects.postgresql import TSQUERY

from registry.core.dialects import has_word_index

WORD = re.compile(r"\w+")
# PostgreSQL cannot index words longer than 2,046 bytes.
MAX_WORD_LENGTH = 100
NAMES: Final = ("name_kk", "name_ru", "name_en")


class Words(NamedTuple):
    """The words of a project's names, in all languages, and of its purpose."""

    names: list[str]
    purpose: list[str]


def project_words(values: Mapping[str, Any]) -> Words:
    """Return the words of a project with these values, for its search text and its fingerprint."""
    purpose = values.get("purpose")
    names = " ".join([values[name] for name in NAMES if values.get(name)])
    return Words(words_of(names), words_of(purpose) if purpose else [])


# Before the external id and the contract number, which are found as a whole, and never by the public.
REFERENCE: Final = "#"
REFERENCES: Final = ("external_id", "contract_number")


def search_words(words: Words, values: Mapping[str, Any]) -> str:
    """Return the text that ``q`` searches: a space before each folded word, so that a prefix can be matched."""
    named = (values["number"].lower().replace("-", " ").split(), words.names, words.purpose)
    folded = [fold(word) for each in named for word in each]
    references = [reference_of(values[name]) for name in REFERENCES if values.get(name)]
    return " " + " ".join(filter(None, [*folded, *references]))


def reference_of(text: str) -> str:
    """Return a reference, or a text as one, without what people write differently; empty for one that is none.

    A reference has a digit or a sign: otherwise each search by words would take longer for nothing.
    """
    joined = "".join(map(fold, words_of(text)))[:MAX_WORD_LENGTH]
    is_one = not "".join(text.split()).isalpha()
    return REFERENCE + joined if joined and is_one else ""


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation, NFC-normalised; ё becomes е, as most people write
    it.
    """
    folded = unicodedata.normalize("NFC", text).casefold().replace("ё", "е")
    return [word[:MAX_WORD_LENGTH] for word in WORD.findall(folded)]


def folded_words(text: str) -> list[str]:
    """Return the words of a text as searches compare them."""
    return [folded for word in words_of(text) if (folded := fold(word))]


LATIN: Final = str.maketrans(
    {
        **dict(zip("абвгдежзийклмнопрстуфхыіэәөұүқғңһ", "abvgdejziiklmnoprstufhiieaouukgnh", strict=True)),
        **{"ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "", "ь": "", "ю": "iu", "я": "ia"},
        **{"q": "k", "y": "i", "w": "u", "x": "ks", "ı": "i", "ş": "sh", "ç": "ch"},
    }
)
# What transliterations write for one letter. Only in Latin words: Казхром begins with каз.
DIGRAPHS: Final = {"shch": "sh", "kh": "h", "zh": "j", "gh": "g", "ye": "e"}
DIGRAPH: Final = re.compile("|".join(DIGRAPHS))
# й and ы are both i, and endings have one or two of them: -ский, -skiy, -sky.
SECOND_I: Final = re.compile("(?<=[^i]i)i")


@lru_cache(maxsize=1 << 15)
def fold(word: str) -> str:
    """Return a word of ``words_of`` in Latin letters: Сарыарқа, Сарыарка, Saryarqa and Saryarka are ``sariarka``.

    Empty for a word of ъ and ь alone.
    """
    if word.isascii():
        word = DIGRAPH.sub(lambda match: DIGRAPHS[match[0]], word)
    latin = word.translate(LATIN)
    if not latin.isascii():
        latin = "".join(each for each in unicodedata.normalize("NFKD", latin) if not unicodedata.combining(each))
    return SECOND_I.sub("", latin)[:MAX_WORD_LENGTH]


# Typing errors: one letter wrong, missing, too many, or two exchanged. In short words and in numbers they are others.
MIN_LENGTH_WITH_ERROR: Final = 5
MAX_SPELLINGS: Final = 20
# Each word takes a tenth of a second at 100,000 projects: somebody may paste a page of text.
MAX_WORDS_WITH_ERROR: Final = 6


def may_have_error(word: str, words: Collection[Any]) -> bool:
    """Return True for a folded word that is long enough to be recognised with a typing error, among a few others."""
    is_plain = len(word) >= MIN_LENGTH_WITH_ERROR and not any(map(str.isdigit, word))
    return is_plain and len(words) <= MAX_WORDS_WITH_ERROR


def similar_beginnings(word: str, words: Iterable[str]) -> list[str]:
    """Return the beginnings of words that one typing error makes of a folded word, at most twenty."""
    similar = set()
    # One error leaves one of the first two letters among them: all others need no distance.
    for each in (near for near in words if near[0] in word[:2] or near[1:2] in word[:2]):
        nearest = min((OSA.distance(word, each[:end]), end) for end in range(len(word) - 1, len(word) + 2))
        if nearest[0] == 1:
            similar.add(each[: nearest[1]])
    return sorted(similar)[:MAX_SPELLINGS]


class Query(NamedTuple):
    """A text as it is searched: of each word the beginnings that match it, or all of it as a reference."""

    words: tuple[tuple[str, ...], ...]
    reference: str = ""


def contains_words(column: ColumnElement[str], query: Query) -> ColumnElement[bool]:
    """Return the condition that a ``search_words`` column matches a query, evaluated without an index."""
    every = [or_(*(contains_text(column, f" {each}") for each in spellings)) for spellings in query.words]
    reference = [contains_text(column, f" {query.reference}")] if query.reference else []
    return or_(*([and_(*every)] if every else []), *reference)


def contains_text(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Return the condition that a column has the text, evaluated without an index."""
    if not has_word_index():
        # A third of the time of LIKE, which compares letter by letter.
        return func.instr(column, text) > 0
    return column.contains(text, autoescape=True)


def matches_words(column: ColumnElement[str], query: Query) -> ColumnElement[bool]:
    """Return the condition that a ``search_words`` column matches a query, using the index on PostgreSQL."""
    if not has_word_index():
        return contains_words(column, query)
    indexed = func.array_to_tsvector(func.string_to_array(func.ltrim(column, " "), " "))
    # A word consists of letters, digits and underscores, so it cannot contain a quote.
    every = " & ".join("('" + "':* | '".join(spellings) + "':*)" for spellings in query.words)
    reference = query.reference and f"'{query.reference}':*"
    return indexed.op("@@")(cast(" | ".join(filter(None, [every, reference])), TSQUERY))
