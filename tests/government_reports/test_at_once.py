"""Numbers of reports that many people begin at once, over real connections."""

from __future__ import annotations

from flask import Flask

from registry.accounts.roles import Role
from tests.factories import an_actor
from tests.government_reports.steps import begin
from tests.requests.test_at_once import at_once


def test_reports_begun_at_once_have_numbers_without_gap(own_app: Flask) -> None:
    numbers: list[str] = []

    def work(name: str) -> None:
        numbers.extend(begin(an_actor(Role.REVIEWER, name=name)).number for _ in range(3))

    with own_app.app_context():
        begin()
    assert at_once(own_app, *(lambda name=name: work(name) for name in ("a", "b", "c", "d"))) == [""] * 4
    assert sorted(int(number.partition("-")[2]) for number in numbers) == list(range(2, 14))
