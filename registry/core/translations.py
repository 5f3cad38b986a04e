"""Languages of the service, gettext translations of all texts, and messages by code."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias

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


# Messages by code, of errors, commands and e-mails. The texts are English; registry/translations/ translates them.

# Of each subject: code → English text with {parameters}.
MESSAGES_OF: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(
    Path(__file__).with_name("messages.toml").read_text(encoding="utf-8")
)
MESSAGES: Final[Mapping[str, str]] = {
    code: text for messages in MESSAGES_OF.values() for code, text in messages.items()
}


class MessageUnknown(LookupError):
    """There is no message with this code: a programming error, not a user error."""


def message(code: str, language: Language, params: Mapping[str, object] | None = None) -> str:
    """Return the message ``code`` in ``language`` with its parameters filled in. Raises MessageUnknown."""
    text = MESSAGES.get(code)
    if text is None:
        raise MessageUnknown(code)
    return translate(text, language).format_map(params or {})


def extract(file: IO[bytes], *_args: Any, **_options: Any) -> Iterator[tuple[int, None, str, list[str]]]:
    """Return the texts by code of a file for the catalogues, as Babel asks for them; babel.cfg names the files."""
    for messages in tomllib.load(file).values():
        for text in messages.values():
            yield 1, None, text, []
