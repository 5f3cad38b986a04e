"""Tables as clerks send them: title rows, merged cells, headers and values in Russian or Kazakh, notes below."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import openpyxl

# The row numbers of the four wrong rows in ``register``, with column and code.
WRONG = [
    (10, "contract_signed_on", "no-such-date"),
    (14, "budget_kzt", "number-in-words"),
    (18, "stage", "not-a-choice"),
    (27, "external_id", "too-long"),
]


class Words(NamedTuple):
    """The words of a table in one language."""

    title: str
    upper: Sequence[str | None]
    lower: Sequence[str | None]
    values: Sequence[str]
    wrong_stage: str
    total: str
    signature: str


RUSSIAN = Words(
    "Реестр проектов в сфере цифровизации, 2026 год",
    (
        *("№ п/п", "Организация", "Ваш внутренний номер", "Наименование проекта", None, "Вид объекта *", "Вид работ"),
        *("СТАДИЯ", "Размещение", "Сроки", None, "Бюджет, тенге", "Использует искусственный интеллект (да/нет)"),
        "Примечание",
    ),
    (
        *(None, None, None, "на казахском\nязыке", "на русском языке", None, None, None, None),
        *("Договор  подписан", "Плановое окончание", None, None, None),
    ),
    ("Цифровая система", "Развитие", "промышленная эксплуатация", "Вне платформы «QazTech»", "Да"),
    "где-то",
    "Итого",
    "Исполнитель: Ахметова А.Б., тел. 74-00-00",
)
KAZAKH = Words(
    "Цифрландыру саласындағы жобалар тізілімі, 2026 жыл",
    (
        *("р/с №", "Ұйым", "Ішкі нөміріңіз", "Жобаның атауы", None, "Объект түрі *", "Жұмыс түрі"),
        *("КЕЗЕҢ", "Орналасуы", "Мерзімдері", None, "Бюджет, теңге", "Жасанды интеллект қолданады (иә/жоқ)"),
        "Ескертпе",
    ),
    (
        *(None, None, None, "Қазақша атауы", "Орысша атауы", None, None, None, None),
        *("Шартқа қол\nқойылған күн", "Жоспарлы аяқталуы", None, None, None),
    ),
    ("Цифрлық жүйе", "Дамыту", "өнеркәсіптік пайдалану", "QazTech платформасынан тыс", "Иә"),
    "бір жерде",
    "Барлығы",
    "Орындаған: Ахметова А.Б., тел. 74-00-00",
)


def register(agency_bin: str, words: Words) -> list[list[Any]]:
    """Return the cells of a register of 40 projects with four wrong ones: two header rows, a total, a signature."""
    kind, work, stage, placement, yes = words.values
    rows: list[list[Any]] = [[words.title], [None, "Приложение 1"], [], [*words.upper], [*words.lower]]
    rows.append(list(range(1, len(words.upper) + 1)))
    for number in range(1, 41):
        row: list[Any] = [number, int(agency_bin), f"П-{number}", f"Жүйе {number}", f"Учёт № {number}", kind, work]
        row += [stage, placement, "02.03.2026", "31.12.2026\u00a0г.", "1\u00a0200\u00a0000,00 ₸", yes, "срочно"]
        rows.append(row)
    rows[9][9] = "31.02.2026"
    rows[13][11] = "1.2 млн"
    rows[17][7] = words.wrong_stage
    rows[26][2] = "П" * 201
    rows += [[words.total, *[None] * 10, "48 000 000,00 ₸"], [], [None, words.signature]]
    return rows


def workbook(rows: Sequence[Sequence[Any]], title: str = "Лист1") -> bytes:
    """Return the cells as a workbook with the merged cells of a register."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for place, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            if value is not None:
                sheet.cell(place, column, value)
    for merged in ("A1:N1", "D4:E4", "J4:K4", *(f"{letter}4:{letter}5" for letter in "ABCFGHILMN")):
        sheet.merge_cells(merged)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def excel_csv(rows: Sequence[Sequence[Any]], encoding: str, delimiter: str = ";") -> bytes:
    """Return the cells as Excel saves a CSV: every row as wide as the widest."""
    width = max(map(len, rows))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([["" if value is None else value for value in row] + [""] * (width - len(row)) for row in rows])
    return text.getvalue().encode(encoding)
