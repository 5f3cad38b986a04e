"""Ways around the freeze (``tricks.csv``) that the law alone can judge: each has at least its expected severity."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from registry.freeze.evaluation import evaluate
from registry.freeze.facts import EarlierRevision, Facts, Sibling
from registry.freeze.vocabulary import Severity
from tests.freeze.factories import POLICY

ON: Final = date(2026, 6, 30)
# Of accounts, links, imports and requests.
PLAYED_ELSEWHERE: Final = {
    7: "one key confirms one object: tests/platform/test_inventory.py",
    8: "replacing what identifies the object ends its confirmations: tests/platform/test_api_confirmations.py",
    11: "the kind of an agency takes two people: tests/requests/test_requests.py",
    13: "agencies of one ministry: tests/audits/test_projects_counted_together.py",
    14: "one name: tests/audits/test_projects_counted_together.py",
    15: "a code that was taken away: tests/audits/test_projects_counted_together.py",
    21: "an import is an edit: tests/audits/test_edits_that_end_findings.py",
    30: "the agency, oversight and the journal: tests/requests/test_succession.py",
}


def record(**values: Any) -> Facts:
    usual = {"agency_kind": "central_body", "work_type": "creation", "stage": "creation", "placement": "off_platform"}
    return Facts(**{"registered_on": date(2026, 6, 1), **usual, **values})


def edited(before: Facts, on: date, **values: Any) -> Facts:
    """The record after an edit of the agency, which ends the confirmations of what it changes."""
    names = [name for name in EarlierRevision.__dataclass_fields__ if name != "replaced_on"]
    past = EarlierRevision(**{name: getattr(before, name) for name in names}, replaced_on=on)
    confirmed = tuple(each for each in before.confirmed if each[0] not in values)
    return replace(before, past=(*before.past, past), confirmed=confirmed, **values)


def modification(**values: Any) -> Facts:
    usual = {
        "contract_signed_on": date(2026, 3, 1),
        "object_commissioned_on": date(2019, 4, 1),
        "object_original_cost_kzt": 100_000_000,
        "budget_kzt": 19_000_000,
    }
    return record(work_type="modification", **{**usual, **values})


def slice_of(number: str, budget_kzt: int, **values: Any) -> Sibling:
    """Another project of the agency on the object, with the same supplier."""
    usual = {
        "work_type": "modification",
        "contract_signed_on": date(2026, 3, 1),
        "object_original_cost_kzt": 100_000_000,
    }
    return Sibling(number=number, has_same_supplier=True, budget_kzt=budget_kzt, **{**usual, **values})


FLAGGED: Final = record(contract_signed_on=date(2026, 2, 1))
PROVEN: Final = (("object_original_cost_kzt", date(2026, 6, 2)), ("consent_number", date(2026, 6, 2)))


def registered_again(former: Facts, **values: Any) -> Facts:
    past = edited(former, date(2026, 5, 4)).past
    return record(registered_on=date(2026, 5, 10), former=(past,), **values)


TRICKS: Final[Mapping[int, Callable[[], Facts]]] = {
    1: lambda: record(stage="archived", contract_signed_on=date(2026, 3, 1), ended_on=date(2025, 11, 30)),
    2: lambda: record(work_type="maintenance", contract_signed_on=date(2026, 3, 1)),
    3: lambda: record(
        work_type="migration",
        stage="operation",
        contract_signed_on=date(2026, 3, 1),
        object_commissioned_on=date(2020, 1, 1),
    ),
    4: lambda: modification(
        consent_number="7-1/22", confirmed=PROVEN, siblings=(slice_of("QT-1", 19_000_000), slice_of("QT-2", 19_000_000))
    ),
    5: lambda: record(
        work_type="development",
        contract_signed_on=date(2023, 5, 1),
        work_started_on=date(2026, 3, 2),
        object_commissioned_on=date(2019, 4, 1),
    ),
    6: lambda: record(contract_signed_on=date(2026, 2, 1), commissioned_on=date(2025, 12, 20)),
    9: lambda: edited(
        modification(budget_kzt=40_000_000),
        date(2026, 6, 10),
        consent_number="7-1/22",
        object_original_cost_kzt=200_000_000,
    ),
    10: lambda: edited(
        record(stage="pilot", contract_signed_on=date(2024, 2, 1), pilot_started_on=date(2025, 3, 1)),
        date(2026, 3, 1),
        pilot_started_on=date(2026, 4, 1),
    ),
    12: lambda: registered_again(
        FLAGGED, work_type="development", contract_signed_on=date(2025, 2, 1), object_commissioned_on=date(2019, 4, 1)
    ),
    16: lambda: record(
        work_type="maintenance",
        stage="operation",
        contract_signed_on=date(2026, 3, 2),
        object_commissioned_on=date(2019, 4, 1),
        budget_kzt=30_000_000,
        siblings=tuple(slice_of(f"QT-{number}", 30_000_000, work_type="maintenance") for number in range(4)),
    ),
    17: lambda: modification(budget_kzt=1, consent_number="7-1/22"),
    18: lambda: record(
        work_type="development",
        contract_signed_on=date(2026, 1, 15),
        object_commissioned_on=date(2025, 12, 31),
        budget_kzt=900_000_000,
    ),
    19: lambda: edited(
        record(contract_signed_on=date(2026, 2, 1), work_started_on=date(2025, 12, 1)),
        date(2026, 6, 10),
        contract_signed_on=None,
    ),
    20: lambda: edited(FLAGGED, date(2026, 6, 1), contract_signed_on=date(2025, 12, 30)),
    22: lambda: edited(FLAGGED, date(2026, 5, 5), stage="written_off", ended_on=date(2025, 12, 15)),
    23: lambda: record(stage="archived", commissioned_on=date(2024, 3, 1), ended_on=date(2023, 12, 1)),
    24: lambda: record(
        work_type="development", work_started_on=date(2025, 3, 1), contract_signed_on=date(2025, 12, 30)
    ),
    25: lambda: modification(object_commissioned_on=date(2027, 1, 1), consent_number="7-1/22", confirmed=PROVEN),
    26: lambda: record(
        work_type="maintenance",
        stage="operation",
        contract_signed_on=date(2026, 3, 1),
        object_commissioned_on=date(2019, 4, 1),
        object_original_cost_kzt=10_000_000,
        budget_kzt=20_000_000,
    ),
    27: lambda: edited(
        edited(FLAGGED, date(2026, 6, 10), work_type="modification"), date(2026, 6, 12), work_type="maintenance"
    ),
    28: lambda: edited(
        modification(budget_kzt=30_000_000, consent_number="7-1/22", confirmed=PROVEN),
        date(2026, 6, 10),
        object_original_cost_kzt=200_000_000,
    ),
    29: lambda: edited(
        edited(edited(FLAGGED, date(2026, 6, 10), contract_signed_on=date(2025, 2, 1)), date(2026, 6, 11)),
        date(2026, 6, 12),
        contract_signed_on=date(2025, 2, 1),
    ),
    31: lambda: record(
        placement="onboarding", onboarding_due_on=date(2026, 6, 1), onboarding_confirmed_on=date(2026, 1, 5)
    ),
}


def rows() -> dict[int, dict[str, str]]:
    with Path(__file__).with_name("tricks.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["number"]): row for row in csv.DictReader(file)}


@pytest.mark.parametrize("number", TRICKS)
def test_trick_has_at_least_its_expected_severity(number: int) -> None:
    severities = {finding.rule: finding.severity for finding in evaluate(TRICKS[number](), POLICY, ON)}
    expected = Severity(rows()[number]["expected"]).rank
    assert max((Severity(severity).rank for severity in severities.values()), default=0) >= expected, severities
