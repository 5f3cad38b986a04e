"""Exports: everything known of the projects that the caller may see."""

from __future__ import annotations

from flask import Response

from registry.accounts.roles import Permission
from registry.api.blueprint import Routes
from registry.api.declared import Answers, Call
from registry.http.downloads import CSV, XLSX, csv_download, xlsx_download
from registry.projects.api.query_parameters import PROJECT_PARAMETERS
from registry.projects.exports import export_csv, export_xlsx

routes = Routes("exports", "Lists to take along.")


@routes.declare(
    "GET",
    "/exports/projects.csv",
    needs=Permission.PROJECTS_READ,
    query=PROJECT_PARAMETERS,
    answers=Answers(None, description="One row a project.", content_types=(CSV,), headers=("Content-Disposition",)),
)
def export_projects_as_csv(call: Call) -> Response:
    """Export projects as CSV: UTF-8, every field. It can be edited and imported again."""
    return _of_the_caller(csv_download("projects", export_csv(call.by, call.query)))


@routes.declare(
    "GET",
    "/exports/projects.xlsx",
    needs=Permission.PROJECTS_READ,
    query=PROJECT_PARAMETERS,
    answers=Answers(None, description="One row a project.", content_types=(XLSX,), headers=("Content-Disposition",)),
)
def export_projects_as_xlsx(call: Call) -> Response:
    """Export projects as an Excel workbook. It can be edited and imported again."""
    return _of_the_caller(xlsx_download("projects", lambda path: export_xlsx(call.by, call.query, path)))


def _of_the_caller(response: Response) -> Response:
    response.vary.add("Authorization")
    return response
