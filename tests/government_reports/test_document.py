"""The document of a report, as PDF, and its versions by what the reader may see."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.flags.models import last_good_audit
from registry.government_reports.document import ReportContent, document, pdf_of_report
from registry.government_reports.queries import (
    GOVERNMENT_REPORT_LIST,
    GovernmentReportNotFound,
    content_of,
    data_of_report,
    find_government_report,
    show_report,
)
from registry.government_reports.service import GovernmentReportNotReadable, correct_government_report, freeze_figures
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from tests.api.callers import caller, code
from tests.factories import a_project, an_actor
from tests.fixtures.web import SignedIn
from tests.government_reports.steps import (
    AUTHOR,
    FIRST,
    FIRST_WHO_SEES_ALL,
    READER,
    SECOND,
    TEXTS,
    approve,
    begin,
    change,
    issued,
    submitted,
)
from tests.pdf_structure import assert_pdf_a_2u, text_of

COUNTS = {
    "projects": 1200,
    "clear": 900,
    "flagged": 300,
    "flagged_high": 100,
    "flagged_medium": 100,
    "flagged_low": 100,
    "exempt": 0,
    "accepted": 0,
    "out_of_scope": 0,
    "unaudited": 0,
    "budget_kzt": 1_234_560_000,
    "budget_flagged_kzt": 0,
    "clear_percent": 75.0,
}
FIGURES = {
    "audit": {"id": 7, "on": "2026-09-30", "policy_version": "2026.1"},
    "totals": COUNTS,
    "by_agency": [{"key": "050340004478", "name_kk": None, "name_ru": "Министерство", "name_en": None, **COUNTS}],
    "by_region": [{"key": None, **COUNTS}],
    "by_severity": [{"key": "high", "projects": 100, "budget_flagged_kzt": 0}],
    "by_rule": [
        {
            "key": "freeze.creation",
            "severity": "high",
            "title_kk": "Жаңа объект",
            "title_ru": "Новый объект",
            "open": 100,
            "exempt": 0,
            "accepted": 0,
        }
    ],
    "high_severity": [
        {
            "key": "QT-2026-0000001-5",
            "name_kk": "Жүйе",
            "name_ru": "Система",
            "agency": "050340004478",
            "budget_kzt": None,
            "rules": ["freeze.creation"],
            "orders": [{"decision": "migrate_by", "approved_on": "2026-09-01", "due_on": "2026-12-01"}],
        }
    ],
}
CONTENT = ReportContent(
    number="2026-1",
    version=1,
    period_end=date(2026, 9, 30),
    responsible="Сауле Искакова",
    texts={"findings_kk": "Бірінші.\nЕкінші.", "findings_ru": "Первое.\nВторое."},
    figures=FIGURES,
    data_sha256="ab" * 32,
    frozen_on=date(2026, 10, 3),
    issued_on=date(2026, 10, 15),
    approved_by=["Aigerim", "Saule"],
    correction_reason=None,
)


def texts(report: ReportContent, language: str) -> list[str]:
    blocks = document(report, language)["blocks"]
    return [block.get("text") or "\n".join(block["lines"]) for block in blocks if block["kind"] != "table"]


def tables_of(report: ReportContent, language: str) -> list[dict[str, Any]]:
    return [block for block in document(report, language)["blocks"] if block["kind"] == "table"]


def test_document_names_the_day_of_its_figures_and_the_audit_before_them() -> None:
    assert texts(CONTENT, "en")[0] == (
        "Period until 30.09.2026. Figures as of 03.10.2026, after audit No. 7 of 30.09.2026, policy 2026.1."
    )


def test_document_has_the_sections_of_its_language_in_order() -> None:
    russian = texts(CONTENT, "ru")
    headings = ["Введение", "Выявленные факты", "Меры", "Выводы", "Показатели"]
    assert [text for text in russian if text in headings] == headings
    assert "Первое.\nВторое." in russian and "Бірінші.\nЕкінші." in texts(CONTENT, "kk")
    assert document(CONTENT, "ru")["subtitle"].endswith("№ 2026-1, версия 1")


def test_tables_have_totals_and_numbers_as_people_write_them() -> None:
    tables = {block["caption"]: block for block in tables_of(CONTENT, "ru")}
    regions = tables["По регионам"]
    assert regions["has_totals"] and [row[0] for row in regions["rows"]] == ["Не указано", "Все"]
    assert regions["rows"][1][1] == "1\u00a0200" and regions["rows"][1][7:] == ["75,0", "1\u00a0234,6", "0,0"]
    assert tables["Замечания по правилам"]["rows"][0][0] == "Новый объект"
    listed = tables["Проекты высокой важности и действующие предписания"]["rows"][0]
    assert listed[:2] == ["Система", "QT-2026-0000001-5"] and listed[2].endswith("(срок: 01.12.2026)")


def test_issue_draft_and_correction_are_named() -> None:
    assert "Дата выпуска: 15.10.2026. Утвердили: Aigerim, Saule." in texts(CONTENT, "ru")
    draft = replace(CONTENT, issued_on=None, figures=None, data_sha256=None, correction_reason="Ошибка в сумме.")
    shown = texts(draft, "ru")
    assert "Черновик: эта версия не выпущена." in shown
    assert "Эта версия исправляет предыдущую: Ошибка в сумме." in shown
    assert not tables_of(draft, "ru")


def changed(language: str, *changes: tuple[str, str | None, str | None]) -> list[list[str]]:
    listed = [{"field": field, "before": before, "after": after} for field, before, after in changes]
    content = replace(CONTENT, version=2, correction_reason="Ошибка.", changes=listed)
    first = tables_of(content, language)[0]
    return first["rows"] if first["header"][1] in ("Было", "Бұрын") else []


def test_changes_are_in_words_and_numbers_of_the_report() -> None:
    assert changed(
        "ru",
        ("period_end", "2026-09-30", "2026-10-31"),
        ("by_agency/050340004478/budget_kzt", "1000000", "1234560000"),
        ("by_agency/050340004478/exempt", "0", "2"),
        ("totals//clear_percent", "75.0", None),
    ) == [
        ["Последний день периода", "30.09.2026", "31.10.2026"],
        ["Все: Без замечаний, %", "75,0", "–"],
        ["По организациям. Министерство: Бюджет, млн ₸", "1,0", "1\u00a0234,6"],
        ["По организациям. Министерство: Исключение", "0", "2"],
    ]


def test_changed_orders_and_rules_of_a_project_are_named() -> None:
    key = "high_severity/QT-2026-0000001-5"
    order = '[{"decision": "migrate_by", "approved_on": "2026-09-01", "due_on": "2026-12-01"}]'
    rows = changed("ru", (f"{key}/orders", "[]", order), (f"{key}/rules", '["a", "b"]', '["a"]'))
    assert rows[0][1] == "–" and rows[0][2].endswith("(срок: 01.12.2026)") and rows[1][1:] == ["a, b", "a"]
    assert rows[0][0].startswith("Проекты высокой важности и действующие предписания. Система, QT-2026-0000001-5: ")


KAZAKH = "Ә Ғ Қ Ң Ө Ұ Ү Һ І ә ғ қ ң ө ұ ү һ і ₸ № «»"
MANY = [
    {"key": f"{place:012}", "name_kk": f"Мекеме {place}", "name_ru": f"Учреждение {place}", "name_en": None, **COUNTS}
    for place in range(100)
]


@pytest.mark.sqlite_only
def test_same_report_has_the_same_bytes() -> None:
    assert pdf_of_report(CONTENT, "kk") == pdf_of_report(CONTENT, "kk") != pdf_of_report(CONTENT, "ru")


@pytest.mark.sqlite_only
@pytest.mark.parametrize("language", ["kk", "ru"])
def test_report_has_the_structure_of_pdf_a_2u(language: str) -> None:
    assert_pdf_a_2u(pdf_of_report(CONTENT, language))


@pytest.mark.sqlite_only
def test_long_table_repeats_its_header_on_every_page(tmp_path: Path) -> None:
    text = text_of(pdf_of_report(replace(CONTENT, figures={**FIGURES, "by_agency": MANY}), "ru"), tmp_path)
    if text is None:
        return
    pages = [page for page in text.split("\f") if "Учреждение" in page]
    assert len(pages) >= 3
    assert all("Организация" in page and "Без" in page for page in pages)
    assert [f"Учреждение {place} " in text for place in range(100)] == [True] * 100


@pytest.mark.sqlite_only
def test_every_page_has_the_number_the_hash_and_its_place(tmp_path: Path) -> None:
    text = text_of(pdf_of_report(CONTENT, "ru"), tmp_path)
    if text is None:
        return
    pages = text.rstrip("\f").split("\f")
    for place, page in enumerate(pages, start=1):
        assert f"№ 2026-1, версия 1. SHA-256 данных: {'ab' * 32}" in page
        assert f"Страница {place} из {len(pages)}" in page
    kazakh = text_of(pdf_of_report(CONTENT, "kk"), tmp_path) or ""
    assert f"1-бет, барлығы {len(pages)}" in kazakh


@pytest.mark.sqlite_only
def test_kazakh_letters_are_in_the_text(tmp_path: Path) -> None:
    text = text_of(pdf_of_report(replace(CONTENT, texts={"findings_kk": KAZAKH}), "kk"), tmp_path)
    assert text is None or KAZAKH in text


@pytest.mark.sqlite_only
@pytest.mark.parametrize("text", ["#panic()", "$x^2$ *b* _i_ `c` \\ // @a <b> = h\n- i", "]) #sys.inputs [", "\x00a"])
def test_markup_is_printed_and_not_run(text: str, tmp_path: Path) -> None:
    named = [{**MANY[0], "name_ru": text}]
    content = replace(CONTENT, texts={"findings_ru": text}, figures={**FIGURES, "by_agency": named}, responsible=text)
    printed = text_of(pdf_of_report(content, "ru"), tmp_path)
    words = re.sub(r"\s|\x00", "", text)
    assert printed is None or re.sub(r"\s", "", printed).count(words) >= 2


@pytest.mark.sqlite_only
def test_correction_says_what_changed(tmp_path: Path) -> None:
    changes = [
        {"field": "findings_kk", "before": "Ескі.", "after": "Жаңа."},
        {"field": "findings_ru", "before": "Старое.", "after": "Первое."},
        {"field": "by_region/71/projects", "before": "1300", "after": "1200"},
    ]
    content = replace(CONTENT, version=2, correction_reason="Ошибка в сумме.", changes=changes)
    printed = text_of(pdf_of_report(content, "ru"), tmp_path)
    if printed is None:
        return
    table = printed.partition("Что меняет эта версия")[2].partition("Введение")[0]
    assert "Старое." in table and "Первое." in table and "Ескі." not in table
    assert re.search(r"По регионам\. Астана: Проекты +1 300 +1 200", table)


OPERATOR = an_actor(Role.OPERATOR)
LEADER = an_actor(Role.LEADER, name="minister")
IN_DECEMBER = date(2026, 12, 1)


@pytest.fixture
def with_restricted(client: FlaskClient) -> str:
    """The number of a report under review, in which one of two projects is restricted."""
    hidden, _shown = a_project(), a_project()
    with transaction() as session:
        session.execute(update(Project).where(Project.id == hidden.id).values(is_restricted=True))
    run_audit(OPERATOR)
    number = begin().number
    submitted(number)
    return number


def test_version_without_restricted_records_has_its_own_number(with_restricted: str) -> None:
    report = find_government_report(READER, with_restricted)
    whole, partial = (show_report(actor, report) for actor in (READER, FIRST))
    assert (whole["document_number"], whole["is_whole"]) == (with_restricted, True)
    assert (partial["document_number"], partial["is_whole"]) == (f"{with_restricted}-open", False)
    assert whole["number"] == partial["number"] == with_restricted
    data = [json.loads(data_of_report(actor, report)[0]) for actor in (READER, FIRST)]
    assert [each["report"] for each in data] == [with_restricted, f"{with_restricted}-open"]
    assert [each["totals"]["projects"] for each in data] == [2, 1]


def test_footer_of_every_page_names_the_version_and_its_number(with_restricted: str) -> None:
    report = find_government_report(READER, with_restricted)
    footers = [document(content_of(actor, report), "ru")["footer"] for actor in (READER, FIRST)]
    named = f"№ {with_restricted}-open, версия 1. Версия для читателей без доступа к записям с ограниченным доступом"
    assert [footer.startswith(named) for footer in footers] == [False, True]
    assert footers[0].startswith(f"№ {with_restricted}, версия 1. SHA-256")


def test_report_without_restricted_projects_is_the_same_for_everybody(client: FlaskClient) -> None:
    a_project()
    run_audit(OPERATOR)
    report = find_government_report(READER, issued())
    assert data_of_report(READER, report) == data_of_report(FIRST, report)
    assert content_of(READER, report) == content_of(FIRST, report)
    assert show_report(FIRST, report)["document_number"] == report.number


def test_nobody_approves_a_report_that_they_cannot_read_whole(with_restricted: str, client: FlaskClient) -> None:
    with pytest.raises(GovernmentReportNotReadable):
        approve(with_restricted, FIRST)
    reviewer = caller(client, Role.REVIEWER, name="third")
    answer = reviewer.post(f"/government-reports/{with_restricted}/approval", {})
    assert (answer.status_code, code(answer)) == (403, "government-report-not-readable")
    assert approve(with_restricted, FIRST_WHO_SEES_ALL).status == "in_review"
    assert approve(with_restricted, SECOND).status == "issued"


def test_pages_name_the_version_and_offer_no_approval_of_it(with_restricted: str, signed_in: SignedIn) -> None:
    reviewer, supervisor = signed_in(Role.REVIEWER), signed_in(Role.SUPERVISOR)
    for path in (f"/government-reports/{with_restricted}", f"/government-reports/{with_restricted}/document/ru"):
        assert f"{with_restricted}-open" in reviewer.get(path).text
        assert f"{with_restricted}-open" not in supervisor.get(path).text
    page = reviewer.get(f"/government-reports/{with_restricted}").text
    assert "Version for readers without restricted records" in page
    assert "Only people who may see them approve it." in page and f"{with_restricted}/approval" not in page
    assert f"{with_restricted}/approval" in supervisor.get(f"/government-reports/{with_restricted}").text


def test_report_of_an_earlier_audit_says_so_at_submission_approval_and_issue(client: FlaskClient) -> None:
    a_project()
    run_audit(OPERATOR)
    number = begin().number
    change(number, **TEXTS)
    first = freeze_figures(AUTHOR, number).audit_id
    run_audit(OPERATOR)
    last = last_good_audit()
    assert last is not None and last.id != first
    expected = {"id": last.id, "on": last.on.isoformat()}
    here = f"/government-reports/{number}"
    writer, second = caller(client, Role.REVIEWER, name="writer"), caller(client, Role.SUPERVISOR, name="second")
    reviewer = caller(client, Role.REVIEWER, name="first")
    assert writer.get(here).get_json()["last_audit"] == expected
    assert writer.post(f"{here}/submission", {}).get_json()["last_audit"] == expected
    assert reviewer.post(f"{here}/approval", {}).get_json()["last_audit"] == expected
    done = second.post(f"{here}/approval", {}).get_json()
    assert (done["status"], done["last_audit"]) == ("issued", expected)
    assert second.get(here).get_json()["last_audit"] is None
    actions = [f"government-report.{step}" for step in ("submitted", "approved", "issued")]
    entries = db.session.scalars(select(JournalEntry).where(JournalEntry.action.in_(actions)))
    assert [json.loads(entry.details)["last_audit"] for entry in entries] == [expected["id"]] * 3


def test_leader_reads_issued_reports_only(client: FlaskClient, signed_in: SignedIn) -> None:
    a_project()
    run_audit(OPERATOR)
    number = issued()
    draft = begin().number
    correct_government_report(AUTHOR, number, "One project was missing.", IN_DECEMBER)
    listed = GOVERNMENT_REPORT_LIST.read(LEADER, {}, Page()).items
    assert [(item["number"], item["version"]) for item in listed] == [(number, 1)]
    shown = show_report(LEADER, find_government_report(LEADER, number))
    assert (shown["version"], shown["versions"]) == (1, [1])
    for asked in ((number, 2), (draft, None)):
        with pytest.raises(GovernmentReportNotFound):
            find_government_report(LEADER, *asked)
    leader = signed_in(Role.LEADER)
    page = leader.get(f"/government-reports/{number}")
    assert page.status_code == 200 and "/audits/" not in page.text
    assert leader.client.get(f"/government-reports/{draft}").status_code == 404
    assert number in leader.get("/government-reports").text
    assert leader.client.get(f"/government-reports/{number}.pdf").status_code == 200
    assert caller(client, Role.LEADER).post("/government-reports", {}).status_code == 403
