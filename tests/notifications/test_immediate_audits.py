"""Immediate notifications of audits, policies and failed sign-ins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.audits import jobs as nightly
from registry.audits.policy_activation import withdraw_activation
from registry.audits.service import confirm_held_audit, reject_held_audit
from registry.core.clock import local_instant, now, today
from registry.core.database import transaction
from registry.flags.models import AuditRun
from registry.journal import service as journal
from tests.audits.policy_steps import TIMUR, activate, draft
from tests.audits.steps import SUPERVISOR, create_projects, installed, set_verified
from tests.cases.cast import audit
from tests.factories import ADMINISTRATOR
from tests.notifications.readers import create_reader, delete_emails, queued_emails
from tests.present import Present

FRIDAY = date(2026, 3, 6)
TWO = time(2)


@pytest.fixture(autouse=True)
def _on_friday(app: Flask, present: Present) -> None:
    present.set(FRIDAY)


def test_operators_and_supervisors_are_notified_of_held_audit() -> None:
    for role in ("operator", "supervisor", "reviewer", "auditor", "administrator"):
        create_reader(role)
    ids = create_projects(80, placement="on_platform", platform_key="key")
    set_verified(ids, FRIDAY)
    audit()
    set_verified(ids, None)
    delete_emails()
    held = audit()
    assert held.status == "held"
    assert queued_emails() == [
        ("operator@readers.kz", "audit-held", [held.id]),
        ("supervisor@readers.kz", "audit-held", [held.id]),
    ]


@pytest.mark.parametrize(
    ("decide", "kind"), [(confirm_held_audit, "audit-confirmed"), (reject_held_audit, "audit-rejected")]
)
def test_operators_and_other_supervisors_are_notified_of_the_decision_on_a_held_audit(
    decide: Callable[..., AuditRun], kind: str
) -> None:
    for role in ("operator", "supervisor", "reviewer"):
        create_reader(role)
    decider = create_reader("supervisor", name="saule")
    ids = create_projects(80, placement="on_platform", platform_key="key")
    set_verified(ids, FRIDAY)
    audit()
    set_verified(ids, None)
    held = audit()
    delete_emails()
    decide(replace(SUPERVISOR, principal="saule", account_id=decider.account_id), held.id, "checked")
    assert queued_emails() == [
        ("operator@readers.kz", kind, [held.id]),
        ("supervisor@readers.kz", kind, [held.id]),
    ]


def test_supervisors_and_reviewers_are_notified_of_a_scheduled_policy_and_of_its_withdrawal() -> None:
    for role in ("operator", "supervisor", "reviewer", "auditor"):
        create_reader(role)
    create_reader("supervisor", name="timur")
    draft(pilot_limit_months=6)
    delete_emails()
    activate(on=today() + timedelta(days=1))
    assert queued_emails() == [
        ("reviewer@readers.kz", "policy-activated", ["2026.2"]),
        ("supervisor@readers.kz", "policy-activated", ["2026.2"]),
    ]
    delete_emails()
    withdraw_activation(TIMUR, "2026.2")
    assert queued_emails() == [
        ("reviewer@readers.kz", "policy-activation-withdrawn", ["2026.2"]),
        ("supervisor@readers.kz", "policy-activation-withdrawn", ["2026.2"]),
    ]


def test_operators_are_notified_once_of_repeatedly_failing_audit(present: Present, monkeypatch) -> None:
    create_reader("operator")
    create_reader("supervisor")
    installed(now())

    def break_down(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(nightly, "execute_audit", break_down)
    for minutes in (0, 11, 22):
        present.set(local_instant(FRIDAY + timedelta(days=1), TWO) + timedelta(minutes=minutes))
        with pytest.raises(OSError, match="full"):
            nightly.run_due_audit(TWO)
    assert [(to, kind) for to, kind, _ in queued_emails()] == [("operator@readers.kz", "audit-failed")]


def test_operators_are_notified_of_missed_audits_in_one_email(present: Present) -> None:
    create_reader("operator")
    installed(now())
    present.set(local_instant(FRIDAY + timedelta(days=4), TWO))
    nightly.run_due_audit(TWO)
    [(to, kind, dates)] = queued_emails()
    assert (to, kind, len(dates)) == ("operator@readers.kz", "nights-missed", 3)


def test_administrators_and_operators_are_notified_of_surging_sign_in_failures() -> None:
    for role in (Role.ADMINISTRATOR, Role.OPERATOR, Role.SUPERVISOR):
        create_reader(role)
    with transaction():
        journal.record(ADMINISTRATOR, "sign-in.surged", "sign-ins:failed", {"failures": 57})
    assert queued_emails() == [
        ("administrator@readers.kz", "sign-in-surge", [57]),
        ("operator@readers.kz", "sign-in-surge", [57]),
    ]
