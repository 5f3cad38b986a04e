"""The projects endpoints: checked, registered, found, read and changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, ERROR_NAMES, LINK, LOCATION, ApiBlueprint, current_actor
from registry.api.exports import expand_parameter, split_expand
from registry.api.parameters import ListArguments, PageSchema, QueryParameter, QuerySchema, list_query, page_response
from registry.audits.past import policy_known_at, record_known_at, run_known_at, verdict_known_at
from registry.audits.verdicts import (
    is_reason_required,
    verdict_at_registration,
    verdict_of,
    verdict_to_check,
    verdict_to_check_change,
)
from registry.core.fields import DAY_OR_INSTANT_SCHEMA, AnyDay, Loaded
from registry.core.lists import known_at_of
from registry.core.transactions import transaction
from registry.flags.former_flags import flags_of_then
from registry.flags.queries import SORTS as FLAG_SORTS
from registry.flags.queries import read_flags
from registry.flags.schemas import FLAG
from registry.http.parameters import Parameter
from registry.http.request_context import request_locale
from registry.journal.read_replica import use_read_replica
from registry.projects.api import examples
from registry.projects.api.expansions import EXPANSIONS, expanded
from registry.projects.api.query_parameters import PROJECT_PARAMETERS
from registry.projects.api.representations import etag_data, project_row
from registry.projects.attestations import attest_project
from registry.projects.details import read_id, read_whole
from registry.projects.former_records import former_records_shown
from registry.projects.queries import SORTS, list_projects
from registry.projects.revisions import differences, history_page
from registry.projects.schemas import (
    ATTESTATION,
    CHECKED_CHANGE,
    CHECKED_PROJECT,
    JUDGED_PROJECT,
    PROJECT,
    PROJECT_BODY,
    PROJECT_PATCH,
    REVISION,
    SHORT_PROJECT,
    VERDICT,
)
from registry.projects.service import (
    change_project,
    check_project,
    find_project_to_change,
    planned_change,
    read_project,
    read_project_to_change,
    register_project,
)
from registry.projects.similarity.queries import similar_items, similar_to_values

blp = ApiBlueprint(
    "projects", __name__, description="Pieces of work on digital objects, and what the freeze says of each."
)
PAST_ERRORS: Final = {status: ERROR_NAMES[status] for status in (409, 422)}
KNOWN_AT: Final = Parameter(
    "known_at",
    "A moment (RFC 3339) or date (its end) of the past: what was known then. 422 for a future or unreadable one.",
    dict(DAY_OR_INSTANT_SCHEMA),
)
ON: Final = Parameter(
    "on", "The date to judge, by the policy in force then; today without it.", {"type": "string", "format": "date"}
)
REGISTERED_EXAMPLE: Final[dict[str, Any]] = {**examples.PROJECT, "verdict": examples.VERDICT}

CHECKED_EXAMPLE: Final[dict[str, Any]] = {
    **examples.VERDICT,
    "project": None,
    "former_records": [],
    "is_reason_required": False,
    "similar": [examples.SIMILAR],
}
CHECKED_CHANGE_EXAMPLE: Final[dict[str, Any]] = {
    **examples.VERDICT,
    "changes": [{"field": "stage", "old": "planning", "new": "pilot"}],
    "opened": examples.VERDICT["findings"],
    "ended": [],
    "is_reason_required": True,
}


class KnownQuery(QuerySchema):
    """What was known when."""

    known_at = QueryParameter(KNOWN_AT)


class VerdictQuery(QuerySchema):
    """On which date."""

    on = QueryParameter(ON, AnyDay())


class KnownVerdictQuery(VerdictQuery, KnownQuery):
    """On which date, from what was known when."""


@blp.route("/projects")
class Projects(MethodView):
    """All projects."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="list_all_projects")
    @blp.arguments(
        list_query((*PROJECT_PARAMETERS, expand_parameter(*EXPANSIONS)), SORTS, counted=True), location="query"
    )
    @blp.response(
        200, PageSchema(SHORT_PROJECT, counted=True), example={"items": [examples.SHORT], "next": None}, headers=LINK
    )
    def get(self, query: ListArguments) -> Any:
        """List and search projects."""
        use_read_replica()
        filters, expand = split_expand(query.filters, *EXPANSIONS)
        listing = list_projects(current_actor(), filters, query.page)
        return page_response(expanded(current_actor(), listing, expand, request_locale()))

    @blp.requires(Permission.PROJECTS_WRITE)
    @blp.doc(operationId="create_project")
    @blp.arguments(PROJECT_BODY, example=examples.SENT)
    @blp.idempotent
    @blp.etag
    @blp.response(201, JUDGED_PROJECT, description="Registered.", example=REGISTERED_EXAMPLE, headers=LOCATION)
    def post(self, sent: Loaded) -> Any:
        """Register a project.

        An incomplete record is registered and flagged, never turned away. The body comes back with today's verdict.
        """
        agency = sent.values.pop("agency", None)
        reason = sent.values.pop("change_reason", None)
        project = register_project(current_actor(), agency, sent.values, sent.problems, reason)
        row = project_row(project)
        blp.set_etag(etag_data(row))
        verdict = verdict_at_registration(project, request_locale())
        return {**row, "verdict": verdict}, {"Location": f"{API_PREFIX}/projects/{project.number}"}


@blp.route("/projects/check")
class ProjectCheck(MethodView):
    """A project that is not registered."""

    @blp.requires(Permission.PROJECTS_WRITE)
    @blp.doc(operationId="check_before_registering")
    @blp.arguments(VerdictQuery(), location="query")
    @blp.arguments(PROJECT_BODY, example=examples.SENT)
    @blp.idempotent
    @blp.response(200, CHECKED_PROJECT, example=CHECKED_EXAMPLE)
    def post(self, query: Mapping[str, Any], sent: Loaded) -> Any:
        """Get the verdict on a project, on a date, and its likely duplicates, without registering it."""
        actor = current_actor()
        sent.values.pop("change_reason", None)
        agency = check_project(actor, sent.values.pop("agency", None), sent.values, sent.problems)
        similar = similar_to_values(actor, agency.id, sent.values)
        former = former_records_shown(actor, agency.id, sent.values)
        verdict = verdict_to_check(agency, sent.values, query.get("on"), request_locale(), former.pasts)
        of_former = {"former_records": former.numbers, "is_reason_required": former.is_reason_required}
        return {**verdict, **of_former, "similar": similar_items(similar, request_locale())}


@blp.route("/projects/<project:number>")
class ProjectByNumber(MethodView):
    """One project."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="read_one_project", responses=PAST_ERRORS)
    @blp.arguments(KnownQuery(), location="query")
    @blp.etag
    @blp.response(200, PROJECT, example=examples.PROJECT)
    def get(self, query: Mapping[str, Any], number: str) -> Any:
        """Read a project; with `known_at` the record as it was known then."""
        known_at = known_at_of(query)
        row = read_whole(current_actor(), number, "project")
        if known_at is not None:
            row = record_known_at(row, known_at)
            blp.set_etag((*etag_data(row), known_at))
            return row
        blp.set_etag(etag_data(row))
        return row

    @blp.requires(Permission.PROJECTS_WRITE)
    @blp.doc(operationId="patch_project")
    @blp.etag
    @blp.arguments(PROJECT_PATCH, location="merge_patch", example=examples.PATCH)
    @blp.idempotent
    @blp.response(200, PROJECT, example=examples.PROJECT)
    def patch(self, sent: Loaded, number: str) -> Any:
        """Change a project. A field that is null is cleared, an absent one stays.

        An edit of what a confirmation rests on ends that confirmation.
        """
        with transaction():
            project = find_project_to_change(current_actor(), number)
            blp.check_etag(etag_data(project_row(project)))
            reason = sent.values.pop("change_reason", None)
            change_project(current_actor(), project, sent.values, sent.problems, reason)
            row = project_row(project)
        blp.set_etag(etag_data(row))
        return row


@blp.route("/projects/<number>/check")
class ProjectChangeCheck(MethodView):
    """An edit of a project that is not saved."""

    @blp.requires(Permission.PROJECTS_WRITE)
    @blp.doc(operationId="check_before_changing")
    @blp.arguments(PROJECT_PATCH, location="patch_to_check", example=examples.PATCH)
    @blp.idempotent
    @blp.response(200, CHECKED_CHANGE, example=CHECKED_CHANGE_EXAMPLE)
    def post(self, sent: Loaded, number: str) -> Any:
        """Get the verdict on a project as an edit would leave it, and what it would change, without saving it."""
        project = read_project_to_change(current_actor(), number, "check")
        sent.values.pop("change_reason", None)
        before, after = planned_change(current_actor(), project, sent.values, sent.problems)
        changes = differences(before, after)
        verdict = verdict_to_check_change(project, after, request_locale())
        return {**verdict, "changes": changes, "is_reason_required": is_reason_required(changes)}


@blp.route("/projects/<number>/attestation")
class ProjectAttestation(MethodView):
    """That the record of a project is still true."""

    @blp.requires(Permission.PROJECTS_ATTEST)
    @blp.doc(operationId="attest_project")
    @blp.arguments(ATTESTATION, required=False, example={"read_version": 3})
    @blp.idempotent
    @blp.etag
    @blp.response(200, PROJECT, description="The project as it is now.", example=examples.PROJECT)
    def post(self, values: Mapping[str, Any], number: str) -> Any:
        """Confirm, as a person of the agency, that the record is true as of today."""
        with transaction():
            project = find_project_to_change(current_actor(), number)
            attest_project(current_actor(), project, values.get("read_version"))
            row = project_row(project)
        blp.set_etag(etag_data(row))
        return row


@blp.route("/projects/<number>/history")
class ProjectHistory(MethodView):
    """The revisions of a project."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="read_history")
    @blp.arguments(list_query(), location="query")
    @blp.response(200, PageSchema(REVISION), example={"items": [examples.REVISION], "next": None}, headers=LINK)
    def get(self, query: ListArguments, number: str) -> Any:
        """Read every change of a project, the oldest first, from its registration on."""
        project = read_project(current_actor(), number, "history")
        return page_response(history_page(project.id, query.page))


@blp.route("/projects/<number>/verdict")
class ProjectVerdict(MethodView):
    """What the freeze says of a project."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="read_verdict", responses=PAST_ERRORS)
    @blp.arguments(KnownVerdictQuery(), location="query")
    @blp.response(200, VERDICT, example=examples.VERDICT)
    def get(self, query: Mapping[str, Any], number: str) -> Any:
        """Explain what the freeze says of a project on a date.

        With `known_at` from what the register knew then, by the policy of the last audit before it.
        """
        known_at = known_at_of(query)
        project = read_project(current_actor(), number, "verdict")
        if known_at is not None:
            return verdict_known_at(project, query.get("on"), known_at, request_locale())
        return verdict_of(project, query.get("on"), request_locale())


@blp.route("/projects/<number>/flags")
class ProjectFlags(MethodView):
    """The flags of a project."""

    @blp.requires(Permission.PROJECTS_READ)
    @blp.doc(operationId="list_flags_of_project", responses=PAST_ERRORS)
    @blp.arguments(list_query((KNOWN_AT,), FLAG_SORTS), location="query")
    @blp.response(200, PageSchema(FLAG), example={"items": [examples.FLAG], "next": None}, headers=LINK)
    def get(self, query: ListArguments, number: str) -> Any:
        """List the flags of a project, cleared ones too; with `known_at` as they were then."""
        known_at = known_at_of(query.filters)
        if known_at is not None:
            project_id = read_id(current_actor(), number, "flags")
            run, policy = run_known_at(known_at), policy_known_at(known_at)
            last_on = None if run is None else run.on
            return page_response(
                flags_of_then(current_actor(), project_id, known_at, query.page, request_locale(), policy, last_on)
            )
        return page_response(read_flags(current_actor(), number, query.page, request_locale()))
