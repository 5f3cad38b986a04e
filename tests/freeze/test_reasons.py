"""The reason of a finding in numbers."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from registry.core.translations import LANGUAGES, translator
from registry.freeze.evaluation import evaluate
from registry.freeze.findings import Finding, explain
from tests.freeze.factories import POLICY
from tests.freeze.random_projects import project

ON = date(2027, 3, 1)
WITHOUT_NUMBERS = {"freeze.legacy"}


def reason(rule: str, language: str = "en", **observed: Any) -> str:
    return explain(Finding(rule, "low", observed), POLICY, ON, language, translator(language)).reason


@pytest.mark.parametrize(
    ("rule", "observed", "expected"),
    [
        ("platform.unverified", {"registered_on": "2027-01-01"}, "Days since the registration: 59, limit 30."),
        (
            "platform.onboarding",
            {"onboarding_due_on": "2027-03-11"},
            "Onboarding is due on 11 March 2027; days left: 10.",
        ),
        (
            "platform.onboarding-overdue",
            {"onboarding_due_on": "2027-02-27"},
            "Onboarding was due on 27 February 2027; days late: 2.",
        ),
        ("platform.onboarding-overdue", {"onboarding_due_on": None}, "The onboarding has no due date."),
        (
            "platform.onboarding-unconfirmed",
            {"onboarding_due_on": "2027-02-27"},
            "Onboarding is due on 27 February 2027, which nobody has confirmed.",
        ),
        ("freeze.creation", {"started_on": "2026-03-03"}, "Start on 3 March 2026; days after the freeze began: 61."),
        (
            "freeze.development",
            {"started_on": "2026-01-01"},
            "Start on 1 January 2026; days after the freeze began: 0.",
        ),
        ("freeze.planned", {"started_on": None}, "Planned, without a date of the start."),
        ("freeze.planned", {"started_on": "2026-01-11"}, "Start on 11 January 2026; days after the freeze began: 10."),
        (
            "platform.idle",
            {"last_deployed_on": "2026-11-01"},
            "Last deployed on 1 November 2026; days since then: 120, limit 90.",
        ),
        (
            "platform.idle",
            {"last_deployed_on": None, "placement_verified_on": "2026-11-01"},
            "Nothing deployed since the confirmation of 1 November 2026; days since then: 120, limit 90.",
        ),
        (
            "freeze.misclassified",
            {"started_on": "2026-03-03"},
            "Start on 3 March 2026; no date since when the object is in operation.",
        ),
        (
            "freeze.transitional",
            {"started_on": "2025-03-03", "commissioned_on": None},
            "Start on 3 March 2025; not in operation by 1 January 2026.",
        ),
        (
            "freeze.transitional",
            {"started_on": "2025-03-03", "commissioned_on": "2026-01-02"},
            "Start on 3 March 2025; in operation since 2 January 2026, days after the freeze began: 1.",
        ),
        (
            "freeze.modification-limit",
            {"budget_kzt": 29, "object_original_cost_kzt": 100, "consent_number": "12-3"},
            "29% of the original cost, limit 20%.",
        ),
        (
            "freeze.modification-limit",
            {"budget_kzt": 200_001, "object_original_cost_kzt": 1_000_000, "consent_number": None},
            "20.1% of the original cost, limit 20%. The number of the consent is missing.",
        ),
        (
            "freeze.modification-limit",
            {"budget_kzt": 5, "object_original_cost_kzt": 0, "consent_number": None},
            "The original cost of the object is given as 0. The number of the consent is missing.",
        ),
        (
            "freeze.modification-sum",
            {"total_kzt": 345, "least_cost_kzt": 1_000, "counted_with": "QT-1, QT-2", "counted_elsewhere": 0},
            "Modifications of the object since the freeze began: 3, together 34.5% of its original cost, limit 20%. "
            "Counted with: QT-1, QT-2.",
        ),
        (
            "freeze.modification-sum",
            {"counted_with": "QT-1", "counted_elsewhere": 2},
            "Modifications of the object since the freeze began: 4, together above 20% of its original cost. "
            "Counted with: QT-1. Of other agencies: 2.",
        ),
        (
            "freeze.modification-sum",
            {"total_kzt": 345, "least_cost_kzt": 0, "counted_with": "QT-1", "counted_elsewhere": 0},
            "The original cost of the object is given as 0. Counted with: QT-1.",
        ),
        (
            "integrity.split-contract",
            {"total_kzt": 160_000_000, "counted_with": "QT-1", "counted_elsewhere": 0},
            "Contracts with one supplier on one object: 2, each below 100,000,000 ₸, together 160,000,000 ₸; longest "
            "time between them, in days: 30. Counted with: QT-1.",
        ),
        (
            "freeze.misclassified",
            {"started_on": "2026-01-11", "object_commissioned_on": "2018-05-14", "claimed": "object_commissioned_on"},
            "Start on 11 January 2026; days after the freeze began: 10. "
            "Claimed, not confirmed: date the object went into operation – 14 May 2018.",
        ),
        (
            "freeze.transitional",
            {"started_on": "2025-03-03", "commissioned_on": "2025-12-01", "claimed": "commissioned_on"},
            "Claimed, not confirmed: date the result went into operation – 1 December 2025.",
        ),
        (
            "freeze.modification-limit",
            {
                "budget_kzt": 30_500_000,
                "object_original_cost_kzt": 610_000_000,
                "consent_number": "7-1",
                "claimed": "object_original_cost_kzt, consent_number",
            },
            "5% of the original cost, limit 20%. Claimed, not confirmed: original cost of the object – 610,000,000 ₸; "
            "number of the authorised body's consent – 7-1.",
        ),
        (
            "freeze.pilot-limit",
            {"pilot_started_on": "2026-02-27"},
            "In pilot since 27 February 2026; limit in months: 12, days beyond it: 2.",
        ),
        (
            "freeze.data-gap",
            {"work_type": "creation", "started_on": None, "placement": "unknown"},
            "Missing values: 2.",
        ),
        (
            "migration.overdue",
            {"work_type": "creation", "commissioned_on": "2020-05-01"},
            "In operation since 1 May 2020; days after the deadline of 30 September 2026: 152.",
        ),
        (
            "migration.order-overdue",
            {"order_migrate_by": "2027-02-28"},
            "Ordered to move by 28 February 2027; days late: 1.",
        ),
        ("order.overdue", {"order_end_by": "2027-02-28"}, "Ordered to end by 28 February 2027; days late: 1."),
        (
            "security.untested",
            {"stage": "operation", "security_conclusion_number": None, "security_conclusion_on": "2026-05-12"},
            "No positive conclusion of security tests is given.",
        ),
        (
            "security.untested",
            {"stage": "operation", "security_conclusion_number": "7", "security_conclusion_on": None},
            "The conclusion of security tests has no date.",
        ),
        (
            "security.untested",
            {"stage": "operation", "security_conclusion_number": "7", "security_conclusion_on": "2027-03-04"},
            "The conclusion of security tests is dated 4 March 2027; days until then: 3.",
        ),
        (
            "integrity.backdated",
            {"work_started_on": "2025-12-30", "contract_signed_on": "2026-02-12"},
            "Start on 30 December 2025, contract of 12 February 2026; days between them: 44.",
        ),
        (
            "integrity.rewritten",
            {"started_on": "2025-12-30", "earlier_started_on": "2026-02-12"},
            "The start was 12 February 2026, now it is 30 December 2025.",
        ),
        ("integrity.rewritten", {"earlier_work_type": "creation"}, "The work was registered as a creation."),
        (
            "integrity.rewritten",
            {"earlier_rules": "freeze.pilot-limit, freeze.planned"},
            "An edit ended: Pilot beyond its limit; Work planned outside the platform.",
        ),
        (
            "integrity.rewritten",
            {"former_rules": "freeze.pilot-limit"},
            "The former record had: Pilot beyond its limit.",
        ),
        (
            "integrity.contradiction",
            {
                "contradictions": "work-before-contract, maintenance-above-cost",
                "work_started_on": "2025-03-01",
                "contract_signed_on": "2025-12-30",
                "budget_kzt": 201,
                "object_original_cost_kzt": 100,
            },
            "Work began on 1 March 2025, the contract is of 30 December 2025; days allowed: 30. "
            "The maintenance costs more than the object: 201% of its original cost.",
        ),
        (
            "integrity.rewritten",
            {"earlier_pilot_started_on": "2025-03-01", "earlier_work_type": "creation"},
            "Earlier values, with which there would be another finding: start of the pilot – 1 March 2025; kind of "
            "work.",
        ),
        (
            "integrity.rewritten",
            {"earlier_work_type": "development"},
            "Earlier values, with which there would be another finding: kind of work.",
        ),
        (
            "integrity.contradiction",
            {"contradictions": "maintenance-above-cost", "budget_kzt": 1, "object_original_cost_kzt": 0},
            "The original cost of the object is given as 0.",
        ),
        (
            "integrity.contradiction",
            {"contradictions": "migration-stays-outside", "stage": "operation"},
            "A migration is stated, and the object is not on QazTech; longest onboarding, in months: 6.",
        ),
        (
            "integrity.ended-unconfirmed",
            {"ended_on": "2027-02-01"},
            "Ended on 1 February 2027, which nobody has confirmed.",
        ),
        ("integrity.ended-unconfirmed", {"ended_on": None}, "The ending has no date."),
        (
            "integrity.unattested",
            {"attested_on": "2026-08-28"},
            "Last confirmed on 28 August 2026; days after the next confirmation was due: 1.",
        ),
        ("ai.incomplete", {"ai_model": None, "ai_office": None}, "Missing values: 2."),
        (
            "ai.contradiction",
            {
                "contradictions": "high-risk-without-overseer, reviewed-in-the-future",
                "ai_risk_class": "minimal",
                "ai_reviewed_on": "2027-03-02",
                "claimed": "ai_risk_class",
            },
            "The degree of risk is high, and nobody oversees the AI system and may stop it. "
            "The entry is stated to have been checked on 2 March 2027, which is in the future. "
            "Claimed, not confirmed: degree of risk of the AI system – Minimal.",
        ),
        (
            "ai.outdated",
            {"ai_reviewed_on": "2026-02-28"},
            "Last checked on 28 February 2026; days after the next check was due: 1.",
        ),
        (
            "integrity.rewritten",
            {"is_ai": False, "earlier_is_ai": True, "ai_risk_class": None, "earlier_ai_risk_class": "high"},
            "Earlier values, with which there would be another finding: use of artificial intelligence; "
            "degree of risk of the AI system – High.",
        ),
        ("freeze.legacy", {"started_on": "2025-12-30"}, ""),
    ],
)
def test_reason_has_the_numbers_that_the_rule_read(rule: str, observed: dict[str, Any], expected: str) -> None:
    assert reason(rule, **observed) == expected


def test_claimed_facts_are_to_be_confirmed_by_documents() -> None:
    values = {"contract_signed_on": "2023-05-01", "consent_number": "7-1"}
    claimed = Finding("freeze.creation", "high", {**values, "claimed": "contract_signed_on, consent_number"})
    texts = explain(claimed, POLICY, ON, "en", translator("en"))
    remedy = POLICY.rules["freeze.creation"].remedy["en"]
    documents = "framework contract; letter of consent of the authorised body"
    assert texts.remedy == f"Attach to the project and ask for a confirmation: {documents}. {remedy}"
    assert texts.required.endswith(
        " What is claimed is confirmed: date the contract was signed; number of the authorised body's consent."
    )


def test_numbers_are_written_as_in_the_language() -> None:
    assert "160\u00a0000\u00a0000 ₸" in reason("integrity.split-contract", "kk", total_kzt=160_000_000)
    above = {"budget_kzt": 200_001, "object_original_cost_kzt": 1_000_000, "consent_number": "12-3"}
    expected = "20,1\u00a0% первоначальной стоимости, предел 20\u00a0%."
    assert reason("freeze.modification-limit", "ru", **above) == expected


def test_every_finding_of_random_projects_has_a_reason_in_every_language() -> None:
    seen = set()
    for seed in range(2_000):
        judged, on = project(seed, POLICY)
        for finding in evaluate(judged, POLICY, on):
            texts = [explain(finding, POLICY, on, each, translator(each)).reason for each in LANGUAGES]
            assert all(not re.search(r"[{}]|None|--", text) for text in texts)
            has_numbers = finding.rule not in WITHOUT_NUMBERS and not (
                finding.rule == "platform.unverified" and judged.registered_on is None
            )
            assert len({*filter(None, texts)}) == (len(LANGUAGES) if has_numbers else 0), (finding, texts)
            seen.add(finding.rule)
    assert len(seen) > 15
