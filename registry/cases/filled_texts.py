"""Placeholders of templates, and what stands for them on a case: names and dates, never more than these.

They are replaced one by one, and a text that is filled in is not searched again: what an agency has named its project
is displayed as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

PLACEHOLDERS: Final = ("project", "number", "agency", "deadline")
PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
# For a date that is not entered yet, so that it is seen to be missing.
BLANK: Final = "____"


def unknown_placeholders(text: str) -> list[str]:
    """The names in braces that nothing is filled in for."""
    return [name for name in PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced; what has no value is a blank to fill in."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1]) or BLANK if match[1] in PLACEHOLDERS else match[0], text)


def name_in(named: Any, language: str) -> str:
    """The name of a project or agency in the language, else in the other one that it has."""
    order = (f"name_{language}", "name_ru", "name_kk")
    return next((name for name in (getattr(named, each, None) for each in order) if name), "")
