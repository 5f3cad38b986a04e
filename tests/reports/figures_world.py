"""A register with something in every group that figures are counted by: agencies, regions, sectors, statuses, cases.

Every budget is another power of two in millions of tenge, so that no two sets of projects have the same sum.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.cases.models import Case
from registry.core.database import db
from registry.projects.models import Project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.audits.steps import OLD_SYSTEM, audit, exempt, verify
from tests.cases.cast import AIGERIM, BOLAT, NO_BREACH, SAULE, TIMUR, act, editor_of, migrate_by
from tests.factories import a_project, an_agency
from tests.present import Present
from tests.reports.test_overview import ASKER, hide, merge

BEGIN = date(2026, 8, 3)
AUDITED = date(2026, 10, 5)
MERGED = date(2026, 10, 12)
# Medium: whether it began before the freeze is not known.
GAP = {"work_type": "maintenance", "stage": "operation", "contract_signed_on": "2025-01-10"}
GAP |= {"work_started_on": "2025-01-10"}
# Two flags of one age.
BACKDATED = {"work_started_on": "2025-12-31", "contract_signed_on": "2026-01-20"}
ONBOARDING = {"placement": "onboarding", "onboarding_due_on": "2026-11-20"}


@dataclass
class World:
    """The BINs of the agencies: a ministry with a committee, an akimat, a company out of scope, one that is merged.

    ``bins`` has them by name, ``projects`` the numbers of the projects by the name of the agency.
    """

    bins: dict[str, str] = field(default_factory=dict)
    projects: dict[str, list[str]] = field(default_factory=dict)

    def agency(self, name: str) -> Agency:
        """The agency of that name, as it is now."""
        return agency_by_bin(self.bins[name])


def build(present: Present) -> World:
    """Register, audit, work on cases for two months, and audit again: nothing has been decided since."""
    present.set(BEGIN)
    world, budgets = World(), (1_000_000 << place for place in itertools.count())
    _agencies(world)
    for name, values in _projects():
        project = a_project(world.agency(name), budget_kzt=next(budgets), **values)
        world.projects.setdefault(name, []).append(project.number)
    for name in ("ministry", "akimat", "former"):
        hide(project_of(world, name, -1))
    verify(project_of(world, "committee", 0), BEGIN)
    exempt(project_of(world, "committee", 1), BEGIN, date(2026, 12, 1))
    exempt(project_of(world, "former", 1), BEGIN, date(2027, 1, 10))
    audit()
    _work(world, present)
    _withdraw(project_of(world, "akimat", 4))
    present.set(AUDITED)
    again = {"change_reason": "Another system of the same name."}
    a_project(world.agency("akimat"), budget_kzt=next(budgets), region="10", sector="04", **again)
    audit()
    return world


def merge_former(world: World, present: Present) -> None:
    """The former agency becomes part of the committee; a week later everything is audited again."""
    present.set(MERGED)
    merge(world.agency("former"), world.agency("committee"), MERGED)


def project_of(world: World, name: str, place: int) -> Project:
    """A project of an agency, by its place in the order of registration."""
    return db.session.scalars(select(Project).where(Project.number == world.projects[name][place])).one()


def _agencies(world: World) -> None:
    ministry = an_agency(name_en="Ministry")
    world.bins = {
        "ministry": ministry.bin,
        "committee": an_agency(parent=ministry, name_en="Committee").bin,
        "akimat": an_agency(kind="local_executive", name_en="Akimat").bin,
        "company": an_agency(kind="private", name_en="Company").bin,
        "former": an_agency(name_en="Former").bin,
    }


def _projects() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with its agency; the last one of an agency may be restricted later."""
    yield "ministry", {"region": "71", "sector": "07"}
    yield "ministry", {"region": "10", "sector": "07"}
    yield "ministry", {"region": "71", "sector": None, **OLD_SYSTEM}
    yield "ministry", {"region": None, "sector": "04", **GAP}
    yield "ministry", {"region": "71", "sector": "07", **BACKDATED}
    yield "committee", {"region": "75", "sector": "07", "placement": "on_platform"}
    yield "committee", {"region": "75", "sector": None}
    yield "committee", {"region": "75", "sector": "04", **ONBOARDING}
    yield "committee", {"region": None, "sector": "04", **BACKDATED}
    yield "akimat", {"region": "75", "sector": "09"}
    yield "akimat", {"region": "75", "sector": "09"}
    yield "akimat", {"region": "10", "sector": "09", **GAP}
    yield "akimat", {"region": "10", "sector": "09", "stage": "terminated", "ended_on": "2026-07-01"}
    yield "akimat", {"region": "10", "sector": "09"}
    yield "akimat", {"region": "10", "sector": None, **BACKDATED}
    yield "company", {"region": "75", "sector": "07"}
    yield "company", {"region": None, "sector": None}
    yield "former", {"region": "71", "sector": "09"}
    yield "former", {"region": "10", "sector": "09"}
    yield "former", {"region": "10", "sector": "07", **OLD_SYSTEM}
    yield "former", {"region": "71", "sector": "07", **BACKDATED}
    yield "former", {"region": "71", "sector": "09"}


def _work(world: World, present: Present) -> None:
    """Bring cases into every status, with orders, an accepted flag, an appeal, and overdue ones."""
    cases = {name: [_case(world, name, place) for place in range(len(rows))] for name, rows in world.projects.items()}
    ministry, akimat, former = cases["ministry"], cases["akimat"], cases["former"]
    for case, decision in (
        (ministry[0], migrate_by(date(2026, 10, 30))),
        (ministry[1], NO_BREACH),
        (former[0], migrate_by(date(2026, 9, 10))),
        (former[3], migrate_by(date(2026, 12, 1))),
        (akimat[0], NO_BREACH),
        (akimat[5], migrate_by(date(2026, 12, 30))),
    ):
        # Reviewers do not see the restricted one.
        reviewer = TIMUR if case == akimat[5] else AIGERIM
        act(reviewer, case, "claim")
        act(reviewer, case, "propose", decision)
        act(SAULE, case, "approve")
    # An order that stays in force while its case is reviewed again.
    act(TIMUR, former[3], "claim")
    act(editor_of(world.agency("akimat")), akimat[0], "appeal", "We had the contract in 2024.")
    act(BOLAT, akimat[1], "claim")
    act(BOLAT, akimat[1], "refer")
    act(BOLAT, ministry[3], "claim")
    act(BOLAT, ministry[3], "ask", "Which contract is it?")
    act(BOLAT, cases["committee"][3], "claim")
    act(BOLAT, cases["committee"][3], "propose", NO_BREACH)
    present.move(timedelta(hours=1))


def _case(world: World, name: str, place: int) -> int:
    """The id of the project's open case, 0 without one."""
    of_project = select(Case.id).where(Case.project_id == project_of(world, name, place).id, Case.status != "closed")
    return db.session.scalar(of_project) or 0


def _withdraw(project: Project) -> None:
    request = ask(ASKER, RequestKind.WITHDRAWAL, project.number, {"reason": "Registered in error."})
    confirm(AIGERIM, RequestKind.WITHDRAWAL, request.id, "Yes.")
    confirm(SAULE, RequestKind.WITHDRAWAL, request.id, "Yes.")
