"""Withdrawals and restorations, killed with SIGKILL at any statement: all of it happens, or nothing."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path
from random import Random

from flask import Flask
from sqlalchemy import select

from registry.cases.models import Case, Order
from registry.core.clock import today
from registry.core.database import db
from registry.flags.models import Flag
from registry.journal.verification import verify_stored
from registry.projects.models import Project
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask, confirm, restore_project
from tests.cases.cast import ADMINISTRATOR, AIGERIM, SAULE, TIMUR, act, audit, case_of, editor_of, migrate_by
from tests.factories import a_project, an_agency
from tests.faults.entrance import scheduler_of
from tests.faults.processes import ALL, AT_THE_COMMIT, die_at
from tests.forked import Forked

W = RequestKind.WITHDRAWAL
KILLS = 30 if ALL else 3


def decide_and_die(url: str, data_dir: str, request_id: int, restores: bool, at: int) -> None:
    """Confirm, or restore, and die before the statement of that number or before the commit."""
    with scheduler_of(url, data_dir) as app, app.app_context():
        die_at(at)
        if restores:
            restore_project(TIMUR, request_id, "It exists.")
        else:
            confirm(SAULE, W, request_id)


def state() -> tuple[object, ...]:
    """Everything that a withdrawal changes."""
    db.session.rollback()
    columns = (
        select(Project.id, Project.version, Project.freeze_status, Project.severity, Project.withdrawn_at),
        select(Flag.id, Flag.status, Flag.cleared_on),
        select(Case.id, Case.status, Case.outcome, Case.version),
        select(Order.id, Order.ended_because),
        select(Request.id, Request.state, Request.first_decided_by, Request.decided_by, Request.carried_out_at),
    )
    return tuple(tuple(map(tuple, db.session.execute(each.order_by(each.selected_columns[0])))) for each in columns)


def test_a_killed_withdrawal_or_restoration_leaves_nothing_and_is_done_once(
    own_app: Flask, own_database: str, tmp_path: Path
) -> None:
    rng = Random(15)
    with own_app.app_context():
        project = a_project()
        audit()
        case = act(AIGERIM, case_of(project), "claim")
        act(AIGERIM, case, "propose", migrate_by(today() + timedelta(days=30)))
        act(TIMUR, case, "approve")
        request_id = ask(editor_of(project.agency), W, project.number, {"reason": "Twice."}).id
        values = {"to": an_agency().bin, "on": today() + timedelta(days=3), "act": "No. 1", "reason": "So."}
        ask(ADMINISTRATOR, RequestKind.TRANSFER, project.number, values)
        confirm(AIGERIM, W, request_id)
        project_id = project.id

        def killed_everywhere(restores: bool) -> None:
            before = state()
            db.session.remove()
            for at in [AT_THE_COMMIT, *(rng.randrange(3, 25) for _ in range(KILLS))]:
                killed = Forked(decide_and_die, own_database, str(tmp_path), request_id, restores, at)
                killed.communicate()
                assert killed.returncode == -signal.SIGKILL
                assert state() == before

        killed_everywhere(restores=False)
        assert confirm(SAULE, W, request_id).decided_by == "saule"
        assert [each.state for each in db.session.scalars(select(Request).order_by(Request.id))] == [
            "confirmed",
            "cancelled",
        ]
        assert db.session.get_one(Project, project_id).freeze_status == "withdrawn"

        killed_everywhere(restores=True)
        restore_project(TIMUR, request_id, "It exists.")
        assert db.session.get_one(Project, project_id, populate_existing=True).freeze_status == "flagged"
        assert db.session.scalars(select(Flag.status)).all() == ["open"]
        assert verify_stored() == []
