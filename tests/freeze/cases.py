"""Test cases worked out by hand: facts on a date and the findings required by the contract.

``cases.csv``, ``cases_ai.csv``, ``cases_platform.csv`` and ``cases_contracts.csv`` are judged by the policy without
facts to confirm, ``cases_confirmed_facts.csv`` by the shipped one. The rows of the other three are maintenance of an
object, those of ``cases_ai.csv`` and ``cases_contracts.csv`` outside QazTech; ``ai`` says how their entry differs from
a complete one of minimal risk that was checked on 2026-02-01, ``contracts`` which ones the procurement portal has.
"""

from __future__ import annotations

import csv
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import NamedTuple

from registry.freeze.facts import (
    AI_ENTRY,
    AI_FACTS,
    DEPLOYMENT_FACTS,
    Confirmed,
    ContractTerms,
    EarlierRevision,
    Facts,
    Sibling,
)

FILE = Path(__file__).with_name("cases.csv")
AI_SYSTEMS = Path(__file__).with_name("cases_ai.csv")
PLATFORM = Path(__file__).with_name("cases_platform.csv")
CONTRACTS = Path(__file__).with_name("cases_contracts.csv")
CONFIRMED_FACTS = Path(__file__).with_name("cases_confirmed_facts.csv")

SEVERITIES: dict[str, frozenset[str]] = {
    rule: frozenset(severities.split())
    for rule, severities in {
        "platform.unverified": "low medium",
        "platform.onboarding": "plan",
        "platform.onboarding-overdue": "medium",
        "platform.onboarding-unconfirmed": "low",
        "platform.idle": "medium",
        "freeze.creation": "high",
        "freeze.planned": "medium",
        "freeze.transitional": "medium",
        "freeze.development": "medium",
        "freeze.misclassified": "high",
        "freeze.modification-limit": "high",
        "freeze.modification-sum": "medium",
        "freeze.pilot-limit": "high",
        "freeze.data-gap": "medium",
        "migration.overdue": "plan",
        "migration.order-overdue": "high",
        "order.overdue": "high",
        "security.untested": "medium",
        "integrity.backdated": "high",
        "integrity.rewritten": "medium high",
        "integrity.contradiction": "medium",
        "integrity.split-contract": "medium",
        "integrity.ended-unconfirmed": "medium",
        "freeze.legacy": "plan",
        "ai.incomplete": "medium",
        "ai.contradiction": "medium",
        "ai.outdated": "medium",
        "contract.signed-later": "high",
        "contract.sum-above-budget": "medium",
        "contract.raised-after-cutoff": "medium",
        "contract.split": "medium",
    }.items()
}
"""Every rule of the contract with the severities that the default policy can give it."""

OWN_COLUMNS = ("confirmed", "past", "former", "siblings", "contracts", *AI_FACTS, *DEPLOYMENT_FACTS)
FACT_COLUMNS = [field.name for field in fields(Facts) if field.name not in OWN_COLUMNS]
COMPLETE = dict.fromkeys(AI_ENTRY, "x") | {
    "is_ai": "yes",
    "ai_personal_data": "no",
    "ai_risk_class": "minimal",
    "ai_reviewed_on": "2026-02-01",
}
OF_AI = {
    "agency_kind": "central_body",
    "work_type": "maintenance",
    "placement": "off_platform",
    "registered_on": "2025-11-20",
    "object_commissioned_on": "2018-05-14",
}
REMAINING = ["past", "former", "findings", "reason"]
COLUMNS = {
    FILE: ["id", "rule", "kind", "on", *FACT_COLUMNS, "past", "former", "siblings", "findings", "reason"],
    AI_SYSTEMS: ["id", "rule", "kind", "on", "stage", "ai", "confirmed", *REMAINING],
    PLATFORM: [
        *("id", "rule", "kind", "on", "stage", "placement", "placement_verified_on", *DEPLOYMENT_FACTS, *REMAINING),
    ],
    CONTRACTS: [
        *("id", "rule", "kind", "on", "stage", "contract_signed_on", "budget_kzt", "ending_confirmed_on"),
        *("contracts", *REMAINING),
    ],
    CONFIRMED_FACTS: ["id", "rule", "kind", "on", *FACT_COLUMNS, "confirmed", *REMAINING],
}
REQUIRED = {"agency_kind", "work_type", "stage", "placement"}
YES_OR_NO = {"deployments_reported", "is_ai", "holds_personal_data", "ai_personal_data"}
MONEY = {"budget_kzt", "object_original_cost_kzt"}
SIBLING_KEYS = [field.name for field in fields(Sibling) if field.name != "earlier"]
PAST_KEYS = [field.name for field in fields(EarlierRevision)]


class Case(NamedTuple):
    """One row. ``findings`` are all findings expected under the default policy."""

    id: str
    rule: str
    kind: str
    on: date
    facts: Facts
    findings: frozenset[tuple[str, str]]
    reason: str


def _value(column: str, text: str) -> str | bool | int | date | Confirmed | None:
    if column in REQUIRED:
        if not text:
            raise ValueError(f"{column} must not be empty")
        return text
    if column == "confirmed":
        return tuple((name, date.fromisoformat(day)) for name, _, day in (part.partition("@") for part in text.split()))
    if not text:
        return None
    if column in YES_OR_NO:
        return {"yes": True, "no": False}[text]
    if column in MONEY:
        return int(text)
    if column.endswith(("_on", "_by")):
        return date.fromisoformat(text)
    return text


def _past(text: str, present: dict[str, str]) -> tuple[EarlierRevision, ...]:
    """Earlier revisions, oldest first. An omitted key has the present value, an omitted day of the edit is D."""
    revisions = []
    for part in text.split(" | ") if text else []:
        values = {
            key: present.get("on" if key == "replaced_on" else key, "") for key in PAST_KEYS if key != "confirmed"
        }
        values["confirmed"] = ""
        for pair in part.split(";"):
            key, equals, value = pair.partition("=")
            if key not in values or not equals:
                raise ValueError(f"not a past value: {pair!r}")
            values[key] = value
        typed = {key: _value(key, value) for key, value in values.items()}
        revisions.append(EarlierRevision(**typed))  # type: ignore[arg-type]
    return tuple(revisions)


def _former(text: str, present: dict[str, str]) -> tuple[tuple[EarlierRevision, ...], ...]:
    """The revisions of each former record."""
    return tuple(_past(record, present) for record in text.split(" || ")) if text else ()


def _siblings(text: str, present: dict[str, str]) -> tuple[Sibling, ...]:
    """Other projects on the same object. An omitted key has the present value; without a number it is elsewhere."""
    siblings = []
    for place, part in enumerate(text.split(" | ") if text else []):
        values = {name: present.get(name, "") for name in SIBLING_KEYS} | {"number": f"QT-{place + 1}"}
        for pair in part.split(";") if part != "same" else ():
            key, equals, value = pair.partition("=")
            if key not in values or not equals:
                raise ValueError(f"not a value of a sibling: {pair!r}")
            values[key] = value
        has_same_supplier = values.pop("has_same_supplier") == "yes"
        typed = {key: _value(key, value) for key, value in values.items()}
        siblings.append(Sibling(has_same_supplier=has_same_supplier, **typed))  # type: ignore[arg-type]
    return tuple(siblings)


def _contracts(text: str) -> tuple[ContractTerms, ...]:
    """Contracts as ``2026-02-12=60 2026-03-01=70``: the day and sum of the signing, then those of amendments.

    ``?`` is a day that is not known, a sum may be left out, and ``@`` gives another supplier.
    """
    contracts = []
    for place, part in enumerate(text.split(" | ") if text else []):
        terms, _, supplier = part.partition("@")
        agreed = [
            (day, int(total) if total else None) for day, _, total in (each.partition("=") for each in terms.split())
        ]
        (signed_on, total), *amendments = agreed
        contracts.append(
            ContractTerms(
                None if signed_on == "?" else date.fromisoformat(signed_on),
                total,
                tuple((date.fromisoformat(day), new) for day, new in amendments),
                f"070240006286/26{place + 1}",
                supplier or "050340004478",
            )
        )
    return tuple(contracts)


def _findings(text: str) -> frozenset[tuple[str, str]]:
    items = text.split()
    if items != sorted(set(items)):
        raise ValueError(f"findings must be sorted, each once: {text!r}")
    pairs = [item.partition(":")[::2] for item in items]
    for rule, severity in pairs:
        if severity not in SEVERITIES.get(rule, ()):
            raise ValueError(f"no such finding: {rule}:{severity}")
    return frozenset(pairs)


def _case(row: dict[str, str]) -> Case:
    if row["rule"] not in SEVERITIES or row["kind"] not in {"fires", "near_miss"}:
        raise ValueError(f"unknown rule or kind: {row['rule']!r}, {row['kind']!r}")
    if "deployments_reported" in row:
        row = OF_AI | row
    if "ai" in row:
        differing = (pair.partition("=")[::2] for pair in row["ai"].split(";") if "=" in pair)
        row = OF_AI | row | ({**COMPLETE, **dict(differing)} if row["ai"] else {})
    if "contracts" in row:
        row = OF_AI | row
    values = {
        column: _value(column, row.get(column, ""))
        for column in (*FACT_COLUMNS, *AI_FACTS, *DEPLOYMENT_FACTS, "confirmed")
    }
    return Case(
        id=row["id"],
        rule=row["rule"],
        kind=row["kind"],
        on=date.fromisoformat(row["on"]),
        facts=Facts(
            past=_past(row["past"], row),
            former=_former(row["former"], row),
            siblings=_siblings(row.get("siblings", ""), row),
            contracts=_contracts(row.get("contracts", "")),
            **values,  # type: ignore[arg-type]
        ),
        findings=_findings(row["findings"]),
        reason=row["reason"],
    )


def load(path: Path = FILE) -> list[Case]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        if reader.fieldnames != COLUMNS[path]:
            raise ValueError(f"columns must be {COLUMNS[path]}, not {reader.fieldnames}")
        cases = []
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"line {reader.line_num}: wrong number of cells")
            try:
                cases.append(_case(row))
            except ValueError as error:
                raise ValueError(f"line {reader.line_num}, {row['id']}: {error}") from error
        return cases
