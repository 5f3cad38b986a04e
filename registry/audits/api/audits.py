"""Audits: run by operators and supervisors, confirmed by supervisors, read by oversight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.api.blueprint import BASE, Routes
from registry.api.declared import Answer, Answers, Call, JsonBody
from registry.api.filter_parameters import plain_parameters
from registry.audits.queries import AUDIT_FILTERS, all_changes_of, changes_of, list_audits
from registry.audits.restricted_counts import visible_run
from registry.audits.schemas import (
    AUDIT,
    AUDIT_EXAMPLE,
    AUDIT_JUST_RUN,
    AUDIT_ORDER,
    CHANGE,
    CHANGE_EXAMPLE,
    CONFIRMATION,
    VOIDING_CONFIRMATION,
    VOIDING_EXAMPLE,
    VOIDING_PROPOSAL,
)
from registry.audits.service import confirm_held_audit, find_audit, run_audit
from registry.audits.voiding import confirm_voiding, propose_voiding
from registry.core.pagination import Listing
from registry.flags.audit_runs import AuditRun, failure_text
from registry.http.etag import make_tag

routes = Routes("audits", "Runs of the policy over every project.")


def audit_of(actor: Actor, id: int) -> AuditRun:
    """The audit that the path names."""
    return find_audit(actor, id)


def shown(run: Mapping[str, Any]) -> dict[str, Any]:
    """The audit as a mapping of what it shows, out of its columns."""
    return {**run, "failure": failure_text(run["failure"])}


def _answer(actor: Actor, run: AuditRun, location: str | None = None, **more: Any) -> Answer:
    columns = shown(visible_run(actor, run))
    tag = make_tag("audit", *(columns[name] for name in AUDIT.fields))
    return Answer({**columns, **more}, location, tag)


@routes.declare(
    "POST",
    "/audits",
    needs=Permission.AUDITS_RUN,
    body=JsonBody(AUDIT_ORDER, {"on": "2026-03-03", "dry_run": True}, may_be_empty=True),
    answers=Answers(
        AUDIT_JUST_RUN,
        {**AUDIT_EXAMPLE, "dry_run": True, "changes": [CHANGE_EXAMPLE]},
        201,
        "Done, or held by the safety belt.",
        headers=("Location", "ETag"),
    ),
    commits_itself=True,
)
def create_audit(call: Call) -> Answer:
    """Audit every project now.

    For good on a date from the last audited one to today. A dry run takes any date, writes no flag and tells what
    would change. One at a time: 409 while another runs.
    """
    run = run_audit(call.by, call.values.get("on"), dry_run=bool(call.values.get("dry_run")))
    more = {"changes": all_changes_of(call.by, run)} if run.dry_run else {}
    return _answer(call.by, run, f"{BASE}/audits/{run.id}", **more)


@routes.declare(
    "POST",
    "/audits/<row_id:id>/confirmation",
    needs=Permission.AUDITS_CONFIRM,
    subject=audit_of,
    body=JsonBody(CONFIRMATION, {}, may_be_empty=True),
    answers=Answers(AUDIT, AUDIT_EXAMPLE, headers=("ETag",)),
    commits_itself=True,
)
def confirm_audit(call: Call) -> Answer:
    """Confirm a held audit: its date is judged again without the safety belt."""
    return _answer(call.by, confirm_held_audit(call.by, call.subject.id))


@routes.declare(
    "POST",
    "/audits/<row_id:id>/voiding",
    needs=Permission.AUDITS_VOID,
    subject=audit_of,
    body=JsonBody(VOIDING_PROPOSAL, {"reason": VOIDING_EXAMPLE["reason"]}),
    answers=Answers(AUDIT, {**AUDIT_EXAMPLE, "voiding": VOIDING_EXAMPLE}, headers=("ETag",)),
    commits_itself=True,
)
def propose_to_void_audit(call: Call) -> Answer:
    """Propose to void an audit that a wrong clock dated in the future; a new proposal replaces the one before."""
    return _answer(call.by, propose_voiding(call.by, call.subject.id, call.values["reason"]))


@routes.declare(
    "POST",
    "/audits/<row_id:id>/voiding-confirmation",
    needs=Permission.AUDITS_VOID,
    subject=audit_of,
    body=JsonBody(VOIDING_CONFIRMATION, {"proposed_at": VOIDING_EXAMPLE["proposed_at"]}),
    answers=Answers(
        AUDIT,
        {
            **AUDIT_EXAMPLE,
            "status": "voided",
            "voiding": {
                **VOIDING_EXAMPLE,
                "confirmed_by": "s.akhmetova",
                "confirmed_at": "2026-03-03T05:20:00.000000Z",
            },
        },
        headers=("ETag",),
    ),
    commits_itself=True,
)
def void_proposed_audit(call: Call) -> Answer:
    """Void an audit: an operator confirms a supervisor's proposal, or a supervisor an operator's. Both are persons."""
    return _answer(call.by, confirm_voiding(call.by, call.subject.id, call.values["proposed_at"]))


@routes.declare(
    "GET",
    "/audits",
    needs=Permission.AUDITS_READ,
    query=plain_parameters(AUDIT_FILTERS),
    paged=True,
    sorts=("id",),
    answers=Answers(AUDIT, {"items": [AUDIT_EXAMPLE], "next": None}, lists=True),
)
def list_all_audits(call: Call) -> Listing:
    """List audits, the newest first."""
    listing = list_audits(call.by, call.query, call.page)
    return Listing([shown(run) for run in listing.items], listing.next)


@routes.declare(
    "GET",
    "/audits/<row_id:id>",
    needs=Permission.AUDITS_READ,
    subject=audit_of,
    answers=Answers(AUDIT, AUDIT_EXAMPLE, headers=("ETag",)),
)
def read_one_audit(call: Call) -> Answer:
    """Read an audit."""
    return _answer(call.by, call.subject)


@routes.declare(
    "GET",
    "/audits/<row_id:id>/changes",
    needs=Permission.AUDITS_READ,
    subject=audit_of,
    paged=True,
    answers=Answers(CHANGE, {"items": [CHANGE_EXAMPLE], "next": None}, lists=True),
)
def list_changes(call: Call) -> Listing:
    """List every change of a flag's status since the audit before; of a dry or held one, what would have changed."""
    return changes_of(call.by, call.subject, call.page)
