"""Pages that are one form: shown, sent, shown again with what is wrong, or done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import render_template, request

from registry.core.errors import Conflict, Invalid, NotAllowed, Problem
from registry.core.field_types import Kind
from registry.web.blueprint import Answer
from registry.web.fields import Field
from registry.web.forms import Form, accept, changed_texts, invalid_form, typed_values


@dataclass(frozen=True, slots=True)
class FormPage:
    """What the page says and asks. ``kinds`` judge the answers, ``required`` names those that may not stay empty.

    ``edits``: the form changes a record that exists, a partial update. Only what was changed in it is passed on; a
    field that the form does not show, or that was not sent, is left as it is.
    """

    title: str
    submit: str
    back: str
    fields: Sequence[Field]
    kinds: Mapping[str, Kind]
    required: Sequence[str] = ()
    intro: str = ""
    subject: str = ""
    edits: bool = False


def answer_form(
    page: FormPage, act: Callable[[dict[str, Any]], Answer], present: Mapping[str, str] | None = None
) -> Answer:
    """The page; for a POST, ``act`` on the accepted values. Its refusals show on the form."""
    if request.method != "POST":
        return _shown(page, Form(present or {}))
    texts, sent = _sent(page, present or {})
    values, problems = accept(sent, page.kinds)
    wrong = {problem.pointer for problem in problems}
    problems += [
        Problem(f"/{name}", "required")
        for name in page.required
        if name in sent and values.get(name) is None and f"/{name}" not in wrong
    ]
    if problems:
        return _shown(page, Form(texts, problems)), 422
    try:
        return act(values)
    except (Invalid, Conflict, NotAllowed) as refused:
        return _shown(page, invalid_form(texts, refused, page.fields[0].name)), 422


def _sent(page: FormPage, present: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The texts to show again, and those to judge: all that the form asks, for an edit only what was changed."""
    names = [field.name for field in page.fields]
    texts = typed_values(names)
    if not page.edits:
        return texts, {name: texts.get(name, "") for name in names}
    # A browser sends nothing for a checkbox that is not ticked.
    texts = {field.name: "no" for field in page.fields if field.control == "check"} | texts
    return {**present, **texts}, changed_texts(texts, present)


def _shown(page: FormPage, form: Form) -> str:
    return render_template("form_page.html", page=page, form=form)
