"""Messages about files: imports, spreadsheets, documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

MESSAGES: Final[Mapping[str, str]] = {
    "undo-agencies-stay": lazy_text(
        "agencies that the import registered stay; one that does not exist is merged into another"
    ),
    "undo-not-yours": lazy_text("projects that you may not change"),
    "undo-ends-flag": lazy_text("the values of before would end or lower a serious flag"),
    "undo-not-valid": lazy_text("the values of before do not fit with what is there now"),
    "undo-changed-since": lazy_text("changed since, or to be confirmed again"),
    "import-not-undoable": lazy_text(
        "Import {id} cannot be undone: only one that wrote something in the last 30 days, once. Agencies that were "
        "registered stay."
    ),
    "answers-not-possible": lazy_text(
        "Import {id} cannot be answered: it is no finished dry run, or its file was imported or deleted."
    ),
    "project-twice-in-file": lazy_text("Project {number} is already in row {row}. Keep one of the rows."),
    "row-project-not-of-agency": lazy_text("The agency of the row has no project {number}."),
    "answers-invalid": lazy_text("Write the answers as an object from rows to same or new."),
    "row-asks-nothing": lazy_text("Row {row} asks no question. Answer the rows whose outcome is question."),
    "row-answer-outdated": lazy_text(
        "This row was project {number} in the dry run, and is not any more: make another dry run."
    ),
    "row-repeats-row": lazy_text("Row {row} has this name too. Is it the same project or a new one?"),
    "row-same-as-rejected": lazy_text(
        "Row {row}, which this row is the same as, is not imported. Correct that row, or answer that this one is new."
    ),
    "row-resembles-project": lazy_text("Project {number} has a similar name. Is it the same project or a new one?"),
    "row-has-contract-of-project": lazy_text(
        "Project {number} is on this contract. Is it the same project or a new one?"
    ),
    "row-has-name-of-project": lazy_text("Project {number} has this name. Is it the same project or a new one?"),
    "row-changes-contract": lazy_text(
        "The row gives project {number} another contract with another supplier. Is it the same project or a new one?"
    ),
    "row-changes-name": lazy_text("The row gives project {number} another name. Is it the same project or a new one?"),
    "amounts-in-thousands": lazy_text(
        'The amounts of "{column}" are in thousands or millions. Write them in full in tenge, such as 1 200 000, and '
        "remove the unit from the table."
    ),
    "bin-twice": lazy_text("This BIN is already in row {row}. Keep one of the rows."),
    "cell-without-value": lazy_text(
        "The cell has no value: it holds an error or a formula that was never calculated. Write the value itself."
    ),
    "column-chosen-twice": lazy_text("This field is already chosen for another column. Choose it once."),
    "column-mapping-not-found": lazy_text("There are no remembered columns {id}."),
    "column-left-out": lazy_text('The column "{column}" is not known and was left out.'),
    "column-missing": lazy_text('The column "{column}" is missing. Add it to the header row.'),
    "column-not-chosen": lazy_text("Choose the column that is {column}."),
    "column-not-in-file": lazy_text('The file has no column "{column}". Write the header as it is in the file.'),
    "column-twice": lazy_text('There are two columns "{column}". Keep one of them.'),
    "column-unknown": lazy_text(
        'There is no column "{column}". Columns are named as the fields; remove it or correct its name.'
    ),
    "column-without-name": lazy_text(
        "Column {position} has no name. Write it into the first row, or remove the column."
    ),
    "column-without-name-left-out": lazy_text("Column {position} has no name and was left out."),
    "columns-for-one-field": lazy_text(
        "The columns {columns} all stand for {column}. Keep one of them, or map the columns by hand."
    ),
    "cell-too-long": lazy_text("The cell has more than {limit} characters, more than any field holds."),
    "csv-too-large": lazy_text("The file is too large to read. Split it into parts."),
    "service-busy": lazy_text("Several files are read at this moment. Try again in a few seconds."),
    "csv-broken": lazy_text("Record {row} cannot be read as CSV: a quote is not closed or out of place."),
    "event-not-of-case": lazy_text("The case has no timeline entry {id}."),
    "event-of-another-side": lazy_text(
        "Timeline entry {id} is not of your side. Add the document as an entry of its own."
    ),
    "dates-month-first": lazy_text(
        'The dates of "{column}" have the month first, such as {value} in row {row}. Write the day first, such as '
        "20.01.2026, or give the cells a date format."
    ),
    "document-empty": lazy_text("The file is empty (0 bytes). Choose another file."),
    "document-not-found": lazy_text("This project has no document {id}."),
    "document-quota-exceeded": lazy_text(
        "All documents of one project together may take at most {limit} MiB. Free: {free} KiB. Make the file smaller, "
        "or ask the administrator."
    ),
    "document-type-refused": lazy_text(
        "Programs, scripts and HTML pages are not accepted. Send the document as a PDF, an office document or an image."
    ),
    "dry-run-not-usable": lazy_text(
        "Import {id} cannot be run: it is no finished dry run, or its file was imported or deleted. Send the file."
    ),
    "external-id-twice": lazy_text("The agency already has this external_id in row {row}. Keep one of the rows."),
    "file-empty": lazy_text("The file is empty. Its first row must name the columns, the data follow."),
    "file-encoding-unknown": lazy_text("The file is neither UTF-8 nor cp1251 (line {line}). Save it as UTF-8."),
    "file-name-not-usable": lazy_text("The file needs a name of 1 to {limit} printable characters."),
    "file-not-a-table": lazy_text(
        "This is neither CSV nor XLSX. Open the file, such as an older Excel workbook (.xls) or an OpenDocument table "
        "(.ods), in your table program and save it as XLSX or as CSV (UTF-8)."
    ),
    "file-too-large": lazy_text("The file is larger than {limit_mib} MiB. Split it into parts."),
    "import-already-mapped": lazy_text("The columns of import {id} are chosen already."),
    "import-broke-off": lazy_text(
        "an error of the service; the rows written so far are kept, and the file can be sent again"
    ),
    "import-file-unreadable": lazy_text("the file can no longer be read; send it again"),
    "import-given-up": lazy_text("it was started several times without progress; split the file"),
    "import-reason-required": lazy_text(
        "The row changes a date, the kind of work or the stage of a registered project. Import the file again and give "
        "the reason for the changes."
    ),
    "import-not-found": lazy_text("There is no import {id}."),
    "inventory-without-rows": lazy_text(
        "The inventory has no valid row (invalid rows: {rejected}): it would remove every confirmation. Check the file."
    ),
    "kazakh-letters-lost": lazy_text(
        "The file has question marks in place of Kazakh letters, which this kind of CSV does not have. Save it in "
        "Excel as CSV UTF-8 or as XLSX."
    ),
    "marked-file-not-available": lazy_text(
        "Import {id} has no file to mark: it is at work, had no wrong rows, or ended more than a week ago."
    ),
    "pending-upload-not-found": lazy_text("The file is no longer available. Send it again."),
    "platform-key-twice": lazy_text("This platform_key is already in row {row}. Keep one of the rows."),
    "principal-disabled": lazy_text("the account that started the import is disabled"),
    "required-without-column": lazy_text(
        "The file has no column for this field, which a new project must have. Add it, or choose which column of the "
        "file it is."
    ),
    "rows-left-out": lazy_text("Left out as totals, headings or notes: rows no. {rows}."),
    "row-too-long": lazy_text(
        "The row has {surplus} cells beyond its {columns} columns. Put text with a separator in it into quotes."
    ),
    "sheet-beyond-limit": lazy_text(
        'The sheet "{sheet}" has a table too and was not read: only the first {limit} visible sheets are. Send it as a '
        "file of its own."
    ),
    "sheet-hidden-left-out": lazy_text(
        'The sheet "{sheet}" has a table too and was not read: it is hidden. Show it, or send it as a file of its own.'
    ),
    "sheet-without-columns": lazy_text(
        'The sheet "{sheet}" has a table too and was not read: it has no column {columns}.'
    ),
    "sheets-beyond-limit": lazy_text("Only the first {limit} sheets of the workbook were looked at."),
    "sheets-left-out": lazy_text(
        'Only the sheet "{sheet}" is imported. These sheets have tables too: {sheets}. Send each as a file of its own.'
    ),
    "table-left-out": lazy_text(
        "Row {row} begins another table, which is not read: only one table of a sheet is. Send it as a file of its own."
    ),
    "too-many-rows-for-xlsx": lazy_text(
        "There are {rows} rows, and an XLSX sheet holds {limit}. Take the CSV, or narrow the filters."
    ),
    "utf8-broken": lazy_text("The file is UTF-8 but broken at line {line}. Save it as UTF-8 again."),
    "xlsx-too-large": lazy_text("The XLSX file is too large to read. Split it into parts, or send a CSV."),
    "xlsx-too-many-cells": lazy_text(
        "The sheet covers {rows} rows and {columns} columns. Delete the cells beyond the data, or send a CSV."
    ),
    "xlsx-unreadable": lazy_text(
        "The XLSX file cannot be read: it is broken or locked with a password. Save it again, or send a CSV."
    ),
}
