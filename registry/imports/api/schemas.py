"""Schemas and examples of the imports endpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields

from registry.api.uploads import ROW_ERROR_PROPERTIES, TABLE_TEXT, DryRun, FormFlag, UploadedFile
from registry.core.base_schema import BaseSchema
from registry.core.fields import Choice, InputField, Text
from registry.core.response_fields import ReadOnly, Timestamp
from registry.core.values import InvalidValue
from registry.imports.vocabulary import ANSWERS, OUTCOMES, ImportKind, ImportState

MAPPING_TEXT: Final = (
    'A JSON object from headers of the file to fields, such as `{"Сумма, тг": "budget_kzt", "Примечание": null}`; null '
    "leaves the column out. It comes before what is recognised."
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
CHANGES_SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["field", "old", "new"],
        "properties": {"field": {"type": "string"}, "old": {}, "new": {}},
    },
}
NUMBERS: Final = {"type": "array", "items": {"type": "string"}}
UNDONE_SCHEMA: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "required": ["restored", "withdrawals", "left"],
    "properties": {
        "restored": NUMBERS,
        "withdrawals": NUMBERS,
        "left": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["project", "reason"],
                "properties": {
                    "project": {"type": ["string", "null"]},
                    "agency": {"type": "string", "description": "BIN, of an import of agencies."},
                    "reason": {"type": "string"},
                    "fields": NUMBERS,
                    "rules": NUMBERS,
                    "count": {"type": "integer"},
                },
            },
        },
    },
}
COUNT: Final = {"type": "integer", "minimum": 0}
COLUMNS_SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["header", "field"],
        "properties": {
            "header": {"type": "string"},
            "field": {"type": ["string", "null"], "description": "Null when the column is left out."},
        },
    },
}
WARNINGS_SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    },
}


class ColumnMapping(fields.Field[Mapping[str, str | None]]):
    """Fields of headers as a JSON object in a form field."""

    def __init__(self) -> None:
        super().__init__(load_default=dict, metadata={"description": MAPPING_TEXT, **MAPPING_SCHEMA})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Mapping[str, str | None]:  # noqa: ARG002 - marshmallow's
        try:
            mapping = json.loads(value) if isinstance(value, str) and len(value) <= MAX_MAPPING_LENGTH else None
        except (ValueError, RecursionError):
            mapping = None
        if not isinstance(mapping, dict) or any(
            name is not None and not isinstance(name, str) for name in mapping.values()
        ):
            raise InvalidValue("mapping-invalid")
        return mapping


def _row_answers(answers: object) -> Mapping[int, str | None]:
    if not isinstance(answers, dict) or not all(
        row.isascii() and row.isdigit() and len(row) <= MAX_ROW_DIGITS and answer in (None, *ANSWERS)
        for row, answer in answers.items()
    ):
        raise InvalidValue("answers-invalid")
    return {int(row): answer for row, answer in answers.items()}


class FormAnswers(fields.Field[Mapping[int, str | None]]):
    """Answers of rows as a JSON object in a form field."""

    def __init__(self) -> None:
        super().__init__(load_default=dict, metadata={"description": ANSWERS_TEXT, **MAPPING_SCHEMA})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Mapping[int, str | None]:  # noqa: ARG002 - marshmallow's
        try:
            answers = json.loads(value) if isinstance(value, str) and len(value) <= MAX_ANSWERS_LENGTH else None
        except (ValueError, RecursionError):
            answers = None
        return {row: answer for row, answer in _row_answers(answers).items() if answer is not None}


class RowAnswers(InputField):
    """Answers of rows in a request body."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Mapping[int, str | None]:  # noqa: ARG002 - marshmallow's
        return _row_answers(value)

    @property
    def json_schema(self) -> dict[str, Any]:
        """An object from rows to answers."""
        answer = {"type": ["string", "null"], "enum": [*ANSWERS, None]}
        return {"type": "object", "additionalProperties": answer}


class FormReason(Text):
    """Why registered projects change, as a form field; None when it is absent or blank."""

    def __init__(self) -> None:
        super().__init__(
            MAX_REASON_LENGTH, description="Why registered projects change; stored with each change in their history."
        )
        self.load_default = None


class ImportForm(BaseSchema):
    """A file to import."""

    file = UploadedFile(TABLE_TEXT)
    kind = Choice(ImportKind.codes(), description="What the rows are.", required=True)
    dry_run = DryRun()
    strict = FormFlag("Refuse columns that are not known, and take every row for a record.")
    mapping = ColumnMapping()
    change_reason = FormReason()
    answers = FormAnswers()


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
    kind = ReadOnly("What the rows are.", {"type": "string", "enum": list(ImportKind.codes())})
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
    failure = ReadOnly("Why it could not be finished.", {"type": ["string", "null"]})
    would_flag = ReadOnly(
        "Of a dry run: how many rows each rule would flag.",
        {"type": ["object", "null"], "additionalProperties": {"type": "integer"}},
    )
    change_reason = ReadOnly("Why registered projects change.", {"type": ["string", "null"]})
    dry_run_id = ReadOnly("The dry run whose file it imports.", {"type": ["integer", "null"]})
    undone_at = Timestamp("When it was undone.", nullable=True)
    undone_by = ReadOnly("Who undid it.", {"type": ["string", "null"]})
    undone = ReadOnly("What became of its projects, or agencies, then.", UNDONE_SCHEMA)
    columns = ReadOnly("The columns of the file.", COLUMNS_SCHEMA)
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
    record = ReadOnly("The project's number or the agency's BIN; null for a new one.", {"type": ["string", "null"]})
    name = ReadOnly("Its name.", {"type": ["string", "null"]})
    changes = ReadOnly("Old and new values.", CHANGES_SCHEMA)
    would_flag = ReadOnly("The rules that would flag it.", {"type": "array", "items": {"type": "string"}})
    question = ReadOnly(
        "Of a row that may be the project `record` or a new one: why that is asked, a code as of an error.",
        {"type": ["string", "null"]},
    )
    answer = ReadOnly("Its answer.", {"type": ["string", "null"], "enum": [*ANSWERS, None]})


IMPORT: Final = Import()
EXAMPLE: Final[dict[str, Any]] = {
    "id": 3,
    "kind": "projects",
    "dry_run": False,
    "state": "running",
    "file_name": "projects-2026.xlsx",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "total": 1200,
    "processed": 500,
    "created": 480,
    "updated": 11,
    "unchanged": 8,
    "rejected": 1,
    "unanswered": 0,
    "queued_at": "2026-03-02T06:00:00.000000Z",
    "started_at": "2026-03-02T06:00:01.000000Z",
    "finished_at": None,
    "failure": None,
    "would_flag": None,
    "change_reason": "Reconciliation act 12 of 28 February 2026",
    "dry_run_id": None,
    "undone_at": None,
    "undone_by": None,
    "undone": None,
    "columns": [{"header": "БИН", "field": "agency"}, {"header": "Примечание", "field": None}],
    "warnings": [{"code": "column-left-out", "message": 'The column "Примечание" is not known and was left out.'}],
}


QUEUED_EXAMPLE: Final[dict[str, Any]] = {
    **EXAMPLE,
    "state": "queued",
    **dict.fromkeys(("processed", "created", "updated", "unchanged", "rejected", "unanswered"), 0),
}


DRY_RUN_EXAMPLE: Final[dict[str, Any]] = {
    **EXAMPLE,
    "state": "done",
    "dry_run": True,
    "processed": 1200,
    "created": 1178,
    "rejected": 3,
    "unanswered": 2,
    "finished_at": "2026-03-02T06:00:09.000000Z",
}


PREVIEWED_EXAMPLE: Final[dict[str, Any]] = {
    "row": 8,
    "outcome": "updated",
    "record": "QT-2026-0000017-5",
    "name": "Портал услуг",
    "changes": [{"field": "stage", "old": "testing", "new": "operation"}],
    "would_flag": [],
    "question": None,
    "answer": None,
}
