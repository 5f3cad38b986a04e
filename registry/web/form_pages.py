"""Form pages: display, validate, submit, and redisplay with errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import render_template, request

from registry.core.base_schema import BaseSchema
from registry.core.errors import Conflict, Invalid, NotAllowed
from registry.web.blueprint import Answer
from registry.web.fields import Field
from registry.web.forms import Form, changed_texts, invalid_form, typed_values


@dataclass(frozen=True, slots=True)
class FormPage:
    """Definition of a form page. ``schema`` validates the texts; it may have further fields, which stay untouched.

    ``edits``: the form is a partial update of an existing record. Only changed fields are passed on; fields that the
    form does not have, or that were not submitted, keep their values.
    """

    title: str
    submit: str
    back: str
    fields: Sequence[Field]
    schema: BaseSchema
    intro: str = ""
    subject: str = ""
    edits: bool = False


def answer_form(
    page: FormPage, act: Callable[[dict[str, Any]], Answer], present: Mapping[str, str] | None = None
) -> Answer:
    """Render the page; on POST, call ``act`` with the validated values. Its errors are displayed on the form."""
    if request.method != "POST":
        return _shown(page, Form(present or {}))
    texts, submitted = _submitted(page, present or {})
    values, problems = page.schema.load_texts(submitted)
    if problems:
        order = [f"/{field.name}" for field in page.fields]
        return _shown(page, Form(texts, sorted(problems, key=lambda problem: order.index(problem.pointer)))), 422
    try:
        return act(values)
    except (Invalid, Conflict, NotAllowed) as error:
        return _shown(page, invalid_form(texts, error, page.fields[0].name)), 422


def _submitted(page: FormPage, present: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts to redisplay, and the texts to validate: all of the form, for an edit only changed ones."""
    names = [field.name for field in page.fields]
    texts = typed_values(names) | {
        field.name: " ".join(request.form.getlist(field.name)) for field in page.fields if field.control == "checkboxes"
    }
    if not page.edits:
        return texts, {name: texts.get(name, "") for name in names}
    # Browsers send nothing for an unticked checkbox.
    texts = {field.name: "no" for field in page.fields if field.control == "check"} | texts
    return {**present, **texts}, changed_texts(texts, present)


def _shown(page: FormPage, form: Form) -> str:
    return render_template("form_page.html", page=page, form=form)
