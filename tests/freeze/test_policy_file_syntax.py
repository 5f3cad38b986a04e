"""Policy files that cannot be read, or have wrong keys or sections: errors with file, line and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from registry.freeze.policy_file import PolicyInvalid, load_policy
from tests.freeze.policy_texts import CREATION, SHIPPED, changed, in_creation, line_of, problems


@pytest.mark.parametrize("key", ["version", "cutoff", "start_clock", "change_threshold_minimum"])
def test_missing_key_is_rejected_at_the_first_line(key: str) -> None:
    (problem,) = problems(re.sub(rf"(?m)^{key} = .*$", "", SHIPPED, count=1))
    assert problem.startswith(f"policy.toml:1: {key}: missing, expected ")


def test_missing_deadline_is_rejected_at_the_line_of_its_section() -> None:
    (problem,) = problems(changed("review = 20", ""))
    assert problem.startswith(
        f"policy.toml:{line_of('[deadlines]')}: deadlines.review: missing, expected a whole number"
    )


def test_unknown_key_is_rejected_anywhere() -> None:
    for text, key in [
        (changed('version = "2026.12.1"', 'version = "2026.12.1"\nodd = 1'), "odd"),
        (changed("review = 20", "review = 20\nodd = 1"), "deadlines.odd"),
        (changed("enabled = true", "enabled = true\nodd = 1", '[rules."freeze.creation"]'), f"{CREATION}.odd"),
        (
            changed("in_force_from = ", "odd = 1\nin_force_from = ", '[[rules."freeze.creation".clauses]]'),
            f"{CREATION}.clauses[1].odd",
        ),
    ]:
        (problem,) = problems(text)
        assert problem.startswith(f"policy.toml:{line_of('odd = 1', text)}: {key}: unknown, expected only ")
    assert problems(changed("review = 20", "review = 20\nodd = 1"))[0].endswith("only answer, review, appeal")


@pytest.mark.parametrize("value", ['"none"', "[]", "1"])
def test_section_that_is_no_table_is_rejected(value: str) -> None:
    head = SHIPPED[: SHIPPED.index("[deadlines]")]
    text = f"deadlines = {value}\nrules = {value}\n{head}"
    deadlines, rules = problems(text)
    assert deadlines.startswith("policy.toml:1: deadlines: expected a table, found ")
    assert rules.startswith("policy.toml:2: rules: expected a table, found ")
    assert problems(head) == (
        "policy.toml:1: deadlines: missing, expected a table",
        "policy.toml:1: rules: missing, expected a table",
    )


def test_all_problems_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = SHIPPED.replace("pilot_limit_months = 12", "pilot_limit_months = 0").replace("answer = 10", "answer = 0")
    text = text.replace('severity = "high"', 'severity = "grave"').replace("cutoff = 2026", "cut_off = 2026")
    reported = problems(text)
    lines = [int(problem.split(":")[1]) for problem in reported]
    assert len(reported) == 4 + SHIPPED.count('severity = "high"')
    assert lines == sorted(lines)


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_keys_inside_a_multiline_text_do_not_change_line_numbers(quotes: str) -> None:
    text = in_creation("title_kk", f"{quotes}\nseverity = 1\n[deadlines]\n{quotes}")
    # One that ends on its own line opens nothing.
    text = text.replace('version = "2026.12.1"', f"version = {quotes}2026.12.1{quotes}").replace(
        "answer = 10", "answer = 0"
    )
    text = text.replace('severity = "high"', "severity = 2")
    reported = problems(text)
    assert reported[0].startswith(f"policy.toml:{line_of('answer = 0', text)}: deadlines.answer: ")
    assert reported[1].startswith(f"policy.toml:{line_of('severity = 2', text)}: {CREATION}.severity: ")


def test_dotted_keys_and_inline_tables_are_handled_like_sections() -> None:
    start = SHIPPED.index("[deadlines]")
    end = SHIPPED.index("# The rules.")
    dotted = "deadlines.answer = 10\ndeadlines . 'review' = 0\ndeadlines.\"appeal\" = 15\n"
    text = SHIPPED[:start] + dotted + SHIPPED[end:]
    (problem,) = problems(text)
    assert problem.startswith(f"policy.toml:{line_of('deadlines . ', text)}: deadlines.review: expected a whole number")
    text = SHIPPED[:start] + "deadlines = {answer = 10, review = 0, appeal = 15}\n" + SHIPPED[end:]
    (problem,) = problems(text)
    assert problem.startswith(
        f"policy.toml:{line_of('deadlines = {', text)}: deadlines.review: expected a whole number"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('version = "2026.12.1"\ncutoff = 2026-13-01\n\nin_force_from = 1\n', 2),
        ("a = 1\n\na = 2\n", 3),
        ('a = 1\nb = """\n\n', 2),
        ("\ufeffa = 1", 1),
    ],
)
def test_invalid_toml_is_rejected_with_its_line(text: str, line: int) -> None:
    (problem,) = problems(text)
    assert problem.startswith(f"policy.toml:{line}: not valid TOML: ")


@pytest.mark.parametrize(("content", "line"), [(b"\xff", 1), (b"\n\xff", 2), (b"a = 1\n\n# \xd0", 3)])
def test_file_that_is_not_utf8_is_rejected_with_the_line(tmp_path: Path, content: bytes, line: int) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(content)
    with pytest.raises(PolicyInvalid) as refused:
        load_policy(file)
    assert refused.value.problems == (f"{file}:{line}: not UTF-8, expected a TOML file saved as UTF-8",)


def test_missing_file_is_rejected_by_name(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        load_policy(tmp_path / "none.toml")
    assert refused.value.problems == (f"{tmp_path / 'none.toml'}: cannot be read: No such file or directory",)


def test_errors_contain_the_file_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(SHIPPED.replace("answer = 10", "answer = 0"), encoding="utf-8")
    with pytest.raises(PolicyInvalid, match=re.escape(f"{file}:{line_of('answer = 10')}: deadlines.answer: expected")):
        load_policy(file)
