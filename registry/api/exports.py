"""Exports: everything known of the projects that the caller may see."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from flask import Response, stream_with_context

from registry.access.roles import Permission
from registry.api.declared import Answers, Call
from registry.api.project_parameters import PROJECT_PARAMETERS
from registry.api.routes import Routes
from registry.records.exports import export_csv, export_xlsx
from registry.store.clock import today

routes = Routes("exports", "Lists to take along.")
CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PIECE: Final = 64 * 1024


@routes.declare(
    "GET",
    "/exports/projects.csv",
    needs=Permission.PROJECTS_READ,
    query=PROJECT_PARAMETERS,
    answers=Answers(None, description="One row a project.", content_types=(CSV,), headers=("Content-Disposition",)),
)
def export_projects_as_csv(call: Call) -> Response:
    """Export projects as CSV: UTF-8, every field. It can be edited and imported again."""
    pieces = export_csv(call.by, call.query)
    return _download(Response(stream_with_context(pieces), content_type=f"{CSV}; charset=utf-8"), "csv")


@routes.declare(
    "GET",
    "/exports/projects.xlsx",
    needs=Permission.PROJECTS_READ,
    query=PROJECT_PARAMETERS,
    answers=Answers(None, description="One row a project.", content_types=(XLSX,), headers=("Content-Disposition",)),
)
def export_projects_as_xlsx(call: Call) -> Response:
    """Export projects as an Excel workbook. It can be edited and imported again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "projects.xlsx"
        export_xlsx(call.by, call.query, path)
        # The open file outlives its name: it is gone when the answer is sent, or when the process dies.
        file = path.open("rb")
    response = Response(_pieces(file), content_type=XLSX)
    response.call_on_close(file.close)
    return _download(response, "xlsx")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _download(response: Response, ending: str) -> Response:
    response.headers["Content-Disposition"] = f'attachment; filename="projects-{today().isoformat()}.{ending}"'
    response.vary.add("Authorization")
    return response
