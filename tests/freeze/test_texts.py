"""Texts of every finding in every language: rule, required condition, remedy and clause."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from registry.core.translations import LANGUAGES, translator
from registry.freeze.dates import add_months, format_date, format_deadline, format_last_day, iso
from registry.freeze.findings import Finding, FindingTexts, explain, required_text
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import REQUIRED_LANGUAGES, in_language
from tests.freeze.factories import POLICY

DAYS = (date(2026, 1, 1), date(2026, 7, 10), date(2026, 7, 11), date(2027, 1, 1))


def texts(explained: FindingTexts) -> tuple[str, ...]:
    return (explained.title, explained.required, explained.remedy, explained.clause)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_all_texts_in_every_language(rule: str, language: str) -> None:
    for on in DAYS:
        explained = explain(Finding(rule, "low", {}), POLICY, on, language, translator(language))
        for text in texts(explained):
            assert text.strip() == text != ""
            assert not re.search(r"[{}]|None|XX|  ", text)
        assert explained.title == in_language(POLICY.rules[rule].title, language)
        assert explained.remedy == in_language(POLICY.rules[rule].remedy, language)
        assert explained.required == required_text(rule, POLICY, language, translator(language))
        assert explained.required.endswith(".") and explained.remedy.endswith(".")
        assert not explained.title.endswith(".")


@pytest.mark.parametrize("rule", RULES)
def test_texts_differ_between_languages(rule: str) -> None:
    finding = Finding(rule, "low", {})
    explained = [
        texts(explain(finding, POLICY, DAYS[-1], language, translator(language))) for language in REQUIRED_LANGUAGES
    ]
    assert all(len(set(versions)) == len(explained) for versions in zip(*explained, strict=True))
    kazakh, russian, english = (" ".join(each) for each in explained)
    assert re.search("[әғқңөұүһі]", kazakh)
    assert not re.search("[әғқңөұүһі]", russian)
    assert not re.search("[а-яё]", english.lower())


@pytest.mark.parametrize("rule", ["contract.signed-later", "contract.sum-above-budget"])
def test_what_no_edit_ends_does_not_ask_for_an_edit(rule: str) -> None:
    remedy = POLICY.rules[rule].remedy
    assert "no edit" in remedy["en"] and "in the case" in remedy["en"]
    assert "не снимет" in remedy["ru"] and "алып тастамайды" in remedy["kk"]


def test_every_clause_names_an_act_that_was_in_force_on_the_day() -> None:
    for rule in RULES:
        before = explain(Finding(rule, "low", {}), POLICY, date(2026, 7, 10), "en", translator("en")).clause
        assert "Digital Code of" not in before
        assert re.search("decree|Law|Government meeting|Order", before)
        after = explain(Finding(rule, "low", {}), POLICY, date(2026, 7, 11), "en", translator("en")).clause
        act = (
            "Law on Artificial Intelligence" if rule.startswith("ai.") else "Digital Code of the Republic of Kazakhstan"
        )
        assert f"{act} of {'17 November 2025' if rule.startswith('ai.') else '9 January 2026, No. 255-VIII'}" in after


@pytest.mark.parametrize("language", LANGUAGES)
def test_required_text_contains_the_policys_values(language: str) -> None:
    policy = replace(
        POLICY,
        cutoff=date(2031, 2, 3),
        migration_deadline=date(2032, 11, 30),
        pilot_limit_months=71,
        modification_limit_percent=72,
        verification_grace_days=73,
        onboarding_limit_months=74,
        start_clock=("work_started_on",),
    )
    for rule, day in [("freeze.creation", date(2031, 2, 3)), ("migration.overdue", date(2032, 11, 30))]:
        assert format_date(day, language) in required_text(rule, policy, language, translator(language))
    for rule, value in [
        ("freeze.pilot-limit", "71"),
        ("freeze.modification-limit", "72"),
        ("platform.unverified", "73"),
        ("platform.onboarding", "74"),
    ]:
        assert value in required_text(rule, policy, language, translator(language))


def test_required_text_contains_the_start_clock() -> None:
    both = "date the contract was signed, date work started"
    assert f"({both})" in required_text("freeze.data-gap", POLICY, "en", translator("en"))
    work_only = replace(POLICY, start_clock=("work_started_on",))
    assert "(дата начала работ)" in required_text("freeze.data-gap", work_only, "ru", translator("ru"))
    assert "(жұмыс басталған күн)" in required_text("freeze.data-gap", work_only, "kk", translator("kk"))


def test_english_stands_in_for_texts_that_the_policy_lacks() -> None:
    explained = explain(Finding("freeze.legacy", "low", {}), POLICY, DAYS[0], "de", str)
    assert (explained.title, explained.required) == (
        "Object outside the platform",
        "The object is confirmed on QazTech.",
    )


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2025, 2, 28), 12, date(2026, 2, 28)),
        (date(2025, 12, 31), 1, date(2026, 1, 31)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2025, 11, 15), 1, date(2025, 12, 15)),
        (date(2025, 8, 31), 25, date(2027, 9, 30)),
    ],
)
def test_months_are_added_by_the_calendar(day: date, months: int, later: date) -> None:
    assert add_months(day, months) == later


def test_dates_are_written_as_each_language_writes_them() -> None:
    assert format_date(date(2026, 1, 5), "en") == "5 January 2026"
    assert format_date(date(2026, 12, 31), "en") == "31 December 2026"
    assert format_date(date(2026, 1, 5), "ru") == format_date(date(2026, 1, 5), "kk") == "05.01.2026"
    assert (iso(date(2026, 1, 5)), iso(None)) == ("2026-01-05", None)


@pytest.mark.parametrize(
    ("language", "text", "last_day"),
    [
        ("kk", "2026 жылғы 31 желтоқсаннан кешіктірмей (қоса алғанда)", "31.12.2026 (қоса алғанда)"),
        ("ru", "не позднее 31 декабря 2026 года (включительно)", "31.12.2026 (включительно)"),
        ("en", "not later than 31 December 2026 (inclusive)", "31 December 2026 (inclusive)"),
    ],
)
def test_deadline_includes_its_day_in_every_language(language: str, text: str, last_day: str) -> None:
    assert format_deadline(date(2026, 12, 31), language) == text
    assert format_last_day(date(2026, 12, 31), language) == last_day
