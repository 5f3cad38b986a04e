"""Decisions in Kazakh and Russian: which language a text has, and what a proposal with one or both stores."""

from __future__ import annotations

from typing import Any

import pytest

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.cases.decisions import OrderInOneLanguage, language_of
from registry.cases.lists import show_case
from registry.cases.models import Case, CaseDecision
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.core.translations import Language
from registry.journal.service import JournalEntry
from tests.cases.cast import AIGERIM, SAULE, act, audit, case_of
from tests.factories import a_project
from tests.fixtures.web import SignedIn

ORDER: dict[str, Any] = {"decision": "write_off"}
ACCEPTED: dict[str, Any] = {"decision": "transitional_accepted"}
BOTH = {
    "reason_kk": "Шарт кеш жасалған.",
    "reason_ru": "Договор заключён поздно.",
    "legal_basis_kk": "Жарлықтың 1-тармағы",
    "legal_basis_ru": "пункт 1 Указа",
}


@pytest.fixture
def claimed(agency: Agency) -> Case:
    project = a_project(agency)
    audit()
    return act(AIGERIM, case_of(project), "claim")


def proposal_of(case: Case) -> dict[str, Any]:
    shown: dict[str, Any] = show_case(AIGERIM, case, "en")["proposal"]
    return shown


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Жарлықтың 1-тармағы", "kk"),
        ("ӨКІМ", "kk"),
        ("пункт 1 Указа", "ru"),
        ("Decree, clause 1", "ru"),
        ("", "ru"),
        ("Барлық құжат дұрыс", "kk"),
    ],
)
def test_text_with_a_kazakh_letter_is_kazakh_and_any_other_russian(text: str, language: str) -> None:
    assert language_of(text) == language


def test_proposal_in_both_languages_shows_all_texts_and_no_missing_one(claimed: Case) -> None:
    shown = proposal_of(act(AIGERIM, claimed, "propose", ORDER | BOTH))
    assert {name: shown[name] for name in BOTH} == BOTH
    assert (shown["reason"], shown["legal_basis"]) == ("Шарт кеш жасалған.", "Жарлықтың 1-тармағы")
    assert shown["missing_texts"] == []


def test_text_of_one_language_is_recognised_by_its_letters(claimed: Case) -> None:
    sent = {"reason": "Договор заключён поздно.", "legal_basis": "Жарлықтың 1-тармағы"}
    shown = proposal_of(act(AIGERIM, claimed, "propose", ACCEPTED | sent))
    assert (shown["reason_kk"], shown["reason_ru"]) == (None, "Договор заключён поздно.")
    assert (shown["legal_basis_kk"], shown["legal_basis_ru"]) == ("Жарлықтың 1-тармағы", None)
    assert shown["missing_texts"] == ["reason_kk", "legal_basis_ru"]


def test_given_language_counts_more_than_letters(claimed: Case) -> None:
    sent = {"reason": "Барлау", "legal_basis": "1-бап", "language": "kk"}
    shown = proposal_of(act(AIGERIM, claimed, "propose", ACCEPTED | sent))
    assert (shown["reason_kk"], shown["legal_basis_kk"], shown["reason_ru"]) == ("Барлау", "1-бап", None)


def test_one_text_that_differs_from_both_languages_is_an_error(claimed: Case) -> None:
    with pytest.raises(Invalid) as caught:
        act(AIGERIM, claimed, "propose", ORDER | BOTH | {"reason": "Другое"})
    assert [(each.pointer, each.code) for each in caught.value.problems] == [("/reason", "text-differs")]
    act(AIGERIM, claimed, "propose", ORDER | BOTH | {"reason": "Шарт кеш жасалған."})


def test_proposal_without_any_language_names_the_missing_text(claimed: Case) -> None:
    with pytest.raises(Invalid) as caught:
        act(AIGERIM, claimed, "propose", ORDER | {"legal_basis_kk": "1-бап"})
    assert [(each.pointer, each.code) for each in caught.value.problems] == [("/reason", "required")]


@pytest.mark.parametrize(("language", "text"), [("ru", "Договор заключён поздно."), ("kk", "Шарт кеш жасалған.")])
def test_timeline_has_the_reason_in_the_language_of_the_page(
    claimed: Case, signed_in: SignedIn, language: Language, text: str
) -> None:
    act(AIGERIM, claimed, "propose", ORDER | BOTH)
    page = signed_in(Role.REVIEWER, language=language).get(f"/cases/{claimed.id}").text
    timeline = page.partition('class="govuk-list timeline__details"')[2]
    assert all((each in timeline) is (each == text) for each in (BOTH["reason_kk"], BOTH["reason_ru"]))


def test_journal_has_all_texts(claimed: Case) -> None:
    act(AIGERIM, claimed, "propose", ORDER | BOTH)
    entry = db.session.query(JournalEntry).filter_by(action="case.propose").one()
    assert all(f'"{name}":"{text}"' in entry.details for name, text in BOTH.items())


def test_decision_of_an_earlier_version_is_shown_in_its_language(claimed: Case) -> None:
    act(AIGERIM, claimed, "propose", ACCEPTED | {"reason": "Поздно.", "legal_basis": "1-тармақ"})
    decision = db.session.query(CaseDecision).one()
    decision.reason_kk = decision.reason_ru = decision.legal_basis_kk = decision.legal_basis_ru = None
    db.session.flush()
    shown = proposal_of(claimed)
    assert (shown["reason_ru"], shown["legal_basis_kk"], shown["legal_basis"]) == ("Поздно.", "1-тармақ", "1-тармақ")


@pytest.mark.parametrize("missing", list(BOTH))
def test_order_is_proposed_in_both_languages_or_not_at_all(claimed: Case, missing: str) -> None:
    with pytest.raises(Invalid) as caught:
        act(AIGERIM, claimed, "propose", ORDER | BOTH | {missing: None})
    assert [(each.pointer, each.code) for each in caught.value.problems] == [(f"/{missing}", "order-in-both-languages")]


def test_order_that_an_earlier_version_proposed_in_one_language_is_not_approved(claimed: Case) -> None:
    act(AIGERIM, claimed, "propose", ORDER | BOTH)
    with transaction():
        db.session.query(CaseDecision).one().reason_kk = None
    with pytest.raises(OrderInOneLanguage):
        act(SAULE, claimed, "approve")
    assert act(SAULE, claimed, "return").status == "under_review"
