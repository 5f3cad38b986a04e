"""Errors of rows in the words of people who fill in tables: labels instead of codes, dates as they write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry.core.fields import Choice
from registry.core.messages import message
from registry.core.translations import Language, translate
from registry.imports.headers import SCHEMAS

TYPED: Final = {"expected-date": "typed-date-wrong", "expected-whole-number": "typed-number-wrong"}


def field_label(kind: str, name: str, language: Language) -> str:
    """The label of a field; its code where it has none."""
    for schema in SCHEMAS[kind]:
        label = schema.fields[name].metadata.get("label") if name in schema.fields else None
        if label:
            return translate(str(label), language)
    return name


def row_error_text(kind: str, error: Mapping[str, Any], language: Language) -> str:
    """The message of a row error with ``column``, ``code`` and ``params``."""
    params = dict(error["params"] or {})
    field = SCHEMAS[kind][0].fields.get(error["column"] or "")
    if error["code"] == "not-a-choice" and isinstance(field, Choice):
        params["options"] = ", ".join(field.labels.texts(language))
    if isinstance(params.get("other"), str):
        params["other"] = field_label(kind, params["other"], language)
    return message(TYPED.get(error["code"], error["code"]), language, params)
