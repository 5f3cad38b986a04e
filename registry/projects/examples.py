"""Examples of projects, verdicts and flags for the documentation."""

from __future__ import annotations

from typing import Any, Final

from registry.projects import schemas

SENT: Final[dict[str, Any]] = {
    "agency": "050340004478",
    "external_id": "MZ-2026-014",
    "object_code": "MZ-EQUEUE",
    "name_kk": "Емханаға электрондық кезек",
    "name_ru": "Электронная очередь в поликлинику",
    "sector": "07",
    "object_kind": "system",
    "work_type": "creation",
    "stage": "creation",
    "placement": "off_platform",
    "contract_signed_on": "2026-02-16",
    "budget_kzt": 48_000_000,
    "budget_programme": "047-100",
    "cost_by_year": [{"year": 2026, "amount_kzt": 30_000_000}, {"year": 2027, "amount_kzt": 18_000_000}],
    "funding": "republican_budget",
    "region": "71",
    "integrations": ["QT-2026-0000002-3", "eGov"],
}
NUMBER: Final = "QT-2026-0000001-5"
PROJECT: Final[dict[str, Any]] = {
    **dict.fromkeys(name for name in schemas.PROJECT.fields if name not in schemas.PROJECT.SOMETIMES),
    **SENT,
    "number": NUMBER,
    "started_on": "2026-02-16",
    "is_restricted": False,
    "version": 1,
    "registered_at": "2026-03-02T06:00:00.000000Z",
    "updated_at": "2026-03-02T06:00:00.000000Z",
    "changed_at": "2026-03-02T06:00:00.000000Z",
    "freeze_status": "unaudited",
    "severity": None,
}
PATCH: Final[dict[str, Any]] = {"stage": "pilot", "ended_on": None, "change_reason": "Act 12 of 28 February 2026"}
VERDICT: Final[dict[str, Any]] = {
    "project": NUMBER,
    "on": "2026-03-02",
    "policy_version": "2026.1",
    "outcome": "flagged",
    "findings": [
        {
            "rule": "freeze.creation",
            "severity": "high",
            "title": "New creation after the cutoff",
            "reason": "Start on 16 February 2026; days after the freeze began: 46.",
            "observed": {"work_type": "creation", "started_on": "2026-02-16"},
            "required": "The work began before 1 January 2026, or the object is confirmed on QazTech.",
            "remedy": "Stop the work, or move it to QazTech and ask for its confirmation.",
            "clause": "Presidential decree of 10 December 2025, clause 1: …",
        }
    ],
    "valid_until": None,
    "facts": [{"fact": "consent_number", "state": "claimed"}],
    "next_findings": [],
}
SIMILAR: Final[dict[str, Any]] = {
    "number": "QT-2026-0000007-4",
    "agency": "050340004478",
    "name": "Создание системы электронной очереди в поликлиники",
    "score": 86,
    "reasons": ["name", "object_code"],
}
DIGITAL_OBJECT: Final[dict[str, Any]] = {
    "object_codes": ["MZ-EQUEUE"],
    "platform_keys": [],
    "placements": ["off_platform"],
    "projects": [
        {
            "number": NUMBER,
            "agency": "050340004478",
            "name_kk": SENT["name_kk"],
            "name_ru": SENT["name_ru"],
            "name_en": None,
            "object_code": "MZ-EQUEUE",
            "platform_key": None,
            "work_type": "modification",
            "stage": "creation",
            "placement": "off_platform",
            "contract_signed_on": "2026-03-01",
            "work_started_on": None,
            "budget_kzt": 15_000_000,
            "object_original_cost_kzt": 100_000_000,
            "freeze_status": "flagged",
            "severity": "medium",
        }
    ],
    "budget_kzt": 15_000_000,
    "least_cost_kzt": 100_000_000,
    "modifications_kzt": 15_000_000,
    "exchanges_data_with": ["eGov"],
    "platform_products": ["qt-queue"],
}
SHORT: Final[dict[str, Any]] = {
    "number": NUMBER,
    "agency": "050340004478",
    "external_id": SENT["external_id"],
    "name_kk": SENT["name_kk"],
    "name_ru": SENT["name_ru"],
    "name_en": None,
    "object_kind": "system",
    "work_type": "creation",
    "stage": "creation",
    "placement": "off_platform",
    "started_on": "2026-02-16",
    "budget_kzt": 48_000_000,
    "sector": "07",
    "region": "71",
    "freeze_status": "flagged",
    "severity": "high",
    "updated_at": "2026-03-02T06:00:00.000000Z",
    "changed_at": "2026-03-02T21:00:01.204511Z",
}
REVISION: Final[dict[str, Any]] = {
    "at": "2026-03-02T06:00:00.000000Z",
    "by": "a.serikova",
    "changes": [{"field": "budget_kzt", "old": 48_000_000, "new": 52_000_000}],
    "reason": "Supplementary agreement 2",
}
FLAG: Final[dict[str, Any]] = {
    "id": 1,
    "project": NUMBER,
    "rule": "freeze.creation",
    "severity": "high",
    "status": "open",
    **{name: VERDICT["findings"][0][name] for name in ("title", "reason", "observed", "required", "remedy", "clause")},
    "opened_on": "2026-03-03",
    "last_seen_on": "2026-03-09",
    "cleared_on": None,
    "exemption": None,
    "case": None,
    "changed_at": "2026-03-02T21:00:01.204511Z",
}
