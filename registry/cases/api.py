"""The endpoints of cases: listed and read by scope, acted on by role, alone and several at once, with documents."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from flask import Response
from flask.views import MethodView
from marshmallow import Schema

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, LOCATION, ApiBlueprint, current_actor
from registry.api.expand import PROJECT, expand_parameter, split_expand, with_projects
from registry.api.exports import add_exports, add_lines
from registry.api.parameters import ListArguments
from registry.api.uploads import FormFlag, FormNumber, UploadedFile
from registry.approvals.api import proposed
from registry.approvals.schemas import APPROVAL
from registry.cases import schemas, text_templates
from registry.cases.actions import act_on_cases, carry_out, open_cases
from registry.cases.commission import DecisionFile, propose_commission_decision, record_court
from registry.cases.decisions import read_act_to_sign
from registry.cases.lists import APPEAL_LIST, CASE_LIST, ORDER_LIST, list_cases, list_timelines, show_case
from registry.cases.models import Case, CaseTemplate
from registry.cases.queries import OF_OTHERS, find_case, find_case_to_change, read_case, team
from registry.cases.service import add_case_document, case_document, case_documents_page, open_case, read_case_document
from registry.cases.vocabulary import ActionName
from registry.cases.workflow import ACTIONS
from registry.core.database import transaction
from registry.core.errors import Problem
from registry.core.fields import BaseSchema, ReadOnly
from registry.core.translations import message
from registry.freeze.rules import RULES
from registry.http.requests import SentFile, request_locale
from registry.http.responses import document_download, is_tag, make_tag, require_fresh_if_named
from registry.journal.read_replica import use_read_replica
from registry.projects.api import FILE_TEXT, Letter
from registry.projects.documents import LetterFields
from registry.projects.visibility import journal_restricted_reads
from registry.signatures.service import SignedAct, check_signature

blp = ApiBlueprint(
    "cases",
    __name__,
    description="Reviews of flagged projects: people decide, and every decision needs two of them.",
    integrator=(
        "list_all_cases",
        "read_case",
        "answer_case",
        "comment_case",
        "export_cases_as_ndjson",
        "export_timeline_as_ndjson",
    ),
)
add_exports(
    blp,
    CASE_LIST,
    schemas.CASE_SUMMARY,
    lambda actor, filters, page: list_cases(actor, filters, page, request_locale()),
)
add_lines(
    blp,
    "timeline",
    CASE_LIST,
    schemas.TIMELINE_ENTRY,
    lambda actor, filters, page: list_timelines(actor, filters, page, request_locale()),
)


def visible(case: Case) -> Mapping[str, Any]:
    """Return the case as the caller sees it."""
    return show_case(current_actor(), case, request_locale())


def etag_data(view: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what the entity tag is made from: exactly what the caller sees."""
    return "case", json.dumps(view, default=str, sort_keys=True)


@blp.route("/cases")
class Cases(MethodView):
    """All cases."""

    @blp.listing(CASE_LIST, schemas.CASE_SUMMARY, operation="list_all_cases", more=[expand_parameter(PROJECT)])
    def get(self, query: ListArguments) -> Any:
        """List cases, by default what is due first in front. Sort by due_on, opened_at, changed_at, severity or id."""
        use_read_replica()
        filters, expand = split_expand(query.filters, PROJECT)
        listing = list_cases(current_actor(), filters, query.page, request_locale())
        return with_projects(current_actor(), listing, expand)

    @blp.requires(Permission.CASES_REVIEW, operation="create_case")
    @blp.arguments(schemas.CaseOpening)
    @blp.etag
    @blp.response(201, schemas.Case, description="Opened.", headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Open a case for a project on the watch list."""
        case = open_case(current_actor(), values["project"])
        view = visible(case)
        blp.set_etag(etag_data(view))
        return view, {"Location": f"{API_PREFIX}/cases/{case.id}"}


@blp.route("/cases/<row_id:case_id>", methods=["GET"])
@blp.requires(Permission.CASES_READ, operation="read_case")
@blp.etag
@blp.response(200, schemas.Case)
def read_one_case(case_id: int) -> Any:
    """Read a case with its timeline and what the caller may do now."""
    case = find_case(current_actor(), case_id)
    view = visible(case)
    project = case.project_record
    journal_restricted_reads(current_actor(), [project.number] if project.is_restricted else [], "case")
    return blp.tagged(view, etag_data(view))


@dataclass(frozen=True, slots=True)
class ActionEndpoint:
    """How an action of the workflow is called: what it does, and its body, or none at all."""

    summary: str
    schema: Schema = schemas.CASE_COMMENT
    example: Mapping[str, Any] = field(default_factory=lambda: {"comment": "See the contract's date."})


ENDPOINTS: Final[Mapping[str, ActionEndpoint]] = {
    ActionName.CLAIM: ActionEndpoint(
        "Take a case that nobody holds, or one's own back under review; one with an order, a supervisor alone"
    ),
    ActionName.ASSIGN: ActionEndpoint("Give a case to a reviewer", schemas.CASE_ASSIGNMENT, {"assignee": "aigerim"}),
    ActionName.RELEASE: ActionEndpoint("Give a case back to the queue"),
    ActionName.ASK: ActionEndpoint("Ask the agency; it reads the comment", schemas.CASE_LETTER),
    ActionName.ANSWER: ActionEndpoint("Answer for the agency"),
    ActionName.PROPOSE: ActionEndpoint("Propose a decision", schemas.SIGNED_PROPOSAL, schemas.PROPOSAL_EXAMPLE),
    ActionName.APPROVE: ActionEndpoint("Approve what another person proposed", schemas.SIGNED_COMMENT),
    ActionName.RETURN: ActionEndpoint("Return a proposal, a referral or a cleared case to review"),
    ActionName.REFER: ActionEndpoint("Refer the case to the Commission; it reads the comment", schemas.CASE_LETTER),
    ActionName.CONFIRM: ActionEndpoint("Confirm that what was found is gone"),
    ActionName.WITHDRAW: ActionEndpoint("Take back a question, proposal, referral or order"),
    ActionName.APPEAL: ActionEndpoint(
        "Appeal a decision for the agency, also while its case is reviewed again", schemas.SIGNED_COMMENT
    ),
    ActionName.COMMENT: ActionEndpoint("Put a comment on the timeline", schemas.CASE_REMARK, {"comment": "Seen."}),
}


# Bodies without which an action can be called.
OPTIONAL: Final = (schemas.CASE_COMMENT, schemas.CASE_LETTER, schemas.SIGNED_COMMENT)


def _add_action(name: str, endpoint: ActionEndpoint) -> None:
    operation = f"{name}_case"

    def verified_signature(values: Mapping[str, Any], case_id: int) -> SignedAct | None:
        actor = current_actor()
        act_to_sign = partial(read_act_to_sign, actor, case_id, name, values)
        return check_signature(actor, values.get("signature"), act_to_sign)

    @blp.route(f"/cases/<row_id:case_id>/{name}", methods=["POST"], endpoint=operation)
    @blp.requires(ACTIONS[name].needs)
    @blp.doc(operationId=operation, summary=endpoint.summary)
    @blp.honours("IfMatch")
    @blp.arguments(endpoint.schema, required=endpoint.schema not in OPTIONAL, example=endpoint.example)
    @blp.idempotent(verify=verified_signature)
    @blp.etag
    @blp.response(200, schemas.Case)
    def act_on_case(values: Mapping[str, Any], case_id: int, verified: SignedAct | None) -> Any:
        """Act on a case.

        An `If-Match` is honoured, and not required: an action that is no longer possible returns 409.
        """
        actor = current_actor()
        with transaction():
            case = find_case_to_change(actor, case_id)
            require_fresh_if_named(make_tag(*etag_data(visible(case))))
            view = visible(carry_out(actor, case, name, values, signed=verified))
        return blp.tagged(view, etag_data(view))


for _name in ACTIONS:
    _add_action(_name, ENDPOINTS[_name])


# The endpoints of actions on several cases.

bulk_blp = ApiBlueprint("cases-bulk", __name__, description="One action on up to 500 cases.")
# Of each action: what it does, its body, and what the example of that has besides cases.
ENDPOINTS_OF_MANY: Final[Mapping[str, tuple[str, Schema, Mapping[str, Any]]]] = {
    ActionName.CLAIM: ("Take several cases", schemas.MANY_CASES, {}),
    ActionName.ASSIGN: ("Give several cases to a reviewer", schemas.MANY_ASSIGNED, {"assignee": "aigerim"}),
    ActionName.ASK: ("Ask the agencies of several cases", schemas.MANY_CASES, {}),
    ActionName.CONFIRM: ("Confirm several cleared cases", schemas.MANY_CASES, {}),
    ActionName.PROPOSE: ("Propose one decision on several cases", schemas.MANY_PROPOSED, schemas.PROPOSAL_EXAMPLE),
    ActionName.APPROVE: (
        "Approve what another person proposed on several cases",
        schemas.MANY_APPROVED,
        {"cases": [{"case": 12, "etag": '"0b5e4c8f1a6d4e7f9b2c3d4e5f6a7b8c"'}]},
    ),
}
OF_CASES: Final = ("case",)
# Both names are in the answer: clients of earlier versions read ``id``.
OF_CONFIRMED: Final = ("case", "id")


def _add_action_on_many(name: str, summary: str, schema: Schema, example: Mapping[str, Any]) -> None:
    operation = f"{name}_many_cases"
    is_confirmation = name == ActionName.CONFIRM
    answer = schemas.MANY_CONFIRMED if is_confirmation else schemas.MANY_DONE
    done = {"done": [12], **({"confirmed": [12]} if is_confirmation else {}), "refused": []}

    @bulk_blp.route(f"/cases/{name}", methods=["POST"], endpoint=operation)
    @bulk_blp.requires(ACTIONS[name].needs)
    @bulk_blp.doc(operationId=operation, summary=summary)
    @bulk_blp.arguments(schema, example={"cases": [12, 15], **example})
    @bulk_blp.idempotent(commits_itself=True)
    @bulk_blp.response(200, answer, example=done)
    def act_on_many_cases(values: Mapping[str, Any]) -> Any:
        """Act on several cases.

        Each is independent, with the checks of the single action. With `atomic`, nothing is done unless all can be.
        """
        atomic, cases = values.get("atomic") is True, values["cases"]

        def is_as_seen(case: Case) -> bool:
            return name != ActionName.APPROVE or is_tag(cases[case.id], make_tag(*etag_data(visible(case))))

        result = act_on_cases(current_actor(), name, cases, values, atomic=atomic, is_as_seen=is_as_seen)
        if not is_confirmation:
            return {"done": result.done, "refused": _refused(OF_CASES, result.refused)}
        refused = _refused(OF_CONFIRMED, result.refused)
        return {"done": result.done, "confirmed": result.done, "refused": refused}


for _name, _parts in ENDPOINTS_OF_MANY.items():
    _add_action_on_many(_name, *_parts)


@bulk_blp.route("/cases/open", methods=["POST"], endpoint="open_many_cases")
@bulk_blp.requires(Permission.CASES_REVIEW, operation="open_many_cases")
@bulk_blp.doc(summary="Open cases for several projects on the watch list")
@bulk_blp.arguments(schemas.ManyOpened)
@bulk_blp.idempotent(commits_itself=True)
@bulk_blp.response(200, schemas.ManyOpenedDone)
def open_many_cases(values: Mapping[str, Any]) -> Any:
    """Open cases. Each is independent; with `atomic`, nothing is done unless all can be."""
    result = open_cases(current_actor(), values["projects"], atomic=values.get("atomic") is True)
    return {"done": result.done, "refused": _refused(("project",), result.refused)}


def _refused(names: Sequence[str], refused: Sequence[tuple[Any, Problem]]) -> list[dict[str, Any]]:
    language = request_locale()
    return [
        {**dict.fromkeys(names, subject), "code": each.code, "message": message(each.code, language, each.params)}
        for subject, each in refused
    ]


# The Commission's decision on a referred case, and the court's on a decided appeal.

commission_blp = ApiBlueprint(
    "commission-decisions", __name__, description="What the Commission and the courts decided on cases."
)


class CommissionDecisionForm(schemas.CommissionDecision):
    """A decision with its file."""

    file = UploadedFile(f"The decision, a PDF or an image. {FILE_TEXT}")


@commission_blp.route("/cases/<row_id:case_id>/commission-decision", methods=["POST"])
@commission_blp.requires(Permission.EXEMPTIONS_PROPOSE, operation="record_commission_decision")
@commission_blp.arguments(CommissionDecisionForm(), location="multipart")
@commission_blp.response(202, APPROVAL, description="It waits for a supervisor.", headers=LOCATION)
def record_commission_decision(form: Mapping[str, Any], case_id: int) -> Any:
    """Propose to record the Commission's decision on a referred case: an exemption, or back to review.

    Another person, a supervisor, approves it.
    """
    file: SentFile = form["file"]
    values = {name: value for name, value in form.items() if name != "file"}
    files = [DecisionFile(file.name, file.content_type, file.content)]
    return proposed(propose_commission_decision(current_actor(), case_id, values, files))


class CourtForm(schemas.CourtRecord):
    """A lawsuit or a ruling with its file."""

    file = UploadedFile(f"The claim or the ruling, a PDF or an image. {FILE_TEXT}")


@commission_blp.route("/cases/<row_id:case_id>/court", methods=["POST"])
@commission_blp.requires(Permission.CASES_REVIEW)
@commission_blp.doc(operationId="record_court")
@commission_blp.arguments(CourtForm(), location="multipart")
@commission_blp.response(200, schemas.Case)
def record_court_decision(form: Mapping[str, Any], case_id: int) -> Any:
    """Record that the agency went to court after the decision on its appeal, and later how the court ruled.

    Nothing else changes: a new decision on the case carries the ruling out.
    """
    file: SentFile = form["file"]
    values = {name: value for name, value in form.items() if name != "file"}
    files = [DecisionFile(file.name, file.content_type, file.content)]
    record_court(current_actor(), case_id, values, files)
    return visible(find_case(current_actor(), case_id))


# The documents of cases: letters and evidence on questions, answers, proposals and appeals.

documents_blp = ApiBlueprint(
    "case-documents", __name__, description="Documents of cases, each of an entry of the timeline."
)


class CaseDocument(Letter):
    """A document of a case."""

    event = ReadOnly("The entry of the timeline to which it belongs.", {"type": "integer"})


class CaseDocumentForm(LetterFields):
    """A document to add."""

    file = UploadedFile(FILE_TEXT)
    event = FormNumber("Id of an entry of the timeline of the caller's own side; an entry of its own without it.")
    for_agency = FormFlag("Whether the agency sees the entry that the document makes; its own it always sees.")


@documents_blp.route("/cases/<row_id:case_id>/documents")
class CaseDocuments(MethodView):
    """The documents of a case."""

    @documents_blp.listing(Permission.CASES_READ, CaseDocument, operation="list_case_documents")
    def get(self, query: ListArguments, case_id: int) -> Any:
        """List the documents of a case on entries that the caller may see, the oldest first."""
        actor = current_actor()
        return case_documents_page(actor, read_case(actor, case_id, "documents"), query.page)

    @documents_blp.requires(Permission.CASES_COMMENT, Permission.DOCUMENTS_WRITE, operation="create_case_document")
    @documents_blp.arguments(CaseDocumentForm(), location="multipart")
    @documents_blp.response(201, CaseDocument, description="Kept.", headers=LOCATION)
    def post(self, form: Mapping[str, Any], case_id: int) -> Any:
        """Add a document to an entry of the timeline of one's own side, or as an entry of its own."""
        file: SentFile = form["file"]
        others = ("file", "event", "for_agency")
        values = {name: value for name, value in form.items() if name not in others}
        document = add_case_document(
            current_actor(),
            case_id,
            file.name,
            file.content_type,
            file.content,
            values,
            event_id=form.get("event"),
            for_agency=form["for_agency"],
        )
        row = case_document(current_actor(), find_case(current_actor(), case_id), document.id)
        return row, {"Location": f"{API_PREFIX}/cases/{case_id}/documents/{document.id}"}


@documents_blp.route("/cases/<row_id:case_id>/documents/<row_id:id>", methods=["GET"])
@documents_blp.requires(Permission.CASES_READ, operation="download_case_document")
@documents_blp.etag
@documents_blp.response(200, {}, content_type="application/octet-stream", description="The bytes as they were given.")
def download_case_document(case_id: int, id: int) -> Response:
    """Download a document of a case, checked against its SHA-256."""
    actor = current_actor()
    document, content = read_case_document(actor, read_case(actor, case_id, "document"), id)
    return documents_blp.tagged(document_download(document.name, content), document.sha256)


# The registers of orders and of appeals.

orders_blp = ApiBlueprint(
    "orders",
    __name__,
    description="What agencies were ordered to do, how far they are, and what they appealed.",
    integrator=("list_orders", "export_orders_as_ndjson"),
)
add_exports(orders_blp, ORDER_LIST, schemas.ORDER, ORDER_LIST.read)


@orders_blp.route("/orders", methods=["GET"])
@orders_blp.listing(ORDER_LIST, schemas.ORDER, operation="list_orders")
def list_orders(query: ListArguments) -> Any:
    """List orders, by default the newest first. Sort by id or due_on."""
    use_read_replica()
    return ORDER_LIST.read(current_actor(), *query)


add_exports(orders_blp, APPEAL_LIST, schemas.APPEAL, APPEAL_LIST.read)


@orders_blp.route("/appeals", methods=["GET"])
@orders_blp.listing(APPEAL_LIST, schemas.APPEAL, operation="list_appeals")
def list_appeals(query: ListArguments) -> Any:
    """List appeals, by default the newest first. Sort by id."""
    use_read_replica()
    return APPEAL_LIST.read(current_actor(), *query)


# The report on the team's work, for supervisors.

team_blp = ApiBlueprint("team", __name__, description="How the reviewers' work stands.")
COUNT: Final = {"type": "integer", "minimum": 0}
FIGURES: Final[dict[str, Any]] = {
    "open": {**COUNT, "description": "Cases that are not closed."},
    "to_act": {
        **COUNT,
        "description": "Of these, the cases in which a reviewer must act next; by rule, a reviewer or a supervisor.",
    },
    "overdue": {**COUNT, "description": "Of these, the cases past their due date."},
    "oldest_opened_at": {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "When the oldest of the cases to act on was opened.",
    },
    "decided": {**COUNT, "description": "Decisions approved in the last 90 days."},
    "median_days": {
        "type": ["integer", "null"],
        "description": "Of these decisions, the median of calendar days from the opening of the case to the approval.",
    },
}


# What waits for others is decided by nobody yet.
OF_OTHERS_FIGURES: Final = {
    "to_act": {**COUNT, "description": "Cases in which they must act next."},
    **{name: FIGURES[name] for name in ("overdue", "oldest_opened_at")},
}


def _rows(key: dict[str, Any], figures: dict[str, Any] = FIGURES) -> dict[str, Any]:
    properties = {"key": key, **figures}
    return {"type": "array", "items": {"type": "object", "required": list(properties), "properties": properties}}


class Team(BaseSchema):
    """Open cases and decisions by person, by others and by rule."""

    people = ReadOnly(
        "Everybody to whom cases can be assigned; `key` is null for cases without a reviewer. A decision counts for "
        "its proposer.",
        _rows({"type": ["string", "null"]}),
    )
    others = ReadOnly(
        "What waits for supervisors (approvals) and for agencies (answers and orders). People and others together have "
        "each overdue case once.",
        _rows({"type": "string", "enum": list(OF_OTHERS)}, OF_OTHERS_FIGURES),
    )
    rules = ReadOnly(
        "A case counts under each rule of its active flags.", _rows({"type": "string", "enum": list(RULES)})
    )


@team_blp.route("/reports/team", methods=["GET"])
@team_blp.requires(Permission.TEAM_READ, operation="read_team")
@team_blp.response(200, Team())
def read_team() -> Any:
    """Report load, age, overdue cases and time to decision, by person, by others and by rule."""
    return team(current_actor())


# The templates of questions and reasons: reviewers read them, supervisors manage them.

templates_blp = ApiBlueprint("case-templates", __name__, description="Texts to begin questions and reasons with.")


def template_etag(template: CaseTemplate) -> tuple[object, ...]:
    """Return what the entity tag is made from."""
    return "case-template", template.id, template.version


@templates_blp.route("/case-templates")
class CaseTemplates(MethodView):
    """All templates."""

    @templates_blp.listing(text_templates.TEMPLATE_LIST, schemas.Template, operation="list_case_templates")
    def get(self, query: ListArguments) -> Any:
        """List the templates, the oldest first."""
        return text_templates.TEMPLATE_LIST.read(current_actor(), *query)

    @templates_blp.requires(Permission.CASES_LEAD, operation="create_case_template")
    @templates_blp.arguments(schemas.TEMPLATE_BODY)
    @templates_blp.etag
    @templates_blp.response(201, schemas.Template, description="Added.", headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Add a template."""
        with transaction():
            template = text_templates.add_template(current_actor(), values)
        templates_blp.set_etag(template_etag(template))
        return template, {"Location": f"{API_PREFIX}/case-templates/{template.id}"}


@templates_blp.route("/case-templates/<row_id:id>")
class CaseTemplateById(MethodView):
    """One template."""

    @templates_blp.requires(Permission.CASES_REVIEW, operation="read_case_template")
    @templates_blp.etag
    @templates_blp.response(200, schemas.Template)
    def get(self, id: int) -> Any:
        """Read a template."""
        template = text_templates.find_template(current_actor(), id)
        return templates_blp.tagged(template, template_etag(template))

    @templates_blp.requires(Permission.CASES_LEAD, operation="patch_case_template")
    @templates_blp.etag
    @templates_blp.arguments(schemas.TEMPLATE_PATCH, location="merge_patch")
    @templates_blp.response(200, schemas.Template)
    def patch(self, values: Mapping[str, Any], id: int) -> Any:
        """Change a template. A rule that is null is any rule."""
        with transaction():
            template = text_templates.find_template_to_change(current_actor(), id)
            templates_blp.check_etag(template_etag(template))
            text_templates.change_template(current_actor(), template, values)
            templates_blp.set_etag(template_etag(template))
        return template

    @templates_blp.requires(Permission.CASES_LEAD, operation="delete_case_template")
    @templates_blp.honours("IfMatch")
    @templates_blp.response(204, description="Deleted.")
    def delete(self, id: int) -> None:
        """Delete a template; the journal keeps its text. With `If-Match`, only in the state that was read."""
        with transaction():
            template = text_templates.find_template_to_change(current_actor(), id)
            require_fresh_if_named(make_tag(*template_etag(template)))
            text_templates.delete_template(current_actor(), template)
