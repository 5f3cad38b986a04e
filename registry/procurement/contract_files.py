"""Contracts as the procurement portal gives them: CSV, XLSX and NDJSON files, and pages of its service.

Names of fields are those of the portal's public description (REST and GraphQL of the unified services, version 3:
https://goszakup.gov.kz/ru/developer/ows_v3), however they are written: ``contract_number_sys``, ``contractNumberSys``.
An amendment is a contract of its own there, with the number of the first one and another ending: ``…/01`` after
``…/00``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from registry.core.errors import Invalid, Problem
from registry.core.fields import LENGTH, BaseSchema, Bin, Day, Entries, Text, WholeNumber, is_bin
from registry.core.spreadsheets import reader
from registry.core.spreadsheets.rows import CellField, cell_fields, load_cells
from registry.core.values import MAX_LOST_ZEROS, comparable, read_digits
from registry.procurement.models import MAX_TEXT

MAX_PROBLEMS: Final = 50
MAX_DEPTH: Final = 4
# Behind the last slash of a number that has one before.
AMENDMENT: Final = re.compile(r"[0-9]{1,3}")
TENGE: Final = "KZT"
DELETED: Final = ("1", "true")


class ContractRow(BaseSchema):
    """The columns that are read; a file may have any others."""

    customer_bin = Bin(required=True)
    contract_number_sys = Text(required=True)
    contract_number = Text()
    sign_date = Day()
    contract_sum_wnds = WholeNumber()
    ref_currency_code = Text(10)
    description_kz = Text(MAX_TEXT)
    description_ru = Text(MAX_TEXT)
    supplier_biin = Text(20)
    supplier_name = Text(500)
    status = Text()
    ref_enstru_code = Entries(50)
    deleted = Text(10)


ROW: Final = ContractRow()
# What the portal's pages and others who pass its data on call a field. The last part of a nested name counts with the
# one before it: ``Supplier.nameRu``.
ALIASES: Final[Mapping[str, Sequence[str]]] = {
    "customer_bin": ("БИН заказчика", "Тапсырыс берушінің БСН", "Customer.bin"),
    "contract_number_sys": ("Номер договора в системе", "Системный номер договора", "Шарттың жүйелік нөмірі"),
    "contract_number": ("Номер договора", "Шарт нөмірі"),
    "sign_date": ("Дата заключения договора", "Дата подписания", "Шарт жасалған күн", "signed_on"),
    "contract_sum_wnds": ("Сумма договора с НДС", "Сумма заключенного договора с НДС", "ҚҚС-пен шарт сомасы"),
    "ref_currency_code": ("Код валюты договора", "RefCurrency.code", "Валюта"),
    "description_kz": ("Описание на казахском языке", "description_kk", "Сипаттамасы қазақ тілінде"),
    "description_ru": ("Описание на русском языке", "Сипаттамасы орыс тілінде"),
    "supplier_biin": ("БИН/ИИН поставщика", "БИН поставщика", "Өнім берушінің БСН", "supplier_bin"),
    "supplier_name": ("supplier_name_ru", "Supplier.nameRu", "Поставщик", "Наименование поставщика", "Өнім беруші"),
    "status": ("RefContractStatus.nameRu", "contract_status", "Статус", "Статус договора", "Мәртебесі"),
    "ref_enstru_code": ("Plans.refEnstruCode", "ContractUnits.refEnstruCode", "Код ЕНС ТРУ", "ЕНС ТРУ", "БНЕТ коды"),
    "deleted": ("Флаг удаления записи",),
}
REQUIRED: Final = ("customer_bin", "contract_number_sys", "sign_date", "contract_sum_wnds")
OF_COLUMN: Final = {
    "contract_number": "contract_number",
    "description_kk": "description_kz",
    "description_ru": "description_ru",
    "supplier_bin": "supplier_biin",
    "supplier_name": "supplier_name",
    "contract_status": "status",
    "procurement_codes": "ref_enstru_code",
}
KNOWN: Final = {comparable(text): name for name, others in ALIASES.items() for text in (name, *others)}


@dataclass(frozen=True, slots=True)
class ContractPart:
    """A contract as first signed (``amendment`` 0) or an amendment of it, as a row has it."""

    row: int
    number_sys: str
    amendment: int
    values: Mapping[str, Any]


def read_contracts(content: bytes) -> tuple[list[ContractPart], int]:
    """Return the signed contracts and amendments of a file, and how many rows are not signed, or deleted.

    Raises Invalid: pointer ``/file`` for the file, ``/file/ROW/COLUMN`` for a value.
    """
    reader.require_upload_size(content)
    rows: Iterator[reader.Row]
    if reader.is_json(content):
        columns, rows = [*ROW.inputs], (_row(*each) for each in reader.json_objects(content))
    else:
        sheet = reader.open_sheet(content)
        columns, rows = [KNOWN.get(comparable(name), "") for name in sheet.columns], sheet.rows()
        _check(columns, sheet.columns)
    return read_parts(cell_fields(columns, ROW, READERS), rows)


def read_objects(objects: Iterable[Mapping[str, Any]]) -> tuple[list[ContractPart], int]:
    """Return the same of contracts as the portal's service gives them."""
    return read_parts(
        cell_fields([*ROW.inputs], ROW, READERS), (_row(place, each) for place, each in enumerate(objects, 1))
    )


def read_parts(fields: Sequence[CellField], rows: Iterable[reader.Row]) -> tuple[list[ContractPart], int]:
    """Return the signed contracts and amendments of rows, and how many others there are. Raises Invalid."""
    parts: dict[tuple[str, int], ContractPart] = {}
    problems: list[Problem] = []
    unsigned = 0
    for row in rows:
        values, wrong = load_cells(row.cells, fields)
        named = {problem.pointer for problem in wrong}
        required = [name for name in REQUIRED[:2] if values.get(name) is None and f"/{name}" not in named]
        wrong += [Problem(f"/{name}", "required") for name in required]
        if not wrong and (values["sign_date"] is None or str(values.get("deleted")).lower() in DELETED):
            unsigned += 1
            continue
        part = None if wrong else _part(row.number, values)
        if part is not None and (former := parts.get((part.number_sys, part.amendment))) is not None:
            part, wrong = _joined(former, part), _differing(former, part)
        problems += [Problem(f"/file/{row.number}{each.pointer}", each.code, each.params) for each in wrong]
        if len(problems) >= MAX_PROBLEMS:
            break
        if part is not None:
            parts[part.number_sys, part.amendment] = part
    if problems:
        raise Invalid(problems[:MAX_PROBLEMS])
    return [*parts.values()], unsigned


def _part(row: int, values: dict[str, Any]) -> ContractPart:
    number = values["contract_number_sys"]
    first, _slash, amendment = number.rpartition("/")
    is_amendment = "/" in first.strip("/") and AMENDMENT.fullmatch(amendment) is not None
    supplier = read_digits(values.get("supplier_biin") or "", LENGTH, MAX_LOST_ZEROS)
    # The number of an individual is kept nowhere, nor is the name that belongs to it.
    is_company = is_bin(supplier)
    in_tenge = values.get("ref_currency_code") in (None, TENGE)
    kept = {
        "customer_bin": values["customer_bin"],
        "contract_number": values.get("contract_number"),
        "signed_on": values["sign_date"],
        "sum_kzt": values.get("contract_sum_wnds") if in_tenge else None,
        "description_kk": values.get("description_kz"),
        "description_ru": values.get("description_ru"),
        "supplier_bin": supplier if is_company else None,
        "supplier_name": values.get("supplier_name") if is_company or not supplier else None,
        "contract_status": values.get("status"),
        "procurement_codes": values.get("ref_enstru_code"),
    }
    # A file without a column says nothing of it; an empty cell says that there is none.
    stated = {name: value for name, value in kept.items() if name not in OF_COLUMN or OF_COLUMN[name] in values}
    return ContractPart(row, first if is_amendment else number, int(amendment) if is_amendment else 0, stated)


def _joined(former: ContractPart, part: ContractPart) -> ContractPart:
    """Return a contract of which the portal's lists have a row for each thing that is bought."""
    if "procurement_codes" not in former.values:
        return former
    codes = dict.fromkeys([*(former.values["procurement_codes"] or ()), *(part.values["procurement_codes"] or ())])
    values = {**former.values, "procurement_codes": [*codes] or None}
    return ContractPart(former.row, former.number_sys, former.amendment, values)


def _differing(former: ContractPart, part: ContractPart) -> list[Problem]:
    names = [
        name for name, value in part.values.items() if name != "procurement_codes" and value != former.values[name]
    ]
    return [Problem("/contract_number_sys", "contract-twice", {"row": former.row})] if names else []


def _read_codes(cell: str) -> list[str] | None:
    return re.split(r"[;,\s]+", cell.strip()) if cell.strip() else None


def _read_sum(cell: str) -> object:
    return ROW.inputs["contract_sum_wnds"].from_text(cell, 1)  # type: ignore[call-arg] # rounded to whole tenge


READERS: Final = {"ref_enstru_code": _read_codes, "contract_sum_wnds": _read_sum}


def _check(columns: Sequence[str], headers: Sequence[str]) -> None:
    """Raise Invalid for a column that is missing, or there twice."""
    problems = [Problem("/file", "column-missing", {"column": name}) for name in REQUIRED if name not in columns]
    twice = [header for place, header in enumerate(headers) if columns[place] and columns[place] in columns[:place]]
    problems += [Problem("/file", "column-twice", {"column": header}) for header in twice]
    if problems:
        raise Invalid(problems[: reader.MAX_COLUMN_PROBLEMS])


def _row(number: int, contract: Mapping[str, Any]) -> reader.Row:
    cells: dict[str, list[str]] = {}
    for name, value in _leaves(contract):
        if (field := KNOWN.get(comparable(name))) is not None and value not in (None, ""):
            cells.setdefault(field, []).append(str(value))
    return reader.Row(number, ["; ".join(dict.fromkeys(cells.get(name, ()))) for name in ROW.inputs])


def _leaves(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the values of an object, each with its name, and below another object with the name of that before it."""
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        for key, each in value.items():
            own = key if depth == 0 or isinstance(each, Mapping | list) else f"{name}.{key}"
            yield from _leaves(each, own, depth + 1)
    elif isinstance(value, list) and depth < MAX_DEPTH:
        for each in value:
            yield from _leaves(each, name, depth)
    elif not isinstance(value, Mapping | list):
        yield name, value
