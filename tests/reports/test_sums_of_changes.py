"""Figures of what an audit or a policy would change add up: causes of a held audit, and the impact of a policy."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from registry.accounts.roles import Role
from registry.core.database import transaction
from registry.projects.models import Project
from tests.api.callers import caller
from tests.audits.policy_steps import draft
from tests.audits.steps import audit, create_projects, set_verified
from tests.factories import an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present
from tests.reports.delivered import Page, number
from tests.reports.figures_world import build
from tests.reports.reader import added, columns

DAY = date(2026, 10, 5)
KINDS = ("Newly flagged", "Cleared", "Other severity", "Other rules, same severity", "Cases that open")
IN_JSON = ("newly_flagged", "cleared", "changed_severity", "changed_rules", "cases_opened")


def test_causes_of_a_held_audit_add_up_without_restricted_projects_too(
    app: Flask, present: Present, signed_in: SignedIn
) -> None:
    present.set(DAY)
    agencies = [an_agency(), an_agency()]
    ids = [each for agency in agencies for each in create_projects(30, agency, placement="on_platform")]
    with transaction() as session:
        session.execute(update(Project).where(Project.id.in_(ids[25:33])).values(is_restricted=True))
    set_verified(ids, DAY)
    audit()
    present.set(DAY + timedelta(days=1))
    set_verified(ids, None)
    run = audit()
    assert run.status == "held"
    for role, count in ((Role.SUPERVISOR, 60), (Role.REVIEWER, 52)):
        page = Page(signed_in(role).get(f"/audits/{run.id}").text)
        assert f"It would newly flag {count} projects and clear 0, of {count} judged by the last audit." in page.text
        for caption in ("What changed since the last audit", "Rules", "Agencies"):
            sums = added(columns(page.table(caption)))
            # The first table has severities too.
            severities = {"Severity raised": 0, "Severity lowered": 0}
            assert severities | sums == {"Projects newly flagged": count, "Projects newly clear": 0, **severities}, (
                caption
            )


def test_impact_of_a_policy_adds_up_by_agency_and_region_and_to_the_audit(
    app: Flask, client: FlaskClient, present: Present, signed_in: SignedIn
) -> None:
    build(present)
    # The company comes into scope, and rules are weaker or gone.
    draft(
        scope=["central_body", "private", "local_executive"],
        rules={"freeze.creation": {"severity": "low"}, "freeze.legacy": {"enabled": False}},
        case_from_severity="low",
    )
    report = caller(client, Role.SUPERVISOR).post("/policies/2026.2/impact", None).get_json()
    page = Page(signed_in(Role.SUPERVISOR).get("/policies/2026.2/impact").text)
    changes = {row[0]: row[1:] for row in page.table("Changes").rows}
    for kind, name in zip(KINDS, IN_JSON, strict=True):
        projects, budgets, restricted = changes[kind]
        assert abs(number(projects)) == len(report[name])
        assert number(budgets.removesuffix(" ₸")) == sum(row["budget_kzt"] for row in report[name])
        assert number(budgets.removesuffix(" ₸")) == report["sums"][f"{name}_kzt"]
        assert number(restricted) == report["restricted"][name]
        for group in ("agency", "region"):
            assert sum(row[name] for row in report[f"by_{group}"]) == len(report[name])
    for caption in ("By agency", "By region"):
        sums = added(columns(page.table(caption)))
        assert sums == {kind: len(report[name]) for kind, name in zip(KINDS, IN_JSON, strict=True)}
    assert sum(len(report[name]) for name in IN_JSON) > 10 < sum(report["restricted"].values()) + 10
