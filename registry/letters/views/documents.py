"""A letter as a file: PDF/A, and HTML without the register's menu, for the pages and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response, render_template

from registry.core.languages import OFFICIAL_LANGUAGES
from registry.http.downloads import pdf_download
from registry.letters.pdf import ISSUER, letter_pdf

# The letter loads the register's styles and fonts, and nothing else.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def pdf_response(letter: Mapping[str, Any]) -> Response:
    """The letter as PDF/A-2u, in Kazakh and Russian. Raises DocumentNotMade."""
    return pdf_download(letter["number"], letter_pdf(letter["data"]))


def html_response(letter: Mapping[str, Any]) -> Response:
    """The letter as HTML, in Kazakh and Russian."""
    parts = [(language, letter["data"]["texts"][language]) for language in OFFICIAL_LANGUAGES]
    page = render_template("letters/document.html", number=letter["number"], parts=parts, issuer=ISSUER)
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    return response
