"""Matching and classification, measured on 10,000 made contracts with known truth."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from registry.procurement.classification import it_words
from registry.procurement.matching import ContractFacts, Pair, ProjectFacts, pairs_of
from registry.projects.similarity import words_of
from tests.procurement.made_contracts import MadeAgency, made_agencies

WORDS = it_words("")
CONTRACTS = 10_000


def verdict_of(values: dict[str, Any]) -> bool:
    return WORDS.verdict(values["codes"], values["description_kk"], values["description_ru"]).is_it


def facts_of(agency: MadeAgency) -> tuple[list[ContractFacts], list[ProjectFacts]]:
    contracts = [
        ContractFacts(
            each.id,
            each.values["number_sys"],
            each.values["contract_number"],
            each.values["supplier_bin"],
            each.values["signed_on"],
            {each.values["sum_kzt"], each.values["current_sum_kzt"]},
            words_of({"name_kk": each.values["description_kk"], "name_ru": each.values["description_ru"]}),
            verdict_of(each.values),
        )
        for each in agency.contracts
    ]
    projects = [
        ProjectFacts(
            place,
            each["contract_number"],
            each["supplier_bin"],
            each["signed_on"],
            each["budget_kzt"],
            words_of(each),
        )
        for place, each in enumerate(agency.projects)
    ]
    return contracts, projects


def share(part: int, whole: int) -> float:
    return round(part / whole, 4)


def test_matches_are_right_and_few_are_missed(capsys: pytest.CaptureFixture[str]) -> None:
    pairs: list[tuple[MadeAgency, Pair]] = []
    expected = 0
    for agency in made_agencies(CONTRACTS):
        pairs += [(agency, pair) for pair in pairs_of(*facts_of(agency))]
        expected += len(agency.truth)
    right = [(agency, pair) for agency, pair in pairs if (pair.contract_id, pair.project_id) in agency.truth]
    certain = [pair for _, pair in pairs if pair.is_certain]
    certain_right = [pair for _, pair in right if pair.is_certain]
    assert len({(id(agency), pair.contract_id, pair.project_id) for agency, pair in pairs}) == len(pairs)
    figures = {
        "pairs": expected,
        "precision": share(len(right), len(pairs)),
        "recall": share(len(right), expected),
        "precision_of_certain": share(len(certain_right), len(certain)),
        "recall_of_certain": share(len(certain_right), expected),
    }
    with capsys.disabled():
        print(json.dumps(figures))  # noqa: T201 - the figures are what this is for
    assert figures["precision"] >= 0.97
    assert figures["recall"] >= 0.9
    assert figures["precision_of_certain"] >= 0.99


def test_a_rejected_part_of_a_project_is_proposed_no_more() -> None:
    work = words_of({"name_ru": "Сопровождение информационной системы учёта земельных участков"})
    signed, supplier = date(2026, 3, 2), "010140000012"
    contracts = [
        ContractFacts(1, "1/00", "77", supplier, signed, {9_000_000}, work, is_it=True),
        ContractFacts(2, "2/00", "78", supplier, signed, {4_000_000}, work, is_it=True),
    ]
    others = [
        ContractFacts(
            each, f"{each}/00", str(each), None, signed, {1_000}, words_of({"name_ru": f"Бумага {each}"}), is_it=False
        )
        for each in range(100, 120)
    ]
    contracts += others
    projects = [ProjectFacts(5, "77", supplier, signed, 9_000_000, words_of({"name_ru": "Портал «Жер»"}))]
    assert {(pair.contract_id, pair.project_id) for pair in pairs_of(contracts, projects)} == {(1, 5), (2, 5)}
    kept = pairs_of(contracts, projects, {(2, 5)})
    assert [(pair.contract_id, pair.project_id) for pair in kept] == [(1, 5)]
