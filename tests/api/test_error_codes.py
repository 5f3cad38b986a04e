"""The error codes of the reference and of the specification are those of the code."""

from __future__ import annotations

import importlib
import json
import pkgutil

import registry
from registry.api.error_codes import OF_COMMANDS, error_codes, field_codes, page
from registry.core.errors import RegistryError
from registry.settings import CHECKOUT
from tests.api.callers import Caller, code
from tests.core.test_messages import error_types, written_codes

PAGE = CHECKOUT / "docs" / "reference" / "errors.md"


def test_page_of_the_reference_has_every_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make openapi"


def test_every_error_of_every_module_is_listed_with_its_status() -> None:
    for module in pkgutil.walk_packages(registry.__path__, "registry."):
        importlib.import_module(module.name)
    kinds = [kind for kind in error_types(RegistryError) if kind.__module__.startswith("registry.")]
    raised = {kind.code for kind in kinds if not any(part in kind.__module__ for part in OF_COMMANDS)}
    codes = error_codes()
    assert raised == set(codes)
    assert len(codes) > 170
    assert (codes["project-not-found"], codes["role-not-allowed"], codes["changes-expired"]) == (404, 403, 410)


def test_every_code_of_a_field_is_listed() -> None:
    assert written_codes() - {*field_codes(), *error_codes()} == set()


def test_specification_has_the_codes_and_stays_open(editor: Caller) -> None:
    specification = json.loads((CHECKOUT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    problem = specification["components"]["schemas"]["Problem"]["properties"]
    types = problem["type"]["x-extensible-enum"]
    assert [each.rpartition(":")[2] for each in types] == list(error_codes())
    assert "enum" not in problem["type"]
    answer = editor.get("/projects/QT-2026-9999999-9")
    assert code(answer) == "project-not-found" and answer.get_json()["type"] in types
    assert "too-many-values" in problem["errors"]["items"]["properties"]["code"]["x-extensible-enum"]
