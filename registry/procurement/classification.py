"""Whether a contract is about information technology, by a list of codes and words that an operator can change."""

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from marshmallow import ValidationError

from registry.core.files import CONFIG
from registry.core.search import folded_words

SHIPPED: Final = CONFIG / "procurement_words.toml"
KINDS: Final = ("codes", "words")
IT: Final = "it"
SIDES: Final = (IT, "other")
CODE: Final = re.compile(r"[0-9][0-9.]{0,19}")
MAX_ENTRY: Final = 200
# The key in ``app.config``.
PROCUREMENT_WORDS: Final = "PROCUREMENT_WORDS"


class Verdict(NamedTuple):
    """Whether it is IT, and the entry of the list that decided; None where none did, and it is not."""

    is_it: bool
    reason: str | None


@dataclass(frozen=True)
class ItWords:
    """The list: beginnings of codes of the unified nomenclature (ЕНС ТРУ), and phrases of beginnings of words.

    ``phrases``: by the groups of the pattern.
    """

    codes: Mapping[str, bool]
    pattern: re.Pattern[str]
    phrases: Mapping[str, str]

    def verdict(self, codes: Collection[str], text_kk: str | None, text_ru: str | None) -> Verdict:
        """Judge a contract: by its codes, else by the words of its description in Russian, else in Kazakh.

        The longest beginning of a code decides, and IT when several codes differ. Of several phrases it is the one of
        what is bought: the first one in Russian ("portal of school meals"), the last one in Kazakh, whose nouns stand
        behind what describes them.
        """
        decisive = [entry for code in codes if (entry := self._entry(code)) is not None]
        if decisive:
            is_it = any(self.codes[entry] for entry in decisive)
            return Verdict(is_it, next(entry for entry in decisive if self.codes[entry] is is_it))
        for text, place in ((text_ru, 0), (text_kk, -1)):
            if groups := self._phrases(text or ""):
                return Verdict(groups[place].startswith(IT), self.phrases[groups[place]])
        return Verdict(is_it=False, reason=None)

    def _phrases(self, text: str) -> list[str]:
        folded = "".join(f" {word}" for word in folded_words(text))
        return [str(match.lastgroup) for match in self.pattern.finditer(folded)]

    def _entry(self, code: str) -> str | None:
        digits = code.replace(".", "")
        fitting = (entry for entry in self.codes if digits.startswith(entry.replace(".", "")))
        return max(fitting, key=len, default=None)


def it_words(text: str) -> ItWords:
    """Return the list of ``REGISTRY_PROCUREMENT_WORDS_FILE``; without one, the one that is shipped.

    Raises ValidationError, which names what is wrong.
    """
    path = Path(text) if text else SHIPPED
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValidationError(f"{path} cannot be read ({error.strerror}); name a file of words") from error
    except ValueError as error:
        raise ValidationError(f"{path} is not valid TOML in UTF-8: {error}") from error
    entries = {(kind, side): _entries(path, document, kind, side) for kind in KINDS for side in SIDES}
    if unknown := sorted({*document} - {*KINDS}):
        raise ValidationError(f"{path}: {unknown[0]}: unknown, expected only {', '.join(KINDS)}")
    for side in SIDES:
        if wrong := [entry for entry in entries["codes", side] if not CODE.fullmatch(entry)]:
            raise ValidationError(f"{path}: codes.{side}: {wrong[0]!r}: expected the beginning of a code, such as 6201")
    # What is none comes first: it says more where both fit one word.
    phrases = {f"{side}{place}": each for side in reversed(SIDES) for place, each in enumerate(entries["words", side])}
    pattern = "|".join(f"(?P<{name}>{_phrase(text)})" for name, text in phrases.items())
    codes = {entry: side == IT for side in SIDES for entry in entries["codes", side]}
    return ItWords(codes, re.compile(pattern or "(?!)"), phrases)


PARSERS: Final[dict[str, Callable[..., object]]] = {"it_words": it_words}


def _entries(path: Path, document: Mapping[str, Any], kind: str, side: str) -> list[str]:
    table = document.get(kind, {})
    entries = table.get(side, []) if isinstance(table, dict) else None
    if not isinstance(entries, list) or not all(
        isinstance(each, str) and 0 < len(each) <= MAX_ENTRY for each in entries
    ):
        raise ValidationError(f"{path}: {kind}.{side}: expected a list of texts")
    if kind == "words" and (blank := [each for each in entries if not folded_words(each)]):
        raise ValidationError(f"{path}: {kind}.{side}: {blank[0]!r} has no word")
    return entries


def _phrase(text: str) -> str:
    """Return the pattern of a phrase: each of its words is the beginning of a word of the text, one after the other.

    An asterisk stands for up to four words between; a word that ends with a full stop is whole.
    """
    parts = []
    for word in text.split():
        if word == "*":
            parts.append(r"(?: \w+){0,4}?")
            continue
        ending = r"(?!\w)" if word.endswith(".") else r"\w*"
        parts += [f" {each}{ending}" for each in folded_words(word)]
    return "".join(parts)
