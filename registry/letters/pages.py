"""Pages of letters: the register, each letter with its documents, and the public check of one."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from flask import Response, jsonify, render_template, request, url_for

from registry.accounts.roles import Actor, Permission
from registry.agencies.pages import add_list_pages
from registry.core.translations import OFFICIAL_LANGUAGES, lazy_text
from registry.http.error_handlers import problem_response
from registry.http.responses import pdf_download
from registry.http.security import Public
from registry.letters import queries
from registry.letters.queries import LETTER_LIST
from registry.letters.service import ISSUER, letter_pdf
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.formats import gettext as _, short_day
from registry.web.labels import choice_label, name_in_page_language, options
from registry.web.lists import ListCell, ListPage, TableColumn

# A letter as a file: PDF/A, and HTML without the register's menu, for the pages and the API.

# The letter loads the register's styles and fonts, and nothing else.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def pdf_response(letter: Mapping[str, Any]) -> Response:
    """Return the letter as PDF/A-2u, in Kazakh and Russian. Raises DocumentNotMade."""
    return pdf_download(letter["number"], letter_pdf(letter["data"]))


def html_response(letter: Mapping[str, Any]) -> Response:
    """Return the letter as HTML, in Kazakh and Russian."""
    parts = [(language, letter["data"]["texts"][language]) for language in OFFICIAL_LANGUAGES]
    page = render_template("letters/document.html", number=letter["number"], parts=parts, issuer=ISSUER)
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    return response


# Pages of letters: the register, and each letter with its documents.

FILTERS: Final = ("q", "number", "kind", "agency", "project", "issued_on_from", "issued_on_to")
SORTS: Final = {"-id": lazy_text("Newest first"), "id": lazy_text("Oldest first")}


def _page(_actor: Actor, _filters: Mapping[str, str]) -> ListPage:
    return ListPage(
        title=_("Letters"),
        endpoint="letters",
        columns=[
            TableColumn(_("Number"), None, _number_cell, "main"),
            TableColumn(_("Date"), None, lambda row: ListCell(short_day(row["issued_on"])), "day"),
            TableColumn(_("Kind of letter"), None, lambda row: ListCell(choice_label("letter_kind", row["kind"]))),
            TableColumn(_("Project"), None, _project_cell),
            TableColumn(_("State"), None, _state_cell),
            *(TableColumn(name, partial(queries.letter_cell, name=name)) for name in queries.COLUMNS),
        ],
        empty=_("There are no letters here."),
        about=_("Each order, question, referral and closing since this register began to number them."),
        words=_("Number of the letter, or its beginning"),
        fields=[("kind", _("Kind of letter"), options("letter_kind"))],
        dates=("issued_on",),
        sorts=SORTS,
        records=LETTER_LIST,
        links=[(_("Check a letter"), url_for("web.check_letters"))],
    )


def _number_cell(row: Mapping[str, Any]) -> ListCell:
    address = url_for("web.letter", number=row["number"])
    return ListCell(row["number"], name_in_page_language(row["agency_names"]), address)


def _project_cell(row: Mapping[str, Any]) -> ListCell:
    return ListCell(row["project"], "", url_for("web.project", number=row["project"]))


def _state_cell(row: Mapping[str, Any]) -> ListCell:
    return ListCell(_("Stands") if row["stands"] else choice_label("letter_end", row["ended_because"]))


add_list_pages("/letters", "letters", Permission.CASES_READ, FILTERS, LETTER_LIST.read, _page)


@pages.page("/letters/<number>", needs=Permission.CASES_READ)
def letter(actor: Actor, number: str) -> Answer:
    """Display a letter in the page's language; on an English page in Russian."""
    shown = queries.read_letter(actor, number)
    language = "kk" if page_locale() == "kk" else "ru"
    return render_template(
        "letters/letter.html", letter=shown, text=shown["data"]["texts"][language], language=language
    )


@pages.page("/letters/<number>.pdf", needs=Permission.CASES_READ)
def letter_as_pdf(actor: Actor, number: str) -> Answer:
    """Download the letter as PDF/A."""
    return pdf_response(queries.read_letter(actor, number))


@pages.page("/letters/<number>.html", needs=Permission.CASES_READ)
def letter_as_html(actor: Actor, number: str) -> Answer:
    """Display the letter alone, for printing."""
    return html_response(queries.read_letter(actor, number))


# Public check of a letter by its code: a page and JSON, without signing in and without personal data.
#
# ``registry/app.py`` counts its requests by address, as those of the sign-in form, also in a session.

OPEN: Final = Public("whoever holds a letter may check it; its code is the proof")


@pages.page("/verify", needs=OPEN)
def check_letters() -> Answer:
    """Ask for the code of a letter, or go on to the letter that it names."""
    code = request.args.get("code", "").strip()[: queries.MAX_CODE_LENGTH].replace("/", "")
    if code:
        return redirect_to("checked_letter", code=code)
    return render_template("letters/verify.html", checked=None, code="", unknown=False)


@pages.page("/verify/<code>", needs=OPEN)
def checked_letter(code: str) -> Answer:
    """Say whether a letter with this code was issued and stands."""
    try:
        checked = queries.check_letter(code)
    except queries.LetterCodeUnknown:
        return render_template(
            "letters/verify.html", checked=None, code=code[: queries.MAX_CODE_LENGTH], unknown=True
        ), 404
    return render_template("letters/verify.html", checked=checked, code=code, unknown=False)


@pages.page("/verify/<code>.json", needs=OPEN)
def checked_letter_as_json(code: str) -> Answer:
    """Return the same as JSON; of an unknown code problem+json, as the API does."""
    try:
        return jsonify(queries.check_letter(code))
    except queries.LetterCodeUnknown as error:
        return problem_response(error)
