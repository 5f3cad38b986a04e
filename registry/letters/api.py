"""The letters endpoints: the register, single letters as data, PDF and HTML, and the letters of a case."""

from collections.abc import Mapping
from typing import Any, Final

from flask import Response

from registry.accounts.roles import Permission
from registry.api.blueprint import CONTENT_DISPOSITION, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments, filter_query, parameters_of
from registry.cases.decisions import TEXTS
from registry.cases.queries import read_case
from registry.cases.vocabulary import AppealOutcome, DecisionKind
from registry.core.fields import DAY_SCHEMA, BaseSchema, ReadOnly, Timestamp, nullable, shown_object
from registry.core.translations import OFFICIAL_LANGUAGES
from registry.http.responses import CSV, csv_download
from registry.letters.models import LetterEnd, LetterKind
from registry.letters.pages import html_response, pdf_response
from registry.letters.queries import LETTER_LIST, export_csv, letters_of_case, read_letter

blp = ApiBlueprint("letters", __name__, description="Letters of orders, questions, referrals and closings, frozen.")
TEXT: Final[dict[str, Any]] = {"type": "string"}
OPTIONAL: Final[dict[str, Any]] = nullable(TEXT)
DAY: Final[dict[str, Any]] = dict(DAY_SCHEMA)
DECISION: Final = nullable({**TEXT, "enum": list(DecisionKind.codes())})
NAMES: Final = shown_object(dict.fromkeys(("name_kk", "name_ru", "name_en"), OPTIONAL))
CONTENT: Final = shown_object(
    {
        "title": TEXT,
        "facts": {"type": "array", "items": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2}},
        "sections": {
            "type": "array",
            "items": shown_object(
                {"heading": TEXT, "paragraphs": {"type": "array", "items": TEXT}, "steps": {"type": "boolean"}}
            ),
        },
        "check": TEXT,
        "issuer": {"type": "array", "items": TEXT, "description": "The lines of the letterhead."},
        "number": TEXT,
        "addressee": TEXT,
        "signature": {"type": "array", "items": TEXT, "description": "Post, name, and who prepared it."},
    },
    # Those of earlier versions have no head and no signature.
    sometimes=("issuer", "number", "addressee", "signature"),
)
DATA: Final = shown_object(
    {
        "code": TEXT,
        "proposed_by": OPTIONAL,
        "approved_by": OPTIONAL,
        "issued_by": TEXT,
        "appeal_outcome": nullable({**TEXT, "enum": list(AppealOutcome.codes())}),
        **dict.fromkeys((*TEXTS, *(f"text_{each}" for each in OFFICIAL_LANGUAGES)), OPTIONAL),
        "texts": shown_object(dict.fromkeys(OFFICIAL_LANGUAGES, CONTENT)),
    },
    sometimes=("appeal_outcome",),
)


class LetterSummary(BaseSchema):
    """A letter as lists show it."""

    number = ReadOnly("Its number, without gaps in each year.", TEXT)
    kind = ReadOnly("What it says.", {"type": "string", "enum": list(LetterKind.codes())})
    issued_on = ReadOnly("Its date.", DAY)
    issued_at = Timestamp("When it was issued.")
    case = ReadOnly("The case.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT)
    agency = ReadOnly("BIN of the agency when it was issued.", TEXT)
    agency_names = ReadOnly("Names of the agency when it was issued.", NAMES)
    decision = ReadOnly("The decision of an order or a closing.", DECISION)
    due_on = ReadOnly("By when an order must be carried out.", nullable(DAY))
    answer_by = ReadOnly("By when a question must be answered.", nullable(DAY))
    appeal_until = ReadOnly("Until when it can be appealed.", nullable(DAY))
    stands = ReadOnly("False when it was appealed, withdrawn, replaced, or its case opened again.", {"type": "boolean"})
    ended_because = ReadOnly("Why it no longer stands.", nullable({**TEXT, "enum": list(LetterEnd.codes())}))
    sha256 = ReadOnly("SHA-256 of all that it says, as canonical JSON.", TEXT)


class IssuedLetter(LetterSummary):
    """A letter with all that it says."""

    data = ReadOnly("What it says, frozen when it was issued: facts, and the texts in both languages.", DATA)


@blp.route("/letters", methods=["GET"])
@blp.listing(LETTER_LIST, LetterSummary, operation="list_all_letters")
def list_all_letters(query: ListArguments) -> Any:
    """List letters, the newest first. Agencies see the letters to them. Sort by id or issued_on."""
    return LETTER_LIST.read(current_actor(), *query)


@blp.route("/letters/<number>", methods=["GET"])
@blp.requires(Permission.CASES_READ, operation="read_letter")
@blp.response(200, IssuedLetter)
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
@blp.listing(Permission.CASES_READ, LetterSummary, operation="list_letters_of_case")
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
