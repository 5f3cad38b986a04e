"""Cases: listed and read by scope, acted on by role."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.api.blueprint import BASE, Routes
from registry.api.declared import Answer, Answers, Call, JsonBody
from registry.api.filter_parameters import plain_parameters
from registry.cases import appeals, decisions
from registry.cases import service as cases
from registry.cases.details import show_case
from registry.cases.lists import OF_FLAGS, OF_THE_READER, SORTS, filters_of_cases, list_cases
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
    MANY_CASES,
    MANY_CONFIRMED,
    PROPOSAL_EXAMPLE,
)
from registry.cases.workflow import ACTIONS
from registry.core.messages import message
from registry.core.pagination import Listing
from registry.http.etag import make_tag, require_fresh_if_named
from registry.projects.visibility import journal_restricted_reads

routes = Routes("cases", "Reviews of flagged projects: people decide, and every decision needs two of them.")
FILTERS: Final = plain_parameters({**filters_of_cases(), **OF_FLAGS, **OF_THE_READER})
NOTE: Final = JsonBody(CASE_COMMENT, {"comment": "See the contract's date."}, may_be_empty=True)


def case_of(actor: Actor, case_id: int) -> Case:
    """The case that the path names. Raises CaseNotFound."""
    return find_case(actor, case_id)


def locked_case(actor: Actor, case_id: int) -> Case:
    """The same, locked."""
    return find_case_to_change(actor, case_id)


def shown(call: Call, case: Case, location: str | None = None) -> Answer:
    """The case as the caller sees it, with the tag of exactly that."""
    view = show_case(call.by, case, call.language)
    return Answer(view, location, make_tag("case", json.dumps(view, default=str, sort_keys=True)))


@routes.declare(
    "GET",
    "/cases",
    needs=Permission.CASES_READ,
    query=FILTERS,
    paged=True,
    sorts=tuple(SORTS),
    answers=Answers(CASE_SUMMARY, lists=True),
)
def list_all_cases(call: Call) -> Listing:
    """List cases, by default what is due first in front. Sort by due_on, opened_at, changed_at, severity or id."""
    return list_cases(call.by, call.query, call.page, call.language)


@routes.declare(
    "POST",
    "/cases",
    needs=Permission.CASES_REVIEW,
    body=JsonBody(CASE_OPENING, {"project": "QT-2026-0000001-1"}),
    answers=Answers(CASE, None, 201, "Opened.", headers=("Location", "ETag")),
)
def create_case(call: Call) -> Answer:
    """Open a case for a project on the watch list."""
    case = open_case(call.by, call.values["project"])
    return shown(call, case, f"{BASE}/cases/{case.id}")


@routes.declare(
    "GET",
    "/cases/<row_id:case_id>",
    needs=Permission.CASES_READ,
    subject=case_of,
    answers=Answers(CASE, headers=("ETag",)),
)
def read_case(call: Call) -> Answer:
    """Read a case with its timeline and what the caller may do now."""
    project = call.subject.project_record
    answer = shown(call, call.subject)
    journal_restricted_reads(call.by, [project.number] if project.is_restricted else [], "case")
    return answer


@routes.declare(
    "POST",
    "/cases/confirm",
    needs=Permission.CASES_REVIEW,
    body=JsonBody(MANY_CASES, {"cases": [12, 15]}),
    answers=Answers(MANY_CONFIRMED, {"confirmed": [12], "refused": []}),
)
def confirm_many_cases(call: Call) -> Mapping[str, Any]:
    """Confirm several cleared cases; each stands or falls alone."""
    confirmed, refused = cases.confirm_many(call.by, call.values["cases"], call.values.get("comment"))
    told = [
        {"id": case_id, "code": refusal.code, "message": message(refusal.code, call.language, refusal.params)}
        for case_id, refusal in refused
    ]
    return {"confirmed": confirmed, "refused": told}


def _comment(act: Callable[[Actor, Case, str | None], Case]) -> Callable[[Call], Case]:
    return lambda call: act(call.by, call.subject, call.values.get("comment"))


def _assign(call: Call) -> Case:
    return cases.assign(call.by, call.subject, call.values["assignee"], call.values.get("comment"))


def _say(call: Call) -> Case:
    return cases.say(call.by, call.subject, call.values["comment"], for_agency=call.values.get("for_agency") is True)


def _propose(call: Call) -> Case:
    return decisions.propose(call.by, call.subject, call.values)


# Each action with its body, its service, and what it does.
ON_A_CASE: Final[Mapping[str, tuple[JsonBody, Callable[[Call], Case], str]]] = {
    "claim": (
        NOTE,
        _comment(cases.claim),
        "Take a case that nobody holds, or one's own back under review; one with an order, a supervisor alone.",
    ),
    "assign": (JsonBody(CASE_ASSIGNMENT, {"assignee": "aigerim"}), _assign, "Give a case to a reviewer."),
    "release": (NOTE, _comment(cases.release), "Give a case back to the queue."),
    "ask": (NOTE, _comment(cases.ask), "Ask the agency; it reads the comment."),
    "answer": (NOTE, _comment(cases.answer), "Answer for the agency."),
    "propose": (JsonBody(CASE_PROPOSAL, PROPOSAL_EXAMPLE), _propose, "Propose a decision."),
    "approve": (NOTE, _comment(decisions.approve), "Approve what another person proposed."),
    "return": (NOTE, _comment(cases.send_back), "Return a proposal, a referral or a cleared case to review."),
    "refer": (NOTE, _comment(cases.refer), "Refer the case to the Commission."),
    "confirm": (NOTE, _comment(cases.confirm), "Confirm that what was found is gone."),
    "withdraw": (NOTE, _comment(cases.withdraw), "Take back a question, proposal, referral or order."),
    "appeal": (
        NOTE,
        _comment(appeals.appeal),
        "Appeal a decision for the agency, also while its case is reviewed anew.",
    ),
    "comment": (JsonBody(CASE_REMARK, {"comment": "Seen."}), _say, "Put a comment on the timeline."),
}


def _declare(name: str) -> None:
    body, act, told = ON_A_CASE[name]

    def view(call: Call) -> Answer:
        require_fresh_if_named(str(shown(call, call.subject).tag))
        return shown(call, act(call))

    view.__name__ = f"{name}_case"
    view.__doc__ = f"{told}\n\nAn `If-Match` is honoured, and not required: an action that no longer fits hears 409."
    routes.declare(
        "POST",
        f"/cases/<row_id:case_id>/{name}",
        needs=ACTIONS[name].needs,
        subject=case_of,
        locks=locked_case,
        body=body,
        answers=Answers(CASE, headers=("ETag",)),
    )(view)


for _name in ACTIONS:
    _declare(_name)
