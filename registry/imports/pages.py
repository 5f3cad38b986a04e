"""Import pages: uploading a table, its columns and values, and the progress and errors of its run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import render_template, request

from registry.accounts.roles import Actor, Permission
from registry.audits.pages import rule_titles
from registry.core.errors import Invalid, Problem, invalid
from registry.core.fields import AnyDay, Bin, Boolean, Choice, InputField, WholeNumber, labelled_choices
from registry.core.lists import Listing
from registry.core.spreadsheets.writer import table_as_csv
from registry.core.translations import lazy_text
from registry.core.values import read_day, read_period
from registry.http.responses import csv_download, xlsx_download
from registry.imports import queries, service
from registry.imports.files import REQUIRED, marked_import, write_marked_file, write_template
from registry.imports.headers import FIELDS, KNOWN, column_mappings, delete_column_mapping
from registry.imports.models import OUTCOMES, ImportKind, ImportRun, ImportState, has_file
from registry.imports.same_project import answer_questions
from registry.imports.undo import is_undoable, undo_import
from registry.imports.values import UNIT, WORDS, Values, choices_of_new, day_first
from registry.projects.schemas import PROJECT_PATCH
from registry.web.blueprint import BOTH, Answer, flash_message, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import problem_message, row_error_message
from registry.web.formats import day, gettext
from registry.web.forms import Form, invalid_form, typed_values, uploaded_file
from registry.web.labels import choice_label, field_label, options
from registry.web.lists import render_list, requested_page

# Import columns: the fields of the schemas with their labels and value types, and the empty template.


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` is the table's heading, ``label`` the page's term; ``codes`` maps each allowed code to its label.

    ``key`` columns match rows to records.
    """

    name: str
    label: str
    needed: bool
    key: bool
    form: str
    codes: Sequence[tuple[str, str]]


def column_explanations(kind: str) -> list[Column]:
    """Return the columns of a table of projects or agencies, in template order."""
    keys = REQUIRED[kind]
    return [
        Column(name, gettext(of.label), of.required or name in keys, name in keys, _form(of), _codes(name, of))
        for name, of in FIELDS[kind].items()
    ]


def _codes(name: str, field: InputField) -> list[tuple[str, str]]:
    return [(code, choice_label(name, code)) for code in field.options] if isinstance(field, Choice) else []


def _form(field: InputField) -> str:
    match field:
        case Choice():
            return gettext("One of the codes")
        case AnyDay():
            return gettext("A date, such as %(example)s") % {"example": "2026-01-20"}
        case WholeNumber():
            return gettext("A whole number")
        case Boolean():
            return gettext("%(yes)s or %(no)s") % {"yes": "true", "no": "false"}
        case Bin():
            return gettext("Twelve digits")
    return gettext("A text")


# Import pages: uploading a table, and the progress and errors of its run.

REASON: Final = "change_reason"
# In a list of choices: the word is an empty cell.
EMPTY: Final = "-"
UNIT_TEXTS: Final = {
    "one": lazy_text("Tenge, as written"),
    "thousand": lazy_text("Thousands of tenge"),
    "million": lazy_text("Millions of tenge"),
    "billion": lazy_text("Billions of tenge"),
}
ROW_NAME: Final = re.compile(r"row_[0-9]{1,7}")


@pages.page("/imports", needs=Permission.IMPORTS_RUN, methods=BOTH, takes_file=True)
def imports(actor: Actor) -> Answer:
    """Display the form and earlier imports; a POST queues a file."""
    if request.method != "POST":
        return _page(actor, Form({"kind": _kind_in_address(), "dry_run": "yes"}))
    typed = {"kind": request.form.get("kind", "projects"), "dry_run": request.form.get("dry_run", "")}
    typed[REASON] = request.form.get(REASON, "")
    is_dry = typed["dry_run"] == "yes"
    try:
        reason = _reason()
        name, content = uploaded_file()
        run = service.receive_import(actor, typed["kind"], is_dry, name, content, reason)
    except Invalid as error:
        return _page(actor, invalid_form(typed, error, "file")), 422
    return redirect_to("import_columns" if run.state == ImportState.UNMAPPED else "import_run", import_id=run.id)


@pages.page("/imports/<row_id:import_id>/columns", needs=Permission.IMPORTS_RUN, methods=BOTH)
def import_columns(actor: Actor, import_id: int) -> Answer:
    """Choose the field of each column, and how its values are read: of a file that asks, or of a finished dry run."""
    try:
        file = service.columns_to_map(actor, import_id)
    except service.ImportAlreadyMapped:
        return redirect_to("import_run", import_id=import_id)
    names = [f"column_{place}" for place in range(len(file.columns))]
    fields = [column.field for column in file.columns]
    typed = {name: field or "" for name, field in zip(names, fields, strict=True)} | _chosen_values(file)
    if request.method != "POST":
        return _columns_page(actor, file, fields, Form(typed))
    columns = typed_values(names)
    fields = [columns.get(name) or None for name in names]
    file = service.columns_to_map(actor, import_id, fields)
    of_new = [f"new_{column.name}" for column in _without_column(file.run.kind, fields)]
    inputs = typed_values([*of_new, *(name for question in file.questions for name in _inputs(question))])
    typed |= columns | _chosen_values(file) | inputs
    if {question["field"] for question in file.questions} - set(request.form.getlist("asked")):
        # Other columns ask other questions.
        return _columns_page(actor, file, fields, Form(typed))
    try:
        service.map_columns(actor, import_id, fields, _typed_values(file, typed))
    except Invalid as error:
        return _columns_page(actor, file, fields, invalid_form(typed, error, "columns")), 422
    return redirect_to("import_run", import_id=import_id)


def _inputs(question: Mapping[str, Any]) -> dict[str, str]:
    """Input of the form → the word that it asks for, "" for a whole column."""
    field = question["field"]
    if question["asks"] != WORDS:
        return {f"value_{field}": ""}
    return {f"word_{field}_{place}": each["word"] for place, each in enumerate(question["words"])}


def _chosen_values(file: service.FileToMap) -> dict[str, str]:
    """Return the texts of the form for what was chosen before, is remembered, or is stated in the table."""
    values = (file.run.layout or {}).get("values", {})
    of_new = choices_of_new(FIELDS[file.run.kind], values)
    typed = {f"new_{field}": code for field, code in of_new.items()}
    for question in file.questions:
        chosen: Any = values.get(question["field"]) or question.get("suggested") or {}
        for name, word in _inputs(question).items():
            if isinstance(chosen, str):
                typed[name] = chosen
            elif word in chosen:
                typed[name] = chosen[word] or EMPTY
    return typed


def _typed_values(file: service.FileToMap, typed: Mapping[str, str]) -> Values:
    before = (file.run.layout or {}).get("values", {})
    values: dict[str, Any] = {field: typed.get(f"new_{field}", "") for field in FIELDS[file.run.kind]}
    for question in file.questions:
        field = question["field"]
        inputs = {word: typed.get(name, "") for name, word in _inputs(question).items()}
        if question["asks"] != WORDS:
            values[field] = inputs[""] or None
            continue
        # Words beyond those of the page stay as they are remembered.
        kept = {word: code for word, code in before.get(field, {}).items() if word not in inputs}
        values[field] = kept | {word: None if text == EMPTY else text for word, text in inputs.items() if text}
    return {field: chosen for field, chosen in values.items() if chosen}


@pages.page("/imports/columns/<row_id:mapping_id>/deletion", needs=Permission.IMPORTS_RUN, methods=("POST",))
def forget_columns(actor: Actor, mapping_id: int) -> Answer:
    """Forget the columns of tables with certain headers."""
    delete_column_mapping(actor, mapping_id)
    flash_message(gettext("Remembered columns deleted."))
    return redirect_to("imports")


@pages.page("/imports/<row_id:import_id>/run", needs=Permission.IMPORTS_RUN, methods=("POST",))
def import_dry_run(actor: Actor, import_id: int) -> Answer:
    """Import the file of a dry run, with a reason where one is needed."""
    run = queries.find_import(actor, import_id)
    try:
        reason = _reason()
        if reason is None and run.change_reason is None and queries.needs_change_reason(run):
            raise invalid(f"/{REASON}", "change-reason-required")
    except Invalid as error:
        return _detail(actor, run, invalid_form({REASON: request.form.get(REASON, "")}, error, REASON)), 422
    return redirect_to("import_run", import_id=service.run_dry_run(actor, import_id, change_reason=reason).id)


@pages.page("/imports/<row_id:import_id>/sheets", needs=Permission.IMPORTS_RUN, methods=("POST",))
def import_sheet(actor: Actor, import_id: int) -> Answer:
    """Make a dry run of another sheet of the same workbook."""
    run = service.receive_sheet(actor, import_id, request.form.get("sheet", ""))
    return redirect_to("import_run", import_id=run.id)


@pages.page("/imports/<row_id:import_id>/rows", needs=Permission.IMPORTS_RUN)
def import_rows(actor: Actor, import_id: int) -> Answer:
    """Display what a dry run would do with each row."""
    run = queries.find_import(actor, import_id)
    outcome = request.args.get("outcome")
    chosen = outcome if outcome in OUTCOMES else None
    listing = queries.previewed_rows(actor, run, requested_page(100), chosen)
    return render_list(
        "imports/rows.html",
        listing,
        run=run,
        can_answer=run.dry_run and run.state == ImportState.DONE and has_file(run.id),
        # Of an error that two fields share, one text is enough.
        questions={
            row: list(dict.fromkeys(map(row_error_message, asked)))
            for row, asked in queries.questions_of(run, listing.items).items()
        },
        rows=listing.items,
        outcome=chosen,
        rules=rule_titles(),
    )


@pages.page("/imports/<row_id:import_id>/undo", needs=Permission.IMPORTS_RUN, methods=("POST",))
def undo_import_run(actor: Actor, import_id: int) -> Answer:
    """Undo an import as a whole, with the reason."""
    run = queries.find_import(actor, import_id)
    try:
        reason = _reason()
        if reason is None:
            raise invalid(f"/{REASON}", "change-reason-required")
    except Invalid as error:
        return _detail(actor, run, invalid_form({REASON: request.form.get(REASON, "")}, error, REASON)), 422
    undo_import(actor, import_id, reason)
    flash_message(gettext("Import undone."))
    return redirect_to("import_run", import_id=import_id)


@pages.page("/imports/<row_id:import_id>/answers", needs=Permission.IMPORTS_RUN, methods=("POST",))
def answer_import_rows(actor: Actor, import_id: int) -> Answer:
    """Store the answers to the questions of a dry run: those of the rows on the page, or one for all on it."""
    every = request.form.get("every")
    answers = {
        int(name.removeprefix("row_")): every or request.form.get(f"answer_{name.removeprefix('row_')}") or None
        for name in request.form
        if ROW_NAME.fullmatch(name)
    }
    answer_questions(actor, import_id, answers)
    flash_message(gettext("Answers saved."))
    return redirect_to("import_run", import_id=import_id)


@pages.page("/imports/<row_id:import_id>/errors.xlsx", needs=Permission.IMPORTS_RUN)
def import_errors_file(actor: Actor, import_id: int) -> Answer:
    """Download the file with its wrong cells marked, with ``only=wrong`` without the right rows."""
    run = marked_import(actor, import_id)
    only_wrong, locale = request.args.get("only") == "wrong", page_locale()
    how = {"only_wrong": only_wrong, "is_own": run.is_of(actor)}
    return xlsx_download("import-errors", lambda path: write_marked_file(path, run, locale, **how))


@pages.page("/imports/template.xlsx", needs=Permission.IMPORTS_RUN)
def import_workbook(_actor: Actor) -> Answer:
    """Download a workbook to fill in, in the page's language."""
    kind = request.args.get("kind", ImportKind.PROJECTS.value)
    if kind not in ImportKind.codes():
        kind = ImportKind.PROJECTS.value
    locale = page_locale()
    return xlsx_download(f"{kind}-template", lambda path: write_template(path, kind, locale))


@pages.page("/imports/<any(projects, agencies):kind>.csv", needs=Permission.IMPORTS_RUN)
def import_template(_actor: Actor, kind: str) -> Answer:
    """Download a table with only the header row."""
    return csv_download(f"{kind}-template", table_as_csv([column.name for column in column_explanations(kind)], []))


@pages.page("/imports/<row_id:import_id>", needs=Permission.IMPORTS_RUN)
def import_run(actor: Actor, import_id: int) -> Answer:
    """Display progress and row errors. With JavaScript the page refreshes itself."""
    run = queries.find_import(actor, import_id)
    if run.state == ImportState.UNMAPPED:
        return redirect_to("import_columns", import_id=import_id)
    return _detail(actor, run, Form({REASON: run.change_reason or ""}))


def _detail(actor: Actor, run: ImportRun, form: Form) -> str:
    shows_rows = queries.may_read_rows(actor, run)
    errors = queries.errors_of(actor, run, requested_page(100), settled=False) if shows_rows else Listing([], None)
    answered, wrong_by_answer = queries.count_answers(run) if run.unanswered else (0, 0)
    return render_list(
        "imports/detail.html",
        errors,
        run=run,
        form=form,
        shows_rows=shows_rows,
        is_kept=shows_rows and has_file(run.id),
        again=run.dry_run and queries.registers_again(run),
        can_undo=is_undoable(run) and queries.can_undo(actor, run),
        undone=run.undone if shows_rows else None,
        answered=answered,
        wrong=run.rejected - run.unanswered + wrong_by_answer,
        unanswered=run.unanswered - answered,
        asking=queries.asking_rows(run, [error["row"] for error in errors.items]),
        columns=_layout_columns(run),
        sheets=_sheets(run),
        missing_columns=[field_label(name) for name in queries.missing_columns(run)],
        rules=rule_titles(),
        warnings=[problem_message(Problem("", each["code"], each["params"])) for each in run.warnings or []],
        errors=errors.items,
    )


def _reason() -> str | None:
    """Return the reason that was entered. Raises Invalid for one that is too long."""
    loaded, problems = PROJECT_PATCH.load_filled_texts({REASON: request.form.get(REASON, "")})
    if problems:
        raise Invalid(problems)
    return loaded.get(REASON)


def _layout_columns(run: ImportRun) -> list[tuple[str, str | None]]:
    """Return the headers of the file with the fields that they are read as."""
    layout = run.layout or {"headers": [], "columns": []}
    return [pair for pair in zip(layout["headers"], layout["columns"], strict=True) if pair[0]]


def _kind_in_address() -> str:
    return "agencies" if request.args.get("kind") == "agencies" else "projects"


def _without_column(kind: str, fields: Sequence[str | None]) -> list[Column]:
    """Return what new records need and no column has."""
    known = column_explanations(kind)
    return [column for column in known if column.needed and not column.key and column.name not in fields]


def _columns_page(actor: Actor, file: service.FileToMap, fields: Sequence[str | None], form: Form) -> str:
    known = column_explanations(file.run.kind)
    needs_agency = actor.agency_id is None
    for_new = _without_column(file.run.kind, fields)
    return render_template(
        "imports/columns.html",
        run=file.run,
        columns=file.columns,
        read=sum(name is not None for name in fields),
        questions=[(question, _inputs(question), _answers(file.run.kind, question)) for question in file.questions],
        form=form,
        required=[column.label for column in known if column.key],
        needs_agency=needs_agency,
        needs_columns=bool(for_new or KNOWN[file.run.kind].missing(fields, needs_agency=needs_agency)),
        for_new=for_new,
        choices=[*_numbers(file.run.kind), *((column.name, column.label) for column in known)],
        sheets=_sheets(file.run),
    )


def _answers(kind: str, question: Mapping[str, Any]) -> list[tuple[str, str]]:
    if question["asks"] == WORDS:
        codes = [(code, gettext(label)) for code, label in labelled_choices(FIELDS[kind][question["field"]]).items()]
        return [*codes, (EMPTY, gettext("Leave the field empty"))]
    if question["asks"] == UNIT:
        return [(unit, gettext(text)) for unit, text in UNIT_TEXTS.items()]
    example, is_start = question["examples"][0]["value"], question.get("is_start")
    if "first" in question["options"]:
        first, last = read_period(example) or (None, None)
        texts = {
            "first": gettext("The first day: %(date)s") % {"date": day(first)},
            "last": gettext("The last day: %(date)s") % {"date": day(last)},
        }
    elif "month" in question["options"] and "day" in question["options"]:
        texts = {
            "day": gettext("The day is first: %(date)s") % {"date": day(read_day(example))},
            "month": gettext("The month is first: %(date)s") % {"date": day(read_day(day_first(example)))},
        }
    else:
        texts = dict.fromkeys(("day", "month"), gettext("Work started on these dates"))
    texts["empty"] = gettext("These dates are planned: leave them out") if is_start else gettext("Leave the column out")
    return [(option, texts[option]) for option in question["options"]]


def _sheets(run: ImportRun) -> list[tuple[str, str, bool]]:
    """Return the sheets of a workbook, why each is not read, "" for the one that is, and whether it can be read."""
    can_read = service.can_map_columns(run)
    return [
        (
            each["name"],
            problem_message(Problem("", **why)) if why else "",
            can_read and why.get("code") == "sheet-left-out",
        )
        for each in (run.layout or {}).get("sheets", [])
        for why in [each["reason"] or {}]
    ]


def _numbers(kind: str) -> list[tuple[str, str]]:
    """Return the number in the register, by which rows are matched though nobody enters it."""
    return [("number", gettext("Number in the register"))] if kind == ImportKind.PROJECTS else []


def _page(actor: Actor, form: Form) -> str:
    kinds = options("import_kind") if actor.may(Permission.AGENCIES_WRITE) else options("import_kind")[:1]
    return render_template(
        "imports/list.html",
        form=form,
        kinds=kinds,
        columns=[(kind, text, column_explanations(kind)) for kind, text in kinds],
        mappings=column_mappings(actor),
        runs=queries.imports_of(actor),
    )
