"""The corpus itself."""

from __future__ import annotations

from tests.hostile.corpus import SUBJECTS, cases


def test_the_corpus_has_at_least_three_hundred_cases_each_with_a_name_of_its_own() -> None:
    names = [(subject, case["name"]) for subject in SUBJECTS for case in cases(subject)]

    assert len(names) >= 300
    assert len(set(names)) == len(names)


def test_every_case_says_what_it_is_and_what_is_expected() -> None:
    for subject in SUBJECTS:
        for case in cases(subject):
            assert case["name"] and case["what"], case
            told = {"values": {"expected", "accepted_by"}, "queries": {"on"}}.get(subject, {"expected"})
            assert told & set(case), case
