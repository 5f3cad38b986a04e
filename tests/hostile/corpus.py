"""Corpus of hostile cases, one file per subject, and the conversion of a case to a request."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import xlsxwriter

from tests.imports.tables import with_entry, xlsx_of

HERE = Path(__file__).parent / "corpus"
SUBJECTS = ("values", "bodies", "headers", "queries", "paths", "files", "tables", "cells", "imports")
SHEET = "xl/worksheets/sheet1.xml"
NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
WRITTEN = {"LONG": "n" * 5_000, "MANY": ", ".join(f'"{number}"' for number in range(2_000))}
Case = dict[str, Any]
Share = Callable[[str, str], list[Case]]


def cases(subject: str) -> list[Case]:
    """Return the cases of a subject."""
    read: list[Case] = json.loads((HERE / f"{subject}.json").read_text("utf-8"))
    return read


def named(case: Case) -> str:
    """Return the test id of a case."""
    return str(case["name"])


def text_of(case: Case) -> str:
    """Return a value that is a text."""
    return str(case["text"]) * case.get("times", 1)


def token_of(case: Case) -> str:
    """Return a value as it is written in a JSON body."""
    times = case.get("times", 1)
    if "text" in case:
        # Without escapes: six bytes per character in forty fields would exceed the body size limit.
        return json.dumps(text_of(case), ensure_ascii=times == 1)
    if case["json"] == "NEST":
        return "[" * times + "]" * times
    if case["json"] == "MANY":
        return json.dumps(list(range(1, times + 1)))
    return str(case["json"]) * times


def body_of(case: Case, good: dict[str, Any]) -> bytes:
    """Return a whole body; a case that only changes the syntax uses the valid fields."""
    raw = json.dumps(good).encode(case.get("encoding", "utf-8"))
    if "text" in case:
        raw = text_of(case).replace("LONG", "n" * 100_000).encode()
    if "hex" in case:
        raw = bytes.fromhex(case["hex"])
    if "cut" in case:
        raw = raw[: -case["cut"]]
    return gzip.compress(raw) if case.get("gzip") else raw + case.get("behind", "").encode()


def headers_of(case: Case) -> dict[str, str]:
    """Return headers, long ones expanded."""
    return {
        name: next((value.replace(word, long) for word, long in WRITTEN.items() if word in value), value)
        for name, value in case.get("headers", {}).items()
    }


@cache
def tables() -> list[tuple[Case, bytes]]:
    """Return files that pretend to be tables, created once because one of them is large."""
    return [(case, table_of(case)) for case in cases("tables")]


def table_of(case: Case) -> bytes:
    """Return a file that pretends to be a table."""
    if "archive" in case:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for name, text in case["archive"].items():
                archive.writestr(name, text)
        return made.getvalue()
    if "bomb" in case:
        return with_entry(xlsx_of(("agency",)), SHEET, b" " * (case["bomb"] << 20))
    if "cell" in case:
        return with_entry(xlsx_of(("agency",)), SHEET, _sheet(case["cell"], "agency"))
    if case.get("entities"):
        pairs = zip("abcdefgh", "bcdefghi", strict=True)
        laughs = "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairs)
        return with_entry(xlsx_of(("agency",)), SHEET, _sheet("A1", "&i;", f'<!DOCTYPE x [<!ENTITY a "a">{laughs}]>'))
    return bytes.fromhex(case["hex"]) if "hex" in case else text_of(case).encode(case.get("encoding", "utf-8"))


def as_kept(text: str) -> str:
    """Return a text as it is stored and returned."""
    return text.replace("\r\n", "\n").strip()


def cell_of(case: Case) -> bytes | str:
    """Return the content of a cell: a text, or bytes that are not valid text."""
    return bytes.fromhex(case["hex"]) if "hex" in case else text_of(case)


def csv_of_cells(columns: Sequence[str], rows: Iterable[Mapping[str, bytes | str]]) -> bytes:
    """Return a CSV of any bytes, every cell quoted."""

    def quoted(cell: bytes | str) -> bytes:
        raw = cell if isinstance(cell, bytes) else cell.encode()
        return b'"' + raw.replace(b'"', b'""') + b'"'

    lines = [",".join(columns).encode(), *(b",".join(quoted(row[name]) for name in columns) for row in rows)]
    return b"\r\n".join(lines) + b"\r\n"


def xlsx_of_cells(columns: Sequence[str], rows: Iterable[Mapping[str, str | Case]]) -> bytes:
    """Return an XLSX of texts, or of the case's cell types: a formula without value, an error, a number, a date."""
    made = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    with xlsxwriter.Workbook(made, plain) as workbook:
        sheet = workbook.add_worksheet()
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, columns)
        for place, row in enumerate(rows, 1):
            for column, name in enumerate(columns):
                cell = row[name]
                if isinstance(cell, str):
                    sheet.write_string(place, column, cell)
                elif "number" in cell:
                    sheet.write_number(place, column, cell["number"], day if cell.get("day") else None)
                else:
                    sheet.write_formula(place, column, cell.get("formula", "=NA()"), None, cell.get("error", ""))
    return made.getvalue()


def _sheet(cell: str, text: str, doctype: str = "") -> bytes:
    row = "".join(letter for letter in cell if letter.isdigit())
    return (
        f"<?xml version='1.0'?>{doctype}<worksheet xmlns='{NAMESPACE}'><sheetData><row r='{row}'>"
        f"<c r='{cell}' t='inlineStr'><is><t>{text}</t></is></c></row></sheetData></worksheet>"
    ).encode()
