"""Flags judged manually from the records and the contract: the audit must give exactly these.

Sixty flags are sampled evenly over the fourteen rules that match the real records (``draw``). The other rules need
edits, confirmations, orders and modifications under the freeze, which a table published once cannot have; for them
``believable.csv`` and the steps below are judged in the same file.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from flask import Flask

from registry.audits.queries import all_changes_of
from registry.cases.models import Order
from registry.core.clock import now
from registry.core.database import transaction
from registry.freeze.contract_differences import CONTRACT_RULES
from registry.freeze.policy import policy_in_force
from registry.platform.confirmations import confirm_onboarding
from registry.projects.service import find_project_to_change
from tests.audits.draw import DRAWN, draw
from tests.audits.real_file import AUDITED_ON, DATA, REGISTERED_ON, external_ids, record, register_file, rows
from tests.audits.steps import AUDITOR, OPERATOR, SUPERVISOR, audit, edit
from tests.present import Present

BELIEVABLE = "B-"
NEWCOMER = "B-UNV-1"
EDITED_ON = date(2026, 10, 12)


def judged() -> Iterator[dict[str, str]]:
    with (DATA / "judged_flags.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def real() -> list[dict[str, str]]:
    return [row for row in judged() if not row["external_id"].startswith(BELIEVABLE)]


def believable() -> list[dict[str, str]]:
    return [row for row in judged() if row["external_id"].startswith(BELIEVABLE)]


def flags_found(*, dry_run: bool) -> dict[tuple[str, str], str]:
    """Map (external id, rule) to the severity of all flags that an audit of the day opens."""
    named = external_ids()
    changes = all_changes_of(AUDITOR, audit(AUDITED_ON, dry_run=dry_run))
    assert {row["change"] for row in changes} == {"opened"}
    return {(named[row["project"]], row["rule"]): row["severity"] for row in changes}


def test_sixty_sampled_flags_match_manual_judgement(real_app: Flask, present: Present) -> None:
    present.set(AUDITED_ON)
    flags = flags_found(dry_run=False)
    verdicts = {(row["external_id"], row["rule"]): row for row in real()}
    assert len(verdicts) == len(real()) == DRAWN
    assert {flag: row["severity"] for flag, row in verdicts.items()} == {flag: flags.get(flag) for flag in verdicts}
    assert Counter(row["verdict"] for row in verdicts.values()) == {"right": DRAWN}


def test_judged_flags_are_the_seeded_sample(real_app: Flask, present: Present) -> None:
    present.set(AUDITED_ON)
    assert draw(flags_found(dry_run=True)) == {(row["external_id"], row["rule"]) for row in real()}


def test_sample_is_even_over_matching_rules(real_app: Flask, present: Present) -> None:
    present.set(AUDITED_ON)
    firing = Counter(rule for _, rule in flags_found(dry_run=True))
    drawn = Counter(row["rule"] for row in real())
    assert len(firing) == 14
    assert {rule: min(count, 4) for rule, count in firing.items()} == {
        rule: min(count, 4) for rule, count in drawn.items()
    }


@pytest.mark.parametrize("name", ["projects.csv", "believable.csv"])
def test_deciding_values_are_those_of_the_record(name: str) -> None:
    records = {row["external_id"]: row for row in rows(name)}
    checked = [row for row in judged() if row["external_id"] in records]
    for row in checked:
        values = dict(part.split("=", 1) for part in row["deciding_values"].split("; "))
        entered = records[row["external_id"]]
        assert values == {field: entered.get(field, "") for field in values}, row["external_id"]
        assert len(row["reason"]) > 20
    assert len(checked) == (len(real()) if name == "projects.csv" else len(believable()))


def test_remaining_rules_match_constructed_records(app: Flask, present: Present) -> None:
    believable_steps(present)
    present.set(AUDITED_ON)
    assert flags_found(dry_run=False) == {(row["external_id"], row["rule"]): row["severity"] for row in believable()}
    assert Counter(row["verdict"] for row in believable()) == {"right": len(believable())}


def test_every_enabled_rule_has_a_judged_flag(app: Flask) -> None:
    # The files have neither contracts of the portal nor deployments: the cases of tests/freeze are judged.
    elsewhere = {*CONTRACT_RULES, "platform.idle"}
    enabled = {name for name, rule in policy_in_force().rules.items() if rule.enabled and name not in elsewhere}
    assert {row["rule"] for row in judged()} == enabled


def believable_steps(present: Present) -> None:
    """Apply the events between registration and audit to the constructed records."""
    present.set(REGISTERED_ON)
    register_file("agencies", "agencies.csv")
    early = [row["external_id"] for row in rows("believable.csv") if row["external_id"] != NEWCOMER]
    register_file("projects", "believable.csv", *early)
    confirm("B-ONB-2", on=date(2026, 9, 25), due_on=date(2026, 10, 20), present=present)
    confirm("B-ONB-1", on=date(2026, 10, 10), due_on=date(2027, 3, 1), present=present)
    present.set(EDITED_ON)
    edit(
        record("B-RW-1"),
        work_type="modification",
        object_commissioned_on="2021-04-12",
        object_original_cost_kzt=200_000_000,
        consent_number="АК-139",
    )
    edit(record("B-RW-2"), contract_signed_on="2025-12-30", work_started_on="2025-12-31")
    with transaction() as session:
        for external_id, decision, day in (("B-ORD-1", "migrate_by", 15), ("B-ORD-2", "stop", 20)):
            order = Order(
                project_id=record(external_id).id,
                decision=decision,
                due_on=date(2026, 10, day),
                approved_at=now() - timedelta(days=20),
                approved_by=SUPERVISOR.principal,
            )
            session.add(order)
    present.set(date(2026, 10, 20))
    register_file("projects", "believable.csv", NEWCOMER)


def confirm(external_id: str, on: date, due_on: date, present: Present) -> None:
    present.set(on)
    with transaction():
        confirm_onboarding(OPERATOR, find_project_to_change(OPERATOR, record(external_id).number), due_on)
