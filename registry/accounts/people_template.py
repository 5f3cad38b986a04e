"""The template of a table of people: headers in the reader's language, and lists to choose roles and languages from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from registry.accounts.people_columns import COLUMNS, REQUIRED_COLUMNS
from registry.accounts.roles import Role
from registry.core.languages import LANGUAGE_NAMES, Language
from registry.core.spreadsheets.writer import plain_workbook
from registry.core.translations import translate

ROWS: Final = 200
WIDTH: Final = 32
HEADER: Final = {"bold": True, "bg_color": "#D2E2F1", "border": 1}
NEEDED: Final = {**HEADER, "bg_color": "#FFF7BF"}
# A BIN begins with zeros, which a number would lose.
TEXT: Final = {"num_format": "@"}


def write_people_template(path: Path, labels: Mapping[str, str], roles: Sequence[Role], language: Language) -> None:
    """Write the template for who may give these roles; ``labels``: of the columns, in the language.

    Columns with a yellow header are required.
    """
    choices = {"role": [translate(role.label, language) for role in roles], "language": list(LANGUAGE_NAMES.values())}
    with plain_workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        looks: dict[str, Any] = {
            name: workbook.add_format(look) for name, look in (("", HEADER), ("needed", NEEDED), ("text", TEXT))
        }
        for place, name in enumerate(COLUMNS):
            sheet.set_column(place, place, WIDTH, looks["text"])
            sheet.write_string(0, place, labels[name], looks["needed" if name in REQUIRED_COLUMNS else ""])
            if name in choices:
                sheet.data_validation(1, place, ROWS, place, {"validate": "list", "source": choices[name]})
        sheet.freeze_panes(1, 0)
