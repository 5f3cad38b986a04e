"""A random history of a small register: every kind of change that an audit reads, each at its own moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import joinedload

from registry.accounts.roles import Role
from registry.agencies.service import agency_by_bin, agency_to_change, change_agency
from registry.audits.service import confirm_held_audit, void_audit
from registry.cases.models import Case
from registry.cases.sync import revoke_exemption
from registry.core.clock import now, today
from registry.core.database import db, table_of, transaction
from registry.core.errors import RegistryError
from registry.exemptions.models import Exemption
from registry.flags.models import Flag, last_good_audit
from registry.freeze.policy import set_policy
from registry.freeze.policy_file import read_policy
from registry.platform.confirmations import confirm_ending, confirm_onboarding
from registry.platform.inventory import apply_inventory
from registry.policies.models import PolicyVersion
from registry.procurement.file_imports import import_contracts
from registry.procurement.matching import lock_matches
from registry.procurement.models import Match, MatchState
from registry.projects.api import project_row
from registry.projects.attestations import attest_project
from registry.projects.links import ProjectLink, add_link
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask, carry_out_due_requests, confirm, restore_project
from tests.audits.policy_steps import activate, draft
from tests.audits.steps import OLD_SYSTEM, OPERATOR, SUPERVISOR, audit, edit, exempt, verify
from tests.cases.cast import AIGERIM, IN_BOTH, SAULE, act
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
from tests.freeze.policy_texts import SHIPPED, in_creation
from tests.imports.tables import csv_of
from tests.imports.test_projects import run_import
from tests.present import Present
from tests.procurement.contract_rows import row_of

DECIDER = an_actor(Role.SUPERVISOR, name="second")
REVIEWER = an_actor(Role.REVIEWER, name="third")
ASKER = an_actor(Role.ADMINISTRATOR, name="first")
NARROWER = SHIPPED.replace('    "local_executive",\n', "", 1)
POLICIES = (
    SHIPPED,
    in_creation("severity", '"low"'),
    in_creation("enabled", "false"),
    NARROWER,
)
RULES: tuple[dict[str, Any], ...] = ({"severity": "low"}, {"enabled": False}, {"severity": "medium"})
FIRST: tuple[dict[str, Any], ...] = (
    {},
    OLD_SYSTEM,
    {"placement": "on_platform"},
    {},
    {"placement": "onboarding", "onboarding_due_on": "2026-10-01"},
    {**OLD_SYSTEM, "work_type": "creation"},
    {"stage": "pilot", "pilot_started_on": "2025-03-01", "work_started_on": "2025-02-01"},
    {**OLD_SYSTEM, "placement": "on_platform"},
)
EDITS: tuple[dict[str, Any], ...] = (
    {"placement": "on_platform", "platform_key": "qt-1"},
    {"placement": "onboarding"},
    {"placement": "off_platform"},
    {"work_started_on": "2025-11-01"},
    {"work_type": "maintenance"},
    {"stage": "operation"},
    {"stage": "terminated", "ended_on": "2026-09-20"},
    {"stage": "pilot", "pilot_started_on": "2025-03-01"},
    {"budget_kzt": 5_000_000},
    {"contract_signed_on": None},
)


@dataclass
class Night:
    """What an audit left.

    ``flags``: each project's active flags, by number, as (rule → status, severity, observed values). ``records``: all
    that each project showed, by number.
    """

    audit_id: int
    on: date
    ended_at: datetime
    flags: dict[str, dict[str, tuple[str, str, Any]]]
    records: dict[str, dict[str, Any]]


@dataclass
class History:
    """The register and its nights; ``take`` makes a change and moves the clock by an hour and a bit."""

    present: Present
    agencies: list[str] = field(default_factory=list)
    nights: list[Night] = field(default_factory=list)

    def begin(self) -> None:
        """Register agencies and projects of several kinds."""
        self.agencies = [an_agency(kind=kind).bin for kind in ("central_body", "central_body", "local_executive")]
        for place, values in enumerate(FIRST):
            self.present.move(timedelta(minutes=7))
            a_project(agency_by_bin(self.agencies[place % 3]), **values)

    def take(self, step: str, which: int, what: int) -> None:
        """Take a step on the project or agency of that place; what the rules exclude changes nothing."""
        self.present.move(timedelta(hours=1, seconds=which))
        statement = select(Project).options(joinedload(Project.agency)).order_by(Project.id)
        projects = db.session.scalars(statement.execution_options(populate_existing=True)).all()
        project = projects[which % len(projects)]
        try:
            (STEPS | UNKNOWN_LATER)[step](self, project, what)
        except RegistryError:
            db.session.rollback()

    def night(self, _project: Project, what: int) -> None:
        """Audit, on the same day or the next ones."""
        self.present.move(timedelta(days=what % 3))
        carry_out_due_requests()
        run = audit()
        if run.status == "held":
            self.present.move(timedelta(minutes=20))
            run = confirm_held_audit(SUPERVISOR, run.id, "Checked.")
        self.nights.append(Night(run.id, run.on, now(), active_flags(), records()))


def records() -> dict[str, dict[str, Any]]:
    """All that every project shows, by number; with its ``id``."""
    projects = db.session.scalars(
        select(Project).options(joinedload(Project.agency)).execution_options(populate_existing=True)
    )
    return {project.number: {"id": project.id, **project_row(project)} for project in projects}


def active_flags() -> dict[str, dict[str, tuple[str, str, Any]]]:
    """The active flags of every project that is not withdrawn, by its number and the rule."""
    flags: dict[str, dict[str, tuple[str, str, Any]]] = {
        number: {} for number in db.session.scalars(select(Project.number).where(Project.withdrawn_at.is_(None)))
    }
    rows = select(Flag, Project.number).join(Project, Project.id == Flag.project_id).where(Flag.status != "cleared")
    for flag, number in db.session.execute(rows.execution_options(populate_existing=True)):
        flags[number][flag.rule] = (flag.status, flag.severity, flag.observed)
    return flags


def register(history: History, _project: Project, what: int) -> None:
    a_project(agency_by_bin(history.agencies[what % 3]), **(OLD_SYSTEM if what % 2 else {}))


def change(_history: History, project: Project, what: int) -> None:
    edit(project, **EDITS[what % len(EDITS)])


def import_row(_history: History, project: Project, what: int) -> None:
    row = {"agency": project.agency.bin, "external_id": project.external_id or "", "budget_kzt": str(1000 + what)}
    run_import(csv_of({**row, "number": project.number}))


def place(_history: History, project: Project, what: int) -> None:
    verify(project, today() - timedelta(days=what))


def inventory(_history: History, project: Project, what: int) -> None:
    listed = {"platform_key": project.platform_key or "x", "agency": project.agency.bin}
    other = {"platform_key": f"unknown-{what}", "agency": project.agency.bin, "verified_on": today().isoformat()}
    rows = [other] if what % 2 else [other, {**listed, "verified_on": today().isoformat()}]
    if what % 3:
        # Some of them idle, and some that soon will be.
        rows = [{**each, "last_deployed_on": str(today() - timedelta(days=60 + 5 * what))} for each in rows]
    apply_inventory(OPERATOR, "list.csv", csv_of(*rows), dry_run=False, is_trusted=True)


def onboard(_history: History, project: Project, what: int) -> None:
    with transaction():
        locked = find_project_to_change(OPERATOR, project.number)
        confirm_onboarding(OPERATOR, locked, today() + timedelta(days=10 * what))


def end(_history: History, project: Project, what: int) -> None:
    with transaction():
        locked = find_project_to_change(OPERATOR, project.number)
        confirm_ending(OPERATOR, locked, today() - timedelta(days=what), "17", "act")


def attest(_history: History, project: Project, _what: int) -> None:
    with transaction():
        attest_project(ADMINISTRATOR, find_project_to_change(ADMINISTRATOR, project.number))


def record(_history: History, project: Project, what: int) -> None:
    # Some begin later.
    exempt(project, today() + timedelta(days=what % 4 - 2), today() + timedelta(days=2 + what))


def revoke(_history: History, _project: Project, what: int) -> None:
    newest = select(Exemption.id).order_by(Exemption.id.desc()).offset(what % 2).limit(1)
    exemption_id = db.session.scalar(newest)
    if exemption_id is not None:
        revoke_exemption(SUPERVISOR, exemption_id, "Repealed.")


def decide(_history: History, project: Project, what: int) -> None:
    """Propose and approve: accept the flags, or order the project to migrate."""
    case_id = db.session.scalar(select(Case.id).where(Case.project_id == project.id, Case.status != "closed"))
    if case_id is None:
        return
    law = {"reason": "R", "legal_basis": "L"}
    if what % 3:
        proposal = {"decision": "transitional_accepted", **law}
    else:
        proposal = {"decision": "migrate_by", "due_on": today() + timedelta(days=what + 1), **IN_BOTH}
    act(AIGERIM, case_id, "claim")
    act(AIGERIM, case_id, "propose", proposal)
    act(SAULE, case_id, "approve")


def withdraw(_history: History, project: Project, _what: int) -> None:
    request = ask(ASKER, RequestKind.WITHDRAWAL, project.number, {"reason": "Registered in error."})
    confirm(REVIEWER, RequestKind.WITHDRAWAL, request.id, "Yes.")
    confirm(DECIDER, RequestKind.WITHDRAWAL, request.id, "Yes.")


def restore(_history: History, _project: Project, _what: int) -> None:
    newest = select(Request.id).where(Request.kind == RequestKind.WITHDRAWAL.value).order_by(Request.id.desc()).limit(1)
    request_id = db.session.scalar(newest)
    if request_id is not None:
        restore_project(SUPERVISOR, request_id, "It exists.")


def merge(history: History, project: Project, what: int) -> None:
    values = {"successor": history.agencies[what % 3], "kind": "merger", "on": today(), "act": "1", "reason": "R"}
    request = ask(ASKER, RequestKind.SUCCESSION, project.agency.bin, values)
    confirm(DECIDER, RequestKind.SUCCESSION, request.id)


def change_kind(_history: History, project: Project, what: int) -> None:
    kind, number = ("central_body", "private", "local_executive")[what % 3], project.agency.bin
    with transaction():
        change_agency(ADMINISTRATOR, agency_to_change(number), {"kind": kind}, approved={})


def adopt(history: History, project: Project, what: int) -> None:
    """Put the agency below another one, or take it out."""
    parent, number = None if what % 2 else history.agencies[what % 3], project.agency.bin
    with transaction():
        change_agency(ADMINISTRATOR, agency_to_change(number), {"parent_bin": parent}, approved={})


def pass_on(history: History, project: Project, what: int) -> None:
    values = {"to": history.agencies[what % 3], "on": today(), "act": "1", "reason": "R"}
    request = ask(ASKER, RequestKind.TRANSFER, project.number, values)
    confirm(DECIDER, RequestKind.TRANSFER, request.id)


def split(history: History, _project: Project, what: int) -> None:
    """Register one of several works on one object, which count together."""
    values = {"name_ru": f"Реестр {what % 2}", "object_code": f"IS-{what % 2}", "work_type": "modification"}
    dates = {"contract_signed_on": "2026-03-01", "object_commissioned_on": "2018-05-14", "consent_number": "5"}
    costs = {"budget_kzt": 15, "object_original_cost_kzt": 100}
    a_project(agency_by_bin(history.agencies[what % 3]), **values, **dates, **costs, name_kk=None)


def connect(_history: History, project: Project, what: int) -> None:
    """Link the project to another one, or remove the newest link."""
    if what % 3 == 0:
        newest = db.session.execute(select(ProjectLink).order_by(ProjectLink.id.desc()).limit(1)).scalar_one_or_none()
        if newest is not None and newest.removed_at is None:
            with transaction() as session:
                session.execute(update(ProjectLink).where(ProjectLink.id == newest.id).values(removed_at=now()))
        return
    numbers = db.session.scalars(select(Project.number).order_by(Project.id)).all()
    with transaction():
        add_link(SUPERVISOR, project.number, {"kind": "part_of", "target": numbers[what % len(numbers)]})


def contract(_history: History, project: Project, what: int) -> None:
    """Import a contract of the portal that has the number of the project's, or correct it."""
    number, agency = project.contract_number or f"ИС-{project.id}", project.agency.bin
    values = {"contract_number": number, "sign_date": f"2026-0{1 + what % 9}-12", "number": f"26{project.id:04}"}
    if project.contract_number is None:
        edit(project, contract_number=number)
    import_contracts(OPERATOR, "contracts.csv", csv_of(row_of(agency, **values)))


def unmatch(_history: History, _project: Project, what: int) -> None:
    """Confirm or end the newest match."""
    newest = db.session.execute(select(Match).order_by(Match.id.desc()).limit(1)).scalar_one_or_none()
    if newest is not None:
        state = MatchState.CONFIRMED if what % 2 else MatchState.REJECTED
        with transaction() as session:
            lock_matches()
            session.execute(
                update(Match).where(Match.id == newest.id).values(match_state=state.value, changed_at=now())
            )


def jump(history: History, _project: Project, what: int) -> None:
    """Nothing happens for days or weeks."""
    history.present.move(timedelta(days=3 * what))


def void(history: History, project: Project, what: int) -> None:
    """A wrong clock dates an audit in the future, which is voided."""
    right = now()
    history.present.move(timedelta(days=20 + 50 * what))
    history.night(project, 0)
    history.nights.pop()
    run = last_good_audit()
    history.present.set(right + timedelta(minutes=30))
    if run is not None:
        void_audit(OPERATOR, run.id, "The clock was ahead.")


def by_hand(_history: History, project: Project, what: int) -> None:
    """Somebody changes the database without the service."""
    values = [{"stage": "operation"}, {"budget_kzt": what}, {"work_started_on": today()}][what % 3]
    db.session.execute(update(table_of(Project)).where(table_of(Project).c.id == project.id).values(values))
    db.session.commit()


def restrict(_history: History, project: Project, what: int) -> None:
    with transaction():
        restrict_project(SUPERVISOR, find_project_to_change(SUPERVISOR, project.number), bool(what % 2), "Secret.")


def change_policy(_history: History, _project: Project, what: int) -> None:
    set_policy(read_policy(POLICIES[what % len(POLICIES)], "policy.toml"))


def activate_version(_history: History, _project: Project, what: int) -> None:
    """Draft a version of the policy and put it in force, today or tomorrow."""
    version = f"2027.{db.session.scalar(select(func.count()).select_from(PolicyVersion))}"
    draft(version, rules={"freeze.creation": RULES[what % len(RULES)]})
    activate(version, today() + timedelta(days=what % 2))


STEPS: dict[str, Callable[[History, Project, int], None]] = {
    "night": History.night,
    "register": register,
    "change": change,
    "import": import_row,
    "place": place,
    "inventory": inventory,
    "onboard": onboard,
    "end": end,
    "attest": attest,
    "record": record,
    "revoke": revoke,
    "decide": decide,
    "withdraw": withdraw,
    "restore": restore,
    "merge": merge,
    "change kind": change_kind,
    "restrict": restrict,
    "adopt": adopt,
    "pass on": pass_on,
    "split": split,
    "connect": connect,
    "contract": contract,
    "unmatch": unmatch,
    "jump": jump,
    "policy": change_policy,
    "version": activate_version,
}
# What nothing of the past is known of afterwards.
UNKNOWN_LATER: dict[str, Callable[[History, Project, int], None]] = {"void": void, "by hand": by_hand}
