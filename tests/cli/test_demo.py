"""``registry demo load``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from registry.cli.demo import rows_of
from registry.freeze.words import RULES
from registry.records.bin_numbers import is_bin
from registry.store.clock import today
from tests.cli.conftest import CommandLine
from tests.factories import an_agency
from tests.present import Present


def test_the_demo_shows_every_rule_and_every_freeze_status(registry: CommandLine) -> None:
    ran = registry("demo", "load")
    assert (ran.code, ran.raw) == (0, b"")
    audits = registry("audits", "list", "--json").json["items"]
    assert [audit["on"] for audit in audits] == [str(today()), str(today() - timedelta(days=1))]
    assert {audit["status"] for audit in audits} == {"succeeded"}
    shown = Counter(
        change["rule"]
        for audit in audits
        for change in registry("audits", "show", str(audit["id"]), "--json").json["changes"]
        if change["change"] == "opened"
    )
    assert set(shown) == set(RULES)
    assert audits[0]["flags_cleared"] > 0 and audits[0]["projects_exempt"] > 0
    clear = registry("projects", "export", "--freeze-status", "clear").out.count("\n") - 1
    assert clear > 20


def test_loading_twice_changes_nothing(registry: CommandLine) -> None:
    registry("demo", "load")
    head = registry("journal", "head").out
    again = registry("demo", "load")
    assert again.code == 0 and "nothing" in again.err
    assert registry("journal", "head").out == head


def test_the_demo_does_not_mix_with_records_of_ones_own(registry: CommandLine, services: Callable[[], Any]) -> None:
    with services():
        an_agency()
    head = registry("journal", "head").out
    ran = registry("demo", "load")
    assert (ran.code, ran.raw) == (4, b"") and "REGISTRY_DATA_DIR" in ran.err
    assert registry("journal", "head").out == head


@pytest.mark.parametrize("day", [date(2026, 12, 31), date(2027, 2, 28), date(2028, 2, 29), date(2030, 6, 15)])
def test_the_demo_stays_believable_as_time_goes_on(registry: CommandLine, present: Present, day: date) -> None:
    present.set(day)
    assert registry("demo", "load").code == 0
    (last, _) = registry("audits", "list", "--json").json["items"]
    assert last["on"] == str(day) and last["projects_flagged"] > 30


def test_its_numbers_are_valid_and_its_names_are_kazakh_and_russian() -> None:
    for agency in rows_of("agencies.csv", today()):
        assert is_bin(agency["bin"]) and agency["name_kk"] and agency["name_ru"] and agency["name_en"]
    projects = rows_of("projects.csv", today())
    assert len(projects) >= 75
    assert all(row["name_kk"] and row["name_ru"] and row["name_kk"] != row["name_ru"] for row in projects)
    assert all(is_bin(row["supplier_bin"]) for row in projects if row["supplier_bin"])
