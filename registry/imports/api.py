"""The imports endpoints: a file is taken in at once and worked off in the background."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from flask import Response
from flask.views import MethodView
from marshmallow import fields

from registry.accounts.roles import Permission
from registry.api import uploads
from registry.api.blueprint import API_PREFIX, CONTENT_DISPOSITION, ERROR_NAMES, LOCATION, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments, filter_query
from registry.api.uploads import ROW_ERROR_PROPERTIES
from registry.core.errors import Malformed, Problem
from registry.core.fields import BaseSchema, Choice, InputField, ReadOnly, Text, Timestamp
from registry.core.translations import message
from registry.core.values import InvalidValue, plain_number
from registry.http.requests import Parameter, SentFile, request_locale
from registry.http.responses import XLSX, xlsx_download
from registry.imports.files import marked_import, row_error_text, write_marked_file, write_template
from registry.imports.models import ANSWERS, OUTCOMES, ImportKind, ImportRun, ImportState
from registry.imports.queries import ERROR_LIST, IMPORT_LIST, errors_of, find_import, may_read_rows, previewed_rows
from registry.imports.same_project import answer_questions
from registry.imports.service import ImportOptions, queue_import, run_dry_run
from registry.imports.undo import undo_import
from registry.imports.values import DATES, ORDER, UNIT, WORDS, Values

# Schemas and examples of the imports endpoints.

MAPPING_TEXT: Final = (
    'A JSON object from headers of the file to fields, such as `{"Сумма, тг": "budget_kzt", "Примечание": null}`; null '
    "leaves the column out. It comes before what is recognised."
)
VALUES_TEXT: Final = (
    "A JSON object from fields to how their cells are read where the file does not say so: words of the agency to "
    "codes, null for an empty cell; the unit of amounts, `one`, `thousand`, `million` or `billion`; what dates "
    "such as 3/4/2026 begin with, `day` or `month`; which day of a quarter is meant, `first` or `last`; `empty` leaves "
    'a column of dates out: `{"stage": {"на согласовании": "planning"}, "budget_kzt": "thousand"}`.'
)
MAPPING_SCHEMA: Final[dict[str, Any]] = {"type": "string"}
MAX_MAPPING_LENGTH: Final = 60_000
MAX_REASON_LENGTH: Final = 1000
ANSWERS_TEXT: Final = (
    "A JSON object from rows that ask whether they are the registered project that they resemble to `same` or `new`: "
    '`{"12": "same", "15": "new"}`. A row without an answer is not written.'
)
MAX_ANSWERS_LENGTH: Final = 2_000_000
MAX_ROW_DIGITS: Final = 7
COUNT: Final = {"type": "integer", "minimum": 0}
STRING: Final = {"type": "string"}
NULLABLE: Final = {"type": ["string", "null"]}
NUMBERS: Final = {"type": "array", "items": STRING}
KINDS: Final = {"type": "string", "enum": list(ImportKind.codes())}


def _objects(required: str, **properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a list of objects. ``required``: the names of what each has."""
    return {"type": "array", "items": {"type": "object", "required": required.split(), "properties": properties}}


CHANGES_SCHEMA: Final = _objects("field old new", field=STRING, old={}, new={})
LEFT_SCHEMA: Final = _objects(
    "project reason",
    project=NULLABLE,
    agency={**STRING, "description": "BIN, of an import of agencies."},
    reason=STRING,
    fields=NUMBERS,
    rules=NUMBERS,
    count={"type": "integer"},
)
UNDONE_SCHEMA: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "required": ["restored", "withdrawals", "left"],
    "properties": {"restored": NUMBERS, "withdrawals": NUMBERS, "left": LEFT_SCHEMA},
}
COLUMNS_SCHEMA: Final = _objects(
    "header field", header=STRING, field={**NULLABLE, "description": "Null when the column is left out."}
)
WARNINGS_SCHEMA: Final = _objects("code message", code=STRING, message=STRING)
SHEETS_SCHEMA: Final = _objects("name reason", name=STRING, reason=NULLABLE)
QUESTIONS_SCHEMA: Final = _objects(
    "field header asks suggested words",
    field=STRING,
    header=STRING,
    asks={"type": "string", "enum": [WORDS, UNIT, ORDER, DATES]},
    suggested={**NULLABLE, "description": "What the table says of units and orders."},
    words=_objects("word count rows", word=STRING, count=COUNT, rows={"type": "array", "items": {"type": "integer"}}),
)


class FormObject(fields.Field[Mapping[Any, Any]]):
    """A JSON object in a form field. ``read`` makes of it what is used, and raises InvalidValue."""

    def __init__(self, description: str, read: Callable[[Any], Mapping[Any, Any]], limit: int) -> None:
        super().__init__(load_default=dict, metadata={"description": description, **MAPPING_SCHEMA})
        self._read, self._limit = read, limit

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Mapping[Any, Any]:  # noqa: ARG002 - marshmallow's
        try:
            sent = json.loads(value) if isinstance(value, str) and len(value) <= self._limit else None
            # No database stores a lone surrogate, which an escape may give.
            json.dumps(sent, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            sent = None
        return self._read(sent)


def _mapping(fields: Any) -> Mapping[str, str | None]:
    if not isinstance(fields, dict) or not all(name is None or isinstance(name, str) for name in fields.values()):
        raise InvalidValue("mapping-invalid")
    return fields


def _values(values: Any) -> Values:
    of_fields = values.values() if isinstance(values, dict) else [0]
    chosen = [each for one in of_fields for each in (one.values() if isinstance(one, dict) else [one])]
    if not all(each is None or isinstance(each, str) for each in chosen):
        raise InvalidValue("values-invalid")
    return values  # type: ignore[no-any-return]


def _row_answers(answers: object) -> Mapping[int, str | None]:
    if not isinstance(answers, dict) or not all(
        plain_number(row, MAX_ROW_DIGITS) is not None and answer in (None, *ANSWERS) for row, answer in answers.items()
    ):
        raise InvalidValue("answers-invalid")
    return {int(row): answer for row, answer in answers.items()}


def _given_answers(answers: object) -> Mapping[int, str]:
    return {row: answer for row, answer in _row_answers(answers).items() if answer is not None}


class RowAnswers(InputField):
    """Answers of rows in a request body."""

    json_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "additionalProperties": {"type": ["string", "null"], "enum": [*ANSWERS, None]},
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Mapping[int, str | None]:  # noqa: ARG002 - marshmallow's
        return _row_answers(value)


class FormReason(Text):
    """Why registered projects change, as a form field; None when it is absent or blank."""

    def __init__(self) -> None:
        super().__init__(
            MAX_REASON_LENGTH, description="Why registered projects change; stored with each change in their history."
        )
        self.load_default = None


class ImportForm(BaseSchema):
    """A file to import."""

    file = uploads.UploadedFile(uploads.TABLE_TEXT)
    kind = Choice(ImportKind.codes(), description="What the rows are.", required=True)
    dry_run = uploads.DryRun()
    strict = uploads.FormFlag("Refuse columns that are not known, and take every row for a record.")
    mapping = FormObject(MAPPING_TEXT, _mapping, MAX_MAPPING_LENGTH)
    values = FormObject(VALUES_TEXT, _values, MAX_MAPPING_LENGTH)
    change_reason = FormReason()
    answers = FormObject(ANSWERS_TEXT, _given_answers, MAX_ANSWERS_LENGTH)


class Answers(BaseSchema):
    """Answers to the questions of a dry run."""

    answers = RowAnswers(
        description="From rows whose outcome is `question` to `same` or `new`; null takes an answer back.",
        required=True,
    )


class Undo(BaseSchema):
    """Why an import is undone."""

    reason = Text(MAX_REASON_LENGTH, description="Why; stored in the history of each project.", required=True)


class Import(BaseSchema):
    """One file and how far it is worked off."""

    id = ReadOnly("Its id.", {"type": "integer"})
    kind = ReadOnly("What the rows are.", KINDS)
    dry_run = ReadOnly("True when nothing is written.", {"type": "boolean"})
    state = ReadOnly("`done` also when rows were rejected.", {"type": "string", "enum": list(ImportState.codes())})
    file_name = ReadOnly("The file's name.", {"type": "string"})
    sha256 = ReadOnly("SHA-256 of the file, in hex.", {"type": "string"})
    total = ReadOnly("Rows in the file.", COUNT)
    processed = ReadOnly("Rows worked off.", COUNT)
    created = ReadOnly("Rows that made something new.", COUNT)
    updated = ReadOnly("Rows that changed something.", COUNT)
    unchanged = ReadOnly("Rows that said what was there.", COUNT)
    rejected = ReadOnly("Rows that were refused; `/errors` tells why.", COUNT)
    unanswered = ReadOnly(
        "Of the refused rows, those that ask whether they are a registered project or a new one.", COUNT
    )
    queued_at = Timestamp("When it was taken in.")
    started_at = Timestamp("When the work began.", nullable=True)
    finished_at = Timestamp("When it ended.", nullable=True)
    failure = ReadOnly("Why it could not be finished.", NULLABLE)
    would_flag = ReadOnly(
        "Of a dry run: how many rows each rule would flag.",
        {"type": ["object", "null"], "additionalProperties": {"type": "integer"}},
    )
    change_reason = ReadOnly("Why registered projects change.", NULLABLE)
    dry_run_id = ReadOnly("The dry run whose file it imports.", {"type": ["integer", "null"]})
    undone_at = Timestamp("When it was undone.", nullable=True)
    undone_by = ReadOnly("Who undid it.", NULLABLE)
    undone = ReadOnly("What became of its projects, or agencies, then.", UNDONE_SCHEMA)
    columns = ReadOnly("The columns of the file.", COLUMNS_SCHEMA)
    questions = ReadOnly(
        "What the file leaves open, to be answered by `values` when it is sent again: words that are not known, with "
        "how often and some rows, units of amounts, orders of dates. Empty for those who may not see its rows.",
        QUESTIONS_SCHEMA,
    )
    sheets = ReadOnly("The sheets of a workbook; of one that is not read, why.", SHEETS_SCHEMA)
    warnings = ReadOnly("What was left out.", WARNINGS_SCHEMA)


class RowError(BaseSchema):
    """One wrong cell, or one wrong row."""

    row = ReadOnly("Where.", ROW_ERROR_PROPERTIES["row"])
    column = ReadOnly("In which column.", ROW_ERROR_PROPERTIES["column"])
    code = ReadOnly("What is wrong.", ROW_ERROR_PROPERTIES["code"])
    message = ReadOnly("The same in words.", ROW_ERROR_PROPERTIES["message"])
    value = ReadOnly("What the cell has.", ROW_ERROR_PROPERTIES["value"])


class PreviewedRow(BaseSchema):
    """What a dry run would do with one row."""

    row = ReadOnly("Where.", ROW_ERROR_PROPERTIES["row"])
    outcome = ReadOnly("What would happen.", {"type": "string", "enum": list(OUTCOMES)})
    record = ReadOnly("The project's number or the agency's BIN; null for a new one.", NULLABLE)
    name = ReadOnly("Its name.", NULLABLE)
    changes = ReadOnly("Old and new values.", CHANGES_SCHEMA)
    would_flag = ReadOnly("The rules that would flag it.", {"type": "array", "items": {"type": "string"}})
    question = ReadOnly(
        "Of a row that may be the project `record` or a new one: why that is asked, a code as of an error.",
        {"type": ["string", "null"]},
    )
    answer = ReadOnly("Its answer.", {"type": ["string", "null"], "enum": [*ANSWERS, None]})


IMPORT: Final = Import()
# Made from the layout of the file, in the language of the caller.
LAYOUT_PARTS: Final = ("columns", "questions", "sheets", "warnings")
QUESTION: Final[Mapping[str, Any]] = {"field": "", "header": "", "asks": "", "suggested": None, "words": []}


# The imports endpoints: a file is taken in at once and worked off in the background.

blp = ApiBlueprint("imports", __name__, description="Files of projects or agencies, worked off row by row.")
OUTCOME: Final = Parameter("outcome", "Rows with this outcome.", {"type": "string", "enum": list(OUTCOMES)})
ONLY: Final = Parameter("only", "`wrong`: without the right rows.", {"type": "string", "enum": ["wrong"]})
KIND: Final = Parameter("kind", "What the rows are.", {**KINDS, "default": "projects"})


def visible(run: ImportRun) -> dict[str, Any]:
    """Return the import in the caller's language; its entity tag is made from exactly that."""
    shown = shown_import(run)
    return blp.tagged(shown, ("import", *map(repr, shown.values())))


def shown_import(run: ImportRun) -> dict[str, Any]:
    """Return the import in the caller's language."""
    shown = {name: getattr(run, name) for name in IMPORT.fields if name not in LAYOUT_PARTS}
    layout = run.layout or {"headers": [], "columns": []}
    shown["columns"] = [
        {"header": header, "field": name}
        for header, name in zip(layout["headers"], layout["columns"], strict=True)
        if header
    ]
    shown["questions"] = [
        {name: question.get(name, empty) for name, empty in QUESTION.items()}
        for question in layout.get("questions", [])
    ]
    shown["sheets"] = [
        {"name": name, "reason": None if why is None else message(why["code"], request_locale(), why["params"])}
        for name, why in ((sheet["name"], sheet["reason"]) for sheet in layout.get("sheets", []))
    ]
    if not may_read_rows(current_actor(), run):
        shown |= {"undone": None, "questions": []}
    shown["warnings"] = [
        {"code": each["code"], "message": message(each["code"], request_locale(), each["params"])}
        for each in run.warnings or []
    ]
    if run.failure is not None:
        shown["failure"] = message(run.failure, request_locale())
    return shown


@blp.route("/imports")
class Imports(MethodView):
    """All imports."""

    @blp.listing(IMPORT_LIST, IMPORT, operation="list_all_imports")
    def get(self, query: ListArguments) -> Any:
        """List earlier imports, newest first: one's own, to administrators all."""
        listing = IMPORT_LIST.read(current_actor(), *query)
        return replace(listing, items=[shown_import(run) for run in listing.items])

    @blp.requires(Permission.IMPORTS_RUN, operation="create_import")
    @blp.arguments(ImportForm(), location="multipart")
    @blp.etag
    @blp.response(202, IMPORT, description="Taken in; `Location` tells how far it is.", headers=LOCATION)
    def post(self, form: Mapping[str, Any]) -> Any:
        """Import a file of projects or agencies.

        A project that its number, or its agency and external id, name already is changed, others are registered. A row
        that would make another project of it, or that resembles a registered one without naming it, needs an answer. An
        empty cell clears a field, an absent column leaves it. A bad row is reported and does not stop the rest.
        """
        file: SentFile = form["file"]
        how = (form["mapping"], form["strict"], form["change_reason"], form["answers"], form["values"])
        options = ImportOptions(*how)
        run = queue_import(current_actor(), form["kind"], form["dry_run"], file.name, file.content, options)
        return visible(run), {"Location": f"{API_PREFIX}/imports/{run.id}"}


@blp.route("/imports/<row_id:id>", methods=["GET"])
@blp.requires(Permission.IMPORTS_RUN, operation="read_one_import")
@blp.etag
@blp.response(200, IMPORT)
def read_one_import(id: int) -> Any:
    """See how far an import is. It shows to who sent it and to administrators.

    What an undo did is null where the rows may be about restricted projects, which the caller may not read.
    """
    return visible(find_import(current_actor(), id))


@blp.route("/imports/<row_id:id>/errors", methods=["GET"])
@blp.listing(ERROR_LIST, RowError(), operation="list_import_errors")
def list_import_errors(query: ListArguments, id: int) -> Any:
    """List what was wrong in which row, in the order of the rows."""
    run = find_import(current_actor(), id)
    listing = errors_of(current_actor(), run, query.page)
    locale = request_locale()
    shown = [
        {**uploads.row_error(error, locale), "message": row_error_text(run.kind, error, locale)}
        for error in listing.items
    ]
    return replace(listing, items=shown)


@blp.route("/imports/<row_id:id>/rows", methods=["GET"])
@blp.listing(Permission.IMPORTS_RUN, PreviewedRow(), operation="list_import_rows", more=[OUTCOME])
def list_import_rows(query: ListArguments, id: int) -> Any:
    """See each row of a dry run as it would be: created, updated with old and new values, unchanged, rejected."""
    outcome = query.filters.get("outcome")
    if outcome is not None and outcome not in OUTCOMES:
        raise Malformed([Problem("outcome", "not-a-choice", {"options": ", ".join(OUTCOMES)})])
    actor = current_actor()
    return previewed_rows(actor, find_import(actor, id), query.page, outcome)


@blp.route("/imports/<row_id:id>/answers", methods=["POST"])
@blp.requires(Permission.IMPORTS_RUN, operation="answer_import")
@blp.arguments(Answers())
@blp.etag
@blp.response(200, IMPORT)
def answer_import(values: Mapping[str, Any], id: int) -> Any:
    """Say of rows of a dry run whether they are the registered project that they resemble, or a new one.

    Rows that are not named keep their answers. A row without an answer is not written when the file is imported.
    """
    return visible(answer_questions(current_actor(), id, values["answers"]))


@blp.route("/imports/<row_id:id>/undo", methods=["POST"])
@blp.requires(Permission.IMPORTS_RUN, Permission.PROJECTS_WRITE, operation="undo_import")
@blp.arguments(Undo())
@blp.etag
@blp.response(200, IMPORT)
def undo(values: Mapping[str, Any], id: int) -> Any:
    """Undo an import as a whole, within 30 days, as who ran it or an administrator of its agency.

    Values of before come back where nothing has changed since. What has, and what would end a serious flag, is
    left and listed in `undone`. New projects are withdrawn when a reviewer agrees; new agencies stay.
    """
    return visible(undo_import(current_actor(), id, values["reason"]))


@blp.route("/imports/<row_id:id>/run", methods=["POST"])
@blp.requires(Permission.IMPORTS_RUN, operation="run_import")
@blp.idempotent
@blp.etag
@blp.response(202, IMPORT, description="Taken in; `Location` tells how far it is.", headers=LOCATION)
def run_import(id: int) -> Any:
    """Import the file of a dry run, without sending it again: kept for seven days, and until it is imported."""
    run = run_dry_run(current_actor(), id)
    return visible(run), {"Location": f"{API_PREFIX}/imports/{run.id}"}


@blp.route("/imports/<row_id:id>/errors.xlsx", methods=["GET"])
@blp.requires(Permission.IMPORTS_RUN, operation="download_marked_import")
@blp.doc(responses={409: ERROR_NAMES[409]})
@blp.arguments(filter_query((ONLY,)), location="query")
@blp.response(200, {}, content_type=XLSX, description="The marked file.", headers=CONTENT_DISPOSITION)
def download_marked_import(query: Mapping[str, str], id: int) -> Response:
    """Download the file as a workbook: wrong cells are marked and carry their errors as comments.

    Kept for seven days after the end of a dry run or of an import with wrong rows.
    """
    only = query.get("only")
    if only not in (None, "wrong"):
        raise Malformed([Problem("only", "not-a-choice", {"options": "wrong"})])
    run = marked_import(current_actor(), id)
    is_own = run.is_of(current_actor())
    locale = request_locale()
    return xlsx_download(
        "import-errors", lambda path: write_marked_file(path, run, locale, only_wrong=only is not None, is_own=is_own)
    )


@blp.route("/imports/template.xlsx", methods=["GET"])
@blp.requires(Permission.IMPORTS_RUN, operation="download_import_template")
@blp.arguments(filter_query((KIND,)), location="query")
@blp.response(200, {}, content_type=XLSX, description="The template.", headers=CONTENT_DISPOSITION)
def download_import_template(query: Mapping[str, str]) -> Response:
    """Download a workbook to fill in, in the language of the request: drop-down lists, notes, an example row."""
    kind = query.get("kind", ImportKind.PROJECTS.value)
    if kind not in ImportKind.codes():
        raise Malformed([Problem("kind", "not-a-choice", {"options": ", ".join(ImportKind.codes())})])
    locale = request_locale()
    return xlsx_download(f"{kind}-template", lambda path: write_template(path, kind, locale))
