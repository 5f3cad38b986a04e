"""Projects by API: register, read, change, export, link, and their documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from flask import Response
from flask.views import MethodView
from werkzeug.http import quote_etag

from registry.accounts.roles import Actor, Permission
from registry.agencies.fields import AGENCY
from registry.agencies.models import Agency
from registry.agencies.queries import AGENCY_LIST
from registry.api import parameters
from registry.api.blueprint import (
    API_PREFIX,
    CONTENT_DISPOSITION,
    ERROR_NAMES,
    ETAG,
    LINK,
    LOCATION,
    ApiBlueprint,
    current_actor,
)
from registry.api.expand import expand_parameter, split_expand
from registry.api.exports import add_lines
from registry.api.uploads import UploadedFile
from registry.approvals.api import proposed_instead
from registry.approvals.models import MAX_REASON_LENGTH
from registry.approvals.schemas import APPROVAL, EXAMPLE as APPROVAL_EXAMPLE
from registry.audits import verdicts
from registry.audits.past import policy_known_at, record_known_at, run_known_at, verdict_known_at
from registry.core.database import repeated, table_of, transaction
from registry.core.errors import Malformed, Problem, RegistryError
from registry.core.fields import DAY_OR_INSTANT_SCHEMA, AnyDay, BaseSchema, Loaded, ReadOnly, Text, Timestamp
from registry.core.lists import MAX_LIMIT, Listing, Page, known_at_of
from registry.core.translations import Language
from registry.flags.former_flags import flags_of_then
from registry.flags.queries import FLAG_LIST, active_flags_of, read_flags
from registry.flags.schemas import FLAG
from registry.freeze.facts import EarlierRevision
from registry.freeze.policy import policy_in_force
from registry.freeze.rules import started_on
from registry.http import responses
from registry.http.error_handlers import problem_body
from registry.http.requests import Parameter, SentFile, request_locale
from registry.journal.read_replica import use_read_replica
from registry.platform.products import products_for
from registry.projects import bulk_writes, external_ids, schemas, service
from registry.projects.attestations import attest_project
from registry.projects.documents import DocumentFields, add_document, documents_page, read_document
from registry.projects.exports import export_csv, export_ndjson, export_xlsx
from registry.projects.fields import FIELDS, READ_ONLY
from registry.projects.former_records import former_records_shown, without_hidden
from registry.projects.links import add_link, links_page, similar_items, similar_to_project, similar_to_values
from registry.projects.migration_plans import PLAN, PLAN_BODY, PLAN_CONFIRMATION, confirm_plan, plan_of, save_plan
from registry.projects.models import Project
from registry.projects.objects import read_object
from registry.projects.queries import PROJECT_LIST, list_histories, list_projects, read_id, read_whole
from registry.projects.revisions import LAW_LOOKS_AT, differences, history_page
from registry.projects.vocabulary import DocumentKind
from registry.requests.approval_kinds import remove_or_propose
from registry.signatures.service import SignedAct, check_signature

# What the list of projects has beside each of them on request: its agency, its active flags.

OF_AGENCY: Final = "agency"
OF_FLAGS: Final = "flags"
EXPANSIONS: Final = (OF_AGENCY, OF_FLAGS)


def expanded(actor: Actor, listing: Listing, expand: Sequence[str], language: Language) -> Listing:
    """Return the projects with what is asked for: one statement for the agencies of all, two for their flags."""
    items: list[dict[str, Any]] = listing.items
    if OF_AGENCY in expand and items:
        named = table_of(Agency).c.bin.in_({item["agency"] for item in items})
        agencies = {
            each["bin"]: AGENCY.dump(each) for each in AGENCY_LIST.read(actor, {}, Page(MAX_LIMIT), only=(named,)).items
        }
        items = [{**item, schemas.AGENCY_RECORD: agencies[item["agency"]]} for item in items]
    if OF_FLAGS in expand and items:
        flags = active_flags_of(actor, [item["number"] for item in items], language)
        items = [{**item, schemas.ACTIVE_FLAGS: [FLAG.dump(flag) for flag in flags[item["number"]]]} for item in items]
    return Listing(items, listing.next, listing.count)


# A project as the API shows it, and what its entity tag is made from.

# What can change without another version.
DERIVED = ("started_on", "freeze_status", "severity")


def project_row(project: Project) -> dict[str, Any]:
    """Everything shown of the project."""
    began = started_on(EarlierRevision(**{name: getattr(project, name) for name in LAW_LOOKS_AT}), policy_in_force())
    kept = {name: getattr(project, name) for name in (*FIELDS, *READ_ONLY) if name != "started_on"}
    return {**kept, "agency": project.agency.bin, "started_on": began}


def etag_data(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what the entity tag is made from: it changes with everything that the project shows."""
    return "project", row["number"], row["version"], row["changed_at"], *(row[name] for name in DERIVED)


# The projects endpoints: checked, registered, found, read and changed.

blp = ApiBlueprint(
    "projects",
    __name__,
    description="Pieces of work on digital objects, and what the freeze says of each.",
    integrator=(
        "list_all_projects",
        "create_project",
        "check_before_registering",
        "read_one_project",
        "patch_project",
        "check_before_changing",
        "read_history",
        "read_verdict",
        "list_flags_of_project",
    ),
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


class KnownQuery(parameters.QuerySchema):
    """What was known when."""

    known_at = parameters.QueryParameter(KNOWN_AT)


class VerdictQuery(parameters.QuerySchema):
    """On which date."""

    on = parameters.QueryParameter(ON, AnyDay())


class KnownVerdictQuery(VerdictQuery, KnownQuery):
    """On which date, from what was known when."""


# What the body of a registration has besides the record.
BESIDE_THE_RECORD: Final = ("agency", "change_reason", "signature")


def _verified_signature(sent: Loaded) -> SignedAct | None:
    if sent.problems:
        # The service says them all.
        return None
    values = dict(sent.values)
    agency, reason, signature = (values.pop(name, None) for name in BESIDE_THE_RECORD)
    return check_signature(current_actor(), signature, partial(service.registration_to_sign, agency, values, reason))


@blp.route("/projects")
class Projects(MethodView):
    """All projects."""

    @blp.listing(
        PROJECT_LIST, schemas.SHORT_PROJECT, operation="list_all_projects", more=[expand_parameter(*EXPANSIONS)]
    )
    def get(self, query: parameters.ListArguments) -> Any:
        """List and search projects."""
        use_read_replica()
        filters, expand = split_expand(query.filters, *EXPANSIONS)
        listing = list_projects(current_actor(), filters, query.page)
        return expanded(current_actor(), listing, expand, request_locale())

    @blp.requires(Permission.PROJECTS_WRITE, operation="create_project")
    @blp.arguments(schemas.SIGNED_REGISTRATION)
    @blp.idempotent(verify=_verified_signature)
    @blp.etag
    @blp.response(201, schemas.JudgedProject, description="Registered.", headers=LOCATION)
    def post(self, sent: Loaded, verified: SignedAct | None) -> Any:
        """Register a project.

        An incomplete record is registered and flagged, never turned away. The body comes back with today's verdict.
        """
        agency, reason, _ = (sent.values.pop(name, None) for name in BESIDE_THE_RECORD)
        with transaction():
            project = service.register_project(
                current_actor(), agency, sent.values, sent.problems, reason, signed=verified
            )
            row = project_row(project)
            verdict = verdicts.verdict_at_registration(project, request_locale())
        blp.set_etag(etag_data(row))
        return {**row, "verdict": verdict}, {"Location": f"{API_PREFIX}/projects/{project.number}"}


@blp.route("/projects/check", methods=["POST"])
@blp.requires(Permission.PROJECTS_WRITE, operation="check_before_registering")
@blp.arguments(VerdictQuery(), location="query")
@blp.arguments(schemas.PROJECT_BODY)
@blp.response(200, schemas.CheckedProject)
def check_before_registering(query: Mapping[str, Any], sent: Loaded) -> Any:
    """Get the verdict on a project, on a date, and its likely duplicates, without registering it."""
    actor = current_actor()
    sent.values.pop("change_reason", None)
    agency = service.check_project(actor, sent.values.pop("agency", None), sent.values, sent.problems)
    similar = similar_to_values(actor, agency.id, sent.values)
    former = former_records_shown(actor, agency.id, sent.values)
    verdict = verdicts.verdict_to_check(agency, sent.values, query.get("on"), request_locale(), former.pasts)
    of_former = {"former_records": former.numbers, "is_reason_required": former.is_reason_required}
    return {**verdict, **of_former, "similar": similar_items(similar, request_locale())}


@blp.route("/projects/<project:number>")
class ProjectByNumber(MethodView):
    """One project."""

    @blp.requires(Permission.PROJECTS_READ, operation="read_one_project")
    @blp.doc(responses=PAST_ERRORS)
    @blp.arguments(KnownQuery(), location="query")
    @blp.etag
    @blp.response(200, schemas.PROJECT)
    def get(self, query: Mapping[str, Any], number: str) -> Any:
        """Read a project; with `known_at` the record as it was known then."""
        known_at = known_at_of(query)
        row = read_whole(current_actor(), number, "project")
        if known_at is not None:
            row = record_known_at(row, known_at)
            return blp.tagged(row, (*etag_data(row), known_at))
        return blp.tagged(row, etag_data(row))

    @blp.requires(Permission.PROJECTS_WRITE, operation="patch_project")
    @blp.etag
    @blp.arguments(schemas.PROJECT_PATCH, location="merge_patch")
    @blp.response(200, schemas.PROJECT)
    def patch(self, sent: Loaded, number: str) -> Any:
        """Change a project. A field that is null is cleared, an absent one stays.

        An edit of what a confirmation rests on ends that confirmation.
        """
        with transaction():
            project = service.find_project_to_change(current_actor(), number)
            blp.check_etag(etag_data(project_row(project)))
            reason = sent.values.pop("change_reason", None)
            service.change_project(current_actor(), project, sent.values, sent.problems, reason)
            row = project_row(project)
        return blp.tagged(row, etag_data(row))


@blp.route("/projects/<number>/check", methods=["POST"])
@blp.requires(Permission.PROJECTS_WRITE, operation="check_before_changing")
@blp.arguments(schemas.PROJECT_PATCH, location="patch_to_check")
@blp.response(200, schemas.CheckedChange)
def check_before_changing(sent: Loaded, number: str) -> Any:
    """Get the verdict on a project as an edit would leave it, and what it would change, without saving it."""
    project = service.read_project_to_change(current_actor(), number, "check")
    sent.values.pop("change_reason", None)
    before, after = service.planned_change(current_actor(), project, sent.values, sent.problems)
    changes = differences(before, after)
    verdict = verdicts.verdict_to_check_change(project, after, request_locale())
    return {**verdict, "changes": changes, "is_reason_required": verdicts.is_reason_required(changes)}


@blp.route("/projects/<number>/attestation", methods=["POST"])
@blp.requires(Permission.PROJECTS_ATTEST, operation="attest_project")
@blp.arguments(schemas.AttestationBody, required=False)
@blp.etag
@blp.response(200, schemas.PROJECT, description="The project as it is now.")
def attest_one_project(values: Mapping[str, Any], number: str) -> Any:
    """Confirm, as a person of the agency, that the record is true as of today."""
    with transaction():
        project = service.find_project_to_change(current_actor(), number)
        attest_project(current_actor(), project, values.get("read_version"))
        row = project_row(project)
    return blp.tagged(row, etag_data(row))


@blp.route("/projects/<number>/migration-plan")
class ProjectMigrationPlan(MethodView):
    """When the agency migrates a project to the platform."""

    @blp.requires(Permission.PROJECTS_READ, operation="read_migration_plan")
    @blp.response(200, PLAN)
    def get(self, number: str) -> Any:
        """Read the migration plan of a project; without one everything is null."""
        return plan_of(read_id(current_actor(), number, "migration plan")) or dict.fromkeys(PLAN.fields)

    @blp.requires(Permission.PROJECTS_WRITE, operation="put_migration_plan")
    @blp.arguments(PLAN_BODY, idempotent=False)
    @blp.response(200, PLAN)
    def put(self, values: Mapping[str, Any], number: str) -> Any:
        """Write the migration plan of a project. One that is changed waits to be confirmed again."""
        with transaction():
            return PLAN.dump(save_plan(current_actor(), number, values))


@blp.route("/projects/<number>/migration-plan/confirmation", methods=["POST"])
@blp.requires(Permission.CASES_REVIEW, operation="confirm_migration_plan")
@blp.arguments(PLAN_CONFIRMATION)
@blp.response(200, PLAN, description="The plan, confirmed.")
def confirm_migration_plan(values: Mapping[str, Any], number: str) -> Any:
    """Confirm the migration plan of a project."""
    with transaction():
        return PLAN.dump(confirm_plan(current_actor(), number, values["planned_at"]))


@blp.route("/projects/<number>/history", methods=["GET"])
@blp.listing(Permission.PROJECTS_READ, schemas.Revision, operation="read_history")
def read_history(query: parameters.ListArguments, number: str) -> Any:
    """Read every change of a project, the oldest first, from its registration on."""
    project = service.read_project(current_actor(), number, "history")
    return history_page(project.id, query.page)


@blp.route("/projects/<number>/verdict", methods=["GET"])
@blp.requires(Permission.PROJECTS_READ, operation="read_verdict")
@blp.doc(responses=PAST_ERRORS)
@blp.arguments(KnownVerdictQuery(), location="query")
@blp.response(200, schemas.VERDICT)
def read_verdict(query: Mapping[str, Any], number: str) -> Any:
    """Explain what the freeze says of a project on a date.

    With `known_at` from what the register knew then, by the policy of the last audit before it.
    """
    known_at = known_at_of(query)
    project = service.read_project(current_actor(), number, "verdict")
    if known_at is not None:
        return verdict_known_at(project, query.get("on"), known_at, request_locale())
    return verdicts.verdict_of(project, query.get("on"), request_locale())


@blp.route("/projects/<number>/flags", methods=["GET"])
@blp.requires(Permission.PROJECTS_READ, operation="list_flags_of_project")
@blp.doc(responses=PAST_ERRORS)
@blp.arguments(parameters.list_query((KNOWN_AT,), FLAG_LIST.sorts), location="query")
@blp.response(200, parameters.PageSchema(FLAG), headers=LINK)
def list_flags_of_project(query: parameters.ListArguments, number: str) -> Any:
    """List the flags of a project, cleared ones too; with `known_at` as they were then."""
    known_at = known_at_of(query.filters)
    if known_at is not None:
        project_id = read_id(current_actor(), number, "flags")
        run, policy = run_known_at(known_at), policy_known_at(known_at)
        last_on = None if run is None else run.on
        return parameters.page_response(
            flags_of_then(current_actor(), project_id, known_at, query.page, request_locale(), policy, last_on)
        )
    return parameters.page_response(read_flags(current_actor(), number, query.page, request_locale()))


# The endpoint of batches: many projects are registered with one request.

batch_blp = ApiBlueprint(
    "projects-batch", __name__, description="Up to 1,000 projects with one request.", integrator=True
)


@batch_blp.route("/projects/batch", methods=["POST"])
@batch_blp.requires(Permission.PROJECTS_WRITE, operation="create_many_projects")
@batch_blp.arguments(schemas.ProjectBatch, location="batch_json")
@batch_blp.idempotent(collision=bulk_writes.ExternalIdsCollided)
@batch_blp.response(200, schemas.ProjectBatchResult)
def create_many_projects(sent: Mapping[str, Any]) -> Any:
    """Register up to 1,000 projects, or register and change them by external id.

    Each is checked as alone, and the others are written when one cannot be; with `atomic`, all or none
    (`424` for what could have been). Pointers of a problem lead into its item. An interrupted request has written
    nothing. With `dry_run` the answer is the plan: what would be written, and which rules would flag it.
    """
    items = [schemas.PROJECT_BATCH_ITEM.load(item) for item in sent["items"]]
    options = {name: sent.get(name) is True for name in ("atomic", "dry_run")}
    results = bulk_writes.write_batch(current_actor(), items, upsert=sent.get("mode") == "upsert", **options)
    shown = [_shown(plan, number) for plan, number in results]
    if options["dry_run"]:
        _add_rules(shown, [plan for plan, _ in results])
    return {"items": shown}


def _shown(plan: bulk_writes.Planned, number: str | None) -> dict[str, Any]:
    if isinstance(plan, RegistryError):
        return {"status": plan.status, "outcome": "rejected", "problem": problem_body(plan)}
    if isinstance(plan, bulk_writes.NewProject):
        return {"status": 201, "outcome": "created", **({} if number is None else {"number": number})}
    outcome = "updated" if plan.changes else "unchanged"
    return {"status": 200, "outcome": outcome, "number": number, "changes": plan.changes}


def _add_rules(shown: Sequence[dict[str, Any]], plans: Sequence[bulk_writes.Planned]) -> None:
    """Add the rules that would flag each planned project and do not now, and those that would no longer."""
    planned = [(item, plan) for item, plan in zip(shown, plans, strict=True) if not isinstance(plan, RegistryError)]
    changed = [plan for _, plan in planned if isinstance(plan, bulk_writes.ProjectChange)]
    now = iter(verdicts.rules_that_would_flag([_proposed(plan, plan.before) for plan in changed]))
    then = verdicts.rules_that_would_flag([_proposed(plan, plan.values) for _, plan in planned])
    for (item, plan), rules in zip(planned, then, strict=True):
        former = next(now) if isinstance(plan, bulk_writes.ProjectChange) else []
        item["opened"] = [rule for rule in rules if rule not in former]
        item["ended"] = [rule for rule in former if rule not in rules]


def _proposed(
    plan: bulk_writes.NewProject | bulk_writes.ProjectChange, values: Mapping[str, Any]
) -> verdicts.ProposedProject:
    if isinstance(plan, bulk_writes.ProjectChange):
        return verdicts.ProposedProject(plan.values["agency_id"], plan.values["id"], values)
    pasts = tuple(each.past for each in without_hidden(current_actor(), plan.former))
    return verdicts.ProposedProject(plan.agency_id, None, values, pasts)


# The endpoint of projects by the agency's own reference: read, and registered or replaced.

external_ids_blp = ApiBlueprint(
    "projects-by-reference", __name__, description="Projects by the external id of their agency.", integrator=True
)


@external_ids_blp.route("/agencies/<bin>/projects/<external_id:external_id>")
class ProjectByExternalId(MethodView):
    """One project."""

    @external_ids_blp.requires(Permission.PROJECTS_READ, operation="read_project_by_external_id")
    @external_ids_blp.etag
    @external_ids_blp.response(200, schemas.PROJECT)
    def get(self, bin: str, external_id: str) -> Any:
        """Read a project by its external id, which is percent-encoded and may hold `/`."""
        row = read_whole(current_actor(), external_ids.number_of(current_actor(), bin, external_id), "project")
        return external_ids_blp.tagged(row, etag_data(row))

    # Without ``etag``: a program that says what its own fields are need not have read the others.
    @external_ids_blp.requires(Permission.PROJECTS_WRITE, operation="patch_project_by_external_id")
    @external_ids_blp.honours("IfMatch")
    @external_ids_blp.arguments(schemas.PROJECT_PATCH, location="merge_patch")
    @external_ids_blp.response(200, schemas.PROJECT, headers={"ETag": ETAG})
    def patch(self, sent: Loaded, bin: str, external_id: str) -> Any:
        """Change a project by its external id. A field that is null is cleared, an absent one stays.

        `If-Match` is honoured, and not required.
        """
        actor = current_actor()
        with transaction():
            project = service.find_project_to_change(actor, external_ids.number_of(actor, bin, external_id))
            _require_state(project)
            reason = sent.values.pop("change_reason", None)
            service.change_project(actor, project, sent.values, sent.problems, reason)
            row = project_row(project)
        return external_ids_blp.tagged(row, etag_data(row))

    # Without ``etag``: it needs no If-Match, because whoever replaces everything need not have read it.
    @external_ids_blp.requires(Permission.PROJECTS_WRITE, operation="put_project")
    @external_ids_blp.honours("IfMatch", "IfNoneMatchAny")
    @external_ids_blp.arguments(schemas.ProjectReplacement, idempotent=False)
    @external_ids_blp.response(200, schemas.PROJECT, description="Replaced.", headers={"ETag": ETAG})
    @external_ids_blp.alt_response(
        201, schema=schemas.PROJECT, description="Registered.", headers={"ETag": ETAG, **LOCATION}
    )
    def put(self, sent: Loaded, bin: str, external_id: str) -> Any:
        """Register a project, or replace all its fields, by its external id.

        A field that is absent is cleared. Sent again, it changes nothing. `If-Match` and `If-None-Match: *` are
        honoured, and not required.
        """
        reason = sent.values.pop("change_reason", None)

        def put_once() -> tuple[dict[str, Any], bool]:
            with transaction():
                project, is_new = external_ids.put_project(
                    current_actor(), bin, external_id, sent.values, sent.problems, reason, _require_state
                )
                return project_row(project), is_new

        row, is_new = repeated(put_once, service.ExternalIdTaken)
        headers = {"ETag": quote_etag(responses.make_tag(*etag_data(row)))}
        if is_new:
            return row, 201, {**headers, "Location": f"{API_PREFIX}/projects/{row['number']}"}
        return row, headers


def _require_state(project: Project | None) -> None:
    responses.require_state_if_named(None if project is None else responses.make_tag(*etag_data(project_row(project))))


# The exports endpoints: everything known of the projects that the caller may see.

exports_blp = ApiBlueprint("exports", __name__, description="Exports of lists.", integrator=True)
# Under its former name, generated clients have a variable of their own.
HEADER_ROW = Parameter(
    "header_row",
    "`codes`, or `labels` in the language of the request; imports read both.",
    {"type": "string", "enum": ["codes", "labels"], "default": "codes"},
    former="headers",
)
QUERY = parameters.filter_query((*parameters.parameters_of(PROJECT_LIST), HEADER_ROW))
DESCRIPTION = "One row a project."


@exports_blp.route("/exports/projects.csv", methods=["GET"])
@exports_blp.requires(Permission.PROJECTS_READ, operation="export_projects_as_csv")
@exports_blp.arguments(QUERY, location="query")
@exports_blp.response(200, {}, content_type=responses.CSV, description=DESCRIPTION, headers=CONTENT_DISPOSITION)
def export_projects_as_csv(filters: Mapping[str, str]) -> Response:
    """Export projects as CSV: UTF-8, every field. It can be edited and imported again."""
    filters, labels_in = _headers(filters)
    use_read_replica(for_export=True)
    return responses.csv_download("projects", export_csv(current_actor(), filters, labels_in=labels_in))


@exports_blp.route("/exports/projects.xlsx", methods=["GET"])
@exports_blp.requires(Permission.PROJECTS_READ, operation="export_projects_as_xlsx")
@exports_blp.arguments(QUERY, location="query")
@exports_blp.response(200, {}, content_type=responses.XLSX, description=DESCRIPTION, headers=CONTENT_DISPOSITION)
def export_projects_as_xlsx(filters: Mapping[str, str]) -> Response:
    """Export projects as an Excel workbook. It can be edited and imported again."""
    actor = current_actor()
    filters, labels_in = _headers(filters)
    use_read_replica(for_export=True)
    return responses.xlsx_download("projects", lambda path: export_xlsx(actor, filters, path, labels_in=labels_in))


@exports_blp.route("/exports/projects.ndjson", methods=["GET"])
@exports_blp.requires(Permission.PROJECTS_READ, operation="export_projects_as_ndjson")
@exports_blp.arguments(parameters.filter_query(parameters.parameters_of(PROJECT_LIST)), location="query")
@exports_blp.response(
    200, {}, content_type=responses.NDJSON, description="One line a project.", headers=CONTENT_DISPOSITION
)
def export_projects_as_ndjson(filters: Mapping[str, str]) -> Response:
    """Export projects as NDJSON: one line a project, each as `GET /projects/{number}` has it."""
    use_read_replica(for_export=True)
    return responses.ndjson_download("projects", export_ndjson(current_actor(), filters))


add_lines(exports_blp, "history", PROJECT_LIST, schemas.PROJECT_REVISION, list_histories, sort="number")


def _headers(sent: Mapping[str, str]) -> tuple[dict[str, str], Language | None]:
    """Return the filters, and the language of the headers. Raises Malformed."""
    filters = dict(sent)
    named = filters.pop(HEADER_ROW.name, "codes")
    if named not in ("codes", "labels"):
        raise Malformed([Problem(HEADER_ROW.name, "not-a-choice", {"options": "codes, labels"})])
    return filters, request_locale() if named == "labels" else None


# The endpoints of related projects: likely duplicates, and links.

related_blp = ApiBlueprint(
    "related projects",
    __name__,
    description="Likely duplicates, and links that reviewers set.",
    integrator=("read_similar_projects",),
)


@related_blp.route("/projects/<number>/similar", methods=["GET"])
@related_blp.requires(Permission.PROJECTS_READ, operation="read_similar_projects")
@related_blp.response(200, schemas.SimilarProjects)
def read_similar_projects(number: str) -> Any:
    """List the likely duplicates of a project, the most similar first, ten at most.

    Only projects that the caller may read are compared.
    """
    return {"similar": similar_items(similar_to_project(current_actor(), number), request_locale())}


@related_blp.route("/objects/<path:code>", methods=["GET"])
@related_blp.requires(Permission.PROJECTS_READ)
@related_blp.doc(operationId="read_object")
@related_blp.response(200, schemas.DigitalObject)
def read_digital_object(code: str) -> Any:
    """Read an object by its code, by its key on QazTech or by the number of a project on it.

    Projects that have, or had, one object code or one key on QazTech in one tree of agencies, or one name but for
    its numbers in one agency, or are linked as a duplicate or part, concern one object. Only projects that the
    caller may read are named and counted.
    """
    shown = read_object(current_actor(), code)
    return {**shown, "platform_products": [each.code for each in products_for(shown["texts"])]}


@related_blp.route("/projects/<number>/links")
class ProjectLinks(MethodView):
    """The links of a project."""

    @related_blp.listing(Permission.PROJECTS_READ, schemas.ProjectLink, operation="list_links")
    def get(self, query: parameters.ListArguments, number: str) -> Any:
        """List the links from and to a project, the oldest first.

        Links with a project that the caller may not read are left out.
        """
        project_id = read_id(current_actor(), number, "links")
        return links_page(current_actor(), project_id, query.page)

    @related_blp.requires(Permission.PROJECTS_LINK, operation="create_link")
    @related_blp.arguments(schemas.LINK_BODY)
    @related_blp.response(201, schemas.ProjectLink, description="Linked.", headers=LOCATION)
    def post(self, values: Mapping[str, Any], number: str) -> Any:
        """Link a project to another. A link that exists already is returned as it is."""
        with transaction():
            link = add_link(current_actor(), number, values)
        return link, {"Location": f"{API_PREFIX}/projects/{number}/links/{link['id']}"}


WHY: Final = Parameter("reason", "Why; required where another person must approve it.", {"type": "string"})


class LinkRemovalQuery(parameters.QuerySchema):
    """Why a link is removed."""

    reason = parameters.QueryParameter(WHY, Text(MAX_REASON_LENGTH))


@related_blp.route("/projects/<number>/links/<row_id:id>", methods=["DELETE"])
@related_blp.requires(Permission.PROJECTS_LINK, operation="delete_link")
@related_blp.arguments(LinkRemovalQuery(), location="query")
@related_blp.response(204, description="Removed.")
@related_blp.alt_response(
    202, schema=APPROVAL, description="It waits for another person.", example=APPROVAL_EXAMPLE, headers=LOCATION
)
def delete_link(query: Mapping[str, Any], number: str, id: int) -> Any:
    """Remove a link of a project; the journal keeps it.

    One that says that two projects concern one object carries their findings: its removal is a proposal with a
    `reason`, and another person approves it, one of the two a supervisor.
    """
    approval = remove_or_propose(current_actor(), number, id, query.get("reason"))
    return None if approval is None else proposed_instead(approval)


# The documents endpoints: files that belong to a project.

documents_blp = ApiBlueprint("documents", __name__, description="Files that belong to a project.")


KIND: Final[dict[str, Any]] = {"type": "string", "enum": list(DocumentKind.codes())}


class Document(BaseSchema):
    """What is kept of a document beside its bytes."""

    id = ReadOnly("Its id.", {"type": "integer"})
    kind = ReadOnly("What it is.", KIND)
    description = ReadOnly("What it is about.", {"type": ["string", "null"]})
    name = ReadOnly("The file's name.", {"type": "string"})
    content_type = ReadOnly("What the sender said that it is.", {"type": "string"})
    size = ReadOnly("Bytes.", {"type": "integer"})
    sha256 = ReadOnly("SHA-256 of the bytes, in hex.", {"type": "string"})
    added_at = Timestamp("When it was added.")
    added_by = ReadOnly("By whom.", {"type": "string"})


class Letter(Document):
    """What is kept of a document of a case or an exemption."""

    outgoing_number = ReadOnly("Number under which its sender registered it.", {"type": ["string", "null"]})
    incoming_number = ReadOnly("Number under which its receiver registered it.", {"type": ["string", "null"]})


FILE_TEXT: Final = (
    "Up to 20 MiB, and all of a project's within the policy's `document_quota_mib`. "
    "Programs, scripts and HTML pages are refused."
)


class DocumentForm(DocumentFields):
    """A document to add."""

    file = UploadedFile(FILE_TEXT)


@documents_blp.route("/projects/<number>/documents")
class Documents(MethodView):
    """The documents of a project."""

    @documents_blp.listing(Permission.PROJECTS_READ, Document, operation="list_documents")
    def get(self, query: parameters.ListArguments, number: str) -> Any:
        """List the documents of a project, the oldest first."""
        return documents_page(service.read_project(current_actor(), number, "documents"), query.page)

    @documents_blp.requires(Permission.DOCUMENTS_WRITE, operation="create_document")
    @documents_blp.arguments(DocumentForm(), location="multipart")
    @documents_blp.response(201, Document, description="Kept.", headers=LOCATION)
    def post(self, form: Mapping[str, Any], number: str) -> Any:
        """Add a document to a project."""
        project = service.find_project(current_actor(), number)
        file: SentFile = form["file"]
        document = add_document(
            current_actor(),
            project,
            file.name,
            file.content_type,
            file.content,
            form.get("kind"),
            form.get("description"),
        )
        return document, {"Location": f"{API_PREFIX}/projects/{project.number}/documents/{document.id}"}


@documents_blp.route("/projects/<number>/documents/<row_id:id>", methods=["GET"])
@documents_blp.requires(Permission.PROJECTS_READ, operation="download_document")
@documents_blp.etag
@documents_blp.response(200, {}, content_type="application/octet-stream", description="The bytes as they were given.")
def download_document(number: str, id: int) -> Response:
    """Download a document, checked against its SHA-256."""
    document, content = read_document(service.read_project(current_actor(), number, "document"), id)
    return documents_blp.tagged(responses.document_download(document.name, content), document.sha256)
