"""Numbers of reports that many people begin at once, over real connections."""

from __future__ import annotations

from datetime import date

from flask import Flask

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.government_reports.queries import find_government_report
from registry.government_reports.service import correct_government_report
from tests.factories import a_project, an_actor
from tests.government_reports.steps import READER, begin, issued
from tests.requests.test_at_once import at_once


def test_reports_begun_at_once_have_numbers_without_gap(own_app: Flask) -> None:
    numbers: list[str] = []

    def work(name: str) -> None:
        numbers.extend(begin(an_actor(Role.REVIEWER, name=name)).number for _ in range(3))

    with own_app.app_context():
        begin()
    assert at_once(own_app, *(lambda name=name: work(name) for name in ("a", "b", "c", "d"))) == [""] * 4
    assert sorted(int(number.partition("-")[2]) for number in numbers) == list(range(2, 14))


def test_of_corrections_begun_at_once_one_begins_the_next_version(own_app: Flask) -> None:
    with own_app.app_context():
        a_project()
        run_audit(an_actor(Role.OPERATOR))
        number = issued()

    def correct(name: str) -> None:
        correct_government_report(an_actor(Role.REVIEWER, name=name), number, "Wrong.", date(2026, 12, 1))

    codes = at_once(own_app, *(lambda name=name: correct(name) for name in ("a", "b", "c", "d")))
    assert sorted(codes) == ["", *["government-report-not-issued"] * 3]
    with own_app.app_context():
        assert find_government_report(READER, number).version == 2
