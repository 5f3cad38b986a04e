"""The texts of the pages: gettext catalogues in ``translations/``, English in the templates and modules themselves."""

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


@cache
def catalogue(language: Language) -> NullTranslations:
    """A language's texts, compiled in memory, so that the checkout needs no build."""
    if language == "en":
        return NullTranslations()
    compiled = BytesIO()
    with (FOLDER / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def gettext(text: str) -> str:
    """The text in the page's language."""
    return catalogue(page_locale()).ugettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """The text for a count, in the page's language."""
    return catalogue(page_locale()).ungettext(one, many, count)


def lazy_text(text: str) -> str:
    """The text itself, marked for the catalogues and translated where it is shown."""
    return text


def init_translations(app: Flask) -> None:
    """Give ``_()`` and ``ngettext()`` to the templates."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    environment: Any = app.jinja_env
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)
