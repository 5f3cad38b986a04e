"""The letters endpoints: the register, single letters as data, PDF and HTML, and the letters of a case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from registry.accounts.roles import Permission
from registry.api.blueprint import CONTENT_DISPOSITION, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments, filter_query, parameters_of
from registry.cases.queries import read_case
from registry.http.responses import CSV, csv_download
from registry.letters.pages import html_response, pdf_response
from registry.letters.queries import LETTER_LIST, export_csv, letters_of_case, read_letter
from registry.letters.schemas import LETTER, SUMMARY

blp = ApiBlueprint("letters", __name__, description="Letters of orders, questions, referrals and closings, frozen.")


@blp.route("/letters", methods=["GET"])
@blp.listing(LETTER_LIST, SUMMARY, operation="list_all_letters")
def list_all_letters(query: ListArguments) -> Any:
    """List letters, the newest first. Agencies see the letters to them. Sort by id or issued_on."""
    return LETTER_LIST.read(current_actor(), *query)


@blp.route("/letters/<number>", methods=["GET"])
@blp.requires(Permission.CASES_READ, operation="read_letter")
@blp.response(200, LETTER)
def letter_by_number(number: str) -> Any:
    """Read a letter with all that it says."""
    return read_letter(current_actor(), number)


@blp.route("/letters/<number>.pdf", methods=["GET"])
@blp.requires(Permission.CASES_READ, operation="download_letter_as_pdf")
@blp.response(200, {}, content_type="application/pdf", description="PDF/A-2u.", headers=CONTENT_DISPOSITION)
def download_letter_as_pdf(number: str) -> Response:
    """Download a letter in Kazakh and Russian as PDF/A-2u; the same letter always has the same bytes."""
    return pdf_response(read_letter(current_actor(), number))


@blp.route("/letters/<number>.html", methods=["GET"])
@blp.requires(Permission.CASES_READ, operation="download_letter_as_html")
@blp.response(200, {}, content_type="text/html", description="The letter, without the register's menu.")
def download_letter_as_html(number: str) -> Response:
    """Read a letter in Kazakh and Russian as HTML."""
    return html_response(read_letter(current_actor(), number))


@blp.route("/cases/<row_id:case_id>/letters", methods=["GET"])
@blp.listing(Permission.CASES_READ, SUMMARY, operation="list_letters_of_case")
def list_letters_of_case(query: ListArguments, case_id: int) -> Any:
    """List the letters of a case that the caller may see, the oldest first."""
    actor = current_actor()
    return letters_of_case(actor, read_case(actor, case_id, "letters"), query.page)


@blp.route("/exports/letters.csv", methods=["GET"])
@blp.requires(Permission.CASES_READ, operation="export_letters_as_csv")
@blp.arguments(filter_query(parameters_of(LETTER_LIST)), location="query")
@blp.response(200, {}, content_type=CSV, description="One row a letter.", headers=CONTENT_DISPOSITION)
def export_letters_as_csv(filters: Mapping[str, str]) -> Response:
    """Export letters as CSV: UTF-8, newest first."""
    return csv_download("letters", export_csv(current_actor(), filters))
