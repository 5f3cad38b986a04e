"""The committed corpus of hostile cases, one file a subject; what a case says becomes what is sent."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from tests.services.tables import with_entry, xlsx_of

HERE = Path(__file__).parent / "corpus"
SUBJECTS = ("values", "bodies", "headers", "queries", "paths", "files", "tables")
SHEET = "xl/worksheets/sheet1.xml"
NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
Case = dict[str, Any]


def cases(subject: str) -> list[Case]:
    """The cases of a subject."""
    read: list[Case] = json.loads((HERE / f"{subject}.json").read_text("utf-8"))
    return read


def named(case: Case) -> str:
    """What a test calls the case."""
    return str(case["name"])


def text_of(case: Case) -> str:
    """A value that is a text."""
    return str(case["text"]) * case.get("times", 1)


def token_of(case: Case) -> str:
    """A value as it stands in a JSON body."""
    times = case.get("times", 1)
    if "text" in case:
        return json.dumps(text_of(case))
    if case["json"] == "NEST":
        return "[" * times + "]" * times
    if case["json"] == "MANY":
        return json.dumps(list(range(1, times + 1)))
    return str(case["json"]) * times


def body_of(case: Case, good: dict[str, Any]) -> bytes:
    """A whole body; where the case says only how it is written, of what would be right."""
    raw = json.dumps(good).encode(case.get("encoding", "utf-8"))
    if "text" in case:
        raw = text_of(case).replace("LONG", "n" * 100_000).encode()
    if "hex" in case:
        raw = bytes.fromhex(case["hex"])
    if "cut" in case:
        raw = raw[: -case["cut"]]
    return gzip.compress(raw) if case.get("gzip") else raw + case.get("behind", "").encode()


def headers_of(case: Case) -> dict[str, str]:
    """Headers, the long ones written out."""
    many = ", ".join(f'"{number}"' for number in range(2_000))
    written = {"LONG": "n" * 5_000, "MANY": many}
    return {
        name: next((value.replace(word, long) for word, long in written.items() if word in value), value)
        for name, value in case.get("headers", {}).items()
    }


def table_of(case: Case) -> bytes:
    """A file that calls itself a table."""
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


def _sheet(cell: str, text: str, doctype: str = "") -> bytes:
    row = "".join(letter for letter in cell if letter.isdigit())
    return (
        f"<?xml version='1.0'?>{doctype}<worksheet xmlns='{NAMESPACE}'><sheetData><row r='{row}'>"
        f"<c r='{cell}' t='inlineStr'><is><t>{text}</t></is></c></row></sheetData></worksheet>"
    ).encode()
