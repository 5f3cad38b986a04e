"""A reader of pages who follows every figure to its list."""

from __future__ import annotations

import re

from tests.fixtures.web import Visit
from tests.reports.delivered import Page, Table, budgets_with_lists, counts_with_lists, csv_rows, number

TOTAL = re.compile(r"Cases [\d,]+–[\d,]+ of ([\d,]+)")


class Reader:
    """A person at a browser who asks for each address once; ``follows``: whether also for the lists behind figures.

    ``followed``: how many figures led to a list.
    """

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.follows, self.followed = True, 0
        self._pages: dict[str, Page] = {}
        self._lists: dict[str, tuple[int, int]] = {}

    def forget(self, *, follows: bool) -> None:
        """Ask for everything again."""
        self.follows = follows
        self._pages.clear()
        self._lists.clear()

    def page(self, path: str, *, follow: bool = True) -> Page:
        """The page; every figure on it that leads to a list is the number of its records, or their budgets.

        ``follow``: false for a page whose figures another reader follows.
        """
        if path not in self._pages:
            answer = self.visit.get(path)
            assert answer.status_code == 200, path
            self._pages[path] = Page(answer.text)
            if self.follows and follow:
                self._follow(path, self._pages[path])
        return self._pages[path]

    def _follow(self, path: str, page: Page) -> None:
        counts, budgets = counts_with_lists(page), budgets_with_lists(page)
        self.followed += len(counts) + len(budgets)
        listed = {address: self._list(address)[0] for address in counts}
        listed |= {address: self._list(address)[1] for address in budgets}
        wrong = {
            address: (figure, listed[address])
            for address, figure in (counts | budgets).items()
            # A project may have several flags of an age: the page says that each counts.
            if figure != listed[address] and not ("flag_age=" in address and figure > listed[address])
        }
        assert wrong == {}, f"{path}: {wrong}"

    def count(self, address: str) -> int:
        """How many records a list has."""
        return self._list(address)[0]

    def _list(self, address: str) -> tuple[int, int]:
        """How many records the list has, and their budgets; a list of cases says how many it has."""
        if address not in self._lists:
            path, _, query = address.partition("?")
            rows = csv_rows(self.visit.client.get(f"{path}.csv?{query}"))
            if path == "/cases":
                total = TOTAL.search(Page(self.visit.get(address).text).text)
                assert (number(total[1]) if total else 0) == len(rows), address
            self._lists[address] = len(rows), sum(int(row.get("budget_kzt") or 0) for row in rows)
        return self._lists[address]


def columns(table: Table) -> list[dict[str, int]]:
    """The numbers of each row by the headings of their columns, without shares and bars."""
    names = table.header[1:]
    return [
        {name: number(cell) for name, cell in zip(names, row[1:], strict=True) if name and "%" not in name}
        for row in table.rows
    ]


def added(rows: list[dict[str, int]]) -> dict[str, int]:
    """The sum of rows with the same columns."""
    return {name: sum(row[name] for row in rows) for name in rows[0]} if rows else {}
