"""Form pages: display, validate, submit, and redisplay with errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from flask import render_template, request

from registry.core.base_schema import BaseSchema
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.web.blueprint import Answer
from registry.web.fields import Field
from registry.web.forms import Form, changed_texts, invalid_form, typed_values

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
    """

    title: str
    submit: str
    back: str
    fields: Sequence[Field]
    schema: BaseSchema
    intro: str = ""
    subject: str = ""
    edits: bool = False
    check: Callable[[Mapping[str, str]], list[Problem]] = lambda _texts: []
    labels: Mapping[str, str] | None = None
    headings: Mapping[str, str] | None = None
    revision: int | None = None
    prepare: Callable[[dict[str, str]], tuple[dict[str, str], list[Problem]]] = lambda texts: (texts, [])


def answer_form(
    page: FormPage, act: Callable[[dict[str, Any]], Answer], present: Mapping[str, str] | None = None
) -> Answer:
    """Render the page; on POST, call ``act`` with the validated values. Its errors are displayed on the form."""
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
        return act(values)
    except (Invalid, Conflict, NotAllowed) as error:
        return _shown(page, invalid_form(texts, error, page.fields[0].name)), 422


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
