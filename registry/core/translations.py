"""Languages of the service, and gettext translations of all texts."""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from typing import Final, NamedTuple, TypeAlias

from registry.core.files import PACKAGE
from registry.freeze import vocabulary
from registry.freeze.vocabulary import Translate, lazy_text as lazy_text

# The languages of the service: the only list.

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
DEFAULT_LANGUAGE: Final[Language] = vocabulary.DEFAULT_LANGUAGE
OFFICIAL_LANGUAGES: Final[tuple[Language, ...]] = vocabulary.OFFICIAL_LANGUAGES


# gettext translations of all texts: pages, API, commands and e-mails. The msgids are the English texts in the code.

TRANSLATIONS: Final = PACKAGE / "translations"


# Compiled once: 10 ms a language.
@cache
def load_translations(language: Language) -> NullTranslations:
    """Return a language's catalogue, compiled in memory, so that neither checkout nor wheel needs a build step."""
    if language == DEFAULT_LANGUAGE:
        return NullTranslations()
    # Imported here because it takes longer than many commands, and English needs no catalogue.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with (TRANSLATIONS / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def translate(text: str, language: Language) -> str:
    """Translate a text; without a translation it stays English."""
    return load_translations(language).gettext(text)


def translator(language: Language) -> Translate:
    """Return the function that translates into ``language``."""
    return load_translations(language).gettext
