"""Pages that are one form: shown, sent, shown again with what is wrong, or done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import render_template, request

from registry.records.values import Kind
from registry.store.errors import Conflict, Invalid, NotAllowed, Problem
from registry.web.fields import Field
from registry.web.forms import Form, accept, refused_form, typed
from registry.web.pages import Answer


@dataclass(frozen=True, slots=True)
class FormPage:
    """What the page says and asks. ``kinds`` judge the answers, ``required`` names those that may not stay empty."""

    title: str
    submit: str
    back: str
    fields: Sequence[Field]
    kinds: Mapping[str, Kind]
    required: Sequence[str] = ()
    intro: str = ""
    subject: str = ""


def answer_form(
    page: FormPage, act: Callable[[dict[str, Any]], Answer], present: Mapping[str, str] | None = None
) -> Answer:
    """The page; for a POST, ``act`` on the accepted values. Its refusals show on the form."""
    if request.method != "POST":
        return _shown(page, Form(present or {}))
    texts = typed(page.kinds)
    values, problems = accept({name: texts.get(name, "") for name in page.kinds}, page.kinds)
    wrong = {problem.pointer for problem in problems}
    problems += [
        Problem(f"/{name}", "required")
        for name in page.required
        if values.get(name) is None and f"/{name}" not in wrong
    ]
    if problems:
        return _shown(page, Form(texts, problems)), 422
    try:
        return act(values)
    except (Invalid, Conflict, NotAllowed) as refused:
        return _shown(page, refused_form(texts, refused, page.fields[0].name)), 422


def _shown(page: FormPage, form: Form) -> str:
    return render_template("form_page.html", page=page, form=form)
