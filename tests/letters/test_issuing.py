"""Letters are issued in the transaction of their action: which actions, what they freeze, their numbers and codes."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import SCHEDULE
from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.cases.transitions import CaseNotYours
from registry.core.database import db, transaction
from registry.freeze.policy import policy_in_force, set_policy
from registry.journal.checkpoints import checkpoint_keys, make_checkpoint
from registry.journal.service import JournalEntry
from registry.letters.models import Letter
from registry.letters.queries import check_letter
from registry.letters.service import ends_of, preview_letter
from tests.cases.cast import (
    AIGERIM,
    BOLAT,
    DANA,
    NO_BREACH,
    SAULE,
    TIMUR,
    act,
    audit,
    case_of,
    edit,
    editor_of,
    migrate_by,
    verify,
)
from tests.factories import a_project, an_agency
from tests.present import Present

IN_BOTH = {
    "reason_kk": "Шарт кеш жасалған.",
    "reason_ru": "Договор заключён поздно.",
    "legal_basis_kk": "Жарлықтың 1-тармағы",
    "legal_basis_ru": "пункт 1 Указа",
}


@pytest.fixture(autouse=True)
def on_a_known_day(present: Present) -> None:
    present.set(date(2026, 3, 2))


@pytest.fixture
def case(agency: Agency) -> Case:
    project = a_project(agency)
    audit()
    return act(AIGERIM, case_of(project), "claim")


def letters() -> list[Letter]:
    return list(db.session.scalars(select(Letter).order_by(Letter.id)))


def content_of(letter: Letter) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(letter.data)
    return data


def ordered(case: Case, **values: Any) -> Letter:
    act(AIGERIM, case, "propose", {"decision": "migrate_by", "due_on": date(2026, 9, 1), **IN_BOTH, **values})
    act(SAULE, case, "approve", "a note for the reviewer")
    return letters()[-1]


def test_order_freezes_people_dates_and_texts_of_both_languages(case: Case) -> None:
    letter = ordered(case)
    assert (letter.number, letter.kind, letter.issued_on) == ("QL-2026-000001", "order", date(2026, 3, 2))
    data = content_of(letter)
    assert (data["proposed_by"], data["approved_by"], data["due_on"]) == ("aigerim", "saule", "2026-09-01")
    assert {name: data[name] for name in IN_BOTH} == IN_BOTH
    kazakh, russian = data["texts"]["kk"], data["texts"]["ru"]
    assert (kazakh["title"], russian["title"]) == ("Нұсқама", "Предписание")
    assert ["Шарт кеш жасалған."] in [section["paragraphs"] for section in kazakh["sections"]]
    assert "2026 жылғы 1 қыркүйек" in str(kazakh["facts"]) and "1 сентября 2026 года" in str(russian["facts"])
    assert "a note for the reviewer" not in letter.data


def test_order_says_how_to_carry_it_out_and_until_when_to_appeal(case: Case) -> None:
    texts = content_of(ordered(case))["texts"]
    russian, kazakh = str(texts["ru"]["sections"]), str(texts["kk"]["sections"])
    assert "Перенесите объект на QazTech не позднее 1 сентября 2026 года (включительно)." in russian
    assert "обжаловать это решение не позднее 27 марта 2026 года (включительно)" in russian and "в суде" in russian
    assert "2026 жылғы 1 қыркүйектен кешіктірмей (қоса алғанда) объектіні QazTech платформасына көшіріңіз." in kazakh


@pytest.mark.parametrize("suspends", [True, False])
def test_order_says_whether_an_appeal_suspends_it_as_the_policy_does(case: Case, suspends: bool) -> None:
    usual = policy_in_force()
    set_policy(replace(usual, appeal_suspends=suspends))
    try:
        text = str(content_of(ordered(case))["texts"]["ru"]["sections"])
    finally:
        set_policy(usual)
    assert ("Жалоба приостанавливает исполнение предписания" in text) is suspends
    assert ("Жалоба не приостанавливает исполнение предписания" in text) is not suspends


def test_letter_says_what_time_alone_will_flag(agency: Agency) -> None:
    project = a_project(agency, stage="pilot", pilot_started_on="2026-02-10")
    audit()
    act(AIGERIM, act(AIGERIM, case_of(project), "claim"), "ask", "Почему?")
    sections = {each["heading"]: each["paragraphs"] for each in content_of(letters()[0])["texts"]["ru"]["sections"]}
    assert sections["Если ничего не изменится"] == [
        "С 11 февраля 2027 года появится замечание: Опытная эксплуатация сверх срока."
    ]


def test_letter_names_who_issues_it_to_whom_and_who_signs_with_what_post(
    app: Flask, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"kk": ["Министрлік", "Астана қаласы"], "ru": ["Министерство", "г. Астана"]}
    monkeypatch.setitem(app.config, "LETTERHEAD", body)
    text = content_of(ordered(case))["texts"]["ru"]
    agency = case.project_record.agency
    assert (text["issuer"], text["number"]) == (body["ru"], "№ QL-2026-000001 от 2 марта 2026 года")
    assert text["addressee"] == f"{agency.name_ru}, БИН {agency.bin}"
    assert text["signature"] == ["Начальник отдела надзора", "saule", "Исполнитель: aigerim"]


def test_letter_without_a_letterhead_is_from_the_register(case: Case) -> None:
    assert content_of(ordered(case))["texts"]["ru"]["issuer"] == ["Реестр проектов QazTech"]


def test_letter_has_what_was_found_in_numbers_and_the_law_once(case: Case) -> None:
    act(AIGERIM, case, "ask", "Почему?")
    sections = {each["heading"]: each["paragraphs"] for each in content_of(letters()[0])["texts"]["ru"]["sections"]}
    assert sections["Что установлено"] == [
        "Новый объект, начатый во время моратория. Начало 20.01.2026; дней после начала моратория: 19."
    ]
    (law,) = sections["Правовое основание"]
    assert law.startswith("Указ Президента") and str(sections).count("пункт 1") == 1


def test_decision_on_an_appeal_names_its_outcome_and_the_court(case: Case, agency: Agency) -> None:
    ordered(case)
    act(editor_of(agency), case, "appeal", "It is older.")
    act(BOLAT, case, "claim")
    act(BOLAT, case, "propose", {"decision": "stop", "due_on": date(2026, 9, 1), **IN_BOTH})
    act(TIMUR, case, "approve")
    data = content_of(letters()[-1])
    text = data["texts"]["ru"]
    assert (data["appeal_outcome"], data["appeal_until"]) == ("changed", None)
    assert (text["title"], ["Решение по жалобе", "Решение изменено"] in text["facts"]) == ("Решение по жалобе", True)
    court = ["Жалоба организации рассмотрена. Это решение можно оспорить в суде."]
    assert text["sections"][-1]["paragraphs"] == court
    # So can what replaces it, and that too has no other appeal.
    act(TIMUR, case, "claim")
    act(TIMUR, case, "propose", {"decision": "stop", "due_on": date(2026, 10, 1), **IN_BOTH})
    act(DANA, case, "approve")
    assert content_of(letters()[-1])["texts"]["ru"]["sections"][-1]["paragraphs"] == court


def frozen(texts: dict[str, Any]) -> dict[str, Any]:
    """Return the texts of a letter without what it has only when it is issued."""
    return {language: {**text, "number": "", "check": "", "signature": ""} for language, text in texts.items()}


@pytest.mark.parametrize("action", ["ask", "refer", "approve", "confirm"])
def test_preview_is_the_letter_that_is_then_issued_and_writes_nothing(case: Case, agency: Agency, action: str) -> None:
    actor, comment = AIGERIM, "Неге кеш?"
    if action == "approve":
        act(AIGERIM, case, "propose", {"decision": "stop", "due_on": date(2026, 9, 1), **IN_BOTH})
        actor = SAULE
    elif action == "confirm":
        verify(case.project_record)
        audit()
    before = (case.status, case.version, db.session.query(JournalEntry).count())
    preview = preview_letter(actor, case.id, action, {"comment": comment, "note": "inside"})
    db.session.expire_all()
    assert (case.status, case.version, db.session.query(JournalEntry).count()) == before and letters() == []
    act(actor, case, action, comment)
    assert frozen(preview) == frozen(content_of(letters()[0])["texts"])


def test_preview_of_a_proposal_is_the_letter_of_its_approval(case: Case) -> None:
    order = {"decision": "migrate_by", "due_on": date(2026, 9, 1), **IN_BOTH}
    preview = preview_letter(AIGERIM, case.id, "propose", order)
    assert preview["ru"]["signature"] == ["Начальник отдела надзора", "…", "Исполнитель: aigerim"]
    assert frozen(preview) == frozen(content_of(ordered(case))["texts"])


def test_preview_is_refused_as_its_action_is_and_empty_without_a_letter(case: Case) -> None:
    with pytest.raises(CaseNotYours):
        preview_letter(BOLAT, case.id, "ask", {})
    assert preview_letter(AIGERIM, case.id, "comment", {"comment": "Хм."}) == {}


def test_text_of_one_language_stands_in_the_other_with_a_note(case: Case) -> None:
    law = {"reason": "Договор заключён поздно.", "legal_basis": "пункт 1 Указа"}
    act(AIGERIM, case, "propose", {"decision": "transitional_accepted", **law})
    act(SAULE, case, "approve")
    reasons = [section["paragraphs"] for section in content_of(letters()[0])["texts"]["kk"]["sections"]]
    assert ["Мәтін орыс тілінде:", "Договор заключён поздно."] in reasons


def test_sha256_is_of_the_stored_bytes_and_in_the_journal(case: Case) -> None:
    letter = ordered(case)
    assert letter.sha256 == hashlib.sha256(letter.data.encode()).hexdigest()
    entry = db.session.query(JournalEntry).filter_by(action="letter.issued").one()
    assert entry.subject == f"letter:{letter.id}" and letter.sha256 in entry.details


def test_question_has_its_text_and_the_date_of_the_answer(case: Case) -> None:
    act(AIGERIM, case, "ask", "Неге кеш, әріптестер?")
    data = content_of(letters()[0])
    assert (data["kind"], data["text_kk"], data["text_ru"]) == ("question", "Неге кеш, әріптестер?", None)
    assert case.due_on is not None and data["answer_by"] == case.due_on.isoformat()


def test_referral_and_closing_have_letters_and_other_actions_have_none(case: Case) -> None:
    act(AIGERIM, case, "refer", "Қараңыз")
    act(AIGERIM, case, "return")
    act(AIGERIM, case, "propose", NO_BREACH)
    act(SAULE, case, "approve")
    assert [(letter.kind, letter.number) for letter in letters()] == [
        ("referral", "QL-2026-000001"),
        ("closing", "QL-2026-000002"),
    ]


def test_numbers_begin_again_each_year(case: Case, present: Present) -> None:
    act(AIGERIM, case, "ask", "Почему?")
    present.set(date(2027, 1, 4))
    act(AIGERIM, case, "withdraw")
    act(AIGERIM, case, "ask", "Почему?")
    assert [letter.number for letter in letters()] == ["QL-2026-000001", "QL-2027-000001"]


def test_failed_transaction_uses_no_number(case: Case) -> None:
    with pytest.raises(RuntimeError), transaction():
        act(AIGERIM, case, "ask", "Почему?")
        raise RuntimeError("power cut")
    act(AIGERIM, case, "ask", "Почему?")
    assert [letter.number for letter in letters()] == ["QL-2026-000001"]


def test_action_that_a_savepoint_took_back_has_no_letter(case: Case) -> None:
    with transaction() as session:
        savepoint = session.begin_nested()
        act(AIGERIM, case, "ask", "Почему?")
        savepoint.rollback()
    assert letters() == []


def test_action_after_one_that_a_savepoint_took_back_has_its_letter(case: Case) -> None:
    with transaction() as session:
        savepoint = session.begin_nested()
        act(AIGERIM, case, "ask", "Почему?")
        savepoint.rollback()
        act(AIGERIM, case, "ask", "Почему ещё?")
    assert [content_of(letter)["text_ru"] for letter in letters()] == ["Почему ещё?"]


def test_letter_stays_as_it_was_when_its_agency_is_renamed(case: Case, agency: Agency) -> None:
    letter = ordered(case)
    before = letter.data
    with transaction():
        agency.name_ru = "Другое имя"
    db.session.expire_all()
    assert letters()[0].data == before


def test_last_line_is_the_full_address_of_the_check(app: Flask, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", "https://registry.example.kz")
    letter = ordered(case)
    code = "-".join(letter.code[start : start + 4] for start in (0, 4, 8, 12))
    address = f"https://registry.example.kz/verify/{code}"
    texts = content_of(letter)["texts"]
    assert texts["ru"]["check"] == f"Проверить это письмо можно по адресу: {address}"
    assert texts["kk"]["check"].endswith(f": {address}")
    assert check_letter(code)["number"] == letter.number


def test_last_line_without_a_public_address_is_the_page_and_the_code(case: Case) -> None:
    letter = ordered(case)
    check = content_of(letter)["texts"]["ru"]["check"]
    assert "/verify " in check and "http" not in check and letter.code in check.replace("-", "")


def test_last_line_has_the_key_of_the_journal_once_there_is_one(case: Case) -> None:
    make_checkpoint(SCHEDULE)
    line = content_of(ordered(case))["texts"]["ru"]["check"]
    assert line.endswith(f" Ключ журнала: {checkpoint_keys()[0].verifier_key}")


def test_check_codes_are_16_characters_and_differ(case: Case) -> None:
    act(AIGERIM, case, "ask", "Почему?")
    act(AIGERIM, case, "withdraw")
    act(AIGERIM, case, "ask", "Почему?")
    first, second = (letter.code for letter in letters())
    assert first != second and all(re.fullmatch("[A-Z2-7]{16}", each) for each in (first, second))


@pytest.mark.parametrize(
    ("action", "who", "end"),
    [("withdraw", "supervisor", "withdrawn"), ("appeal", "agency", "appealed")],
)
def test_order_that_ended_no_longer_stands(case: Case, agency: Agency, action: str, who: str, end: str) -> None:
    letter = ordered(case)
    assert check_letter(letter.code)["stands"] is True
    act(SAULE if who == "supervisor" else editor_of(agency), case, action, "Нет.")
    checked = check_letter(letter.code)
    assert (checked["stands"], checked["ended_because"]) == (False, end)


def test_notice_that_a_decision_closed_the_case_no_longer_stands_when_an_audit_opens_it_again(
    case: Case, agency: Agency, present: Present
) -> None:
    project = case.project_record
    act(AIGERIM, case, "propose", NO_BREACH)
    act(SAULE, case, "approve")
    letter = letters()[-1]
    assert (letter.kind, check_letter(letter.code)["stands"]) == ("closing", True)
    present.set(date(2026, 3, 3))
    edit(editor_of(agency), project, work_started_on="2026-02-10", contract_signed_on="2026-02-05")
    audit()
    assert case_of(project).status == "under_review"
    checked = check_letter(letter.code)
    assert (checked["stands"], checked["ended_because"]) == (False, "reopened")


def test_question_stands_when_answered_and_not_when_withdrawn(case: Case, agency: Agency) -> None:
    act(AIGERIM, case, "ask", "Почему?")
    act(editor_of(agency), case, "answer", "Так.")
    act(AIGERIM, case, "ask", "Почему ещё?")
    act(AIGERIM, case, "withdraw")
    assert [check_letter(letter.code)["ended_because"] for letter in letters()] == [None, "withdrawn"]


def test_question_withdrawn_in_one_case_leaves_that_of_another_case_standing(case: Case) -> None:
    project = a_project(an_agency())
    audit()
    act(AIGERIM, case, "ask", "Почему?")
    other = act(AIGERIM, case_of(project), "claim")
    act(AIGERIM, other, "ask", "Почему?")
    act(AIGERIM, other, "withdraw")
    stands, withdrawn = letters()
    assert ends_of([stands, withdrawn]) == {withdrawn.id: "withdrawn"}


def test_new_order_replaces_the_letter_of_the_former(case: Case) -> None:
    first = ordered(case)
    act(SAULE, case, "claim")
    act(SAULE, case, "propose", migrate_by(date(2026, 8, 1)))
    act(TIMUR, case, "approve")
    assert check_letter(first.code)["ended_because"] == "replaced"


def test_check_needs_no_exact_spelling_and_says_nothing_of_people_or_project(case: Case) -> None:
    letter = ordered(case)
    code = letter.code.lower()
    checked = check_letter(f" {code[:4]}-{code[4:8]}-{code[8:]} ")
    assert check_letter(f"{code[:6]}\u200b{code[6:]}") == checked
    assert set(checked) == {
        "number",
        "date",
        "kind",
        "agency",
        "stands",
        "ended_because",
        "sha256",
        "proof",
        "signatures",
    }
    text = json.dumps(checked, ensure_ascii=False)
    assert "aigerim" not in text and "saule" not in text and "QT-" not in text


def test_agency_of_another_project_has_its_own_letter(case: Case) -> None:
    own, other = case.project_record.agency.bin, an_agency()
    project = a_project(other)
    audit()
    second = act(AIGERIM, case_of(project), "claim")
    act(AIGERIM, case, "ask", "Почему?")
    act(AIGERIM, second, "ask", "Почему?")
    assert [content_of(letter)["agency"]["bin"] for letter in letters()] == [own, other.bin]
