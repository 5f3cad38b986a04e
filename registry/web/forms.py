"""Forms: what was typed, what is wrong with it, and the way from typed text to a field's value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from flask import request

from registry.core.errors import Invalid, Problem, RegistryError
from registry.core.field_types import AnyDay, Bin, Day, InvalidValue, Kind, Whole, YesNo
from registry.web.error_messages import day_typed, error_message, problem_message

LONGEST_TYPED: Final = 20_000
YES_NO: Final = {"yes": True, "no": False}
DAY_MONTH_YEAR: Final = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})")
NUMBER: Final = re.compile(r"([-\u2212]?)0*([0-9]+)")
# Enough to be larger than any number that a field holds: the rest of the digits says nothing more.
MOST_DIGITS: Final = 20
BLANKS: Final = " \u00a0\u202f\t"


@dataclass(frozen=True, slots=True)
class Form:
    """The values as typed, by field, and every problem in the order of the fields."""

    values: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    refusal: RegistryError | None = None
    at: str = ""

    def value(self, name: str) -> str:
        """What was typed, nothing when the field is new."""
        return self.values.get(name, "")

    def error(self, name: str) -> str | None:
        """What is wrong with the field, in the page's language."""
        told = [problem_message(problem) for problem in self.problems if _name(problem) == name]
        if self.refusal is not None and self.at == name:
            told.append(error_message(self.refusal))
        return " ".join(dict.fromkeys(told)) or None

    @property
    def errors(self) -> list[tuple[str, str]]:
        """``(field, text)`` of all that is wrong, for the summary above the form."""
        names = [_name(problem) for problem in self.problems] + ([self.at] if self.refusal is not None else [])
        return [(name, self.error(name) or "") for name in dict.fromkeys(names)]


def invalid_form(values: Mapping[str, str], refusal: RegistryError, at: str) -> Form:
    """The form again, with what a service said no with; ``at`` is the field for what names none."""
    if isinstance(refusal, Invalid):
        return Form(values, refusal.problems)
    return Form(values, refusal=refusal, at=at)


def typed_values(names: Iterable[str]) -> dict[str, str]:
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
        except InvalidValue as refused:
            problems.append(Problem(f"/{name}", refused.code, refused.params))
    return values, problems


def plain_value(kind: Kind, text: str) -> object:
    """The text as JSON would have it: numbers may be typed with blanks between thousands."""
    text = text.strip()
    if text == "":
        return None
    if isinstance(kind, Whole):
        written = NUMBER.fullmatch(text.translate(str.maketrans("", "", BLANKS)))
        return int(f"{'-' if written[1] else ''}{written[2][:MOST_DIGITS]}") if written else text
    if isinstance(kind, YesNo):
        return YES_NO.get(text, text)
    if isinstance(kind, Day | AnyDay):
        written = DAY_MONTH_YEAR.fullmatch(text)
        return f"{written[3]}-{written[2]:0>2}-{written[1]:0>2}" if written else text
    if isinstance(kind, Bin):
        return text.translate(str.maketrans("", "", BLANKS))
    return text


def changed_texts(texts: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """The texts that differ from those that the form was opened with: only these are written by an edit."""
    return {name: text for name, text in texts.items() if _flat(text) != _flat(present.get(name, ""))}


def as_typed(value: object) -> str:
    """A kept value as a form shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return day_typed(value)
    return str(value)


def _flat(text: str) -> str:
    # Browsers send line ends as CRLF.
    return text.replace("\r\n", "\n").strip()


def _name(problem: Problem) -> str:
    return problem.pointer.lstrip("/")
