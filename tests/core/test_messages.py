"""Every error and problem code has messages in three languages with the same parameters."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import registry
from registry.core.errors import RegistryError
from registry.core.languages import LANGUAGES
from registry.core.messages import MessageUnknown, catalogue, message
from registry.http.error_handlers import STATUSES

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

    assert {kind.code for kind in error_types() if kind.__module__.startswith("registry.")} - set(catalogue()) == set()


def test_every_field_problem_has_a_message() -> None:
    codes = written_codes()

    assert len(codes) > 30
    assert codes - set(catalogue()) == set()


def test_every_status_has_its_title() -> None:
    assert {f"title-{status}" for _, status in STATUSES} <= set(catalogue())


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_message_has_the_same_parameters_in_every_language(code: str) -> None:
    entry = catalogue()[code]
    names = {
        language: {name for _, name, _, _ in string.Formatter().parse(entry[language]) if name} for language in entry
    }

    assert set(entry) == set(LANGUAGES)
    assert all(text.strip() for text in entry.values())
    assert len(set(map(frozenset, names.values()))) == 1


def test_unknown_message_code_raises_message_unknown() -> None:
    with pytest.raises(MessageUnknown):
        message("no-such-code", "en")
