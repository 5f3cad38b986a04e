"""The overview: figures of the last audit, their change, the target, agencies, and what ends soon."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Flask
from sqlalchemy import delete, update

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.audits.models import AgencyCount, DailyCount
from registry.core.database import db, transaction
from registry.flags.models import AuditRun
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from registry.reports.overview import Overview, changes_at_risk, comparison, history, overview, policy_changes
from registry.requests.models import RequestKind
from registry.requests.service import ask, confirm
from tests.audits.steps import OLD_SYSTEM, audit, edit, exempt, verify
from tests.cases.cast import SAULE
from tests.factories import a_project, an_actor, an_agency
from tests.present import Present

LEADER, AUDITOR = an_actor(Role.LEADER), an_actor(Role.AUDITOR)
ASKER = an_actor(Role.ADMINISTRATOR, name="first")
DAY = date(2026, 10, 5)


def shown() -> Overview:
    result = overview(LEADER)
    assert result is not None
    return result


def merge(former: Agency, successor: Agency, day: date) -> None:
    values = {"successor": successor.bin, "on": day, "act": "No. 17", "reason": "They merge."}
    confirm(SAULE, RequestKind.SUCCESSION, ask(ASKER, RequestKind.SUCCESSION, former.bin, values).id)


def hide(project: Project, is_restricted: bool = True) -> None:
    with transaction():
        restrict_project(SAULE, find_project_to_change(SAULE, project.number), is_restricted, "The site is secret.")


def test_overview_counts_what_the_last_audit_left(app: Flask, present: Present) -> None:
    present.set(DAY)
    assert overview(LEADER) is None
    agency = an_agency()
    a_project(agency, budget_kzt=300)
    a_project(agency, budget_kzt=7, region="10", **OLD_SYSTEM)
    verify(a_project(agency, placement="on_platform", budget_kzt=5), DAY)
    a_project(an_agency(kind="private"), placement="on_platform")
    audit()
    now = shown().now
    assert (now.projects, now.in_scope, now.on_platform, now.platform_percent) == (4, 3, 1, 33.3)
    assert (now.flagged, now.flagged_high, now.to_migrate, now.clear, now.out_of_scope) == (1, 1, 1, 1, 1)
    assert now.at_risk_kzt == 300
    assert {code: (row.flagged, row.to_migrate) for code, row in shown().regions.items()} == {
        "10": (0, 1),
        "71": (1, 0),
    }
    assert [(row.agency["bin"], row.flagged, row.at_risk_kzt) for row in shown().at_risk] == [(agency.bin, 1, 300)]


def test_a_claim_to_be_on_the_platform_does_not_raise_the_figure(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency, placement="on_platform", platform_key="qt-1")
    a_project(agency, placement="on_platform", platform_key="qt-2", stage="terminated", ended_on="2026-07-01")
    verify(a_project(agency, placement="on_platform", platform_key="qt-3"), DAY)
    a_project(agency)
    audit()
    for figures in (shown().now, shown().regions["71"], shown().sectors["07"]):
        assert (figures.on_platform, figures.platform_percent) == (1, 25.0)
        assert (figures.on_platform_claimed, figures.platform_claimed_percent) == (3, 75.0)
    for group, of in (("country", None), ("agency", agency.bin), ("region", "71")):
        (point,) = history(LEADER, group, of)
        assert (point.figures.on_platform, point.figures.on_platform_claimed) == (1, 3)


def test_forecast_follows_the_confirmed_share(app: Flask, present: Present) -> None:
    agency = an_agency()
    for week in range(6):
        present.set(DAY + timedelta(days=7 * week))
        a_project(agency, placement="on_platform", platform_key=f"qt-{week}")
        audit()
    ahead = shown().forecast
    assert shown().now.platform_claimed_percent == 100.0
    assert ahead is not None and (ahead.percent, ahead.complete_on) == (0.0, None)


def test_audit_that_stored_claims_alone_shows_no_confirmed_figure_where_it_is_unknown(
    own_app: Flask, present: Present
) -> None:
    # The owner of the tables; the role of the service changes no count.
    with own_app.app_context():
        present.set(DAY)
        claiming, other = an_agency(), an_agency()
        a_project(claiming, placement="on_platform", platform_key="qt-1", region="10")
        verify(a_project(claiming, placement="on_platform", platform_key="qt-2", region="71"), DAY)
        a_project(other, region="75")
        audit()
        for counts in (AgencyCount, DailyCount):
            db.session.execute(update(counts).values(confirmed_on_platform=None))
        assert (shown().now.on_platform, shown().now.platform_percent, shown().now.on_platform_claimed) == (
            None,
            None,
            2,
        )
        assert shown().regions["71"].on_platform is None
        # A project with findings is not confirmed, and one that claims nothing either.
        assert [shown().regions[code].on_platform for code in ("10", "75")] == [0, 0]
        assert history(LEADER, "agency", other.bin)[0].figures.on_platform == 0
        assert history(LEADER, "agency", claiming.bin)[0].figures.on_platform is None


def test_change_is_since_the_last_audit_before_the_day_and_unknown_without_one(app: Flask, present: Present) -> None:
    present.set(DAY)
    project = a_project(budget_kzt=100)
    first = audit()
    present.set(DAY + timedelta(days=33))
    edit(project, placement="on_platform", platform_key="qt-1")
    verify(project, DAY + timedelta(days=33))
    audit()
    earlier = shown().earlier
    assert earlier[7] is None and earlier[90] is None
    assert earlier[30] is not None and (earlier[30].on, earlier[30].audit) == (DAY, first.id)
    assert (earlier[30].figures.platform_percent, shown().now.platform_percent) == (0.0, 100.0)
    assert [(row.flagged, row.less_kzt) for row in shown().improved or ()] == [(0, 100)]


def test_comparison_has_no_figures_of_audits_that_stored_none_of_the_group(own_app: Flask, present: Present) -> None:
    with own_app.app_context():
        present.set(DAY)
        agency = an_agency()
        a_project(agency, sector="07", budget_kzt=100)
        first = audit()
        present.set(DAY + timedelta(days=33))
        a_project(agency, sector="07", budget_kzt=10)
        a_project(agency, sector="04", budget_kzt=1)
        audit()
        dates = (DAY + timedelta(days=6), DAY + timedelta(days=33))
        then = AuditRun.id == first.id
        db.session.execute(update(AuditRun).where(then).values(policy_version="2025.1"))

        def at_risk(group: str, of: str | None = None) -> dict[str, tuple[int | None, int | None]]:
            rows = comparison(LEADER, group, of, *dates).rows
            return {
                row.key: (row.before and row.before.at_risk_kzt, row.after and row.after.at_risk_kzt) for row in rows
            }

        assert at_risk("sector") == {"07": (100, 110), "04": (0, 1)}
        assert at_risk("sector", "07") == {"07": (100, 110)}
        assert at_risk("agency", agency.bin) == {agency.bin: (100, 111)}
        assert at_risk("country") == {"KZ": (100, 111)}
        changed = policy_changes(*dates)
        assert [(each.on, each.version == "2025.1") for each in changed] == [(dates[1], False)]
        # As audits were before counts by region and sector: the country is known, the sectors are not.
        kept = DailyCount.dimension == "country"
        db.session.execute(delete(DailyCount).where(DailyCount.audit_id == first.id, ~kept))
        assert at_risk("sector") == {"07": (None, 110), "04": (None, 1)}
        assert at_risk("country") == {"KZ": (100, 111)}
        assert comparison(LEADER, "country", None, DAY - timedelta(days=1), dates[1]).since is None


def test_a_merger_of_agencies_is_no_improvement_and_makes_no_step(app: Flask, present: Present) -> None:
    present.set(DAY)
    former, successor = an_agency(), an_agency()
    a_project(former, budget_kzt=100)
    a_project(successor, budget_kzt=10)
    audit()
    present.set(DAY + timedelta(days=30))
    merge(former, successor, DAY + timedelta(days=30))
    audit()
    assert list(shown().improved or ()) == []
    assert [(row.agency["bin"], row.at_risk_kzt) for row in shown().at_risk] == [(successor.bin, 110)]
    points = history(LEADER, "agency", successor.bin)
    assert [(point.on, point.figures.at_risk_kzt) for point in points] == [
        (DAY, 110),
        (DAY + timedelta(days=30), 110),
    ]
    assert [point.figures.at_risk_kzt for point in history(LEADER, "country", None)] == [110, 110]


def test_a_transfer_of_a_project_is_no_improvement(app: Flask, present: Present) -> None:
    present.set(DAY)
    giver, taker = an_agency(), an_agency()
    passed, fixed = a_project(giver, budget_kzt=900), a_project(giver, budget_kzt=50)
    a_project(taker, budget_kzt=7)
    hidden = a_project(giver, budget_kzt=3_000)
    hide(hidden)
    audit()
    present.set(DAY + timedelta(days=31))
    hide(hidden, False)
    for project in (passed, hidden):
        body = {"to": taker.bin, "on": DAY + timedelta(days=31), "act": "No. 18", "reason": "It fits better there."}
        confirm(SAULE, RequestKind.TRANSFER, ask(ASKER, RequestKind.TRANSFER, project.number, body).id)
    hide(hidden)
    edit(passed, budget_kzt=950)
    edit(fixed, placement="on_platform")
    verify(fixed, DAY + timedelta(days=31))
    audit()
    (row,) = shown().improved or ()
    assert (row.agency["bin"], row.less_kzt, row.at_risk_kzt) == (giver.bin, 50, 0)
    whole = overview(AUDITOR)
    assert [(each.agency["bin"], each.less_kzt) for each in whole.improved or ()] == [(giver.bin, 50)]
    # The agency that took it got worse only by what was added since.
    before = whole.earlier[30]
    changed = changes_at_risk(AUDITOR, whole.audit, before.audit)
    assert [(each.agency["bin"], each.less_kzt) for each in changed] == [(giver.bin, 50), (taker.bin, -50)]


def test_restricted_projects_are_in_no_figure_of_those_who_may_not_see_them(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    a_project(agency, budget_kzt=1)
    hide(a_project(agency, budget_kzt=20, placement="onboarding", onboarding_due_on=DAY))
    audit()
    for actor, projects in ((LEADER, 1), (AUDITOR, 2)):
        result = overview(actor)
        groups = (result.regions, result.sectors)
        assert result.now.projects == projects
        assert [sum(row.projects for row in members.values()) for members in groups] == [projects, projects]
        assert result.ends.onboarding == dict.fromkeys((30, 60, 90), projects - 1)
        assert [point.figures.projects for point in history(actor, "agency", agency.bin)] == [projects]


def test_voided_audit_leaves_the_history(app: Flask, present: Present) -> None:
    present.set(DAY)
    a_project()
    audit()
    present.set(DAY + timedelta(days=7))
    run = audit()
    assert len(history(LEADER, "country", None)) == 2
    run.status = "voided"
    assert [point.on for point in history(LEADER, "country", None)] == [DAY]


def test_target_is_the_migration_deadline_without_a_table(app: Flask, present: Present) -> None:
    present.set(DAY)
    a_project()
    audit()
    assert (shown().target.on, shown().target.percent) == (date(2026, 9, 30), 100)
    assert shown().forecast is None


def test_ends_are_counted_within_thirty_sixty_and_ninety_days(app: Flask, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    for days in (-3, 30, 31, 90, 91):
        a_project(agency, placement="onboarding", onboarding_due_on=DAY + timedelta(days=days))
    exempt(a_project(agency), DAY, DAY + timedelta(days=60))
    audit()
    assert shown().ends.onboarding == {30: 2, 60: 3, 90: 4}
    assert shown().ends.exemptions == {30: 0, 60: 1, 90: 1}
    assert shown().ends.orders == {30: 0, 60: 0, 90: 0}


def test_history_falls_to_zero_when_the_last_flag_of_a_rule_is_cleared(app: Flask, present: Present) -> None:
    present.set(DAY)
    audit()
    present.set(DAY + timedelta(days=7))
    project = a_project()
    audit()
    present.set(DAY + timedelta(days=14))
    edit(project, placement="on_platform", platform_key="qt-1")
    verify(project, DAY + timedelta(days=14))
    audit()
    points = history(LEADER, "rule", "freeze.creation")
    assert [(point.on, point.figures.flagged) for point in points] == [
        (DAY + timedelta(days=7), 1),
        (DAY + timedelta(days=14), 0),
    ]
