"""Codes of closed vocabularies by their labels, in all languages of the service."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from registry.core.languages import LANGUAGES, Language
from registry.core.translations import translate
from registry.core.value_checks import control_character
from registry.core.values.texts import comparable
from registry.freeze.vocabulary import Choices

# Words that say that a place is a town; the labels of towns are without them.
TOWN_WORDS: Final = frozenset({"г", "гор", "город", "қ", "қала", "қаласы", "city"})
FULL_WORDS: Final = {"обл": "область"}
MAX_REMEMBERED: Final = 1000
# Between the names of one choice in two languages, or around its abbreviation.
PARTS: Final = re.compile(r"[/()\n]")
MAX_LENGTH_OF_PARTS: Final = 200


class ChoiceLabels:
    """Finds the code of a label. ``spellings``: code → further words that people write for it."""

    def __init__(self, options: Sequence[str] | type[Choices], spellings: Mapping[str, Sequence[str]]) -> None:
        self._options = options
        self._spellings = spellings
        self._read: dict[str, str | None] = {}

    def code(self, text: str) -> str | None:
        """The code that a text names by its label, as code and label, or by a spelling; None when it names none."""
        if text in self._read:
            return self._read[text]
        code = None if control_character(text, but="\t\r\n") else self._read_code(text)
        # Files repeat few different texts; hostile ones have many.
        if len(self._read) < MAX_REMEMBERED:
            self._read[text] = code
        return code

    def _read_code(self, text: str) -> str | None:
        """The code of the whole text, or the one that all its parts name: "Дамыту / Развитие", "Система (ИС)"."""
        code = self._codes.get(_key(text))
        if code is not None or not PARTS.search(text) or len(text) > MAX_LENGTH_OF_PARTS:
            return code
        codes = {self._codes.get(_key(part)) for part in PARTS.split(text) if comparable(part)}
        return codes.pop() if len(codes) == 1 else None

    def english(self) -> list[str]:
        """The English labels in the order of the codes; the codes themselves where there are no labels."""
        if not isinstance(self._options, type):
            return list(self._options)
        return [member.label for member in self._options]

    def texts(self, language: Language) -> list[str]:
        """The labels in a language, in the order of the codes; the codes themselves where there are no labels."""
        return [translate(text, language) for text in self.english()]

    def __deepcopy__(self, _memo: object) -> ChoiceLabels:
        # marshmallow copies the fields for each schema.
        return self

    @cached_property
    def _codes(self) -> dict[str, str]:
        """Comparable text → code. A text that stands for two codes is left out."""
        exact = {comparable(code): str(code) for code in self._codes_of_options()}
        named: dict[str, set[str]] = {}
        for code, label in self._labels():
            for text in (label, f"{code} {label}", f"{label} {code}"):
                named.setdefault(_key(text), set()).add(code)
        spelled: dict[str, set[str]] = {}
        for code, texts in self._spellings.items():
            for text in texts:
                spelled.setdefault(_key(text), set()).add(code)
        certain = [{key: min(codes) for key, codes in table.items() if len(codes) == 1} for table in (spelled, named)]
        return {**certain[0], **certain[1], **exact}

    def _codes_of_options(self) -> Sequence[str]:
        return self._options.codes() if isinstance(self._options, type) else self._options

    def _labels(self) -> list[tuple[str, str]]:
        if not isinstance(self._options, type):
            return []
        return [
            (member.value, translate(label, language))
            for member in self._options
            for label in member.labels[:1]
            for language in LANGUAGES
        ]


def _key(text: str) -> str:
    words = text.casefold().replace(".", ". ").split()
    plain = [word.strip(".,") for word in words]
    kept = [FULL_WORDS.get(word, word) for word in plain if word not in TOWN_WORDS]
    return comparable(" ".join(kept or plain))
