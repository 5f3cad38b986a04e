"""The score of two records, from 0 to 100, and its reasons. Pure: no database, no actor.

The names count most, then the purpose; equal exact values raise the score. A word counts less the more candidates
have it, so that of many projects on one system the words that tell them apart decide.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any, Final

from rapidfuzz import fuzz, process

from registry.core.search import NAMES
from registry.core.values import comparable
from registry.projects.fingerprints import COMMON_STEMS, EXACT, MAX_PURPOSE_WORDS, exact_value, stems

# Of the score of the words, the share of the purpose.
PURPOSE_SHARE: Final = 0.3
# Of the score of two texts, the share of how much of the shorter one is in the longer one.
CONTAINED_SHARE: Final = 0.4
COMMON_WEIGHT: Final = 0.2
# Both texts have numbers that the other lacks: other releases, other years.
OTHER_NUMBERS: Final = 0.85
# No language has both names: the glossary knows only some of the words.
OTHER_LANGUAGE: Final = 1.2
# Two words of four letters or more are one with a typing error from this similarity on (rapidfuzz, of 100).
TYPING_ERROR: Final = 80
MIN_LENGTH_WITH_ERROR: Final = 4
# What an equal value leaves of the distance to 100. Short contract numbers are equal by chance among agencies.
EQUAL_VALUE: Final[Mapping[str, float]] = {"object_code": 0.9, "contract_number": 0.6, "supplier_bin": 0.9, "url": 0.5}
FOREIGN_CONTRACT: Final = 0.9
# The least score of two records on one contract, whatever they are called: nothing else says as much.
SAME_CONTRACT: Final = 100
# Of another agency, and of two records at one address.
SAME_FOREIGN_CONTRACT: Final = 90
SAME_ADDRESS: Final = 80
# From these similarities on, names and purpose are among the reasons.
SAME_TEXT: Final = 0.5
REASONS: Final = ("name", "purpose", *EXACT)
# Below this similarity a new name is the name of something else.
SAME_NAME: Final = 0.6

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What is compared of a project: the reduced words of its names and purpose, and its exact values."""

    agency_id: int
    names: Mapping[str, Words]
    purpose: Words
    exact: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Score:
    """How similar two records are, and in what: some of ``REASONS``. ``of_words``: without what is equal as a whole."""

    score: int
    reasons: tuple[str, ...]
    of_words: int = 0

    @property
    def is_same_work(self) -> bool:
        """True for two records on one contract or at one address, under whichever names."""
        return is_same_contract(self.reasons) or "url" in self.reasons


def is_same_contract(equal: Iterable[str]) -> bool:
    """Return True when the number and the supplier of the contract are among what is equal."""
    return {"contract_number", "supplier_bin"} <= {*equal}


def record_of(agency_id: int, values: Mapping[str, Any]) -> Record:
    """Return what is compared of a project with these values."""
    purpose = values.get("purpose")
    return Record(
        agency_id,
        words_of(values),
        tuple(dict.fromkeys(stems(purpose)[:MAX_PURPOSE_WORDS])),
        {name: exact_value(name, values.get(name)) for name in EXACT},
    )


def scores(record: Record, candidates: Sequence[Record]) -> list[Score]:
    """Return the score of each candidate, in their order."""
    everyone = [record, *candidates]
    of_names = _weights(set().union(*each.names.values()) for each in everyone)
    of_purposes = _weights(each.purpose for each in everyone)
    return [_score(record, candidate, of_names, of_purposes) for candidate in candidates]


def _score(record: Record, other: Record, of_names: Mapping[str, float], of_purposes: Mapping[str, float]) -> Score:
    name = name_similarity(record.names, other.names, of_names)
    purpose = similarity(record.purpose, other.purpose, of_purposes)
    words = name
    if record.purpose and other.purpose:
        words = (1 - PURPOSE_SHARE) * name + PURPOSE_SHARE * purpose
    equal = [each for each in EXACT if record.exact[each] is not None and record.exact[each] == other.exact[each]]
    distance = 1 - words
    for each in equal:
        foreign = each == "contract_number" and record.agency_id != other.agency_id
        distance *= FOREIGN_CONTRACT if foreign else EQUAL_VALUE[each]
    texts = [reason for reason, value in (("name", name), ("purpose", purpose)) if value >= SAME_TEXT]
    scored = round(100 * (1 - distance))
    return Score(max(scored, _least_score(record, other, equal)), (*texts, *equal), scored)


def _least_score(record: Record, other: Record, equal: Sequence[str]) -> int:
    if is_same_contract(equal):
        return SAME_CONTRACT if record.agency_id == other.agency_id else SAME_FOREIGN_CONTRACT
    return SAME_ADDRESS if "url" in equal else 0


def name_similarity(first: Mapping[str, Words], second: Mapping[str, Words], weights: Mapping[str, float]) -> float:
    """How much the nearest two of the names of two records have in common, from 0 to 1, in any language."""
    pairs = ((one, other) for one in first.values() for other in second.values())
    best = max((similarity(one, other, weights) for one, other in pairs), default=0.0)
    return best if first.keys() & second.keys() else min(1.0, best * OTHER_LANGUAGE)


def kept_name(before: Mapping[str, Any], after: Mapping[str, Any], weights: Mapping[str, float]) -> float:
    """How similar the names are after a change: of each language that had one and has another, the least similar."""
    replaced = [name for name in NAMES if before[name] and after[name] and before[name] != after[name]]
    if replaced:
        return min(text_similarity(before[name], after[name], weights) for name in replaced)
    if any(before[name] and before[name] == after[name] for name in NAMES):
        return 1.0
    old, new = words_of(before), words_of(after)
    return name_similarity(old, new, weights) if old and new else 1.0


def words_of(values: Mapping[str, Any]) -> dict[str, Words]:
    """Return the reduced words of each name that is given."""
    return {name: words(values[name]) for name in NAMES if values.get(name)}


def words(text: str) -> Words:
    """Return the reduced words of a text, each once."""
    return tuple(dict.fromkeys(stems(text)))


def text_similarity(first: str, second: str, weights: Mapping[str, float]) -> float:
    """How similar two texts are, from 0 to 1; writing them otherwise changes nothing."""
    return 1.0 if comparable(first) == comparable(second) else similarity(words(first), words(second), weights)


def similarity(first: Words, second: Words, weights: Mapping[str, float]) -> float:
    """How much two texts have in common, from 0 to 1: words in any order, typing errors allowed."""
    if not first or not second:
        return 0.0
    weight_first, weight_second = _weight(first, weights), _weight(second, weights)
    both_first, both_second = _common(set(first), set(second), weights)
    whole = (both_first + both_second) / (weight_first + weight_second)
    contained = max(both_first / weight_first, both_second / weight_second)
    result = (1 - CONTAINED_SHARE) * whole + CONTAINED_SHARE * contained
    numbers_first, numbers_second = _numbers(first), _numbers(second)
    if numbers_first - numbers_second and numbers_second - numbers_first:
        result *= OTHER_NUMBERS
    return result


def _common(first: set[str], second: set[str], weights: Mapping[str, float]) -> tuple[float, float]:
    """Return the weight of the words that both texts have, in the first and in the second."""
    same = first & second
    shared = set(same)
    one = other = _weight(same, weights)
    # Of equally similar words the last one.
    left = sorted((word for word in second - same if _may_have_error(word)), reverse=True)
    for word in sorted(first - same):
        nearest = (
            process.extractOne(word, left, scorer=fuzz.ratio, score_cutoff=TYPING_ERROR)
            if _may_have_error(word)
            else None
        )
        if nearest is not None:
            match = nearest[0]
            left.remove(match)
            shared |= {word, match}
            one += weights[word]
            other += weights[match]
    numbers = _numbers(same)
    if numbers and not _tell_apart(first | second).isdisjoint(shared):
        return one, other
    alone = _weight(numbers, weights)
    return one - alone, other - alone


def _tell_apart(words: set[str]) -> set[str]:
    """Return the words that say what a text is about; a number behind other words makes no two texts alike."""
    named = words - _numbers(words) or words
    return named - COMMON_STEMS or named


def _may_have_error(word: str) -> bool:
    return len(word) >= MIN_LENGTH_WITH_ERROR and not _has_digit(word)


def _weights(texts: Iterable[Iterable[str]]) -> dict[str, float]:
    """Return the weight of each word: 1 for a word of one text, less the more texts have it, and little for common
    ones.
    """
    counts = Counter(word for text in texts for word in text)
    return {word: word_weight(word, count) for word, count in counts.items()}


class WordWeights(dict[str, float]):
    """The weights of words, worked out when they are asked for. ``counts``: how many texts have each."""

    def __init__(self, counts: Counter[str] | None = None) -> None:
        """Without counts every word is of one text."""
        super().__init__()
        self._counts = counts or Counter()

    def __missing__(self, word: str) -> float:
        """Work the weight out."""
        self[word] = weight = word_weight(word, self._counts[word])
        return weight


def word_weight(word: str, count: int) -> float:
    """Return the weight of a word that so many texts have."""
    return (COMMON_WEIGHT if word in COMMON_STEMS else 1.0) / (1 + log(max(1, count - 1)))


def _weight(words: Iterable[str], weights: Mapping[str, float]) -> float:
    return sum(weights[word] for word in sorted(words))


def _numbers(words: Iterable[str]) -> set[str]:
    return {word for word in words if _has_digit(word)}


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))
