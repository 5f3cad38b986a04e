"""Rule sections of policy files, and errors with file, line and key."""

from __future__ import annotations

import re
from datetime import date

import pytest

from registry.freeze.policy_file import read_policy
from registry.freeze.rules import RULES
from tests.freeze.policy_texts import CREATION, SHIPPED, changed, in_creation, line_of, problems


def test_rules_keep_the_order_of_the_table_however_the_file_orders_them() -> None:
    head, *sections = re.split(r'(?m)^(?=\[rules\.")', SHIPPED)
    assert tuple(read_policy(head + "\n".join(reversed(sections)), "policy.toml").rules) == RULES


def test_wordings_are_ordered_by_date_however_the_file_orders_them() -> None:
    text = SHIPPED.replace("2026-07-10", "2027-07-10").replace(
        "in_force_from = 2026-07-11", "in_force_from = 2025-01-01"
    )
    text = re.sub(r"(in_force_from = 2025-01-01)", r"\1\nin_force_to = 2025-12-31", text)
    clauses = read_policy(text, "policy.toml").rules["freeze.creation"].clauses
    assert [clause.in_force_from for clause in clauses] == [date(2025, 1, 1), date(2026, 1, 1)]
    assert [clause.in_force_to for clause in clauses] == [date(2025, 12, 31), date(2027, 7, 10)]


def test_missing_rule_is_rejected_and_so_is_an_unknown_one() -> None:
    text = SHIPPED.replace('rules."freeze.creation"', 'rules."freeze.unheard-of"')
    missing, unknown = problems(text)
    assert missing == f"policy.toml:1: {CREATION}: missing, expected a table"
    line = line_of('[rules."freeze.unheard-of"]', text)
    assert unknown.startswith(
        f'policy.toml:{line}: rules."freeze.unheard-of": unknown, expected only platform.unverified'
    )


def test_rule_that_is_no_table_is_rejected() -> None:
    start = SHIPPED.index('[rules."freeze.creation"]')
    end = SHIPPED.index('[rules."freeze.planned"]')
    text = SHIPPED[:start] + '[rules]\n"freeze.creation" = 5\n' + SHIPPED[end:]
    (problem,) = problems(text)
    assert problem == f"policy.toml:{line_of('[rules]', text) + 1}: {CREATION}: expected a table, found 5"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("enabled", "1", "true or false"),
        ("kk_reviewed", '"no"', "true or false"),
        ("severity", '"critical"', "one of plan, low, medium, high"),
        ("title_kk", '""', "a text that is not blank"),
        ("remedy_ru", "7", "a text that is not blank"),
        ("in_force_from", "2026-01-01T00:00:00Z", "a date such as 2026-01-01, without quotes or time"),
        ("in_force_to", "false", "a date such as 2026-01-01, without quotes or time"),
        ("act_en", '" "', "a text that is not blank"),
        ("text_kk", "[]", "a text that is not blank"),
    ],
)
def test_wrong_value_in_a_rule_is_rejected_by_line_and_key(key: str, value: str, expected: str) -> None:
    text = in_creation(key, value)
    (problem,) = problems(text)
    line = line_of(f"\n{key} = ", text[text.index('[rules."freeze.creation"]') :])
    line += line_of('[rules."freeze.creation"]', text)
    place = f"{CREATION}.clauses[1]" if key.startswith(("in_force", "act", "text")) else CREATION
    assert problem.startswith(f"policy.toml:{line}: {place}.{key}: expected {expected}, found ")


@pytest.mark.parametrize("part", ["title", "remedy", "act", "text"])
@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_text_missing_in_one_language_is_rejected(part: str, language: str) -> None:
    start = SHIPPED.index('[rules."freeze.creation"]')
    rest = re.sub(rf"(?m)^{part}_{language} = .*$", "", SHIPPED[start:], count=1)
    (problem,) = problems(SHIPPED[:start] + rest)
    inside = part in ("act", "text")
    line = line_of('[[rules."freeze.creation".clauses]]' if inside else '[rules."freeze.creation"]')
    key = f"{CREATION}{'.clauses[1]' if inside else ''}.{part}_{language}"
    assert problem == f"policy.toml:{line}: {key}: missing, expected a text that is not blank"


def test_texts_in_further_languages_are_optional() -> None:
    text = in_creation("title_en", '"New"\ntitle_tr = "Yeni sistem"')
    titles = {name: rule.title for name, rule in read_policy(text, "policy.toml").rules.items()}
    assert titles["freeze.creation"]["tr"] == "Yeni sistem"
    assert set(titles["freeze.planned"]) == {"kk", "ru", "en"}


@pytest.mark.parametrize("key", ["title_Tr", "title_turkish", "titel_tr", "title_t1"])
def test_key_that_is_no_text_in_a_language_is_rejected(key: str) -> None:
    (problem,) = problems(in_creation("title_en", f'"New"\n{key} = "x"'))
    assert f"{CREATION}.{key}: unknown, expected only enabled, severity, kk_reviewed, title_kk" in problem


def test_blank_text_in_a_further_language_is_rejected() -> None:
    (problem,) = problems(in_creation("title_en", '"New"\ntitle_tr = " "'))
    assert problem.endswith(f"{CREATION}.title_tr: expected a text that is not blank, found ' '")


@pytest.mark.parametrize("value", ["[]", "{}", "[1]", '"decree"'])
def test_rule_without_a_legal_basis_is_rejected(value: str) -> None:
    start = SHIPPED.index('\n[[rules."freeze.creation".clauses]]')
    end = SHIPPED.index('[rules."freeze.planned"]')
    text = f"{SHIPPED[:start]}clauses = {value}\n{SHIPPED[end:]}"
    (problem,) = problems(text)
    line = line_of("\nclauses = ", text) + 1
    assert problem.startswith(f"policy.toml:{line}: {CREATION}.clauses: expected one or more tables, found ")


@pytest.mark.parametrize("end", ["2026-07-11", "2027-01-01", None])
def test_overlapping_wordings_are_rejected_at_the_later_one(end: str | None) -> None:
    line = "" if end is None else f"in_force_to = {end}"
    text = changed("in_force_to = 2026-07-10", line, '[rules."freeze.creation"]')
    (problem,) = problems(text)
    at = line_of("in_force_from = 2026-07-11", text[text.index('[rules."freeze.creation"]') :])
    at += line_of('[rules."freeze.creation"]', text) - 1
    assert problem == (
        f"policy.toml:{at}: {CREATION}.clauses[2].in_force_from: "
        "overlaps the wording in force from 2026-01-01, expected a later day"
    )


def test_wordings_of_one_day_and_with_a_gap_are_accepted() -> None:
    for end in ("2026-01-01", "2026-07-09"):
        text = changed("in_force_to = 2026-07-10", f"in_force_to = {end}", '[rules."freeze.creation"]')
        clauses = read_policy(text, "policy.toml").rules["freeze.creation"].clauses
        assert clauses[0].in_force_to == date.fromisoformat(end)


def test_wording_that_ends_before_it_begins_is_rejected() -> None:
    text = changed("in_force_to = 2026-07-10", "in_force_to = 2025-12-31", '[rules."freeze.creation"]')
    (problem,) = problems(text)
    at = line_of("in_force_to = 2025-12-31", text)
    assert problem == (f"policy.toml:{at}: {CREATION}.clauses[1].in_force_to: expected a day on or after 2026-01-01")


def test_table_inside_a_wording_is_reported_at_its_own_line() -> None:
    at = SHIPPED.index('[rules."freeze.planned"]')
    text = SHIPPED[:at] + '[rules."freeze.creation".clauses.odd]\nx = 1\n' + SHIPPED[at:]
    (problem,) = problems(text)
    line = line_of('[rules."freeze.creation".clauses.odd]', text)
    assert problem.startswith(f"policy.toml:{line}: {CREATION}.clauses[2].odd: unknown, expected only act_kk")
