"""The former date that the compliance page is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from flask import request

from registry.core.base_schema import BaseSchema
from registry.core.errors import Malformed, Problem
from registry.core.fields import Day
from registry.web.forms import Form

MAX_LENGTH: Final = 40


class FormerDate(BaseSchema):
    """The date of the report."""

    on = Day()


SCHEMA: Final = FormerDate()


def requested_date() -> tuple[date | None, Form]:
    """The date, None for the present report; and the form, with the error of a text that is no date."""
    text, day, problems = _read()
    return day, Form({"on": text}, problems)


def requested_valid_date() -> date | None:
    """The date of a download. Raises Malformed for a text that is no date."""
    _text, day, problems = _read()
    if problems:
        raise Malformed(problems)
    return day


def _read() -> tuple[str, date | None, Sequence[Problem]]:
    text = request.args.get("on", "").strip()[:MAX_LENGTH]
    values, problems = SCHEMA.load_filled_texts({"on": text})
    return text, values.get("on"), problems
