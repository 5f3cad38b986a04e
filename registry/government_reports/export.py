"""The figures of a report as a table: one figure a row."""

from __future__ import annotations

import json
from typing import Final

from registry.accounts.actors import Actor
from registry.core.spreadsheets.writer import Rows
from registry.government_reports.changes import measures, text_of
from registry.government_reports.models import GovernmentReport
from registry.government_reports.queries import data_of_report

HEADER: Final = ("table", "key", "measure", "value")
ROWS_A_PIECE: Final = 500


def export_rows(actor: Actor, report: GovernmentReport) -> list[Rows]:
    """The rows below HEADER, in pieces. Raises FiguresNotFrozen."""
    data, _digest = data_of_report(actor, report)
    rows = [
        (table, key, measure, value if type(value) in (int, float) else text_of(value))
        for table, key, measure, value in measures(json.loads(data))
    ]
    return [rows[first : first + ROWS_A_PIECE] for first in range(0, len(rows), ROWS_A_PIECE)]
