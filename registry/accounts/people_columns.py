"""Columns of a table of people: recognised by code, by label in three languages, or by what clerks call them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

from registry.core.errors import invalid
from registry.core.spreadsheets.reader import Table, check_columns, has_content
from registry.core.values.texts import comparable

COLUMNS: Final = ("name", "email", "role", "agency", "language")
REQUIRED_COLUMNS: Final = ("name", "role")
HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("Name", "Full name", "Имя", "ФИО", "Ф.И.О.", "Фамилия и имя", "Имя и фамилия", "Аты", "Аты-жөні", "ТАӘ"),
    "email": ("E-mail", "E-mail address", "Электронная почта", "Почта", "Адрес электронной почты", "Электрондық пошта"),
    "role": ("Role", "Роль", "Рөлі", "Рөл"),
    "agency": ("Agency", "BIN", "Организация", "БИН", "БИН организации", "Ұйым", "БСН", "Ұйымның БСН-і", "ҰйымБСН"),
    "language": ("Language", "Язык", "Язык уведомлений", "Тіл", "Тілі"),
}
# Columns that clerks add for themselves, and nobody's data.
NOTES: Final = frozenset(map(comparable, ("№", "№ п/п", "№ р/с", "п/п", "р/с", "No.", "Примечание", "Ескерту", "Note")))
NAMES: Final[Mapping[str, str]] = {comparable(text): name for name in COLUMNS for text in (name, *HEADERS[name])}
# Titles may stand above the header.
ROWS_SEARCHED: Final = 20
MIN_KNOWN: Final = 2


def people_columns(table: Table) -> tuple[int, tuple[str, ...]]:
    """The number of the header's record, and the code of each column; "" for one that is a note.

    Raises Invalid at ``/file`` for an empty table, and for unknown, duplicate and missing columns.
    """
    records = [each for each in islice(table.records(), ROWS_SEARCHED) if has_content(each[1])]
    if not records:
        raise invalid("/file", "file-empty")
    number, cells = next((each for each in records if _count_known(each[1]) >= MIN_KNOWN), records[0])
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    columns = tuple(NAMES.get(comparable(cell), cell.strip()) for cell in cells)
    is_note = [not comparable(cell) or comparable(cell) in NOTES for cell in cells]
    check_columns([name for name, note in zip(columns, is_note, strict=True) if not note], COLUMNS, REQUIRED_COLUMNS)
    return number, tuple("" if note else name for name, note in zip(columns, is_note, strict=True))


def _count_known(cells: list[str]) -> int:
    return len({NAMES[key] for key in map(comparable, cells) if key in NAMES})
