"""A warehouse that follows the change feed ends with what the lists show: of oversight, an agency, a narrow reader."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import date, timedelta
from typing import Any

from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings, strategies as st

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.agencies.service import agency_to_change, change_agency
from registry.cases.models import Case
from registry.cases.sync import revoke_exemption
from registry.core.database import db, transaction
from registry.core.errors import RegistryError
from registry.exemptions.models import Exemption
from registry.projects.models import Project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm, restore_project
from tests.api.callers import caller
from tests.audits.steps import exempt
from tests.cases.cast import ADMINISTRATOR, AIGERIM, NO_BREACH, SAULE, TIMUR, act, audit, edit, in_days, migrate_by
from tests.changes.steps import restrict
from tests.changes.warehouse import Warehouse, lists_of, shown_by_lists
from tests.factories import ADMINISTRATOR as LOCAL_ADMINISTRATOR, a_project, an_agency
from tests.present import Present

DAY = date(2026, 9, 30)
UNFLAGGED = {"work_type": "maintenance", "stage": "operation", "placement": "on_platform", "contract_signed_on": None}
STEPS = (
    *("register", "edit", "audit", "restrict", "open", "exempt", "revoke", "move", "rename", "pass-on"),
    *("withdraw", "restore", "claim", "propose-no-breach", "propose-order", "approve", "ask", "confirm", "follow"),
)
PLACES = st.integers(0, 2)


class World:
    """A few agencies and projects, and what is done to them. A step that is not possible does nothing."""

    def __init__(self, present: Present, agencies: list[Agency]) -> None:
        self.present, self.agencies = present, agencies
        self.projects = [a_project(agencies[0]), a_project(agencies[1])]
        self.withdrawals: list[int] = []
        self.present.move(timedelta(minutes=1))
        audit()

    def step(self, name: str, place: int, other: int) -> None:
        """Do one thing."""
        self.present.move(timedelta(minutes=1))
        project = self.projects[place % len(self.projects)]
        with suppress(RegistryError):
            self._do(name, db.session.get_one(Project, project.id, populate_existing=True), place, other)
        db.session.rollback()

    def _do(self, name: str, project: Project, place: int, other: int) -> None:
        agency = self.agencies[place]
        match name:
            case "register":
                self.projects.append(a_project(agency))
            case "edit":
                edit(ADMINISTRATOR, project, **({} if other else UNFLAGGED), budget_kzt=1_000_000 + other)
            case "audit":
                audit()
            case "restrict" | "open":
                restrict(project, name == "restrict")
            case "exempt":
                exempt(project, DAY, in_days(other))
            case "revoke":
                revoke_exemption(SAULE, self._newest(Exemption, project), None)
            case "move":
                with transaction():
                    parent = None if other == place else self.agencies[other].bin
                    change_agency(
                        LOCAL_ADMINISTRATOR, agency_to_change(agency.bin), {"parent_bin": parent}, approved={}
                    )
            case "rename":
                with transaction():
                    kind = ("central_body", "private")[other % 2]
                    change_agency(LOCAL_ADMINISTRATOR, agency_to_change(agency.bin), {"kind": kind}, approved={})
            case "pass-on":
                values = {"to": agency.bin, "reason": "Moved.", "act": "No. 1", "on": DAY}
                request = ask(ADMINISTRATOR, RequestKind.TRANSFER, project.number, values)
                confirm(SAULE, RequestKind.TRANSFER, request.id)
            case "withdraw":
                body = {"reason": "Registered twice.", "duplicate_of": None}
                request = ask(ADMINISTRATOR, RequestKind.WITHDRAWAL, project.number, body)
                self.withdrawals.append(request.id)
                confirm(TIMUR, RequestKind.WITHDRAWAL, request.id)
                confirm(SAULE, RequestKind.WITHDRAWAL, request.id)
            case "restore":
                restore_project(SAULE, self.withdrawals[-1] if self.withdrawals else 0, "It exists.")
            case _:
                self._act(name, self._newest(Case, project))

    def _act(self, name: str, case: int) -> None:
        match name:
            case "propose-no-breach":
                act(AIGERIM, case, "propose", NO_BREACH)
            case "propose-order":
                act(AIGERIM, case, "propose", migrate_by(in_days(30)))
            case "approve":
                act(SAULE, case, "approve")
            case _:
                act(AIGERIM, case, name)

    def _newest(self, model: Any, project: Project) -> int:
        rows = db.session.query(model.id).filter(model.project_id == project.id).order_by(model.id.desc())
        newest = rows.first()
        return 0 if newest is None else int(newest[0])


@given(st.lists(st.tuples(st.sampled_from(STEPS), PLACES, PLACES), min_size=1, max_size=12))
@settings(max_examples=settings.default.max_examples // 15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([("exempt", 0, 2), ("restrict", 0, 0), ("follow", 2, 0), ("audit", 0, 0), ("open", 0, 0)])
@example([("claim", 0, 0), ("propose-no-breach", 0, 0), ("approve", 0, 0)])
@example([("register", 0, 0), ("follow", 0, 0), ("audit", 0, 0)])
@example([("move", 1, 0), ("follow", 1, 0), ("move", 1, 2), ("restrict", 1, 0), ("pass-on", 1, 1), ("move", 0, 2)])
@example([("withdraw", 0, 0), ("follow", 0, 0), ("restore", 0, 0), ("audit", 0, 0), ("rename", 0, 1), ("audit", 0, 0)])
def test_warehouses_end_with_what_the_lists_show(
    client: FlaskClient,
    present: Present,
    each_example: Callable[[], AbstractContextManager[None]],
    steps: list[tuple[str, int, int]],
) -> None:
    with each_example():
        present.set(DAY)
        agencies = [an_agency(), an_agency(), an_agency()]
        # Oversight, an agency, and a reviewer, who may not see restricted projects.
        readers = [
            caller(client, Role.SUPERVISOR),
            caller(client, Role.AGENCY_EDITOR, agencies[0]),
            caller(client, Role.REVIEWER),
        ]
        world = World(present, agencies)
        warehouses = [Warehouse(reader) for reader in readers]
        for name, place, other in steps:
            if name == "follow":
                warehouses[place].follow(limit=2)
            else:
                world.step(name, place, other)
        for warehouse in warehouses:
            while warehouse.follow(limit=5):
                pass
            lists = lists_of(warehouse.reader)
            assert shown_by_lists(warehouse.records, lists) == lists
