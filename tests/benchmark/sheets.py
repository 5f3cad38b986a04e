"""The files that are imported: projects that are not registered yet, as CSV and as XLSX, the same for a seed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import xlsxwriter

from registry.agencies.models import Region
from registry.projects.vocabulary import ObjectKind
from tests.benchmark.data import SEED, bins
from tests.benchmark.words import names

COLUMNS: Final = (
    "agency", "external_id", "object_code", "name_kk", "name_ru", "purpose", "sector", "object_kind", "work_type",
    "stage", "placement", "contract_signed_on", "object_commissioned_on", "budget_kzt", "region", "responsible_name",
)  # fmt: skip
DAYS: Final = tuple(f"20{year:02}-{month:02}-{day:02}" for year in range(12, 26) for month in (2, 7) for day in (3, 21))


def write_csv(path: Path, count: int, mark: str) -> None:
    """A CSV of that many projects; ``mark`` makes their external ids its own."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(count, mark))


def write_xlsx(path: Path, count: int, mark: str) -> None:
    """The same as a workbook."""
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, COLUMNS)
        for place, row in enumerate(_rows(count, mark), 1):
            for column, cell in enumerate(row):
                if COLUMNS[column] == "budget_kzt":
                    sheet.write_number(place, column, int(cell))
                elif cell:
                    sheet.write_string(place, column, cell)


def _rows(count: int, mark: str) -> Iterator[tuple[str, ...]]:
    # Names of its own too: a row with the name of a registered project would be asked about.
    draw = Random(f"{SEED} {mark}").random
    agencies = bins()
    for serial in range(1, count + 1):
        kk, ru, own, purpose = names(draw)
        yield (
            agencies[int(draw() * len(agencies))],
            f"{mark}-{serial}",
            f"O-{serial % 5000}",
            kk,
            ru,
            purpose or "",
            f"{1 + int(draw() * 10):02}",
            ObjectKind.codes()[int(draw() * len(ObjectKind.codes()))],
            "maintenance" if draw() < 0.7 else "development",
            "operation",
            "off_platform",
            DAYS[int(draw() * len(DAYS))],
            DAYS[int(draw() * len(DAYS))],
            str(1000 * int(draw() * 10**7)),
            Region.codes()[int(draw() * len(Region.codes()))],
            f"Ответственный {own}",
        )
