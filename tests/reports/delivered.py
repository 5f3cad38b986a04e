"""What is delivered to readers, as numbers: tables, facts and links of pages, rows of files."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser

from openpyxl import load_workbook
from werkzeug.test import TestResponse

NUMBER = re.compile(r"[+−]?\d[\d,]*")
OF_TABS = re.compile(r"(.+): (\d[\d,]*)")


@dataclass
class Link:
    """A link with its text; ``title`` has the exact amount where the text has millions."""

    href: str
    text: str
    title: str | None


@dataclass
class Table:
    """A table without its head. The first cell of a row is its name; the texts of links are parts of cells."""

    caption: str = ""
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    titles: list[list[str]] = field(default_factory=list)

    def row(self, name: str) -> list[str]:
        """The row of that name, without the name."""
        return next(row[1:] for row in self.rows if row[0] == name)


class Page(HTMLParser):
    """The main part of a page: ``links``, ``tables``, ``facts`` (terms with their descriptions), ``text``."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[Link] = []
        self.tables: list[Table] = []
        self.facts: dict[str, str] = {}
        self._open: dict[str, tuple[list[str], dict[str, str | None]]] = {}
        self._term, self._in_head, self._words = "", False, list[str]()
        self.feed(html.partition("<main")[2].partition("</main>")[0])
        self.text = " ".join("".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append(Table())
        elif tag == "thead":
            self._in_head = True
        elif tag == "tr" and not self._in_head:
            self.tables[-1].rows.append([])
        elif tag in ("a", "caption", "th", "td", "dt", "dd"):
            self._open[tag] = ([], dict(attrs))

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        for words, _ in self._open.values():
            words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "thead":
            self._in_head = False
        if tag not in self._open:
            return
        words, given = self._open.pop(tag)
        text = " ".join("".join(words).split())
        if tag == "a":
            self.links.append(Link(given.get("href") or "", text, given.get("title")))
        elif tag == "caption":
            self.tables[-1].caption = text
        elif tag in ("th", "td"):
            table = self.tables[-1]
            if self._in_head:
                _add_heading(table.header, text, given)
            else:
                table.rows[-1].append(text)
        elif tag == "dt":
            self._term = text
        elif tag == "dd":
            # How it changed may stand below a fact.
            self.facts.setdefault(self._term, text)

    def table(self, caption: str) -> Table:
        """The table with that caption."""
        return next(table for table in self.tables if table.caption.startswith(caption))


def _add_heading(header: list[str], text: str, given: dict[str, str | None]) -> None:
    """A heading of several columns waits for those below it, with which it reads as one: ``Flagged: high``."""
    waiting = next((place for place, heading in enumerate(header) if heading.endswith(": ")), None)
    if "colspan" in given:
        header.extend([f"{text}: "] * int(given["colspan"] or 1))
    elif waiting is not None and "rowspan" not in given:
        header[waiting] += text.lower()
    else:
        header.append(text)


def number(text: str) -> int:
    """A whole number of a page in English; – stands for none."""
    text = text.removesuffix(" better").removesuffix(" worse")
    return 0 if text == "–" else int(text.replace(",", "").replace("−", "-").replace("+", ""))


def counts_with_lists(page: Page) -> dict[str, int]:
    """The counts of a page by the address of the list of projects or cases to which each leads."""
    counted: dict[str, int] = {}
    for link in page.links:
        tab = OF_TABS.fullmatch(link.text)
        text = tab[2] if tab else link.text
        if re.match(r"/(projects|cases)(\?|$|/exemptions-ending\?)", link.href) and NUMBER.fullmatch(text):
            assert counted.setdefault(link.href, number(text)) == number(text), link
    return counted


def budgets_with_lists(page: Page) -> dict[str, int]:
    """The exact budgets that lead to lists of projects, by address."""
    return {
        link.href: number(link.title.removesuffix("\u00a0₸"))
        for link in page.links
        if link.href.startswith("/projects") and link.title
    }


def csv_rows(answer: TestResponse) -> list[dict[str, str]]:
    """The rows of a CSV, whole shares as whole numbers, as workbooks have them."""
    assert answer.status_code == 200, answer.text
    rows = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))
    return [{name: re.sub(r"^(\d+)\.0$", r"\1", text) for name, text in row.items()} for row in rows]


def xlsx_rows(answer: TestResponse) -> list[dict[str, str]]:
    """The rows of a workbook's first sheet, as texts as in the CSV."""
    assert answer.status_code == 200
    sheet = load_workbook(io.BytesIO(answer.data), read_only=True).worksheets[0]
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, header), map(_text, row), strict=True)) for row in rows]


def _text(cell: object) -> str:
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return "" if cell is None else str(cell)
