"""Confirmations end when another object takes the place of the one that was confirmed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.projects.edits import withdraw_confirmations

CONFIRMED = {
    "placement_verified_on": date(2026, 5, 1),
    "onboarding_confirmed_on": date(2026, 5, 2),
    "ending_confirmed_on": date(2026, 5, 3),
}
BEFORE: dict[str, Any] = {
    "placement": "on_platform",
    "platform_key": "qt-1",
    "onboarding_due_on": None,
    "stage": "operation",
    "ended_on": None,
    "object_kind": "information_system",
    "contract_number": "12/3",
    "supplier_bin": "050340004478",
    "name_kk": None,
    "name_ru": "Портал «Озёра»",
    **CONFIRMED,
}


def after(**changes: Any) -> dict[str, Any]:
    values = BEFORE | changes
    withdraw_confirmations(BEFORE, values)
    return {name: values[name] for name in CONFIRMED}


@pytest.mark.parametrize(
    "change",
    [
        {"object_kind": "platform"},
        {"contract_number": "77"},
        {"contract_number": None},
        {"supplier_bin": "960140000061"},
        {"name_ru": "Учёт лесов"},
        {"name_ru": None, "name_kk": "Орман"},
    ],
)
def test_another_object_ends_every_confirmation(change: dict[str, Any]) -> None:
    assert after(**change) == dict.fromkeys(CONFIRMED)


@pytest.mark.parametrize("change", [{"name_ru": "портал  Озёра"}, {"name_kk": "Көлдер порталы"}, {"budget_kzt": 5}])
def test_typing_and_what_was_missing_end_none(change: dict[str, Any]) -> None:
    assert after(**change) == CONFIRMED


@pytest.mark.parametrize("change", [{"platform_key": "qt-2"}, {"placement": "off_platform"}])
def test_another_key_ends_what_rests_on_it(change: dict[str, Any]) -> None:
    assert after(**change) == CONFIRMED | {"placement_verified_on": None, "onboarding_confirmed_on": None}
