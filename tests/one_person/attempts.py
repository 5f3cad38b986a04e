"""What would end a serious flag, make an exemption or open a record if nobody else had to agree.

These requests are valid, so that nothing but its guard stands between a caller and the effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.models import Account
from registry.approvals.models import KINDS, Approval, ApprovalState
from registry.audits.policy_activation import calculate_impact
from registry.cases.models import Case
from registry.cases.vocabulary import Status
from registry.core.clock import today
from registry.core.database import db
from registry.freeze.rules import RULES
from registry.policies.models import PolicyVersion
from registry.policies.queries import parsed
from registry.projects.models import Project
from registry.requests.models import Request, RequestState
from registry.requests.queries import HANDLERS
from tests.one_person.values import HARMLESS, PDF, csv_file, documents_of
from tests.one_person.world import PLATFORM, World
from tests.procurement.contract_rows import row_of

WHY: Final = {"reason": "No. 5-1"}
BY_ACT: Final = {"act": "No. 5-1 of 2 November 2026", **WHY}
# How a guard refuses.
GUARDS: Final = {
    "agency-change-needs-approval",
    "appeal-needs-others",
    "approval-needs-a-supervisor",
    "confirmation-needs-a-supervisor",
    "confirmation-needs-another-person",
    "decision-needs-another-person",
    "needs-another-person",
    "needs-two-people",
    "own-admission",
    "policy-activation-needs-another-person",
    "proposal-needs-a-person",
    "request-needs-another-person",
    "role-not-allowed",
    "withdrawal-needs-a-supervisor",
}
# Every decision, by what ``decisions`` calls it.
DECISIONS: Final = {
    *(f"approval: {kind}" for kind in KINDS),
    *(f"request: {kind.value}" for kind in HANDLERS),
    "account",
    "case",
    "policy",
}


@dataclass(frozen=True)
class Attempt:
    """A request to an operation. ``path``: the values in its address; a file is its name and content."""

    gate: str
    operation: str
    path: tuple[object, ...] = ()
    body: dict[str, Any] | None = None


def attempts(world: World) -> list[Attempt]:
    """Acts and proposals, each on a project, an agency or an account of its own."""
    day, later = str(today()), str(today() + timedelta(days=300))
    projects, agencies, accounts = world.projects, world.agencies, world.accounts

    def shown(project: str) -> dict[str, Any]:
        return {"evidence": "Act No. 3", "documents": documents_of(projects[project])[:1]}

    decision = {"decision_number": "14-K", "decided_on": day, "valid_from": day, "valid_to": later}
    private = {"bin": agencies["asked"], "name_ru": "Ведомство", "kind": "private"}
    below = {"parent_bin": agencies["ministry"]}
    edit = {**HARMLESS, "change_reason": "No. 5-1"}
    listed = {"platform_key": "K-LISTED", "agency": agencies["ministry"], "verified_on": day}
    placement = {"platform_key": "K-CLAIMED", "verified_on": day, **shown("claimed")}
    ending = {"ended_on": "2026-03-01", "consent_number": "12", **shown("ended")}
    fact = {"fact": "commissioned_on", "value": "2025-12-20", **shown("proven")}
    requested = {"kind": "placement", "platform_key": "K-REQUESTED", "verified_on": day, **shown("requested")}
    no_breach = {"decision": "no_breach", "reason_code": "wrong_data", "legal_basis": "Clause 1", **WHY}
    case, appealed = _case_of(projects["decided"]), _case_of(projects["appealed"])
    version = {"version": f"2027.{today():%m%d}", "based_on": "2026.1"}
    return [
        Attempt("kind", "propose_agency_change", (agencies["ministry"],), {"kind": "private", **BY_ACT}),
        Attempt("parent", "propose_agency_change", (agencies["other"],), {**below, **BY_ACT}),
        Attempt("kind at once", "patch_agency", (agencies["asked"],), {"kind": "private"}),
        Attempt("parent at once", "patch_agency", (agencies["other"],), below),
        Attempt("file of agencies", "create_import", (), {"kind": "agencies", "file": csv_file(private)}),
        Attempt("exemption", "create_exemption", (), {
            "project": projects["exempt"], "documents": shown("exempt")["documents"], **decision, **WHY,
        }),
        Attempt("commission", "record_commission_decision", (_case_of(projects["referred"]),), {
            "outcome": "granted", "file": ("decision.pdf", PDF), **decision,
        }),
        Attempt("restriction", "restrict", (projects["restricted"],), {"is_restricted": False, **WHY}),
        Attempt("reader", "propose_restricted_access", (accounts["newcomer"],), WHY),
        Attempt("new reader", "create_account", (), {
            "name": "new.reader", "role": "agency_viewer", "kind": "person", "agency": agencies["other"],
            "email": "reader@example.kz",
        }),
        Attempt("moved reader", "patch_account", (accounts["viewer"],), {"agency": agencies["other"]}),
        Attempt("placement", "confirm_placement", (projects["claimed"],), placement),
        Attempt("claim of a key", "patch_project", (projects["shared"],), {
            "placement": "on_platform", "platform_key": "K-CONFIRMED", "change_reason": "No. 5-1",
        }),
        Attempt("same object", "create_link", (projects["shared"],), {
            "kind": "part_of", "target": projects["confirmed"],
        }),
        Attempt("link of one object", "delete_link", (projects["of the asked"], world.link), WHY),
        Attempt("match with a contract", "decide_procurement_match", (world.contract,), {
            "project": projects["contradicted"], "match_state": "rejected", "remark": "No. 5-1",
        }),
        Attempt("older contract", "decide_procurement_match", (world.older_contract,), {
            "project": projects["contradicted"], "match_state": "confirmed", "remark": "No. 5-1",
        }),
        Attempt("contract of no project", "propose_contract_without_project", (world.older_contract,), {
            "why": "not_it", **WHY,
        }),
        Attempt("correction of a contract", "import_procurement_contracts", (), {
            "file": csv_file(row_of(agencies["office"], sign_date="2025-12-30")),
        }),
        Attempt("shared key", "confirm_placement", (projects["shared"],), {
            "platform_key": "K-CONFIRMED", "verified_on": day, **shown("shared"),
        }),
        Attempt("onboarding", "confirm_move", (projects["onboarding"],), {
            "due_on": "2027-02-01", **shown("onboarding"),
        }),
        Attempt("ending", "confirm_end", (projects["ended"],), ending),
        Attempt("fact", "confirm_fact", (projects["proven"],), fact),
        Attempt("request for a confirmation", "ask_confirmation", (projects["requested"],), requested),
        Attempt("token of the platform", "create_service_token", (accounts[PLATFORM],), {}),
        Attempt("inventory", "create_platform_inventory", (), {"file": csv_file(listed), **WHY}),
        Attempt("withdrawal", "ask_withdrawal", (projects["withdrawn"],), WHY),
        Attempt("withdrawal once flagged", "ask_withdrawal", (projects["once flagged"],), WHY),
        Attempt("transfer", "ask_transfer", (projects["passed on"],), {
            "to": agencies["company"], "on": day, **BY_ACT,
        }),
        Attempt("succession", "ask_succession", (agencies["office"],), {
            "successor": agencies["company"], "on": day, **BY_ACT,
        }),
        Attempt("supervisor", "create_account", (), {
            "name": "new.supervisor", "role": "supervisor", "kind": "person", "email": "new@example.kz",
        }),
        Attempt("promotion", "patch_account", (accounts["leader"],), {"role": "supervisor"}),
        Attempt("edit", "patch_project", (projects["edited"],), edit),
        Attempt("file of projects", "create_import", (), {
            "kind": "projects",
            "file": csv_file({"number": projects["imported"], "agency": agencies["ministry"], **edit}),
            "change_reason": "No. 5-1",
        }),
        Attempt("claim of a case", "claim_case", (case,), {}),
        Attempt("decision", "propose_case", (case,), no_breach),
        Attempt("appeal", "approve_case", (appealed,), {}),
        Attempt("policy", "create_policy", (), {**version, "rules": {rule: {"enabled": False} for rule in RULES}}),
    ]  # fmt: skip


def decisions() -> list[Attempt]:
    """The second person's part in whatever waits for one."""
    approvals = db.session.execute(
        select(Approval.id, Approval.kind).where(Approval.state == ApprovalState.WAITING.value).order_by(Approval.id)
    )
    requests = db.session.execute(
        select(Request.id, Request.kind).where(Request.state == RequestState.WAITING.value).order_by(Request.id)
    )
    pending = db.session.execute(select(Account.id, Account.role).where(Account.pending_since.is_not(None)))
    proposed = db.session.scalars(select(Case.id).where(Case.status == Status.AWAITING_APPROVAL.value))
    drafts = db.session.scalars(select(PolicyVersion).where(PolicyVersion.in_force_from.is_(None))).all()
    return [
        *(Attempt(f"approval: {kind}", "approve_proposal", (each,), {}) for each, kind in approvals),
        *(Attempt(f"request: {kind}", f"confirm_{kind}", (each,), {}) for each, kind in requests),
        *(Attempt("account", "confirm_account", (each,), {"role": role}) for each, role in pending),
        *(Attempt("case", "approve_case", (each,), {}) for each in proposed),
        *(
            Attempt("policy", "activate_policy", (draft.version,), {
                "impact_digest": calculate_impact(parsed(draft.text), today()).digest, "on": str(today()),
            })
            for draft in drafts
        ),
    ]  # fmt: skip


def _case_of(number: str) -> int:
    cases = select(Case.id).join(Project, Project.id == Case.project_id).where(Project.number == number)
    return db.session.scalars(cases.order_by(Case.id.desc()).limit(1)).one()
