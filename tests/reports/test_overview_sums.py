"""Sums of the overview add up over agencies, regions, sectors and statuses, also over mergers, for all readers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta

from flask import Flask
from hypothesis import given, settings, strategies as st

from registry.accounts.roles import Actor, Role
from registry.core.errors import Conflict, Invalid
from registry.reports.compliance import compliance, compliance_on
from registry.reports.overview import Figures, Overview, history, overview
from tests.audits.steps import OLD_SYSTEM, audit
from tests.factories import a_project, an_actor, an_agency
from tests.present import Present
from tests.reports.test_overview import hide, merge

Undone = Callable[[], AbstractContextManager[None]]
READERS = tuple(an_actor(role) for role in (Role.LEADER, Role.AUDITOR, Role.OPERATOR, Role.SUPERVISOR))
DAY = date(2026, 10, 5)
PROJECTS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([None, "10", "71"]),
        st.sampled_from([None, "07"]),
        st.sampled_from(["on_platform", "off_platform", "unknown"]),
        st.booleans(),
        st.booleans(),
        st.sampled_from([None, 1, 1000]),
    ),
    min_size=1,
    max_size=8,
)


def read(actor: Actor) -> Overview:
    result = overview(actor)
    assert result is not None
    return result


def sums(rows: list[Figures]) -> tuple[int, ...]:
    return tuple(
        sum(getattr(row, name) for row in rows)
        for name in ("projects", "in_scope", "on_platform", "flagged", "budget_kzt", "at_risk_kzt")
    )


def adds_up(actor: Actor, bins: list[str]) -> None:
    result = read(actor)
    now = result.now
    assert now.in_scope == now.clear + now.flagged + now.exempt + now.accepted + now.unaudited + now.to_migrate
    assert now.projects == now.in_scope + now.out_of_scope
    assert now.flagged == now.flagged_high + now.flagged_medium + now.flagged_low
    for members in (result.regions, result.sectors):
        assert sums([*members.values()]) == sums([now])
    # Every open flag has one rule and one age.
    assert sum(row.flagged for row in result.rules.values()) == sum(row.flagged for row in result.ages.values())
    assert sums(
        [history(actor, "agency", each)[-1].figures for each in bins if history(actor, "agency", each)]
    ) == sums([now])
    report = compliance(actor, "region")["totals"]
    assert (now.projects, now.flagged, now.budget_kzt, now.at_risk_kzt) == (
        report["projects"],
        report["flagged"],
        report["budget_kzt"],
        report["budget_flagged_kzt"],
    )


def test_sums_add_up_before_and_after_a_merger_for_every_reader(
    app: Flask, present: Present, each_example: Undone
) -> None:
    @settings(max_examples=settings.default.max_examples // 10)
    @given(projects=PROJECTS, former=st.integers(0, 2), to=st.integers(0, 2))
    def check(
        projects: list[tuple[int, str | None, str | None, str, bool, bool, int | None]], former: int, to: int
    ) -> None:
        with each_example():
            present.set(DAY)
            agencies = [an_agency(), an_agency(), an_agency(), an_agency(kind="private")]
            for agency, region, sector, placement, is_old, is_restricted, budget in projects:
                values = {"region": region, "sector": sector, "placement": placement, "budget_kzt": budget}
                project = a_project(agencies[agency], **values, **(OLD_SYSTEM if is_old else {}))
                if is_restricted:
                    hide(project)
            audit()
            before = {reader: read(reader).now for reader in READERS}
            for reader in READERS:
                adds_up(reader, [each.bin for each in agencies])
            present.set(DAY + timedelta(days=1))
            try:
                merge(agencies[former], agencies[to], DAY + timedelta(days=1))
            except (Conflict, Invalid):
                return
            audit()
            left = [each.bin for place, each in enumerate(agencies) if place != former]
            for reader in READERS:
                adds_up(reader, left)
                stored = compliance_on(reader, DAY)["totals"]
                assert (stored["projects"], stored["budget_kzt"]) == (
                    before[reader].projects,
                    before[reader].budget_kzt,
                )

    check()
