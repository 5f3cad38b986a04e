"""Audits that judge only what can have changed: they leave what one that judges every project would leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date, timedelta
from sqlite3 import SQLITE_LIMIT_VARIABLE_NUMBER
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import Phase, given, settings, strategies as st
from sqlalchemy import delete, or_, select, union_all, update

from registry.accounts.roles import Role
from registry.agencies.service import agency_by_bin, agency_to_change, change_agency
from registry.audits import judgement
from registry.audits.counting import save_counts
from registry.audits.execution import execute_audit, new_run
from registry.audits.judgement import FULL_EVERY, Judgement
from registry.audits.models import AgencyCount, AuditInput, DailyCount
from registry.audits.past import verify_audit
from registry.audits.queries import unexplained_projects
from registry.audits.schedule import exclusive_lock
from registry.audits.service import run_audit, void_audit
from registry.cases import sync
from registry.cases.models import Case
from registry.changes.models import ChangeHead
from registry.changes.service import restart_feed
from registry.core.clock import now
from registry.core.database import db, table_of, transaction
from registry.core.dialects import is_sqlite
from registry.flags.freeze_status import computed_freeze_status, computed_severity
from registry.flags.models import AHEAD, COMING, AuditRun, last_good_audit
from registry.freeze.policy import Policy, first_policy, policy_in_force, set_policy
from registry.freeze.policy_file import read_policy
from registry.http.health import why_not_ready
from registry.projects.models import STATUS, Project
from registry.projects.service import find_project_to_change, restrict_project
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.api.callers import caller
from tests.audits.history import ASKER, DECIDER, NARROWER, STEPS, UNKNOWN_LATER, History
from tests.audits.steps import AUDITOR, OPERATOR, audit, edit, exempt, flags_of, status_of, verify
from tests.audits.test_projects_counted_together import CODE, QUIET, SUM, a_slice
from tests.cases.cast import AIGERIM, SAULE, act
from tests.factories import ADMINISTRATOR, a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present

# Statements over all projects hang on the database.
pytestmark = pytest.mark.on_both

Undone = Callable[[], AbstractContextManager[None]]
DAY = date(2026, 9, 28)
KINDS = [kind for kind in (*STEPS, *UNKNOWN_LATER) if kind != "night"]
# Of ten nights nine are one day after the last.
STEP = st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 9))


@pytest.fixture
def usual_policy(app: Flask) -> Iterator[Policy]:
    usual = first_policy()
    yield usual
    set_policy(usual)


def counts_of(audit_id: int) -> list[list[tuple[Any, ...]]]:
    """The counts of an audit, of agencies and of the day."""
    tables = table_of(AgencyCount), table_of(DailyCount)
    return [
        sorted(tuple(row)[1:] for row in db.session.execute(select(t).where(t.c.audit_id == audit_id))) for t in tables
    ]


def counted_again(on: date) -> list[list[tuple[Any, ...]]]:
    """The counts of now."""
    with transaction() as session:
        run = new_run(OPERATOR, on, "manual", policy_in_force(on), dry_run=True)
        run.status, run.finished_at = "succeeded", now()
        session.add(run)
        session.flush()
        save_counts(run.id, on)
        return counts_of(run.id)


def cases_not_in_line(policy: Policy) -> frozenset[int]:
    """The projects whose cases do not follow from their flags."""
    of_cases = (
        sync.accepted_no_more(),
        sync.with_new_flags(),
        sync.flagged_again(),
        sync.exempt_no_more(),
        sync.cleared(),
        sync.exempted(),
        sync.changed_severities(),
    )
    statement = union_all(
        sync.projects_without_case(policy.case_from_severity),
        *(each.with_only_columns(Case.project_id) for each in of_cases),
    )
    # No audit has this id, and 0 stands for people.
    return frozenset(db.session.scalars(statement, {sync.AUDIT: -1}))


def what_a_full_audit_would_change() -> dict[str, Any]:
    """Judge every project on the day of the last audit; only what would change is listed."""
    run = last_good_audit()
    assert run is not None
    policy = policy_in_force(run.on)
    full = run if run.continues is None else db.session.get_one(AuditRun, run.continues)
    judged = Judgement(policy, run.on, full=True)
    judged.until = full.on + AHEAD
    judged.read()
    judged.bring_up_to_date()
    plan, _restricted = judged.plan()
    differs = or_(
        STATUS.c.freeze_status != computed_freeze_status(policy),
        STATUS.c.severity.is_distinct_from(computed_severity()),
    )
    differing: dict[str, Any] = {
        "flags": [plan.opened, plan.updated, plan.reopened, plan.restated, plan.cleared],
        "coming": [*judged.coming_changes()],
        "statuses": db.session.execute(select(STATUS.c.project_id, STATUS.c.freeze_status).where(differs)).all(),
        "cases": [cases_not_in_line(policy)],
        "unexplained": (run.unexplained or {}).get("projects", ()),
        "counts": () if counts_of(run.id) == counted_again(run.on) else counts_of(run.id),
        "verification": () if (verified := verify_audit(AUDITOR, run.id)).matches else verified,
    }
    return {name: each for name, each in differing.items() if (any(each) if isinstance(each, list) else each)}


@pytest.mark.parametrize(
    "examples", [3, pytest.param(12, marks=pytest.mark.nightly), pytest.param(1000, marks=pytest.mark.at_length)]
)
def test_every_night_leaves_what_a_full_one_would_leave(
    app: Flask, present: Present, each_example: Undone, usual_policy: Policy, examples: int
) -> None:
    @settings(max_examples=examples, phases=[Phase.generate], deadline=None, derandomize=examples < 1000)
    @given(nights=st.lists(st.lists(STEP, max_size=4), min_size=8, max_size=14))
    def check(nights: list[list[tuple[str, int, int]]]) -> None:
        with each_example():
            set_policy(usual_policy)
            present.set(DAY)
            history = History(present)
            history.begin()
            history.take("night", 0, 0)
            for steps in nights:
                for step in steps:
                    history.take(*step)
                history.take("night", 0, 1)
                present.move(timedelta(minutes=1))
                assert what_a_full_audit_would_change() == {}, steps

    check()


def test_counts_are_those_of_the_moment_at_which_the_audit_commits(own_app: Flask, present: Present) -> None:
    present.set(DAY)
    with own_app.app_context():
        agencies = [an_agency() for _ in range(8)]
        projects = [a_project(agency, budget_kzt=10**place, region="71") for place, agency in enumerate(agencies)]
        edited, decided, moved, restricted, cleared, *_ = (project.id for project in projects)
        bins = [agency.bin for agency in agencies]
        audit()
        case = db.session.scalars(select(Case.id).where(Case.project_id == decided)).one()
        present.move(timedelta(days=1))
        # The audit itself changes the status of this one, of which nothing changes meanwhile.
        edit(projects[7], placement="on_platform", platform_key="qt-8")
        verify(projects[7], DAY)
        policy, on = policy_in_force(), DAY + timedelta(days=1)

        def change(which: Callable[[], Any]) -> None:
            def in_thread() -> None:
                with own_app.app_context():
                    which()

            with ThreadPoolExecutor(1) as others:
                others.submit(in_thread).result(timeout=20)

        def project_of(project_id: int) -> Project:
            return db.session.get_one(Project, project_id)

        def decide() -> None:
            act(AIGERIM, case, "claim")
            act(AIGERIM, case, "propose", {"decision": "transitional_accepted", "reason": "R", "legal_basis": "L"})
            act(SAULE, case, "approve")

        def restrict() -> None:
            with transaction():
                number = project_of(restricted).number
                restrict_project(SAULE, find_project_to_change(SAULE, number), True, "Secret.")

        def clear() -> None:
            edit(project_of(cleared), placement="on_platform", platform_key="qt-7")
            verify(project_of(cleared), DAY)

        def transfer() -> None:
            values = {"to": bins[6], "on": on, "act": "17", "reason": "R"}
            request = ask(ASKER, RequestKind.TRANSFER, project_of(moved).number, values)
            confirm(DECIDER, RequestKind.TRANSFER, request.id)

        changes: list[Callable[[], Any]] = [
            lambda: edit(project_of(edited), budget_kzt=5, region="10", sector="07"),
            decide,
            clear,
            lambda: a_project(agency_by_bin(bins[5])),
            transfer,
            restrict,
        ]
        for each in changes:
            early = Judgement(policy, on, full=True)

            def read(early: Judgement = early, each: Callable[[], Any] = each) -> None:
                early.read()
                change(each)

            with exclusive_lock(read):
                run = new_run(OPERATOR, on, "manual", policy, dry_run=False)
                execute_audit(OPERATOR, run, policy, check_threshold=False, judged=early)
            assert counts_of(run.id) == counted_again(on), each
            assert cases_not_in_line(policy) == frozenset()
            present.move(timedelta(minutes=5))


def test_project_registered_while_every_project_is_judged_is_judged(own_app: Flask, present: Present) -> None:
    present.set(DAY)
    with own_app.app_context():
        number = an_agency().bin
        a_project(agency_by_bin(number))
        policy = policy_in_force(DAY)
        early = Judgement(policy, DAY, full=True)

        def register() -> None:
            with own_app.app_context():
                a_project(agency_by_bin(number))

        def read() -> None:
            early.read()
            with ThreadPoolExecutor(1) as others:
                others.submit(register).result(timeout=20)

        with exclusive_lock(read):
            run = new_run(OPERATOR, DAY, "manual", policy, dry_run=False)
            execute_audit(OPERATOR, run, policy, check_threshold=False, judged=early)
        assert (run.projects_judged, run.projects_flagged) == (2, 2)
        present.move(timedelta(days=1))
        audit()
        assert what_a_full_audit_would_change() == {}


def test_night_on_which_more_projects_are_due_than_a_statement_can_name(
    app: Flask, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, present: Present
) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    present.move(timedelta(days=1))
    due = frozenset(range(1, 40_001))
    monkeypatch.setattr(judgement, "_due", lambda *_days: due)
    if is_sqlite():
        # As SQLite itself has it; many systems raise it.
        driver: Any = db.session.connection().connection.driver_connection
        usual = driver.setlimit(SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)
        request.addfinalizer(lambda: driver.setlimit(SQLITE_LIMIT_VARIABLE_NUMBER, usual))
    judged = Judgement(policy_in_force(), DAY + timedelta(days=1))
    judged.read()
    judged.bring_up_to_date()
    assert judged.judged is not None and project.id in judged.judged


def nights(present: Present, number: int) -> list[AuditRun]:
    """So many audits, a day apart, the first on ``DAY``."""
    runs = []
    for night in range(number):
        present.set(DAY + timedelta(days=night))
        runs.append(audit())
    return runs


def test_audits_continue_the_full_one_for_a_week(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    runs = nights(present, FULL_EVERY.days + 2)
    first, last_but_one = runs[0].id, runs[-2].id
    assert [run.continues for run in runs] == [None, *[first] * (FULL_EVERY.days - 1), None, last_but_one]
    assert [run.unexplained for run in runs[-2:]] == [{"projects": [], "restricted": []}, None]
    # Nothing is written of a project of which nothing changes.
    assert flags_of(project) == [("freeze.creation", "high", "open")]
    assert {(run.projects_judged, run.projects_flagged, run.flags_kept) for run in runs[1:]} == {(1, 1, 1)}


def test_exemption_that_was_recorded_before_begins_and_ends_on_its_days(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    exempt(project, DAY + timedelta(days=2), DAY + timedelta(days=3))
    statuses = []
    for _ in range(5):
        run = audit()
        statuses.append((run.continues is None, flags_of(project)[0][2], run.flags_reopened))
        present.move(timedelta(days=1))
    assert statuses == [
        (True, "open", 0),
        (False, "open", 0),
        (False, "exempt", 0),
        (False, "exempt", 0),
        (False, "open", 1),
    ]


@pytest.mark.parametrize("shorter", [False, True])
def test_exemption_that_is_covered_by_another_ends_without_another_verdict(
    app: Flask, present: Present, shorter: bool
) -> None:
    present.set(DAY)
    project = a_project()
    ends = (3, 1) if shorter else (1, 3)
    for days in ends:
        exempt(project, DAY, DAY + timedelta(days=days))
    statuses = []
    for _ in range(5):
        audit()
        statuses.append(flags_of(project)[0][2])
        assert what_a_full_audit_would_change() == {}
        present.move(timedelta(days=1))
    assert statuses == [*["exempt"] * 4, "open"]


def test_new_slice_has_the_other_one_judged_that_counted_nothing(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    first = a_slice(agency, "Водный кадастр", object_code=CODE)
    nights(present, 1)
    assert flags_of(first) == QUIET
    second = a_slice(agency, "Реестр плотин", object_code=CODE)
    present.move(timedelta(days=1))
    assert audit().continues is not None
    assert flags_of(first)[-1] == flags_of(second)[-1] == SUM


def other_policy(_monkeypatch: pytest.MonkeyPatch, _present: Present) -> None:
    set_policy(read_policy(NARROWER, "policy.toml"))


def other_version(monkeypatch: pytest.MonkeyPatch, _present: Present) -> None:
    monkeypatch.setattr(judgement, "PROGRAM", "another")


def earlier_version(_monkeypatch: pytest.MonkeyPatch, _present: Present) -> None:
    with transaction() as session:
        session.execute(delete(AuditInput))


def deleted_changes(_monkeypatch: pytest.MonkeyPatch, _present: Present) -> None:
    with transaction() as session:
        session.execute(update(ChangeHead).values(deleted_up_to=ChangeHead.seq))


def restored_backup(_monkeypatch: pytest.MonkeyPatch, _present: Present) -> None:
    with transaction():
        restart_feed()


def many_changes(monkeypatch: pytest.MonkeyPatch, _present: Present) -> None:
    monkeypatch.setattr(judgement, "MANY", 2)
    edit(a_project(), budget_kzt=5)


def voided(_monkeypatch: pytest.MonkeyPatch, present: Present) -> None:
    present.move(timedelta(days=5))
    run = audit()
    present.move(timedelta(days=-4))
    void_audit(OPERATOR, run.id, "The clock was ahead.")


@pytest.mark.parametrize(
    "happens", [other_policy, other_version, earlier_version, deleted_changes, restored_backup, many_changes, voided]
)
def test_audit_that_cannot_continue_judges_every_project(
    app: Flask,
    present: Present,
    monkeypatch: pytest.MonkeyPatch,
    usual_policy: Policy,
    happens: Callable[[pytest.MonkeyPatch, Present], None],
) -> None:
    present.set(DAY)
    a_project()
    audit()
    present.move(timedelta(days=1))
    happens(monkeypatch, present)
    run = audit()
    assert (run.status, run.continues, run.unexplained) == ("succeeded", None, None)


def test_full_audit_reports_and_repairs_what_the_audits_before_it_left_out(
    app: Flask, client: FlaskClient, present: Present, monkeypatch: pytest.MonkeyPatch, signed_in: SignedIn
) -> None:
    present.set(DAY)
    agency = an_agency()
    shown, secret = a_project(agency), a_project(agency)
    for each in (shown, secret):
        exempt(each, DAY, DAY)
    with transaction():
        restrict_project(SAULE, find_project_to_change(SAULE, secret.number), True, "Secret.")
    nights(present, 1)
    with monkeypatch.context() as broken:
        broken.setattr(judgement, "_due", lambda *_days: frozenset())
        present.set(DAY + timedelta(days=1))
        audit()
    assert flags_of(shown) == [("freeze.creation", "high", "exempt")]
    present.set(DAY + timedelta(days=2))
    run = run_audit(OPERATOR, full=True)
    assert flags_of(shown) == [("freeze.creation", "high", "open")]
    assert run.unexplained == {"projects": [shown.id, secret.id], "restricted": [secret.id]}
    assert caller(client, Role.AUDITOR).get(f"/audits/{run.id}").get_json()["unexplained"] == 2
    assert caller(client, Role.OPERATOR).get(f"/audits/{run.id}").get_json()["unexplained"] == 1
    assert unexplained_projects(an_actor(Role.OPERATOR), run) == [shown.number]
    (reason,) = why_not_ready(audits_are_on=False)
    assert reason == f"audit-unexplained: registry audits show {run.id}, see docs/runbooks/audit-unexplained.md"
    # An audit that continues it does not make it good; one that compares everything again does.
    later = audit()
    assert later.continues == run.id and why_not_ready(audits_are_on=False) == [reason]
    visit = signed_in(Role.AUDITOR)
    assert (
        "corrected flags, statuses or stored days of 2 projects of which nothing had changed"
        in visit.get(f"/audits/{run.id}").text
    )
    link = f'href="/audits/{run.id}">The last audit that judged every project</a>'
    assert link in visit.get(f"/audits/{later.id}").text
    assert run_audit(OPERATOR, full=True).unexplained == {"projects": [], "restricted": []}
    assert why_not_ready(audits_are_on=False) == []


def test_full_audit_reports_and_repairs_statuses_and_days_that_follow_from_nothing(
    app: Flask, present: Present
) -> None:
    agency = an_agency()
    status, day, neither = a_project(agency), a_project(agency), a_project(agency)
    for each in (status, day, neither):
        exempt(each, DAY, DAY + timedelta(days=9))
    nights(present, 2)
    of_day = COMING.c.project_id == day.id
    stored = db.session.execute(select(COMING).where(of_day)).all()
    with transaction() as session:
        session.execute(update(STATUS).where(STATUS.c.project_id == status.id).values(freeze_status="clear"))
        session.execute(delete(COMING).where(of_day))
    present.set(DAY + timedelta(days=2))
    run = run_audit(OPERATOR, full=True)
    assert run.unexplained == {"projects": [status.id, day.id], "restricted": []}
    statuses = select(STATUS.c.freeze_status).where(STATUS.c.project_id == status.id)
    assert db.session.scalars(statuses).all() == ["exempt"]
    assert db.session.execute(select(COMING).where(of_day)).all() == stored != []
    assert run_audit(OPERATOR, full=True).unexplained == {"projects": [], "restricted": []}


@pytest.mark.parametrize("is_registered", [True, False])
def test_policy_that_was_put_back_between_audits_leaves_nothing_unexplained(
    app: Flask, present: Present, usual_policy: Policy, is_registered: bool
) -> None:
    present.set(DAY)
    local, central = an_agency(kind="local_executive"), an_agency()
    project = a_project(central)
    audit()
    present.move(timedelta(days=1))
    set_policy(read_policy(NARROWER, "policy.toml"))
    if is_registered:
        project = a_project(local)
    else:
        with transaction():
            change_agency(ADMINISTRATOR, agency_to_change(central.bin), {"kind": "local_executive"}, approved={})
    set_policy(usual_policy)
    assert status_of(project) == "out_of_scope"
    run = run_audit(OPERATOR, full=True)
    assert (run.unexplained, status_of(project)) == ({"projects": [], "restricted": []}, "flagged")


def test_full_audit_reports_and_repairs_statuses_of_another_agency(app: Flask, present: Present) -> None:
    present.set(DAY)
    project, other = a_project(), an_agency(kind="private")
    audit()
    hidden = {"agency_id": other.id, "freeze_status": "out_of_scope", "placement": "on_platform"}
    with transaction() as session:
        session.execute(update(STATUS).where(STATUS.c.project_id == project.id).values(hidden))
    present.move(timedelta(days=1))
    assert run_audit(OPERATOR, full=True).unexplained == {"projects": [project.id], "restricted": []}
    stored = db.session.execute(select(STATUS.c.agency_id, STATUS.c.freeze_status, STATUS.c.placement)).one()
    assert stored == (project.agency_id, "flagged", project.placement)
    assert run_audit(OPERATOR, full=True).unexplained == {"projects": [], "restricted": []}
