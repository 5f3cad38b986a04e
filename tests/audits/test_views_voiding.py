"""Voiding an audit of a future date by pages."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.core.database import db
from registry.flags.models import AuditRun
from tests.factories import a_project, an_actor
from tests.fixtures.web import SignedIn
from tests.present import Present


def test_operator_proposes_and_supervisor_voids_future_audit(signed_in: SignedIn, present: Present) -> None:
    a_project()
    present.move(timedelta(days=400))
    run = run_audit(an_actor(Role.OPERATOR))
    present.move(timedelta(days=-400))
    page = f"/audits/{run.id}"
    operator = signed_in(Role.OPERATOR)
    assert "in the future" in operator.get(page).text
    form = f"{page}/voiding"
    assert 'id="reason-error"' in operator.send(form, reason="").text
    proposed = operator.send(form, reason="The clock was 400 days ahead.").text
    assert "is saved" in proposed and "The clock was 400 days ahead." in proposed
    assert "Void audit" not in proposed
    assert operator.send(f"{page}/voiding-confirmation", page=page).status_code == 403
    assert "Void audit" not in signed_in(Role.AUDITOR).get(page).text
    supervisor = signed_in(Role.SUPERVISOR)
    assert "Void audit" in supervisor.get(page).text
    seen = supervisor.get(page).text.split('name="proposed_at" value="')[1].split('"')[0]
    present.move(timedelta(seconds=1))
    operator.send(form, reason="The clock was 401 days ahead.")
    changed = supervisor.send(f"{page}/voiding-confirmation", page=page, proposed_at=seen).text
    assert "The proposal has changed: operator.web made a new one." in changed and "401 days" in changed
    seen = changed.split('name="proposed_at" value="')[1].split('"')[0]
    voided = supervisor.send(f"{page}/voiding-confirmation", page=page, proposed_at=seen).text
    assert "The audit is voided." in voided and "supervisor.web" in voided
    assert db.session.scalars(select(AuditRun.status)).one() == "voided"
    assert "Voided" in supervisor.get("/audits").text


def test_audit_of_today_offers_no_voiding(signed_in: SignedIn) -> None:
    a_project()
    run = run_audit(an_actor(Role.OPERATOR))
    operator = signed_in(Role.OPERATOR)
    assert "in the future" not in operator.get(f"/audits/{run.id}").text
    refused = operator.send(f"/audits/{run.id}/voiding", reason="No")
    assert refused.status_code == 422 and "only an audit of a date after today" in refused.text
