"""Forms: what was typed, what is wrong with it, and the way from typed text to a field's value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from flask import request

from registry.language.messages import message
from registry.records.values import AnyDay, Bin, Day, Kind, ValueRefused, Whole, YesNo
from registry.store.errors import Invalid, Problem, Refusal
from registry.web.formats import moment
from registry.web.labels import FIELDS, LABELLED_PARAMS, field_label, role_name, word
from registry.web.visitors import page_language

LONGEST_TYPED: Final = 20_000
# Parameters of messages that hold a word of a field.
WORDED_PARAMS: Final = {
    "stage": "stage",
    "status": "case_status",
    "action": "case_action",
    "last": "case_event",
    "decision": "decision",
}
# Where a person types, a message that speaks of JSON's own notation would mislead.
TYPED_CODES: Final = {"expected-date": "typed-date-wrong"}
YES_NO: Final = {"yes": True, "no": False}
DAY_MONTH_YEAR: Final = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})")
BLANKS: Final = " \u00a0\u202f\t"


@dataclass(frozen=True, slots=True)
class Form:
    """The values as typed, by field, and every problem in the order of the fields."""

    values: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    refusal: Refusal | None = None
    at: str = ""

    def value(self, name: str) -> str:
        """What was typed, nothing when the field is new."""
        return self.values.get(name, "")

    def error(self, name: str) -> str | None:
        """What is wrong with the field, in the page's language."""
        told = [problem_text(problem) for problem in self.problems if _name(problem) == name]
        if self.refusal is not None and self.at == name:
            told.append(refusal_text(self.refusal))
        return " ".join(dict.fromkeys(told)) or None

    @property
    def errors(self) -> list[tuple[str, str]]:
        """``(field, text)`` of all that is wrong, for the summary above the form."""
        names = [_name(problem) for problem in self.problems] + ([self.at] if self.refusal is not None else [])
        return [(name, self.error(name) or "") for name in dict.fromkeys(names)]


def refused_form(values: Mapping[str, str], refusal: Refusal, at: str) -> Form:
    """The form again, with what a service said no with; ``at`` is the field for what names none."""
    if isinstance(refusal, Invalid):
        return Form(values, refusal.problems)
    return Form(values, refusal=refusal, at=at)


def typed(names: Iterable[str]) -> dict[str, str]:
    """What was typed into these fields. A field that the form did not have stays away."""
    return {name: request.form[name][:LONGEST_TYPED] for name in names if name in request.form}


def accept(texts: Mapping[str, str], kinds: Mapping[str, Kind]) -> tuple[dict[str, Any], list[Problem]]:
    """Each field's value as it is kept, and what is wrong with the others."""
    values: dict[str, Any] = {}
    problems = []
    for name, text in texts.items():
        kind = kinds[name]
        try:
            values[name] = kind.accept(plain_value(kind, text))
        except ValueRefused as refused:
            problems.append(Problem(f"/{name}", refused.code, refused.params))
    return values, problems


def plain_value(kind: Kind, text: str) -> object:
    """The text as JSON would have it: numbers may be typed with blanks between thousands."""
    text = text.strip()
    if text == "":
        return None
    if isinstance(kind, Whole):
        digits = text.translate(str.maketrans("", "", BLANKS))
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else text
    if isinstance(kind, YesNo):
        return YES_NO.get(text, text)
    if isinstance(kind, Day | AnyDay):
        written = DAY_MONTH_YEAR.fullmatch(text)
        return f"{written[3]}-{written[2]:0>2}-{written[1]:0>2}" if written else text
    if isinstance(kind, Bin):
        return text.translate(str.maketrans("", "", BLANKS))
    return text


def as_typed(value: object) -> str:
    """A kept value as a form shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.strftime("%d.%m.%Y")
    return str(value)


def problem_text(problem: Problem) -> str:
    """What is wrong, in the page's language, with other fields called as the page calls them."""
    return message(TYPED_CODES.get(problem.code, problem.code), page_language(), _named(problem.params))


def refusal_text(refusal: Refusal) -> str:
    """The sentence of a refusal, in the page's language."""
    return message(refusal.code, page_language(), _named(refusal.params))


def row_error_text(row: Mapping[str, Any]) -> str:
    """What is wrong in a row of a table, as services tell it: ``code`` and ``params``."""
    return problem_text(Problem("", row["code"], dict(row["params"] or {})))


def failure_text(code: str) -> str:
    """Why background work failed, by its code in the catalogue."""
    return message(code, page_language(), {})


def _name(problem: Problem) -> str:
    return problem.pointer.lstrip("/")


def _named(params: Mapping[str, object]) -> dict[str, object]:
    shown = dict(params)
    for name, value in params.items():
        if name in LABELLED_PARAMS and isinstance(value, str) and value in FIELDS:
            shown[name] = f"«{field_label(value)}»"
        elif name == "role" and isinstance(value, str):
            shown[name] = f"«{role_name(value)}»"
        elif name in ("placement", "needed") and isinstance(value, str):
            shown[name] = f"«{word('placement', value)}»"
        elif name in WORDED_PARAMS and isinstance(value, str):
            shown[name] = f"«{word(WORDED_PARAMS[name], value)}»"
        elif name == "at" and isinstance(value, str):
            shown[name] = moment(value)
    return shown
