"""The languages of the service: the only list."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from registry.freeze import texts

Language: TypeAlias = str


class Names(NamedTuple):
    """A language's name in itself, and the CLDR locale of its dates and numbers."""

    name: str
    locale: str


# In the order of the language menu. A new language is one line here and one catalogue in registry/translations/.
_NAMES: Final[dict[Language, Names]] = {
    "kk": Names("Қазақша", "kk_KZ"),
    "ru": Names("Русский", "ru_KZ"),
    "en": Names("English", "en_GB"),
}
LANGUAGES: Final[tuple[Language, ...]] = tuple(_NAMES)
LANGUAGE_NAMES: Final[dict[Language, str]] = {language: names.name for language, names in _NAMES.items()}
LOCALES: Final[dict[Language, str]] = {language: names.locale for language, names in _NAMES.items()}
# The language of the texts in the code; it has no catalogue.
DEFAULT_LANGUAGE: Final[Language] = texts.DEFAULT_LANGUAGE
OFFICIAL_LANGUAGES: Final[tuple[Language, ...]] = texts.OFFICIAL_LANGUAGES
