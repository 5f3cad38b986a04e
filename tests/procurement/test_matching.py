"""Matching and classification, measured on 10,000 made contracts with known truth."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from registry.freeze.evaluation import evaluate
from registry.freeze.facts import ContractTerms
from registry.procurement.classification import it_words
from registry.procurement.matching import ContractFacts, Pair, ProjectFacts, pairs_of
from registry.projects.similarity import words_of
from tests.freeze.factories import POLICY, facts
from tests.procurement.made_contracts import MadeAgency, MadeContract, made_agencies

WORDS = it_words("")
CONTRACTS = 10_000
# How long after the signing those that were amended were so.
AMENDED_AFTER = timedelta(days=60)
# A freeze that most of them are under.
FROZEN = date(2025, 1, 1)
UNDER_FREEZE = replace(POLICY, cutoff=FROZEN)


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
    return round(part / whole, 4) if whole else 1.0


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


RULES = ("contract.signed-later", "contract.sum-above-budget", "contract.raised-after-cutoff", "contract.split")


def terms_of(contract: MadeContract, *, is_named: bool) -> ContractTerms:
    values = contract.values
    raised = values["current_sum_kzt"] != values["sum_kzt"]
    amendments = ((values["signed_on"] + AMENDED_AFTER, values["current_sum_kzt"]),) if raised else ()
    agreed = (values["signed_on"], values["sum_kzt"], amendments)
    return ContractTerms(*agreed, values["number_sys"], values["supplier_bin"], is_named, not is_named)


def rules_that_are_right(project: dict[str, Any], parts: list[MadeContract]) -> set[str]:
    """By what was drawn: the first part is the contract of the record, and all are paid from its budget."""
    each = [part.values for part in parts]
    raised = [(values["signed_on"] + AMENDED_AFTER, values["current_sum_kzt"] > values["sum_kzt"]) for values in each]
    small = [values for values in each if values["signed_on"] >= FROZEN and values["sum_kzt"] < 100_000_000]
    near = [[other for other in small if abs((other["signed_on"] - one["signed_on"]).days) <= 30] for one in small]
    right = {
        "contract.signed-later": project["signed_on"] < each[0]["signed_on"],
        "contract.sum-above-budget": sum(values["current_sum_kzt"] for values in each) > project["budget_kzt"],
        "contract.raised-after-cutoff": any(is_raise and day >= FROZEN for day, is_raise in raised),
        "contract.split": any(
            len(group) > 1 and sum(values["sum_kzt"] for values in group) >= 100_000_000 for group in near
        ),
    }
    return {rule for rule, holds in right.items() if holds}


def test_findings_of_matched_and_confirmed_contracts_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    reported, expected = Counter[str](), Counter[str]()
    right = Counter[str]()
    for agency in made_agencies(CONTRACTS):
        contracts = {each.id: each for each in agency.contracts}
        # A person confirms of the proposed pairs those that are true.
        pairs = [
            pair
            for pair in pairs_of(*facts_of(agency))
            if pair.is_certain or (pair.contract_id, pair.project_id) in agency.truth
        ]
        for place, project in enumerate(agency.projects):
            parts = [contracts[each] for each, of in sorted(agency.truth) if of == place]
            matched = tuple(
                terms_of(contracts[pair.contract_id], is_named=pair.is_certain)
                for pair in pairs
                if pair.project_id == place
            )
            judged = facts(
                contract_signed_on=project["signed_on"],
                budget_kzt=project["budget_kzt"],
                contracts=matched,
                registered_on=date(2024, 1, 1),
            )
            truth = rules_that_are_right(project, parts) if parts else set()
            rules = {each.rule for each in evaluate(judged, UNDER_FREEZE, date(2027, 1, 1)) if each.rule in RULES}
            reported.update(rules)
            expected.update(truth)
            right.update(rules & truth)
    figures = {
        rule: (expected[rule], share(right[rule], reported[rule]), share(right[rule], expected[rule])) for rule in RULES
    }
    with capsys.disabled():
        print(json.dumps(figures))  # noqa: T201 - the figures are what this is for
    assert {rule: figure for rule, figure in figures.items() if figure[1] < 0.97 or figure[2] < 0.9} == {}


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
