"""Corpus of hostile cases: size, names and completeness."""

from __future__ import annotations

from tests.hostile.corpus import SUBJECTS, cases


def test_corpus_has_at_least_three_hundred_uniquely_named_cases() -> None:
    names = [(subject, case["name"]) for subject in SUBJECTS for case in cases(subject)]

    assert len(names) >= 300
    assert len(set(names)) == len(names)


def test_every_case_has_description_and_expectation() -> None:
    for subject in SUBJECTS:
        for case in cases(subject):
            assert case["name"] and case["what"], case
            required = {"values": {"expected", "accepted_by"}, "queries": {"on"}}.get(subject, {"expected"})
            assert required & set(case), case
