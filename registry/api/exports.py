"""Exports of lists: every row as CSV, XLSX or NDJSON, with the filters, the visibility and the fields of the list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from flask import Response, json
from marshmallow import Schema
from marshmallow.fields import Field

from registry.accounts.roles import Actor, Permission
from registry.api.blueprint import CONTENT_DISPOSITION, ApiBlueprint, current_actor
from registry.api.parameters import filter_query, parameters_of
from registry.core.fields import BaseSchema, Entries, entries_text
from registry.core.lists import ListDeclaration, Listing, Page, every_page
from registry.core.spreadsheets.writer import Cell, table_as_csv, table_as_xlsx
from registry.http.responses import CSV, NDJSON, XLSX, csv_download, ndjson_download, xlsx_download
from registry.journal.read_replica import use_read_replica

FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    "csv": (CSV, "CSV: UTF-8, one column a field, lists and objects as JSON"),
    "xlsx": (XLSX, "an Excel workbook, one column a field, lists and objects as JSON"),
    "ndjson": (NDJSON, "NDJSON: one line an item"),
}
# What a cell of a workbook can hold.
MAX_CELL: Final = 32_767
CUT: Final = "…"
Dumped = tuple[Any, Mapping[str, Any]]


Read = Callable[[Actor, Mapping[str, str], Page], Listing]


def add_exports(
    blp: ApiBlueprint, records: ListDeclaration[Actor], item: Schema, read: Read, *, sort: str = "id"
) -> None:
    """Add the endpoints ``/exports/<name>.csv``, ``.xlsx`` and ``.ndjson`` of a list to a blueprint.

    ``sort``: a unique key that never changes, so that no row comes twice or is missing while others change.
    """
    for ending in FORMATS:
        _add_export(blp, records.name, records, item, ending, read, sort)


def add_lines(
    blp: ApiBlueprint, name: str, records: ListDeclaration[Actor], item: Schema, read: Read, *, sort: str = "id"
) -> None:
    """Add the endpoint ``/exports/<name>.ndjson`` of what belongs to the records of a list, by the list's filters."""
    _add_export(blp, name, records, item, "ndjson", read, sort)


def _add_export(
    blp: ApiBlueprint, name: str, records: ListDeclaration[Actor], item: Schema, ending: str, read: Read, sort: str
) -> None:
    operation = f"export_{name}_as_{ending}"
    content_type, described = FORMATS[ending]

    @blp.route(f"/exports/{name}.{ending}", methods=["GET"], endpoint=operation)
    @blp.requires(Permission(records.permission))  # type: ignore[call-arg] # by its code
    @blp.doc(operationId=operation, summary=f"Export {name} as {described}")
    @blp.arguments(filter_query(parameters_of(records)), location="query")
    @blp.response(200, {}, content_type=content_type, description="One row an item.", headers=CONTENT_DISPOSITION)
    def export_list(filters: Mapping[str, str]) -> Response:
        """Export a list with its filters, as the caller sees it.

        Read page by page, so what changes meanwhile is exported as it is then.
        """
        use_read_replica(for_export=True)
        actor = current_actor()
        pages: Iterator[list[Dumped]] = every_page(
            lambda page: read(actor, filters, page), lambda items: [(each, item.dump(each)) for each in items], sort
        )
        fields = {name: field for name, field in item.dump_fields.items() if name not in _sometimes(item)}
        if ending == "ndjson":
            return ndjson_download(name, (_lines(page) for page in pages))
        if ending == "csv":
            return csv_download(name, table_as_csv([*fields], (_rows(page, fields) for page in pages)))
        rows = ([[_fitting(cell) for cell in row] for row in _rows(page, fields)] for page in pages)
        return xlsx_download(name, lambda path: table_as_xlsx(path, name, [*fields], rows))


def _sometimes(item: Schema) -> frozenset[str]:
    return item.SOMETIMES if isinstance(item, BaseSchema) else frozenset()


def _lines(page: Sequence[Dumped]) -> bytes:
    return "".join(f"{json.dumps(dumped)}\n" for _, dumped in page).encode()


def _rows(page: Sequence[Dumped], fields: Mapping[str, Field[Any]]) -> list[list[Cell]]:
    return [[_cell(item, name, field, dumped.get(name)) for name, field in fields.items()] for item, dumped in page]


def _cell(item: Any, name: str, field: Field[Any], shown: Any) -> Cell:
    if isinstance(shown, bool):
        return "true" if shown else "false"
    if isinstance(field, Entries) and shown is not None:
        # As a file to import has them.
        return entries_text(shown)
    if isinstance(shown, list | dict):
        return json.dumps(shown)
    if isinstance(shown, str):
        value = item[name] if isinstance(item, Mapping) else getattr(item, name)
        # A date is one in a workbook too; an instant is a text, because workbooks know no time zone.
        return value if isinstance(value, date) and not isinstance(value, datetime) else shown
    return shown  # type: ignore[no-any-return] # a number or None


def _fitting(cell: Cell) -> Cell:
    fits = not isinstance(cell, str) or len(cell) < MAX_CELL
    return cell if fits else f"{str(cell)[: MAX_CELL - 2]}{CUT}"
