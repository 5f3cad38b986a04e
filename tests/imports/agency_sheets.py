"""Tables of different agencies, each with its own habits: what must go in, and what must be refused."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Final

import openpyxl
import xlsxwriter

from tests.imports.sheets import excel_csv
from tests.imports.tables import xlsx_of

BIN: Final = "050340004478"
CHOICES: Final = ("ИС", "Развитие", "эксплуатация", "Вне QazTech")
HEADER: Final = (
    *("БИН организации", "Код проекта", "Наименование ИС", "Вид объекта", "Вид работ", "Статус", "Размещение"),
)
Rows = Sequence[Sequence[Any]]


def row(number: int, *more: Any) -> list[Any]:
    """Return a row below ``HEADER`` and further columns."""
    return [BIN, f"К-{number}", f"Система {number}", *CHOICES, *more]


def excel_workbook(rows: Rows, *, since_1904: bool = False) -> bytes:
    """Return the rows as Excel saves them: shared strings, dates with a format, formulas with their last value."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True, "date_1904": since_1904}) as book:
        sheet, day = book.add_worksheet("Лист1"), book.add_format({"num_format": "dd.mm.yyyy"})
        for place, cells in enumerate(rows):
            for column, value in enumerate(cells):
                if isinstance(value, date):
                    sheet.write_datetime(place, column, datetime(value.year, value.month, value.day), day)
                elif isinstance(value, tuple):
                    sheet.write_formula(place, column, value[0], None, value[1])
                elif value is not None:
                    sheet.write(place, column, value)
    return made.getvalue()


def sheets_of(*sheets: tuple[str, bool, Rows]) -> bytes:
    """Return a workbook of several sheets: name, whether it is hidden, rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, is_hidden, rows in sheets:
        sheet = book.create_sheet(name)
        for cells in rows:
            sheet.append(list(cells))
        sheet.sheet_state = "hidden" if is_hidden else "visible"
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def below_a_logo() -> bytes:
    return xlsx_of(
        ("Логотип министерства",),
        ("Перечень информационных систем по состоянию на 01.11.2026",),
        (),
        ("№ п/п", *HEADER, "Дата заключения договора", "Стоимость, тенге", "Регион", "Отв. лицо", "Тел.", "Примечание"),
        tuple(range(1, 15)),
        (1, *row(1, date(2026, 3, 2), 1_200_000, "г. Астана", "Ахметов А.", "+7 701 111 22 33", "x")),
        (),
        (2, *row(2, "«2» марта 2026 г.", "1 200 000,00 тг.", "Г. АСТАНА ", "Ахметов А.", "+7 701 111 22 33")),
        ("", "Итого", *[""] * 7, 2_400_000),
    )


def grouped_headers() -> bytes:
    upper = ("№", "Заказчик", None, "Проект", None, "Вид объекта", "Вид работ", "Стадия", "Размещение")
    lower = (None, "БИН", "Наименование", "Код", "Наименование", None, None, None, None)
    return xlsx_of(
        ("Реестр проектов",),
        (*upper, "Исполнитель", None, "Договор", None, None),
        (*lower, "БИН", "Наименование", "№", "Дата", "Сумма"),
        ("А", "Б", *range(1, 12), "12=10+11"),
        (1, BIN, "МЦРИАП", "К-1", "Система 1", *CHOICES, BIN, "ТОО Озеро", "12-А", "02.03.2026", "1'200'000 ₸"),
        (2, BIN, "МЦРИАП", "К-2", "Система 2", *CHOICES, BIN, "ТОО Озеро", "12-А", "2.3.2026", "KZT 1,200,000"),
    )


def in_kazakh() -> bytes:
    return xlsx_of(
        ("Ақпараттық жүйелердің тізбесі",),
        ("Р/с №", "Ұйымның БСН", "Жоба коды", "Жүйенің атауы", "Объект түрі", "Жұмыс түрі", "Кезең", "Орналасуы"),
        (1, BIN, "К-1", "Жүйе 1", "Ақпараттық жүйе", "ДАМЫТУ ", "пайдалануда", "QazTech-тен тыс"),
        (2, BIN, "К-2", "Жүйе 2", "ақпараттық\nжүйе", "дамыту", "Өнеркәсіптік пайдалану", "платформадан тыс"),
        ("Барлығы: 2",),
    )


def without_kazakh_letters() -> bytes:
    """Kazakh letters as Latin look-alikes (ə, i) and as the Russian letter."""
    return xlsx_of(
        ("Уйымнын БСН", "Жоба коды", "Жуйенiн атауы", "Обьект турi", "Жұмыс түрi", "Кезен", "Орналасуы"),
        (BIN, "К-1", "Жүйе 1", "Акпараттык жуйе", "Дамыту", "өнеркəсiптiк пайдалану", "платформадан тыс"),
        (BIN, "К-2", "Жүйе 2", "Акпараттық жуйе", "дaмыту", "пайдалaнуда", "QazTech-тен тыс"),
    )


def in_two_languages() -> bytes:
    header = ("БСН / БИН", "Жоба коды / Код проекта", "Наименование (қазақ тілінде)", "Объект түрі / Вид объекта")
    values = ("Ақпараттық жүйе / Информационная система", "Дамыту / Развитие", "Пайдалануда / В эксплуатации")
    further = ("Жұмыс түрі / Вид работ", "Кезең / Стадия", "Орналасуы / Размещение", "Шарт күні / Дата договора")
    return xlsx_of(
        (*header, *further),
        (BIN, "К-1", "Жүйе 1", *values, "Вне QazTech", "2026 ж. 2 наурыз"),
        (BIN, "К-2", "Жүйе 2", *values, "Вне QazTech", "2026 жылғы «02» наурыз"),
    )


def spread_out() -> bytes:
    def spread(cells: Sequence[Any]) -> list[Any]:
        return [None, None, *cells[:3], None, *cells[3:]]

    rows = ([], spread(HEADER), [], spread(row(1)), [], spread(row(2)), [])
    return xlsx_of(*rows, ("", "", "Всего проектов: 2"), ("", "", "", "", "", "Директор департамента ____ А. Ахметов"))


def headings_between() -> bytes:
    parts = (["Раздел 1. Министерство"], row(1), ["Итого по разделу 1"], HEADER, row(2), ["", "ИТОГО"])
    return xlsx_of(HEADER, *parts)


def typed_by_hand() -> bytes:
    first = (f"'{BIN}", " К-1 ", "Система 1", "Информационная\u00a0система (ИС)", "РАЗВИТИЕ", "Введён в эксплуатацию ")
    second = (f"{BIN[:4]} {BIN[4:8]}\u00a0{BIN[8:]}", "К-2", "Система 2", "интернет\u2011ресурс", "Сопровождeние")
    return xlsx_of(
        HEADER, (*first, "вне  платформы «QazTech»"), (*second, "промышленная\nэксплуатация", "не размещена на QazTech")
    )


def numbers_of_excel() -> bytes:
    header = (*HEADER, "Бюджет", "Дата договора")
    rows = ((int(BIN), *row(1)[1:], ("=2*600000", 1_200_000), date(2026, 3, 2)),)
    return excel_workbook((header, *rows, (float(BIN), *row(2)[1:], 1.2e6, date(2026, 3, 2))), since_1904=True)


def text_for_programs(encoding: str, delimiter: str, first: str = "") -> bytes:
    rows = [[*HEADER, "Описание", "Бюджет"], row(1, "строка 1\nстрока 2; и ещё", "1 200 000,00"), row(2, "", "1200000")]
    return (first + excel_csv(rows, "utf-8", delimiter).decode()).encode(encoding)


# Sheets of two projects, which go in as they are.
GOOD: Final[dict[str, Callable[[], bytes]]] = {
    "below-a-logo": below_a_logo,
    "grouped-headers": grouped_headers,
    "in-kazakh": in_kazakh,
    "without-kazakh-letters": without_kazakh_letters,
    "in-two-languages": in_two_languages,
    "spread-out": spread_out,
    "headings-between": headings_between,
    "typed-by-hand": typed_by_hand,
    "numbers-of-excel": numbers_of_excel,
    "csv-cp1251": lambda: text_for_programs("cp1251", ";"),
    "csv-cp1251-comma": lambda: text_for_programs("cp1251", ","),
    "csv-utf16-tabs": lambda: text_for_programs("utf-16", "\t"),
    "csv-utf8-bom": lambda: text_for_programs("utf-8-sig", ";"),
    "csv-with-separator": lambda: text_for_programs("cp1251", ";", "sep=;\r\n"),
    "csv-with-odd-separator": lambda: text_for_programs("utf-8-sig", "|", "sep=|\r\n"),
    "hidden-sheet-first": lambda: sheets_of(
        ("Старое", True, (HEADER, row(9))), ("Титул", False, (("Отчёт",),)), ("Данные", False, (HEADER, row(1), row(2)))
    ),
    "dictionary-first": lambda: sheets_of(
        ("Справочник", False, (("Наименование", "Описание"), ("БИН", "12 цифр"))),
        ("Реестр", False, (HEADER, row(1), row(2))),
    ),
}
# Tables that are refused as a whole, with the code of the error.
REFUSED: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "thousands-in-header": (lambda: xlsx_of((*HEADER, "Стоимость, тыс. тенге"), row(1, 1200)), "amounts-in-thousands"),
    "thousands-in-brackets": (lambda: xlsx_of((*HEADER, "Бюджет (млн.тг)"), row(1, 12)), "amounts-in-thousands"),
    "thousands-in-kazakh": (lambda: xlsx_of((*HEADER, "Құны, мың теңге"), row(1, 12)), "amounts-in-thousands"),
    "thousands-above": (
        lambda: xlsx_of(("Реестр",), (None, None, "(в тыс. тенге)"), (*HEADER, "Бюджет"), row(1, 1200)),
        "amounts-in-thousands",
    ),
    "thousands-below": (
        lambda: xlsx_of((*HEADER, "Бюджет"), (*[None] * 7, "тыс. тенге"), row(1, 1200)),
        "amounts-in-thousands",
    ),
    "month-first": (
        lambda: xlsx_of(
            (*HEADER, "Дата договора"),
            *(row(1, each) for each in ("02/13/2026", "03/14/2026", "25/03/2026", "03/02/2026")),
        ),
        "dates-month-first",
    ),
    "old-excel": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "file-not-a-table"),
    "web-page": (lambda: "<html><table><tr><td>БИН</td></tr></table></html>".encode(), "file-not-a-table"),
    "two-amounts": (lambda: xlsx_of((*HEADER, "Бюджет", "Сумма договора"), row(1, 1, 2)), "columns-for-one-field"),
}
