"""Templates of imports: a workbook with labels as headers, drop-down lists, notes, an example and instructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from registry.core.fields import AnyDay, Bin, Boolean, Choice, InputField, Text, WholeNumber
from registry.core.spreadsheets.writer import plain_workbook
from registry.core.translations import Language, lazy_text, translator
from registry.freeze.texts import Translate
from registry.imports import agencies, projects
from registry.imports.vocabulary import ImportKind

FIELDS: Final[Mapping[str, Mapping[str, InputField]]] = {
    ImportKind.PROJECTS: projects.FIELDS,
    ImportKind.AGENCIES: agencies.FIELDS,
}
REQUIRED: Final[Mapping[str, Sequence[str]]] = {
    ImportKind.PROJECTS: projects.REQUIRED_COLUMNS,
    ImportKind.AGENCIES: agencies.REQUIRED_COLUMNS,
}
ROWS: Final = 1000
LISTS: Final = "Lists"
EXAMPLE: Final[Mapping[str, str]] = {"kk": "МЫСАЛ", "ru": "ПРИМЕР", "en": "EXAMPLE"}
EXAMPLE_BIN: Final = "050340004478"
HEADER: Final = {"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#D2E2F1", "border": 1}
NEEDED: Final = {**HEADER, "bg_color": "#FFF7BF"}
NOTE: Final = {"italic": True, "font_color": "#505A5F"}
WRAPPED: Final = {"text_wrap": True, "valign": "top"}
INSTRUCTIONS: Final = (
    lazy_text("Write one record in each row, below the example. The example is left out; you may delete it."),
    lazy_text("Columns with a yellow header are required for a new record. A name in Kazakh or in Russian is enough."),
    lazy_text("You may delete columns, reorder them and add your own: unknown columns are left out with a warning."),
    lazy_text("An empty cell clears the field of a record that exists; a column that is missing leaves it unchanged."),
    lazy_text("Write dates with the day first: 20.01.2026. Write amounts in whole tenge: 1 200 000."),
    lazy_text("Choose values from the lists, or write their codes. Write a BIN with all its twelve digits."),
    lazy_text("Do a dry run first: it shows what becomes of each row and saves nothing."),
)


def write_template(path: Path, kind: str, language: Language) -> None:
    """Write the template of a kind of rows in a language."""
    _ = translator(language)
    with plain_workbook(path) as workbook:
        sheet = workbook.add_worksheet(_(_TITLES[kind])[:31])
        guide = workbook.add_worksheet(_(lazy_text("Instructions")))
        lists = workbook.add_worksheet(LISTS)
        lists.hide()
        formats = {name: workbook.add_format(look) for name, look in _LOOKS.items()}
        _write_columns(sheet, FIELDS[kind], REQUIRED[kind], formats, _)
        _write_lists(sheet, lists, FIELDS[kind], _)
        for place, (name, field) in enumerate(FIELDS[kind].items()):
            example = _example(kind, name, field, language, _)
            if example:
                sheet.write_string(1, place, example, formats["note"])
        sheet.freeze_panes(1, 0)
        _write_guide(guide, FIELDS[kind], formats, _)


_TITLES: Final[Mapping[str, str]] = {
    ImportKind.PROJECTS: ImportKind.PROJECTS.label,
    ImportKind.AGENCIES: ImportKind.AGENCIES.label,
}
_LOOKS: Final[Mapping[str, Mapping[str, Any]]] = {
    "header": HEADER,
    "needed": NEEDED,
    "note": NOTE,
    "wrapped": WRAPPED,
    "text": {"num_format": "@"},
    "day": {"num_format": "dd.mm.yyyy"},
    "amount": {"num_format": "#,##0"},
}


def _write_columns(
    sheet: Any, fields: Mapping[str, InputField], required: Sequence[str], formats: Mapping[str, Any], _: Translate
) -> None:
    for place, (name, field) in enumerate(fields.items()):
        look = "day" if isinstance(field, AnyDay) else "amount" if isinstance(field, WholeNumber) else "text"
        label = _(field.label)
        sheet.set_column(place, place, max(14, min(40, len(label) + 4)), formats[look])
        is_needed = field.required or name in required
        sheet.write_string(0, place, f"{label} *" if is_needed else label, formats["needed" if is_needed else "header"])
        if field.hint:
            sheet.write_comment(0, place, _(field.hint), {"x_scale": 2})


def _write_lists(sheet: Any, lists: Any, fields: Mapping[str, InputField], _: Translate) -> None:
    """Drop-down lists; Excel limits lists in the cell itself to 255 characters."""
    offered = [(place, _choices(field, _)) for place, field in enumerate(fields.values())]
    columns = [(place, texts) for place, texts in offered if texts]
    for row in range(max(len(texts) for _place, texts in columns)):
        for column, (_place, texts) in enumerate(columns):
            if row < len(texts):
                lists.write_string(row, column, texts[row])
    for column, (place, texts) in enumerate(columns):
        letter = _letters(column)
        source = f"={LISTS}!${letter}$1:${letter}${len(texts)}"
        # A warning only: codes and other spellings are accepted too.
        rule = {"validate": "list", "source": source, "error_type": "warning"}
        sheet.data_validation(1, place, ROWS, place, rule)


def _write_guide(guide: Any, fields: Mapping[str, InputField], formats: Mapping[str, Any], _: Translate) -> None:
    guide.set_column(0, 0, 42)
    guide.set_column(1, 1, 90)
    row = 0
    for text in INSTRUCTIONS:
        guide.write_string(row, 0, str(row + 1))
        guide.write_string(row, 1, _(text), formats["wrapped"])
        row += 1
    row += 1
    for field in fields.values():
        guide.write_string(row, 0, _(field.label), formats["header"])
        shown = [_(field.hint)] if field.hint else []
        texts = _choices(field, _)
        guide.write_string(row, 1, " ".join([*shown, "; ".join(texts)]).strip(), formats["wrapped"])
        row += 1


def _choices(field: InputField, _: Translate) -> list[str]:
    if isinstance(field, Choice):
        return [_(label) for label in field.labels.english()]
    if isinstance(field, Boolean):
        return [_(lazy_text("Yes")), _(lazy_text("No"))]
    if isinstance(field, WholeNumber) and field.labels is not None:
        return [_(label) for label in field.labels.english()]
    return []


def _example(kind: str, name: str, field: InputField, language: Language, _: Translate) -> str:
    key = "bin" if kind == ImportKind.AGENCIES else "external_id"
    texts = _choices(field, _)
    if name == key:
        return EXAMPLE[language]
    if isinstance(field, Bin):
        return EXAMPLE_BIN
    if texts:
        return texts[0]
    if isinstance(field, AnyDay):
        return "20.01.2026"
    if isinstance(field, WholeNumber):
        return "1 200 000"
    return _(lazy_text("text")) if isinstance(field, Text) and name.startswith("name_") else ""


def _letters(column: int) -> str:
    return chr(ord("A") + column) if column < 26 else f"A{chr(ord('A') + column - 26)}"
