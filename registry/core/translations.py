"""gettext translations of all texts: pages, API, commands and e-mails. The msgids are the English texts in the code."""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from typing import Final

from registry.core.languages import DEFAULT_LANGUAGE, Language
from registry.core.shipped_files import PACKAGE
from registry.freeze.texts import Translate
from registry.freeze.texts import lazy_text as lazy_text

TRANSLATIONS: Final = PACKAGE / "translations"


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
