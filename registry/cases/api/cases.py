"""The cases endpoints: listed and read by scope, acted on by role."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask.views import MethodView
from marshmallow import Schema

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, ApiBlueprint, current_actor
from registry.api.exports import PROJECT, ListExport, add_exports, expand_parameter, split_expand, with_projects
from registry.api.operation_docs import LINK, LOCATION
from registry.api.pages import PageSchema, page_response
from registry.api.parameters import ListArguments, list_query, negatable, plain_parameters
from registry.cases import appeals, decisions
from registry.cases import service as cases
from registry.cases.details import show_case
from registry.cases.lists import OF_FLAGS, OF_TEXT, OF_THE_READER, SORTS, filters_of_cases, list_cases
from registry.cases.models import Case
from registry.cases.queries import find_case, find_case_to_change, open_case
from registry.cases.schemas import (
    CASE,
    CASE_ASSIGNMENT,
    CASE_COMMENT,
    CASE_OPENING,
    CASE_PROPOSAL,
    CASE_REMARK,
    CASE_SUMMARY,
    PROPOSAL_EXAMPLE,
)
from registry.cases.vocabulary import ActionName
from registry.cases.workflow import ACTIONS
from registry.core.transactions import transaction
from registry.http.etag import make_tag, require_fresh_if_named
from registry.http.locale import request_locale
from registry.journal.read_replica import use_read_replica
from registry.projects.visibility import journal_restricted_reads

blp = ApiBlueprint(
    "cases", __name__, description="Reviews of flagged projects: people decide, and every decision needs two of them."
)
FILTERS: Final = negatable(plain_parameters({**filters_of_cases(), **OF_FLAGS, **OF_THE_READER, **OF_TEXT}))
add_exports(
    blp,
    ListExport(
        "cases",
        Permission.CASES_READ,
        FILTERS,
        CASE_SUMMARY,
        lambda actor, filters, page: list_cases(actor, filters, page, request_locale()),
    ),
)


def visible(case: Case) -> Mapping[str, Any]:
    """The case as the caller sees it."""
    return show_case(current_actor(), case, request_locale())


def etag_data(view: Mapping[str, Any]) -> tuple[object, ...]:
    """What the entity tag is made from: exactly what the caller sees."""
    return "case", json.dumps(view, default=str, sort_keys=True)


@blp.route("/cases")
class Cases(MethodView):
    """All cases."""

    @blp.requires(Permission.CASES_READ)
    @blp.doc(operationId="list_all_cases")
    @blp.arguments(list_query((*FILTERS, expand_parameter(PROJECT)), SORTS, counted=True), location="query")
    @blp.response(200, PageSchema(CASE_SUMMARY, counted=True), headers=LINK)
    def get(self, query: ListArguments) -> Any:
        """List cases, by default what is due first in front. Sort by due_on, opened_at, changed_at, severity or id."""
        use_read_replica()
        filters, expand = split_expand(query.filters, PROJECT)
        listing = list_cases(current_actor(), filters, query.page, request_locale())
        return page_response(with_projects(current_actor(), listing, expand))

    @blp.requires(Permission.CASES_REVIEW)
    @blp.doc(operationId="create_case")
    @blp.arguments(CASE_OPENING, example={"project": "QT-2026-0000001-1"})
    @blp.idempotent
    @blp.etag
    @blp.response(201, CASE, description="Opened.", headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Open a case for a project on the watch list."""
        case = open_case(current_actor(), values["project"])
        view = visible(case)
        blp.set_etag(etag_data(view))
        return view, {"Location": f"{API_PREFIX}/cases/{case.id}"}


@blp.route("/cases/<row_id:case_id>")
class CaseById(MethodView):
    """One case."""

    @blp.requires(Permission.CASES_READ)
    @blp.doc(operationId="read_case")
    @blp.etag
    @blp.response(200, CASE)
    def get(self, case_id: int) -> Any:
        """Read a case with its timeline and what the caller may do now."""
        case = find_case(current_actor(), case_id)
        view = visible(case)
        project = case.project_record
        journal_restricted_reads(current_actor(), [project.number] if project.is_restricted else [], "case")
        blp.set_etag(etag_data(view))
        return view


@dataclass(frozen=True, slots=True)
class ActionEndpoint:
    """How an action of the workflow is called: what it does, its service, and its body."""

    summary: str
    act: Callable[[Case, Mapping[str, Any]], Case]
    schema: Schema
    example: Mapping[str, Any]
    body_required: bool = True


def _with_comment(summary: str, act: Callable[[Actor, Case, str | None], Case]) -> ActionEndpoint:
    """An action that takes a comment and nothing else, or no body at all."""
    return ActionEndpoint(
        summary,
        lambda case, values: act(current_actor(), case, values.get("comment")),
        CASE_COMMENT,
        {"comment": "See the contract's date."},
        body_required=False,
    )


def _assign(case: Case, values: Mapping[str, Any]) -> Case:
    return cases.assign(current_actor(), case, values["assignee"], values.get("comment"))


def _comment(case: Case, values: Mapping[str, Any]) -> Case:
    return cases.say(current_actor(), case, values["comment"], for_agency=values.get("for_agency") is True)


def _propose(case: Case, values: Mapping[str, Any]) -> Case:
    return decisions.propose(current_actor(), case, values)


ENDPOINTS: Final[Mapping[str, ActionEndpoint]] = {
    ActionName.CLAIM: _with_comment(
        "Take a case that nobody holds, or one's own back under review; one with an order, a supervisor alone",
        cases.claim,
    ),
    ActionName.ASSIGN: ActionEndpoint("Give a case to a reviewer", _assign, CASE_ASSIGNMENT, {"assignee": "aigerim"}),
    ActionName.RELEASE: _with_comment("Give a case back to the queue", cases.release),
    ActionName.ASK: _with_comment("Ask the agency; it reads the comment", cases.ask),
    ActionName.ANSWER: _with_comment("Answer for the agency", cases.answer),
    ActionName.PROPOSE: ActionEndpoint("Propose a decision", _propose, CASE_PROPOSAL, PROPOSAL_EXAMPLE),
    ActionName.APPROVE: _with_comment("Approve what another person proposed", decisions.approve),
    ActionName.RETURN: _with_comment("Return a proposal, a referral or a cleared case to review", cases.send_back),
    ActionName.REFER: _with_comment("Refer the case to the Commission", cases.refer),
    ActionName.CONFIRM: _with_comment("Confirm that what was found is gone", cases.confirm),
    ActionName.WITHDRAW: _with_comment("Take back a question, proposal, referral or order", cases.withdraw),
    ActionName.APPEAL: _with_comment(
        "Appeal a decision for the agency, also while its case is reviewed again", appeals.appeal
    ),
    ActionName.COMMENT: ActionEndpoint("Put a comment on the timeline", _comment, CASE_REMARK, {"comment": "Seen."}),
}


def _add_action(name: str, endpoint: ActionEndpoint) -> None:
    operation = f"{name}_case"

    @blp.route(f"/cases/<row_id:case_id>/{name}", methods=["POST"], endpoint=operation)
    @blp.requires(ACTIONS[name].needs)
    @blp.doc(operationId=operation, summary=endpoint.summary)
    @blp.honours("IfMatch")
    @blp.arguments(endpoint.schema, required=endpoint.body_required, example=endpoint.example)
    @blp.idempotent
    @blp.etag
    @blp.response(200, CASE)
    def act_on_case(values: Mapping[str, Any], case_id: int) -> Any:
        """Act on a case.

        An `If-Match` is honoured, and not required: an action that is no longer possible returns 409.
        """
        with transaction():
            case = find_case_to_change(current_actor(), case_id)
            require_fresh_if_named(make_tag(*etag_data(visible(case))))
            view = visible(endpoint.act(case, values))
        blp.set_etag(etag_data(view))
        return view


for _name in ACTIONS:
    _add_action(_name, ENDPOINTS[_name])
