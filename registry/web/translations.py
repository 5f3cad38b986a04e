"""gettext translations of the pages: catalogues in ``translations/``; the msgids are English."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask

from registry.core.languages import Language
from registry.web.current_user import page_locale

FOLDER: Final = Path(__file__).with_name("translations")


# Compiled once: 10 ms a language.
@cache
def catalogue(language: Language) -> NullTranslations:
    """Return a language's catalogue, compiled in memory, so that a checkout needs no build step."""
    if language == "en":
        return NullTranslations()
    compiled = BytesIO()
    with (FOLDER / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def gettext(text: str) -> str:
    """Translate a text into the page's language."""
    return catalogue(page_locale()).ugettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """Translate a text with a count into the page's language."""
    return catalogue(page_locale()).ungettext(one, many, count)


def init_translations(app: Flask) -> None:
    """Register ``_()`` and ``ngettext()`` as template globals."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    environment: Any = app.jinja_env
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)
