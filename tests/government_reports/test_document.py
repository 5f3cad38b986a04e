"""The document of a report: a pure function of its content and the language."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from registry.government_reports.document import ReportContent, document

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
