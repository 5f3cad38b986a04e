"""Forms: submitted texts and their errors. Schemas convert and validate the texts (``BaseSchema.load_texts``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from flask import request

from registry.accounts.step_up import StepUpRequired
from registry.core.errors import Invalid, Problem, RegistryError
from registry.web.error_messages import day_typed, error_message, problem_message

MAX_TEXT_LENGTH: Final = 20_000


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
    """Return the submitted texts of these fields, without fields that the form did not have."""
    return {name: request.form[name][:MAX_TEXT_LENGTH] for name in names if name in request.form}


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
    return str(value)


def _flat(text: str) -> str:
    # Browsers submit line ends as CRLF.
    return text.replace("\r\n", "\n").strip()


def _name(problem: Problem) -> str:
    # "/addresses/0", of a list that is one field, is displayed at the field.
    return problem.pointer.lstrip("/").partition("/")[0]
