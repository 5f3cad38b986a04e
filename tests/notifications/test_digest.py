"""Digest: once a working day, everything that began since the last one, without repetition."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select, update

from registry.accounts.account_changes import disable_account
from registry.accounts.models import Person
from registry.accounts.roles import Role
from registry.accounts.service import person_named
from registry.accounts.tokens import add_service_account, issue, revoke
from registry.core.clock import ALMATY, local_instant, today
from registry.core.database import db, transaction
from registry.notifications.digest import due_on, write_due_digest
from registry.notifications.models import OutboundEmail
from registry.projects.models import Project
from tests.audits.policy_steps import activate, draft
from tests.audits.steps import OLD_SYSTEM, create_projects, exempt, verify
from tests.cases.cast import (
    AIGERIM,
    BOLAT,
    NO_BREACH,
    SAULE,
    TIMUR,
    act,
    audit,
    case_of,
    decided_case,
    edit,
    editor_of,
    migrate_by,
    under_review,
)
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.notifications.conftest import Digest
from tests.notifications.digest_days import A_DAY, MONDAY, NINE
from tests.notifications.readers import create_reader, last_days_of_emails, letters_of_emails, restrict
from tests.present import Present


@pytest.fixture(autouse=True)
def _before(app: Flask, present: Present) -> None:
    """Start on Monday at noon, after Monday's digest."""
    present.set(local_instant(MONDAY, NINE))
    write_due_digest(NINE)
    present.set(MONDAY)


def move(*projects: Project) -> None:
    """Migrate the projects to the platform and confirm it."""
    for number, project in enumerate(projects):
        edit(ADMINISTRATOR, project, placement="on_platform", platform_key=f"key {number}")
        verify(project, today())


def test_agency_is_notified_once_of_audit_changes(digest: Digest) -> None:
    agency = an_agency(email="office@agency.kz")
    new = a_project(agency)
    gone = a_project(agency, placement="on_platform", platform_key="key", contract_signed_on=None, work_started_on=None)
    audit()
    assert digest(MONDAY + A_DAY) == [
        ("office@agency.kz", "case-opened", [case_of(new).id]),
        # A claim is medium when its grace ends.
        ("office@agency.kz", "flag-coming", [gone.number]),
        ("office@agency.kz", "flags-opened", [new.number, gone.number]),
    ]
    verify(gone, MONDAY + A_DAY)
    audit()
    assert digest(MONDAY + 2 * A_DAY) == [("office@agency.kz", "flags-cleared", [gone.number])]
    audit()
    assert digest(MONDAY + 3 * A_DAY) == []


def test_agency_is_notified_of_flags_whose_severity_a_policy_changed(digest: Digest, present: Present) -> None:
    project = a_project(an_agency(email="office@agency.kz"), **OLD_SYSTEM)
    present.set(date(2026, 10, 5))
    audit()
    digest(date(2026, 10, 6))
    draft(rules={"migration.overdue": {"severity": "high"}})
    activate()
    audit()
    assert digest(date(2026, 10, 7)) == [
        ("office@agency.kz", "case-opened", [case_of(project).id]),
        ("office@agency.kz", "severity-raised", [project.number]),
    ]


def test_agency_is_notified_once_of_due_and_once_of_overdue_order(digest: Digest) -> None:
    agency = an_agency(email="office@agency.kz")
    due = MONDAY + 14 * A_DAY
    case = decided_case(a_project(agency), migrate_by(due))
    digests = {number: digest(MONDAY + number * A_DAY) for number in (1, 4, 7, 8, 14, 15, 16)}
    of_orders = {
        number: kind
        for number, notices in digests.items()
        for to, kind, references in notices
        if kind.startswith("order-") and (to, references) == ("office@agency.kz", [case.id])
    }
    assert of_orders == {7: "order-due-soon", 15: "order-overdue"}
    last_day = {str(case.id): due.isoformat()}
    assert [each for each in last_days_of_emails() if each[0] != "case-overdue"] == [
        ("order-due-soon", last_day),
        ("order-overdue", last_day),
    ]


def test_fulfilled_order_is_not_mentioned(digest: Digest) -> None:
    agency = an_agency(email="office@agency.kz")
    project = a_project(agency)
    case = decided_case(project, migrate_by(MONDAY + 14 * A_DAY))
    move(project)
    audit()
    act(AIGERIM, case, "confirm")
    kinds = {kind for number in (1, 7, 8, 15, 16) for _, kind, _ in digest(MONDAY + number * A_DAY)}
    assert kinds == {"case-opened", "case-closed", "flags-opened", "flags-cleared"}


def test_agency_is_notified_once_of_exemption_ending_within_thirty_days(digest: Digest) -> None:
    agency = an_agency(email="office@agency.kz")
    project, renewed = a_project(agency), a_project(agency)
    exempt(project, date(2026, 1, 1), MONDAY + 33 * A_DAY)
    exempt(renewed, date(2026, 1, 1), MONDAY + 33 * A_DAY)
    exempt(renewed, date(2026, 1, 1), MONDAY + 99 * A_DAY)
    digests = {number: digest(MONDAY + number * A_DAY) for number in (1, 2, 3, 4, 9)}
    assert {number: notices for number, notices in digests.items() if notices} == {
        3: [("office@agency.kz", "exemption-ending", [project.number])]
    }


def test_exemption_recorded_near_its_end_is_in_next_digest(digest: Digest) -> None:
    project = a_project(an_agency(email="office@agency.kz"))
    exempt(project, date(2026, 1, 1), MONDAY + 9 * A_DAY)
    assert digest(MONDAY + A_DAY) == [("office@agency.kz", "exemption-ending", [project.number])]
    assert digest(MONDAY + 2 * A_DAY) == []


def test_reviewer_is_notified_once_of_overdue_case(digest: Digest) -> None:
    create_reader("reviewer", name="aigerim")
    create_reader("reviewer", name="bolat")
    case = under_review(a_project())
    assert case.due_on is not None
    day = case.due_on
    assert digest(day) == []
    assert digest(day + A_DAY) == [("aigerim@readers.kz", "case-overdue", [case.id])]
    assert digest(day + 2 * A_DAY) == []


def test_overdue_approval_reaches_the_supervisors_instead_of_the_reviewer(digest: Digest) -> None:
    create_reader("reviewer", name="aigerim")
    create_reader("supervisor", name="timur")
    case = act(AIGERIM, under_review(a_project()), "propose", NO_BREACH)
    assert case.due_on is not None
    digest(case.due_on)
    assert digest(case.due_on + A_DAY) == [("timur@readers.kz", "approval-overdue", [case.id])]
    assert digest(case.due_on + 2 * A_DAY) == []


def test_cases_awaiting_confirmation_reach_assignee_or_all_reviewers(digest: Digest) -> None:
    for name in ("aigerim", "bolat"):
        create_reader("reviewer", name=name)
    held, free = a_project(), a_project()
    audit()
    act(AIGERIM, case_of(held), "claim")
    move(held, free)
    audit()
    ids = [case_of(project).id for project in (held, free)]
    assert digest(MONDAY + A_DAY) == [
        ("aigerim@readers.kz", "case-awaiting-confirmation", ids),
        ("bolat@readers.kz", "case-awaiting-confirmation", ids[1:]),
    ]
    assert digest(MONDAY + 2 * A_DAY) == []


def test_supervisors_except_proposer_are_notified_of_waiting_proposals(digest: Digest) -> None:
    for name in ("saule", "timur"):
        create_reader("supervisor", name=name)
    waiting, returned = (under_review(a_project()) for _ in range(2))
    act(SAULE, waiting, "assign", "saule")
    act(SAULE, waiting, "propose", NO_BREACH)
    act(AIGERIM, returned, "propose", NO_BREACH)
    act(SAULE, returned, "return")
    assert digest(MONDAY + A_DAY) == [("timur@readers.kz", "proposal-waiting", [waiting.id])]


def test_second_account_of_the_proposer_is_not_notified_of_the_proposal(digest: Digest) -> None:
    for name in ("saule", "timur"):
        create_reader("supervisor", name=name)
    case = under_review(a_project())
    act(SAULE, case, "assign", "saule")
    act(SAULE, case, "propose", NO_BREACH)
    with transaction() as session:
        session.execute(update(Person).values(email="saule@readers.kz"))
    assert digest(MONDAY + A_DAY) == []


def test_appeal_decision_is_notified_immediately_and_not_in_digest(digest: Digest) -> None:
    agency = an_agency(email="office@agency.kz")
    appealed, other = a_project(agency), a_project(agency)
    case, closed = decided_case(appealed, migrate_by(MONDAY + 90 * A_DAY)), decided_case(other, NO_BREACH)
    act(editor_of(agency), case, "appeal")
    act(BOLAT, case, "claim")
    act(BOLAT, case, "propose", NO_BREACH)
    act(TIMUR, case, "approve")
    assert ("office@agency.kz", "case-closed", [closed.id]) in digest(MONDAY + A_DAY)
    assert ("office@agency.kz", "case-closed", {str(closed.id): "QL-2026-000002"}) in letters_of_emails()


def test_digest_contains_restricted_projects_only_for_permitted_readers(digest: Digest) -> None:
    for role, name in (("reviewer", "bolat"), ("supervisor", "timur")):
        create_reader(role, name=name)
    project = a_project(an_agency(email="office@agency.kz"))
    audit()
    move(project)
    restrict(project)
    audit()
    digests = digest(MONDAY + A_DAY)
    # Nobody admitted the readers of the agency's shared address.
    assert {to for to, _, _ in digests} == {"timur@readers.kz"}


def test_token_that_ends_within_14_days_is_announced_once_to_its_person_or_owner(digest: Digest) -> None:
    for name, role in (("saule", "supervisor"), ("owner", "auditor"), ("administrator", "administrator")):
        create_reader(role, name=name)
    owner, saule = person_named("owner"), person_named("saule")
    assert owner is not None and saule is not None
    issue_for = partial(issue, ADMINISTRATOR, role=None, agency_id=None)
    add_service_account(ADMINISTRATOR, "robot", Role.AUDITOR, None, owner.account_id)
    add_service_account(ADMINISTRATOR, "ownerless", Role.AUDITOR, None)
    own = issue_for("saule", lifetime=timedelta(days=15)).key_id
    robot = issue_for("robot", lifetime=timedelta(days=15)).key_id
    ownerless = issue_for("ownerless", lifetime=timedelta(days=15)).key_id
    revoke(ADMINISTRATOR, issue_for("robot", lifetime=timedelta(days=15)).key_id)
    issue_for("robot", lifetime=timedelta(days=30))
    issue_for("robot", lifetime=timedelta(days=13))
    assert digest(MONDAY + A_DAY) == []
    assert sorted(digest(MONDAY + 2 * A_DAY)) == [
        ("administrator@readers.kz", "token-ending", [ownerless]),
        ("owner@readers.kz", "token-ending", [robot]),
        ("saule@readers.kz", "token-ending", [own]),
    ]
    assert digest(MONDAY + 3 * A_DAY) == []


def test_agency_is_reminded_of_attestations_thirty_and_seven_days_before_and_on_the_day(
    digest: Digest, present: Present
) -> None:
    agency = an_agency(email="office@agency.kz")
    present.set(date(2026, 1, 15))
    project = a_project(agency)
    present.set(MONDAY)
    digest(date(2026, 6, 12))
    reminders = {}
    for month, day in ((6, 15), (6, 16), (7, 7), (7, 8), (7, 9), (7, 14), (7, 15), (7, 16)):
        on = date(2026, month, day)
        reminders[on] = [entry for entry in digest(on) if entry[1] == "attestation-due"]
    sent = {on: entries for on, entries in reminders.items() if entries}
    assert sent == {
        on: [("office@agency.kz", "attestation-due", [project.number])]
        for on in (date(2026, 6, 15), date(2026, 7, 8), date(2026, 7, 15))
    }


def test_service_account_whose_owner_was_disabled_is_announced_once_to_administrators(digest: Digest) -> None:
    for name, role in (("owner", "auditor"), ("administrator", "administrator")):
        create_reader(role, name=name)
    owner = person_named("owner")
    add_service_account(ADMINISTRATOR, "robot", Role.AUDITOR, None, owner.account_id)
    unused = add_service_account(ADMINISTRATOR, "unused", Role.AUDITOR, None, owner.account_id)
    disable_account(ADMINISTRATOR, unused.id)
    disable_account(ADMINISTRATOR, owner.account_id)
    assert digest(MONDAY + A_DAY) == [("administrator@readers.kz", "service-without-owner", ["robot"])]
    assert digest(MONDAY + 2 * A_DAY) == []


def test_digest_is_written_once_a_day(digest: Digest) -> None:
    agency = an_agency(email="office@agency.kz")
    a_project(agency)
    audit()
    assert digest(MONDAY + A_DAY) != []
    a_project(agency)
    audit()
    assert write_due_digest(NINE) is None
    assert [kind for _, kind, _ in digest(MONDAY + 2 * A_DAY)] == ["case-opened", "flags-opened"]


@pytest.mark.parametrize(
    ("instant", "due"),
    [
        (datetime(2026, 2, 3, 8, 59, tzinfo=ALMATY), None),
        (datetime(2026, 2, 3, 9, 0, tzinfo=ALMATY), date(2026, 2, 3)),
        (datetime(2026, 2, 3, 23, 59, tzinfo=ALMATY), date(2026, 2, 3)),
        (datetime(2026, 2, 7, 12, 0, tzinfo=ALMATY), None),
        (datetime(2026, 2, 8, 12, 0, tzinfo=ALMATY), None),
        (datetime(2026, 12, 16, 12, 0, tzinfo=ALMATY), None),
    ],
    ids=["before the hour", "at the hour", "late", "on Saturday", "on Sunday", "on Independence Day"],
)
def test_digest_is_due_on_working_days_after_configured_time(instant: datetime, due: date | None) -> None:
    assert due_on(instant, NINE) == due


def test_disabled_digest_is_not_written() -> None:
    assert write_due_digest(None) is None


def test_next_digest_covers_days_without_digest(digest: Digest, present: Present) -> None:
    agency = an_agency(email="office@agency.kz")
    a_project(agency)
    audit()
    present.set(MONDAY + 5 * A_DAY)
    later = a_project(agency)
    audit()
    digests = digest(MONDAY + 7 * A_DAY)
    assert [len(references) for _, _, references in digests] == [2, 2]
    assert later.number in digests[1][2]


def test_long_digest_names_twenty_and_counts_the_rest(digest: Digest) -> None:
    ids = create_projects(35, an_agency(email="office@agency.kz"))
    audit()
    digest(MONDAY + A_DAY)
    letter = db.session.scalars(select(OutboundEmail).where(OutboundEmail.is_digest)).one()
    numbers = sorted(db.session.scalars(select(Project.number).where(Project.id.in_(ids))))
    flags = next(each for each in letter.events if each["kind"] == "flags-opened")
    assert flags == {"kind": "flags-opened", "references": numbers[:20], "count": 35}
