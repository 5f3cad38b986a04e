"""Projects: checked, registered, found, read and changed."""

from __future__ import annotations

from typing import Any, Final

from registry.accounts.roles import Permission
from registry.api.blueprint import Routes
from registry.api.declared import Answer, Answers, Call, JsonBody
from registry.api.endpoint import parameter_value
from registry.audits.verdicts import verdict_at_registration, verdict_of, verdict_to_check
from registry.core.field_types import AnyDay
from registry.core.pagination import Listing
from registry.flags.queries import SORTS as FLAG_SORTS
from registry.flags.queries import flags_of
from registry.http.query_parameters import Parameter
from registry.http.request_bodies import MERGE_PATCH
from registry.projects.api import examples
from registry.projects.api.query_parameters import PROJECT_PARAMETERS
from registry.projects.api.responses import answer, answer_new, answer_read, found, locked, project_tag, read_as
from registry.projects.details import read_id, read_whole
from registry.projects.queries import SORTS, list_projects
from registry.projects.revisions import history_page
from registry.projects.schemas import (
    FLAG,
    JUDGED_PROJECT,
    PROJECT,
    PROJECT_BODY,
    PROJECT_PATCH,
    REVISION,
    SHORT_PROJECT,
    VERDICT,
)
from registry.projects.service import change_project, check_project, register_project

routes = Routes("projects", "Pieces of work on digital objects, and what the freeze says of each.")

ON: Final = Parameter("on", "The date to judge, today without it.", {"type": "string", "format": "date"})
PROJECT_EXAMPLE: Final[dict[str, Any]] = {
    **dict.fromkeys(PROJECT.fields),
    **examples.SENT,
    "number": examples.NUMBER,
    "started_on": "2026-02-16",
    "is_restricted": False,
    "version": 1,
    "registered_at": "2026-03-02T06:00:00.000000Z",
    "updated_at": "2026-03-02T06:00:00.000000Z",
    "changed_at": "2026-03-02T06:00:00.000000Z",
    "freeze_status": "unaudited",
    "severity": None,
}


@routes.declare(
    "POST",
    "/projects",
    needs=Permission.PROJECTS_WRITE,
    body=JsonBody(PROJECT_BODY, examples.SENT, joins_problems=True),
    answers=Answers(
        JUDGED_PROJECT,
        {**PROJECT_EXAMPLE, "verdict": examples.VERDICT},
        201,
        "Registered.",
        headers=("Location", "ETag"),
    ),
)
def create_project(call: Call) -> Answer:
    """Register a project.

    An incomplete record is registered and flagged, never turned away. The body comes back with today's verdict.
    """
    values = dict(call.values)
    project = register_project(call.by, values.pop("agency", None), values, call.problems)
    return answer_new(project, verdict_at_registration(project, call.language))


@routes.declare(
    "POST",
    "/projects/check",
    needs=Permission.PROJECTS_WRITE,
    query=(ON,),
    body=JsonBody(PROJECT_BODY, examples.SENT, joins_problems=True),
    answers=Answers(VERDICT, {**examples.VERDICT, "project": None}),
)
def check_before_registering(call: Call) -> dict[str, Any]:
    """Get the verdict on a project, on a date, without registering it."""
    values = dict(call.values)
    agency = check_project(call.by, values.pop("agency", None), values, call.problems)
    return verdict_to_check(agency, values, parameter_value(call, "on", AnyDay()), call.language)


@routes.declare(
    "GET",
    "/projects",
    needs=Permission.PROJECTS_READ,
    query=PROJECT_PARAMETERS,
    paged=True,
    sorts=SORTS,
    answers=Answers(SHORT_PROJECT, {"items": [examples.SHORT], "next": None}, lists=True),
)
def list_all_projects(call: Call) -> Listing:
    """List and search projects."""
    return list_projects(call.by, call.query, call.page)


@routes.declare(
    "GET",
    "/projects/<project:number>",
    needs=Permission.PROJECTS_READ,
    subject=read_as("project", read_whole),
    answers=Answers(PROJECT, PROJECT_EXAMPLE, headers=("ETag",)),
)
def read_one_project(call: Call) -> Answer:
    """Read a project."""
    return answer_read(call.subject)


@routes.declare(
    "PATCH",
    "/projects/<project:number>",
    needs=Permission.PROJECTS_WRITE,
    subject=found,
    locks=locked,
    tag=project_tag,
    if_match=True,
    body=JsonBody(PROJECT_PATCH, {"stage": "pilot", "ended_on": None}, MERGE_PATCH, joins_problems=True),
    answers=Answers(PROJECT, PROJECT_EXAMPLE, headers=("ETag",)),
)
def patch_project(call: Call) -> Answer:
    """Change a project. A field that is null is cleared, an absent one stays.

    An edit of what a confirmation vouched for ends that confirmation.
    """
    change_project(call.by, call.subject, call.values, call.problems)
    return answer(call.subject)


@routes.declare(
    "GET",
    "/projects/<number>/history",
    needs=Permission.PROJECTS_READ,
    subject=read_as("history"),
    paged=True,
    answers=Answers(REVISION, {"items": [examples.REVISION], "next": None}, lists=True),
)
def read_history(call: Call) -> Listing:
    """Read every change of a project, the oldest first, from its registration on."""
    return history_page(call.subject.id, call.page)


@routes.declare(
    "GET",
    "/projects/<number>/verdict",
    needs=Permission.PROJECTS_READ,
    subject=read_as("verdict"),
    query=(ON,),
    answers=Answers(VERDICT, examples.VERDICT),
)
def read_verdict(call: Call) -> dict[str, Any]:
    """Explain what the freeze says of a project on a date."""
    return verdict_of(call.subject, parameter_value(call, "on", AnyDay()), call.language)


@routes.declare(
    "GET",
    "/projects/<number>/flags",
    needs=Permission.PROJECTS_READ,
    subject=read_as("flags", read_id),
    paged=True,
    sorts=tuple(FLAG_SORTS),
    answers=Answers(FLAG, {"items": [examples.FLAG], "next": None}, lists=True),
)
def list_flags_of_project(call: Call) -> Listing:
    """List the flags of a project, cleared ones too."""
    return flags_of(call.by, call.subject, call.page, call.language)
