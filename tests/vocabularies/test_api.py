"""Vocabularies: every code of a closed set with its label in every language, for whoever has a token."""

from __future__ import annotations

import json

from registry.settings import CHECKOUT
from tests.api.callers import Caller, code


def test_vocabulary_has_its_codes_in_their_order_with_a_label_in_each_language(editor: Caller) -> None:
    read = editor.get("/vocabularies/severity")
    again = editor.get("/vocabularies/severity", If_None_Match=read.headers["ETag"])

    assert read.get_json()["codes"][1] == {"code": "low", "labels": {"kk": "Төмен", "ru": "Низкая", "en": "Low"}}
    assert [each["code"] for each in read.get_json()["codes"]] == ["plan", "low", "medium", "high"]
    assert (again.status_code, again.headers["Cache-Control"]) == (304, "private, no-cache")
    assert code(editor.get("/vocabularies/colour")) == "vocabulary-not-found"


def test_every_closed_set_of_the_specification_is_a_vocabulary_with_all_translations(editor: Caller) -> None:
    listed = editor.get("/vocabularies").get_json()["items"]

    sets = {frozenset(code["code"] for code in each["codes"]) for each in listed}
    schemas = json.loads((CHECKOUT / "docs" / "openapi.json").read_text(encoding="utf-8"))["components"]["schemas"]
    shared = [schema["enum"] for schema in schemas.values() if "enum" in schema]
    assert len(shared) > 20
    assert [codes for codes in shared if frozenset(codes) - {None} not in sets] == []
    labels = [code["labels"] for each in listed for code in each["codes"]]
    assert [each for each in labels if not (each["kk"] and each["ru"] and each["en"]) or each["en"] == each["ru"]] == []
