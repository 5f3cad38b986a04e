"""Forms: submitted texts and their errors. Schemas convert and validate the texts (``BaseSchema.load_texts``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from flask import request

from registry.accounts.step_up import StepUpRequired
from registry.core.clock import today
from registry.core.errors import Invalid, Problem, RegistryError
from registry.core.text_lists import split_entries, split_year, years_text
from registry.web.error_messages import day_typed, error_message, problem_message

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
        """True when something is wrong with one of the fields."""
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
    parts = [split_year(entry) for entry in split_entries(form.value(name))]
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
        return years_text(value) if isinstance(value[0], Mapping) else "\n".join(value)
    return str(value)


def _flat(text: str) -> str:
    # Browsers submit line ends as CRLF.
    return text.replace("\r\n", "\n").strip()


def _name(problem: Problem) -> str:
    # "/addresses/0", of a list that is one field, is displayed at the field.
    return problem.pointer.lstrip("/").partition("/")[0]
