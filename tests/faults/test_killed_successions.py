"""A merger of agencies with 300 projects and 40 open cases, killed with SIGKILL or under load: all or nothing."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Event, Thread

from flask import Flask
from sqlalchemy import func, select, update

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.journal.verification import verify_stored
from registry.projects.models import Project
from registry.projects.revisions import Revision
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask, carry_out_due_requests, confirm
from tests.factories import a_project, an_actor, an_agency
from tests.faults.entrance import scheduler_of
from tests.faults.processes import ALL, AT_THE_COMMIT, die_at
from tests.forked import Forked
from tests.requests.world import deadlines, everything, fill, holders

KILLS = 40 if ALL else 4
WRITERS = 4
# Registrations of each writer: some 20 seconds without a gap, if nobody stops them.
ENOUGH = 2000


def carry_out_and_die(url: str, data_dir: str, at: int) -> None:
    """Carry out what is due as the scheduler does, and die before the statement of that number or before the commit."""
    with scheduler_of(url, data_dir) as app, app.app_context():
        # Reading the list of what is due ends with a rollback: the first commit is that of the merger.
        die_at(at)
        carry_out_due_requests()


def a_due_merger(former: Agency, successor: Agency) -> int:
    """A confirmed merger whose day came while no scheduler ran."""
    values = {"successor": successor.bin, "on": today() + timedelta(days=1), "act": "No. 17", "reason": "They merge."}
    request = ask(an_actor(Role.ADMINISTRATOR, name="first"), RequestKind.SUCCESSION, former.bin, values)
    confirm(an_actor(Role.SUPERVISOR, name="second"), RequestKind.SUCCESSION, request.id)
    with transaction() as session:
        session.execute(update(Request).values(on=today()))
    return request.id


def test_a_killed_merger_leaves_nothing_and_the_next_run_completes_it_once(
    own_app: Flask, own_database: str, tmp_path: Path
) -> None:
    rng = Random(15)
    with own_app.app_context():
        former, successor = an_agency(), an_agency()
        fill([former, successor], projects=300, cases=40, orders=10)
        before, due, held = everything(), deadlines(), holders()
        request_id = a_due_merger(former, successor)
        former_bin, successor_id = former.bin, successor.id
        db.session.remove()
        for at in [AT_THE_COMMIT, *(rng.randrange(4, 30) for _ in range(KILLS))]:
            killed = Forked(carry_out_and_die, own_database, str(tmp_path), at)
            killed.communicate()
            assert killed.returncode == -signal.SIGKILL
            assert (everything(), deadlines(), holders()) == (before, due, held)
            assert agency_by_bin(former_bin).closed_on is None

        carried_out = [carry_out_due_requests() for _ in range(3)]

        assert carried_out == [[request_id], [], []]
        assert (everything(), deadlines()) == (before, due)
        assert holders() == {successor_id: 300}
        assert db.session.scalar(select(func.count()).select_from(Revision)) == 450
        assert verify_stored() == []


def test_a_merger_under_load_leaves_no_project_behind(own_app: Flask) -> None:
    with own_app.app_context():
        former, successor = an_agency(), an_agency()
        fill([former], projects=60, cases=10, orders=2)
        a_due_merger(former, successor)
        former_id, successor_id = former.id, successor.id
        former = agency_by_bin(former.bin)
    registered: list[str] = []
    closed: list[str] = []
    started = Event()

    def register() -> None:
        with own_app.app_context():
            own = db.session.get_one(Agency, former_id)
            for _ in range(ENOUGH):
                try:
                    registered.append(a_project(own, external_id=None).number)
                except Invalid as error:
                    closed.extend(problem.code for problem in error.problems)
                    return
                started.set()

    writers = [Thread(target=register) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    started.wait(30)
    with own_app.app_context():
        assert len(carry_out_due_requests()) == 1
    for writer in writers:
        writer.join()

    with own_app.app_context():
        # Of writers that register without end some come before the merger, which waits for nobody who comes later.
        assert closed == ["agency-closed"] * WRITERS
        assert db.session.scalar(select(func.count()).where(Project.agency_id == former_id)) == 0
        assert holders() == {successor_id: 60 + len(registered)}
        assert verify_stored() == []
