"""Forms: their fields, submitted texts with their errors, and the pages that display and submit them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from flask import redirect, render_template, request

from registry.accounts.roles import StepUpRequired
from registry.core import fields as field_types
from registry.core.clock import today
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem, RegistryError, invalid
from registry.core.translations import lazy_text
from registry.freeze.policy import policy_in_force
from registry.freeze.vocabulary import WorkType
from registry.http.requests import read_form
from registry.projects.fields import FIELDS
from registry.web.blueprint import Answer, flash_message
from registry.web.errors import day_typed, error_message, problem_message
from registry.web.formats import gettext
from registry.web.labels import AMOUNTS, field_label, options

# Form fields: label, control, hint and choices.

# Controls that keep line breaks; browsers remove them from the value of every other input.
MULTILINE: Final = ("area", "note")
# Amounts are displayed in groups of three digits, as people write them; years stay whole.
AMOUNT_CONTROLS: Final = ("money", "years")
DIGITS: Final = re.compile("[0-9]+:?")
LINE_BREAKS: Final = str.maketrans("", "", "\r\n")
MAX_RADIOS: Final = 8
LONG_TEXT: Final = 500
NUMBERED: Final = 3

WORK_TYPE_HINTS: Final[Mapping[str, str]] = {
    WorkType.CREATION: lazy_text("A new object."),
    WorkType.DEVELOPMENT: lazy_text("New functions of an object that is in operation already."),
    WorkType.MODIFICATION: lazy_text(
        "A change of an object in operation within %(percent)s%% of its original cost and with the authorised body’s "
        "consent."
    ),
    WorkType.MAINTENANCE: lazy_text("Fixes and upkeep without new functions."),
    WorkType.MIGRATION: lazy_text("The move of an object to QazTech."),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One form field. ``control``: text, day, money, digits, telephone, years, area, note, select, radios, yes_no,
    file, password, check, checkboxes, agency (a BIN or a name, with suggestions).

    ``hints``: explanation of each choice. ``when``: the CSS class that displays the field only after a certain choice.
    ``fold``: heading of the part of the form, closed at first, that has the field.
    """

    name: str
    control: str
    label: str
    hint: str = ""
    choices: Sequence[tuple[str, str]] = ()
    when: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)
    fold: str = ""


def form_field(
    name: str, control: str, *, label: str = "", hint: str = "", choices: Sequence[tuple[str, str]] = (), when: str = ""
) -> Field:
    """Return a field, with the label of its name unless another one is given."""
    return Field(name, control, label or field_label(name), hint, choices, when)


def schema_field(field: field_types.InputField) -> Field:
    """Return the form field of a schema's field: its label, its hint, and the control of its type."""
    name = str(field.name)
    control, choices = _control(name, field)
    return Field(name, control, gettext(field.label), gettext(field.hint) if field.hint else "", choices)


def present_text(field: Field, value: object) -> str:
    """Format a stored value as its control displays it, and as a browser submits it unchanged."""
    text = DIGITS.sub(_in_groups, as_typed(value)) if field.control in AMOUNT_CONTROLS else as_typed(value)
    return text if field.control in MULTILINE else text.translate(LINE_BREAKS)


def _in_groups(digits: re.Match[str]) -> str:
    """Return the digits in groups of three; a year before its colon as it is."""
    text = digits[0]
    if text.endswith(":"):
        return text
    first = len(text) % 3
    return " ".join(filter(None, (text[:first], *(text[place : place + 3] for place in range(first, len(text), 3)))))


def project_field(name: str) -> Field:
    """Return the form field of a project field; mandatory fields are marked."""
    field = schema_field(FIELDS[name])
    if FIELDS[name].required:
        mark = gettext("(required)")
        field = replace(field, label=f"{field.label} {mark}")
    return replace(field, hints=work_type_hints()) if name == "work_type" else field


def work_type_hints() -> dict[str, str]:
    """Return the explanations of the kinds of work."""
    limit = {"percent": policy_in_force().modification_limit_percent}
    return {kind: gettext(text) % limit if "%" in text else gettext(text) for kind, text in WORK_TYPE_HINTS.items()}


def _control(name: str, field: field_types.InputField) -> tuple[str, Sequence[tuple[str, str]]]:
    match field:
        case field_types.Choice(options=codes):
            return "radios" if len(codes) <= MAX_RADIOS else "select", options(name)
        case field_types.AnyDay():
            return "day", ()
        case field_types.Boolean():
            return "yes_no", ()
        case field_types.WholeNumber() if name.endswith(AMOUNTS):
            return "money", ()
        case field_types.WholeNumber(largest=largest) if largest == NUMBERED:
            return "radios", options(name)
        case field_types.Text(limit=limit) if limit > LONG_TEXT:
            return "area", ()
        case field_types.Entries():
            return "note", ()
        case field_types.YearlyAmounts():
            return "years", ()
        case field_types.Telephone():
            return "telephone", ()
        case field_types.Bin():
            return "digits", ()
    return "text", ()


# Forms: submitted texts and their errors. Schemas convert and validate the texts (``BaseSchema.load_texts``).

MAX_TEXT_LENGTH: Final = 20_000
YEAR_INPUT: Final = re.compile(r"[a-z_]+\.[0-9]{4}")
WRITTEN_YEAR: Final = re.compile(r"\b(?:19|20)[0-9]{2}\b")
BEGINNINGS: Final = ("contract_signed_on", "work_started_on")
PLANNED_END: Final = "planned_end_on"
EARLIER_YEARS: Final = 5
MAX_YEAR_ROWS: Final = 10


@dataclass(frozen=True, slots=True)
class Form:
    """Submitted texts by field, and all problems in field order."""

    values: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    service_error: RegistryError | None = None
    at: str = ""

    def value(self, name: str) -> str:
        """Return the submitted text, or an empty text."""
        return self.values.get(name, "")

    def error(self, name: str) -> str | None:
        """Return the field's error in the page's language, or None."""
        messages = [problem_message(problem) for problem in self.problems if _name(problem) == name]
        if self.service_error is not None and self.at == name:
            messages.append(error_message(self.service_error))
        return " ".join(dict.fromkeys(messages)) or None

    def has_error(self, names: Iterable[str]) -> bool:
        """Return True when something is wrong with one of the fields."""
        return any(self.error(name) for name in names)

    def values_of(self, name: str) -> list[str]:
        """Return the ticked values of a group of checkboxes."""
        return self.value(name).split()

    @property
    def needs_step_up(self) -> bool:
        """True when the service asked for a fresh second factor."""
        return isinstance(self.service_error, StepUpRequired)

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Return ``(field, text)`` of all errors, for the error summary."""
        names = [_name(problem) for problem in self.problems] + ([self.at] if self.service_error is not None else [])
        return [(name, self.error(name) or "") for name in dict.fromkeys(names)]


def invalid_form(values: Mapping[str, str], service_error: RegistryError, at: str) -> Form:
    """Return the form with a service's error; ``at`` is the field for errors that name none."""
    if isinstance(service_error, Invalid):
        return Form(values, service_error.problems)
    return Form(values, service_error=service_error, at=at)


def uploaded_file() -> tuple[str, bytes]:
    """Return the name and content of the uploaded file. Raises Invalid when none was selected."""
    selected = request.files.get("file")
    if selected is None or not selected.filename:
        raise invalid("/file", "page-choose-file")
    upload = read_form()[1]["file"]
    return upload.name, upload.content


def typed_values(names: Iterable[str]) -> dict[str, str]:
    """Return the submitted texts of these fields, without fields that the form did not have.

    Amounts by year have an input for each year, ``cost_by_year.2026``; together they are one text.
    """
    texts = {}
    for name in names:
        years = [key for key in request.form if YEAR_INPUT.fullmatch(key) and key.startswith(f"{name}.")]
        if name in request.form:
            texts[name] = request.form[name][:MAX_TEXT_LENGTH]
        elif years:
            filled = [(key[-4:], request.form[key].strip()) for key in years if request.form[key].strip()]
            texts[name] = "; ".join(f"{year}: {amount}" for year, amount in filled)[:MAX_TEXT_LENGTH]
    return texts


def year_rows(form: Form, name: str) -> list[tuple[int, str]]:
    """Return the years to ask amounts of, with the amounts entered: those of the project's dates, and entered ones.

    Empty for a text in which an entry has no year.
    """
    parts = [field_types.split_year(entry) for entry in field_types.split_entries(form.value(name))]
    if None in parts:
        return []
    entered = dict(filter(None, parts))
    present = today().year
    begun = [int(year) for each in BEGINNINGS for year in WRITTEN_YEAR.findall(form.value(each))[:1]]
    planned = [int(year) for year in WRITTEN_YEAR.findall(form.value(PLANNED_END))[:1]]
    first = max(min([present, *begun]), present - EARLIER_YEARS)
    last = min(max([present + 2, *planned]), first + MAX_YEAR_ROWS - 1)
    return [(year, entered.get(year, "")) for year in sorted({*entered, *range(first, last + 1)})]


def changed_texts(texts: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Return the texts that differ from the initial ones; an edit changes only these."""
    return {name: text for name, text in texts.items() if _flat(text) != _flat(present.get(name, ""))}


def as_typed(value: object) -> str:
    """Format a stored value as a form displays it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return day_typed(value)
    if isinstance(value, list):
        return field_types.years_text(value) if isinstance(value[0], Mapping) else "\n".join(value)
    return str(value)


def _flat(text: str) -> str:
    # Browsers submit line ends as CRLF.
    return text.replace("\r\n", "\n").strip()


def _name(problem: Problem) -> str:
    # "/addresses/0", of a list that is one field, is displayed at the field.
    return problem.pointer.lstrip("/").partition("/")[0]


# Form pages: display, validate, submit, and redisplay with errors.

# Control → code of the message for a missing value.
MISSING: Final = {
    "day": "page-enter-date",
    "file": "page-choose-file",
    "password": "page-enter-password",
    "radios": "page-choose-option",
    "select": "page-choose-option",
    "yes_no": "page-choose-option",
}


# The hidden input with the revision that the form was opened with.
REVISION: Final = "revision"


class FormOutOfDate(Conflict):
    """The record has changed since the form was opened."""


@dataclass(frozen=True, slots=True)
class FormPage:
    """Definition of a form page. ``schema`` validates the texts; it may have further fields, which stay untouched.

    ``edits``: the form is a partial update of an existing record. Only changed fields are passed on; fields that the
    form does not have, or that were not submitted, keep their values. ``check`` finds what the service would refuse
    later: where fields are invalid, its problems are reported with theirs. ``labels``: of fields that the
    summary of errors calls otherwise than the form does. ``headings``: by the field that they stand above.
    ``revision``: of the edited record; a form that was opened with another one is shown again before it is saved.
    ``prepare``: converts what people may also enter to what the schema takes, and finds what it cannot convert.
    ``facts``: labels and texts that stand above the fields.
    """

    title: str
    submit: str
    back: str
    fields: Sequence[Field]
    schema: field_types.BaseSchema
    intro: str = ""
    subject: str = ""
    edits: bool = False
    check: Callable[[Mapping[str, str]], list[Problem]] = lambda _texts: []
    labels: Mapping[str, str] | None = None
    headings: Mapping[str, str] | None = None
    revision: int | None = None
    prepare: Callable[[dict[str, str]], tuple[dict[str, str], list[Problem]]] = lambda texts: (texts, [])
    facts: Sequence[tuple[str, str]] = ()


def question_page(subject: str, act: str, explanation: str, back: str, *, ends: bool = True) -> str:
    """Return the page that asks before something is done, on GET of its address; in red where it ``ends`` something."""
    return render_template("question.html", subject=subject, act=act, explanation=explanation, back=back, ends=ends)


def answer_form(
    page: FormPage, act: Callable[[dict[str, Any]], Any], present: Mapping[str, str] | None = None, *, done: str = ""
) -> Answer:
    """Render the page; on POST, call ``act`` with the validated values. Its errors are displayed on the form.

    The answer is that of ``act``, or with ``done``, the flash message, the page that the form leads back to.
    """
    if request.method != "POST":
        return _shown(page, Form(present or {}))
    texts, submitted = _submitted(page, present or {})
    if page.revision is not None and request.form.get(REVISION, str(page.revision)) != str(page.revision):
        differing = ", ".join(field.label for field in page.fields if field.name in submitted)
        error = FormOutOfDate(fields=differing or "–")
        return _shown(page, invalid_form(texts, error, page.fields[0].name)), 409
    submitted, unclear = page.prepare(submitted)
    values, problems = page.schema.load_texts(submitted)
    if unclear:
        named = {each.pointer for each in unclear}
        problems = (*unclear, *(each for each in problems if each.pointer not in named))
    if problems:
        reported = {problem.pointer for problem in problems}
        more = [each for each in page.check(texts) if each.pointer not in reported]
        order = [f"/{field.name}" for field in page.fields]
        return _shown(
            page, Form(texts, sorted([*problems, *more], key=lambda problem: order.index(problem.pointer)))
        ), 422
    try:
        answer: Answer = act(values)
    except (Invalid, Conflict, NotAllowed) as error:
        return _shown(page, invalid_form(texts, error, page.fields[0].name)), 422
    if done:
        flash_message(done)
        return redirect(page.back, 303)
    return answer


def answer_decision(
    schema: field_types.BaseSchema, act: Callable[[str | None], Answer], page: Callable[[Form], str]
) -> Answer:
    """Call ``act`` with the reason that was entered beside the buttons of a page.

    What is wrong is displayed there by ``page``, also what the service says of values that the form does not have.
    """
    texts = typed_values(("reason",))
    values, problems = schema.load_texts({"reason": texts.get("reason", "")})
    if problems:
        return page(Form(texts, problems)), 422
    try:
        return act(values.get("reason"))
    except Invalid as error:
        return page(Form(texts, [replace(each, pointer="/reason") for each in error.problems])), error.status
    except (Conflict, NotAllowed) as error:
        return page(invalid_form(texts, error, "reason")), error.status


def problems_by_control(problems: Iterable[Problem], fields: Sequence[Field]) -> list[Problem]:
    """Return the problems, with missing values named by what the field's control asks: a choice, a date, a file."""
    controls = {f"/{field.name}": field.control for field in fields}
    return [
        replace(problem, code=MISSING.get(controls.get(problem.pointer, ""), problem.code))
        if problem.code == "required"
        else problem
        for problem in problems
    ]


def _submitted(page: FormPage, present: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts to redisplay, and the texts to validate: all of the form, for an edit only changed ones."""
    # Files are not texts: ``act`` reads them.
    names = [field.name for field in page.fields if field.control != "file"]
    texts = typed_values(names) | {
        field.name: " ".join(request.form.getlist(field.name)) for field in page.fields if field.control == "checkboxes"
    }
    if not page.edits:
        return texts, {name: texts.get(name, "") for name in names}
    # Browsers send nothing for an unticked checkbox.
    texts = {field.name: "no" for field in page.fields if field.control == "check"} | texts
    return {**present, **texts}, changed_texts(texts, present)


def _shown(page: FormPage, form: Form) -> str:
    form = replace(form, problems=problems_by_control(form.problems, page.fields))
    labels = {field.name: field.label for field in page.fields} | dict(page.labels or {})
    return render_template("form_page.html", page=page, form=form, labels=labels)
