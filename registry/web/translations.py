"""gettext for pages, in the page's language. The catalogues are loaded by ``registry.core.translations``."""

from __future__ import annotations

from typing import Any

from flask import Flask

from registry.core.translations import load_translations
from registry.web.current_user import page_locale


def gettext(text: str) -> str:
    """Translate a text into the page's language."""
    return load_translations(page_locale()).gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """Translate a text with a count into the page's language."""
    return load_translations(page_locale()).ngettext(one, many, count)


def init_translations(app: Flask) -> None:
    """Register ``_()`` and ``ngettext()`` as template globals."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    environment: Any = app.jinja_env
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)
