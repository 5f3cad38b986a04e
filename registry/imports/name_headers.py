"""Headers of names: which language "Наименование ИС (каз.)" or "Жүйенің атауы орыс тілінде" is about."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from registry.imports.vocabulary import ImportKind

# As in keys of headers: lower case, without spaces and brackets, Kazakh letters as the Russian ones.
LANGUAGES: Final = {
    "name_kk": r"каз|казахск(?:ом|ий)|гос|государственн(?:ом|ый)|казакша|казак|мемлекеттик|кк",
    "name_ru": r"рус|русск(?:ом|ий)|орысша|орыс|ру",
    "name_en": r"англ|английск(?:ом|ий)|агылшынша|агылшын|ен|eng|en",
}
SUBJECTS: Final = {
    ImportKind.PROJECTS: (
        r"проекта?|ис|аис|системы|информационнойсистемы|обьекта?|обьектаинформатизации|жоба(?:нын)?|жуйе(?:нин)?|аж"
        r"|обьекти?(?:нин)?"
    ),
    ImportKind.AGENCIES: r"организации|го|госоргана|государственногооргана|уйым(?:нын)?|органнын",
}
IN_LANGUAGE: Final = r"(?:языке?|яз|тилинде(?:ги)?|тилдеги|тили)?"
NAME: Final = r"(?:наименование|название|атауы)"


def name_field(kind: str, key: str) -> str | None:
    """``name_kk``, ``name_ru`` or ``name_en`` for the key of a header that says its language, else None."""
    return next((field for field, pattern in _patterns(kind).items() if pattern.fullmatch(key)), None)


@cache
def _patterns(kind: str) -> dict[str, re.Pattern[str]]:
    subject = f"(?:{SUBJECTS[ImportKind(kind)]})?"
    return {
        field: re.compile(
            rf"{subject}{NAME}{subject}(?:на)?(?:{words}){IN_LANGUAGE}|(?:{words}){IN_LANGUAGE}{subject}{NAME}{subject}"
        )
        for field, words in LANGUAGES.items()
    }
