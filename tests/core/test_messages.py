"""Every error and problem code has a message in every language, with the same parameters."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import registry
from registry.api.specification import error_codes
from registry.core.errors import RegistryError
from registry.core.translations import (
    DEFAULT_LANGUAGE,
    LANGUAGES,
    MESSAGES,
    MESSAGES_OF,
    Language,
    load_translations,
    message,
)

TRANSLATED = [language for language in LANGUAGES if language != DEFAULT_LANGUAGE]
TAKES_CODE = {"Problem": 1, "InvalidValue": 0, "invalid": 1, "Wrong": 0}


def error_types(kind: type[RegistryError] = RegistryError) -> Iterator[type[RegistryError]]:
    for below in kind.__subclasses__():
        yield below
        yield from error_types(below)


def written_codes() -> set[str]:
    """The problem codes that occur as literals in the source."""
    codes = set()
    for path in Path(registry.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TAKES_CODE:
                place = TAKES_CODE[node.func.id]
                if len(node.args) > place and isinstance(node.args[place], ast.Constant):
                    codes.add(str(node.args[place].value))
    return codes


def test_every_service_error_has_a_message() -> None:
    for module in pkgutil.walk_packages(registry.__path__, "registry."):
        importlib.import_module(module.name)

    assert {kind.code for kind in error_types() if kind.__module__.startswith("registry.")} - set(MESSAGES) == set()


def test_every_field_problem_has_a_message() -> None:
    codes = written_codes()

    assert len(codes) > 30
    assert codes - set(MESSAGES) == set()


def test_every_status_has_its_title() -> None:
    assert {f"title-{status}" for status in error_codes().values()} <= set(MESSAGES)


def test_no_code_has_two_messages() -> None:
    assert len(MESSAGES_OF) >= 7
    assert sum(map(len, MESSAGES_OF.values())) == len(MESSAGES)


@pytest.mark.parametrize("language", TRANSLATED)
def test_message_has_a_translation_with_the_same_parameters(language: Language) -> None:
    translations: Any = load_translations(language)

    translated = {code: parameters(translations._catalog[text]) for code, text in MESSAGES.items()}
    assert translated == {code: parameters(text) for code, text in MESSAGES.items()}


def parameters(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("kk", "БСН-і 990340900110 ұйым табылмады."),
        ("ru", "Организация с БИН 990340900110 не найдена."),
        ("en", "There is no agency with BIN 990340900110."),
    ],
)
def test_message_is_translated_with_its_parameters(language: Language, text: str) -> None:
    assert message("agency-not-found", language, {"bin": "990340900110"}) == text
