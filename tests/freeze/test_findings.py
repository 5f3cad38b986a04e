"""Findings: observed values, fingerprint and clause."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest

from registry.core.translations import translator
from registry.freeze.edits import serious_findings
from registry.freeze.evaluation import evaluate
from registry.freeze.facts import EarlierRevision, Sibling
from registry.freeze.findings import Finding, Observed, explain
from registry.freeze.policy import Policy, Wording
from tests.freeze.factories import POLICY, facts, past, with_rule

ON = date(2026, 10, 15)
NEW = {"contract_signed_on": date(2026, 2, 1), "work_started_on": date(2026, 3, 1)}
PILOT: dict[str, Any] = {"stage": "pilot", "pilot_started_on": date(2025, 9, 1)}
NONE = {"contract_signed_on": None, "work_started_on": None}


def observed(rule: str, **changes: Any) -> Any:
    (match,) = [finding for finding in evaluate(facts(**changes), POLICY, ON) if finding.rule == rule]
    assert match.severity == POLICY.rules[rule].severity
    return match.observed


def test_freeze_rules_observe_the_work_and_its_start() -> None:
    assert observed("freeze.creation", work_type="creation", **NEW) == {
        "work_type": "creation",
        "started_on": "2026-02-01",
    }
    assert observed("freeze.planned", work_type="migration", stage="planning", **NONE) == {
        "work_type": "migration",
        "stage": "planning",
        "started_on": None,
    }
    ahead = {"contract_signed_on": date(2026, 11, 1), "work_started_on": None}
    assert observed("freeze.planned", work_type="migration", **ahead)["started_on"] == "2026-11-01"
    assert observed("freeze.transitional", work_type="creation", commissioned_on=date(2026, 5, 1)) == {
        "work_type": "creation",
        "started_on": "2025-02-01",
        "commissioned_on": "2026-05-01",
    }
    assert observed("freeze.development", work_type="development", **NEW) == {
        "work_type": "development",
        "object_commissioned_on": "2018-05-14",
        "started_on": "2026-02-01",
    }
    assert observed("freeze.misclassified", work_type="development", object_commissioned_on=None, **NEW) == {
        "work_type": "development",
        "object_commissioned_on": None,
        "started_on": "2026-02-01",
    }


def test_modification_limit_observes_money_and_consent() -> None:
    assert observed("freeze.modification-limit", work_type="modification", budget_kzt=0, **NEW) == {
        "work_type": "modification",
        "started_on": "2026-02-01",
        "budget_kzt": 0,
        "object_original_cost_kzt": None,
        "consent_number": None,
    }


def test_pilot_limit_observes_the_pilots_start() -> None:
    assert observed("freeze.pilot-limit", stage="pilot", pilot_started_on=date(2025, 4, 1)) == {
        "stage": "pilot",
        "pilot_started_on": "2025-04-01",
    }


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"placement": "unknown"}, {"placement": "unknown"}),
        (NONE | {"work_type": "migration"}, {"work_type": "migration", "started_on": None}),
        ({"stage": "pilot"}, {"stage": "pilot", "pilot_started_on": None}),
        ({"object_commissioned_on": None}, {"object_commissioned_on": None}),
        (
            {"work_type": "modification", "budget_kzt": 5},
            {"work_type": "modification", "budget_kzt": 5, "object_original_cost_kzt": None},
        ),
        (
            {"work_type": "modification", "object_original_cost_kzt": 5},
            {"work_type": "modification", "budget_kzt": None, "object_original_cost_kzt": 5},
        ),
    ],
)
def test_data_gap_observes_only_what_is_missing(changes: dict[str, Any], missing: dict[str, Any]) -> None:
    assert observed("freeze.data-gap", **changes) == {"work_type": "maintenance", "stage": "operation"} | missing


def test_migration_rules_observe_the_date_that_is_overdue() -> None:
    old = date(2019, 1, 1)
    assert observed("migration.overdue", object_commissioned_on=old) == {
        "work_type": "maintenance",
        "object_commissioned_on": "2019-01-01",
    }
    assert observed("migration.overdue", work_type="creation", commissioned_on=old, object_commissioned_on=None) == {
        "work_type": "creation",
        "commissioned_on": "2019-01-01",
    }
    assert observed("migration.order-overdue", order_migrate_by=date(2026, 10, 14)) == {
        "order_migrate_by": "2026-10-14"
    }
    assert observed("order.overdue", order_end_by=date(2026, 10, 14)) == {"order_end_by": "2026-10-14"}


def test_missing_security_test_observes_what_is_stated_of_it() -> None:
    policy = with_rule(POLICY, "security.untested", enabled=True)
    concluded = facts(security_conclusion_on=date(2026, 11, 1), security_conclusion_number="12")
    (finding,) = [each for each in evaluate(concluded, policy, ON) if each.rule == "security.untested"]
    assert finding.observed == {
        "stage": "operation",
        "security_conclusion_number": "12",
        "security_conclusion_on": "2026-11-01",
    }


def test_integrity_rules_observe_both_of_the_values_that_disagree() -> None:
    assert observed("integrity.backdated", contract_signed_on=date(2026, 1, 1)) == {
        "work_started_on": "2025-03-01",
        "contract_signed_on": "2026-01-01",
    }
    once_new = past(work_type="creation", contract_signed_on=date(2026, 2, 2), work_started_on=None)
    assert observed("integrity.rewritten", past=(past(), once_new, past(**NEW))) == {
        "started_on": "2025-02-01",
        "earlier_started_on": "2026-02-02",
    }
    assert observed("integrity.rewritten", past=(past(**NONE), once_new), **NEW) == {
        "work_type": "maintenance",
        "earlier_work_type": "creation",
        "started_on": "2026-02-01",
    }
    assert observed("integrity.contradiction", work_type="development", contract_signed_on=date(2025, 7, 1)) == {
        "contradictions": "work-before-contract",
        "work_started_on": "2025-03-01",
        "contract_signed_on": "2025-07-01",
    }
    ended = past(stage="archived")
    assert observed("integrity.ended-unconfirmed", stage="archived", past=(ended, past(), past(stage="pilot"))) == {
        "stage": "archived",
        "ended_on": None,
        "earlier_stage": "operation",
    }
    assert observed("integrity.ended-unconfirmed", stage="archived", ended_on=date(2026, 1, 1), past=(ended,)) == {
        "stage": "archived",
        "ended_on": "2026-01-01",
        "earlier_stage": None,
    }
    for earlier, shown in ((date(2026, 1, 1), "2026-01-01"), (None, None)):
        once = (past(stage="archived", ended_on=earlier),)
        assert observed("integrity.ended-unconfirmed", stage="archived", ended_on=date(2025, 6, 1), past=once) == {
            "stage": "archived",
            "ended_on": "2025-06-01",
            "earlier_ended_on": shown,
        }
    former = (past(work_type="creation", replaced_on=date(2026, 5, 4), **NEW),)
    confirmed = (("ended_on", date(2026, 6, 1)),)
    assert observed(
        "integrity.ended-unconfirmed",
        stage="archived",
        ended_on=date(2025, 5, 15),
        confirmed=confirmed,
        former=(former,),
    ) == {"stage": "archived", "ended_on": "2025-05-15", "former_rules": "freeze.creation"}


def test_sums_observe_what_is_counted_together() -> None:
    work = {"work_type": "modification", "budget_kzt": 15, "object_original_cost_kzt": 100, "consent_number": "7-1"}
    proven = (("object_original_cost_kzt", NEW["work_started_on"]), ("consent_number", NEW["work_started_on"]))
    own = Sibling("QT-2", True, "modification", date(2026, 2, 20), None, 6, 90)
    of_others = replace(own, number=None)
    work_values = {"work_type": "modification", "started_on": "2026-02-01", "budget_kzt": 15}

    def counted(*siblings: Sibling, **changes: Any) -> Any:
        return observed("freeze.modification-sum", siblings=siblings, confirmed=proven, **{**work, **NEW, **changes})

    assert counted(own, replace(own, number="QT-1")) == {
        **work_values,
        **{"counted_with": "QT-1, QT-2", "counted_elsewhere": 0, "total_kzt": 27, "least_cost_kzt": 90},
    }
    # What those of other agencies cost is not stated.
    assert counted(own, of_others) == {**work_values, "counted_with": "QT-2", "counted_elsewhere": 1}
    assert counted(of_others) == {**work_values, "counted_with": None, "counted_elsewhere": 1}
    # Without a budget nothing is added, and of those before edits the highest counts.
    unpriced = replace(own, budget_kzt=None, object_original_cost_kzt=50)
    assert counted(replace(own, budget_kzt=27), budget_kzt=None)["total_kzt"] == 27
    assert counted(unpriced)["total_kzt"] == 15
    assert counted(replace(unpriced, earlier=(replace(own, budget_kzt=1),)))["total_kzt"] == 16
    part = replace(own, budget_kzt=50_000_000)
    assert observed("integrity.split-contract", siblings=(part,), budget_kzt=60_000_000, **NEW) == {
        "contract_signed_on": "2026-02-01",
        "budget_kzt": 60_000_000,
        **{"counted_with": "QT-2", "counted_elsewhere": 0, "total_kzt": 110_000_000},
    }


def test_finding_that_stays_despite_claims_observes_them() -> None:
    framework = {"contract_signed_on": date(2023, 5, 1), "work_started_on": date(2026, 3, 2)}
    # That it was commissioned is claimed too, and plays no part.
    assert observed("freeze.creation", work_type="creation", commissioned_on=date(2026, 4, 1), **framework) == {
        "work_type": "creation",
        "started_on": "2026-03-02",
        "contract_signed_on": "2023-05-01",
        "claimed": "contract_signed_on",
    }
    work = {"work_type": "modification", "budget_kzt": 5, "object_original_cost_kzt": 100, "consent_number": "7-1"}
    assert observed("freeze.modification-limit", **work, **NEW) == {
        **work,
        "started_on": "2026-02-01",
        "claimed": "object_original_cost_kzt, consent_number",
    }
    # Nor does the contract.
    assert observed("freeze.data-gap", budget_kzt=100_000_000, **framework) == {
        "work_type": "maintenance",
        "stage": "operation",
        "object_commissioned_on": "2018-05-14",
        "claimed": "object_commissioned_on",
    }
    assert observed("integrity.ended-unconfirmed", stage="archived", ended_on=date(2025, 5, 15)) == {
        "stage": "archived",
        "ended_on": "2025-05-15",
        "claimed": "ended_on",
    }


def test_facts_that_were_other_before_are_observed_as_they_were() -> None:
    created = past(work_type="creation", replaced_on=date(2026, 5, 4), **NEW)
    again = facts(former=((created, past(replaced_on=date(2026, 5, 5))),))
    first, restarted = past(**PILOT), PILOT | {"pilot_started_on": date(2026, 8, 1)}
    second = replace(first, pilot_started_on=date(2026, 7, 1), replaced_on=date(2026, 8, 2))
    in_time = facts(**restarted, past=(replace(first, replaced_on=date(2026, 8, 1)), second))
    too_late = facts(**restarted, past=(replace(first, work_type="creation", replaced_on=date(2026, 9, 2)),))
    ended = {"stage": "archived", "ended_on": date(2025, 6, 1), "confirmed": (("ended_on", date(2026, 5, 1)),)}
    reopened = facts(past=(past(**ended, replaced_on=date(2026, 5, 4)), past(replaced_on=date(2026, 5, 5))))
    pilot = {"pilot_started_on": "2026-08-01", "earlier_pilot_started_on": "2025-09-01"}
    start = {"work_type": "maintenance", "started_on": "2025-02-01"}
    creation = {**start, "earlier_work_type": "creation", "commissioned_on": None}
    ending = {"stage": "operation", "earlier_stage": "archived", "ended_on": None, "earlier_ended_on": "2025-06-01"}
    for project, expected in (
        (again, {"former_rules": "freeze.creation, integrity.rewritten", **start}),
        (in_time, pilot),
        (reopened, {"earlier_rules": "integrity.contradiction", **ending}),
        (too_late, {"earlier_rules": "freeze.transitional, freeze.pilot-limit", **creation, "stage": "pilot", **pilot}),
    ):
        (finding,) = [each for each in evaluate(project, POLICY, ON) if each.rule == "integrity.rewritten"]
        assert (finding.severity, finding.observed) == ("medium", expected)


def begun(on: date | None, **values: Any) -> EarlierRevision:
    return past(work_type="creation", replaced_on=on, **values)


@pytest.mark.parametrize(
    ("revisions", "expected"),
    [
        ([begun(None)], []),
        ([begun(date(2025, 12, 31))], []),
        ([begun(date(2026, 1, 1))], [("freeze.transitional", "medium")]),
        ([past(replaced_on=ON), begun(ON, **NEW)], [("freeze.creation", "high")]),
        ([begun(ON, **NEW), past(replaced_on=ON)], [("freeze.creation", "high"), ("integrity.rewritten", "high")]),
        ([past(placement="unknown", replaced_on=ON)], []),
    ],
)
def test_serious_findings_of_a_record_are_those_of_its_revisions_since_the_freeze(
    revisions: list[EarlierRevision], expected: list[tuple[str, str]]
) -> None:
    assert sorted(serious_findings(revisions, POLICY)) == expected


@pytest.mark.parametrize(
    ("policy", "changes"),
    [
        (replace(POLICY, confirmed_facts=None), {"past": (past(**PILOT, replaced_on=date(2026, 8, 1)),)}),
        (replace(POLICY, edit_severity="none"), {"past": (past(**PILOT, replaced_on=date(2026, 8, 1)),)}),
        (with_rule(POLICY, "integrity.rewritten", enabled=False), {"past": (past(**PILOT, replaced_on=ON),)}),
        (replace(POLICY, edit_severity="none"), {"former": ((begun(date(2026, 5, 4), **NEW),),)}),
    ],
)
def test_policy_that_does_not_compare_earlier_facts_finds_none(policy: Policy, changes: dict[str, Any]) -> None:
    judged = facts(**PILOT | {"pilot_started_on": date(2026, 8, 1)}, **changes)
    assert "integrity.rewritten" not in [finding.rule for finding in evaluate(judged, policy, ON)]


def test_legacy_observes_placement_and_work() -> None:
    assert observed("freeze.legacy", object_commissioned_on=date(2026, 1, 5), **NEW) == {
        "placement": "off_platform",
        "work_type": "maintenance",
        "stage": "operation",
        "started_on": "2026-02-01",
    }


def test_placement_findings_observe_the_claim() -> None:
    history = (past(placement="on_platform"), past(), past(placement="unknown"))
    assert observed("platform.unverified", placement="on_platform", past=history) == {
        "placement": "on_platform",
        "registered_on": "2026-01-10",
        "earlier_placement": "off_platform",
    }
    due = date(2026, 11, 1)
    onboarding = {"placement": "onboarding", "onboarding_due_on": "2026-11-01"}
    assert observed("platform.onboarding-unconfirmed", placement="onboarding", onboarding_due_on=due) == onboarding
    confirmed = {"placement": "onboarding", "onboarding_confirmed_on": date(2026, 6, 1)}
    assert observed("platform.onboarding", onboarding_due_on=due, **confirmed) == onboarding
    assert observed("platform.onboarding-overdue", onboarding_due_on=date(2026, 10, 14), **confirmed) == {
        "placement": "onboarding",
        "onboarding_due_on": "2026-10-14",
    }
    assert observed("platform.onboarding-overdue", **confirmed)["onboarding_due_on"] is None


def test_fingerprint_is_of_rule_and_values_and_not_of_severity() -> None:
    finding = Finding("freeze.creation", "high", {"work_type": "creation", "started_on": "2026-02-01"})
    # Stored with every acceptance: another canonical form would reopen all of them.
    canonical = b'["freeze.creation",{"started_on":"2026-02-01","work_type":"creation"}]'
    assert finding.fingerprint == sha256(canonical).hexdigest()
    assert replace(finding, severity="low").fingerprint == finding.fingerprint
    assert replace(finding, rule="freeze.planned").fingerprint != finding.fingerprint
    assert replace(finding, observed={**finding.observed, "started_on": None}).fingerprint != finding.fingerprint
    turned: Observed = {"started_on": "2026-02-01", "work_type": "creation"}
    assert replace(finding, observed=turned).fingerprint == finding.fingerprint


def test_clause_is_the_wording_of_the_day() -> None:
    finding = Finding("freeze.creation", "high", {})
    first, second = POLICY.rules["freeze.creation"].clauses
    for day, wording in [
        (second.in_force_from - timedelta(days=1), first),
        (second.in_force_from, second),
        (date(2040, 1, 1), second),
        (first.in_force_from - timedelta(days=1), first),
    ]:
        clause = explain(finding, POLICY, day, "ru", translator("ru")).clause
        assert clause.startswith(f"{wording.act['ru']}: {wording.text['ru']} Эта редакция действует с ")


def test_clause_contains_its_period_in_each_language() -> None:
    texts = {"kk": "мәтін.", "ru": "текст.", "en": "text."}
    closed = Wording(texts, texts, date(2026, 3, 5), date(2026, 12, 31))
    policy = with_rule(
        POLICY, "freeze.legacy", clauses=(closed, replace(closed, in_force_from=date(2027, 1, 1), in_force_to=None))
    )
    finding = Finding("freeze.legacy", "low", {})
    assert {language: explain(finding, policy, ON, language, translator(language)).clause for language in texts} == {
        "kk": "мәтін.: мәтін. Бұл редакция 05.03.2026 күнінен 31.12.2026 күніне дейін (қоса алғанда) қолданылады.",
        "ru": "текст.: текст. Эта редакция действует с 05.03.2026 по 31.12.2026.",
        "en": "text.: text. This wording is in force from 5 March 2026 to 31 December 2026.",
    }
    assert {
        language: explain(finding, policy, date(2027, 1, 1), language, translator(language)).clause
        for language in texts
    } == {
        "kk": "мәтін.: мәтін. Бұл редакция 01.01.2027 күнінен бастап қолданылады.",
        "ru": "текст.: текст. Эта редакция действует с 01.01.2027.",
        "en": "text.: text. This wording has been in force since 1 January 2027.",
    }
