"""Products of the platform: who writes them, files of them, and which objects and registrations show them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from registry.platform.products import import_products, products_for, save_product
from tests.api.callers import caller, codes
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.imports.tables import csv_of

DRAFT = re.compile(r"/register/[0-9]+")
OPERATOR = an_actor(Role.OPERATOR)
SIGN: dict[str, Any] = {
    "name_kk": "ЭЦҚ қызметі",
    "name_ru": "Сервис подписи",
    "name_en": None,
    "description_kk": "Құжаттарға қол қояды.",
    "description_ru": "Подписывает документы.",
    "description_en": None,
    "terms": ["электронная подпись", "ЭЦҚ"],
    "contact": "sign@qaztech.example",
    "product_state": "in_use",
}
ROW = {**SIGN, "code": "qt-sign", "terms": "электронная подпись; ЭЦҚ", "name_en": "", "description_en": ""}


def found(*texts: str) -> list[str]:
    return [each.code for each in products_for(texts)]


def test_operator_registers_a_product_and_replaces_its_values_which_is_journalled(client: FlaskClient) -> None:
    operator = caller(client, Role.OPERATOR)
    assert operator.put("/platform-products/qt-sign", SIGN).get_json() == {"code": "qt-sign", **SIGN}
    assert operator.put("/platform-products/qt-sign", {**SIGN, "contact": "109"}).status_code == 200
    assert operator.put("/platform-products/qt-sign", {**SIGN, "contact": "109"}).status_code == 200
    (listed,) = caller(client, Role.AGENCY_VIEWER, an_agency()).get("/platform-products").get_json()["items"]
    assert listed == {"code": "qt-sign", **SIGN, "contact": "109"}
    entries = db.session.scalars(select(JournalEntry).where(JournalEntry.subject == "product:qt-sign")).all()
    assert [each.action for each in entries] == ["product.registered", "product.changed"]
    assert json.loads(entries[1].details) == {
        "changes": [{"field": "contact", "old": "sign@qaztech.example", "new": "109"}]
    }


@pytest.mark.on_both
@pytest.mark.parametrize(
    ("code", "values", "problems"),
    [
        ("QT sign", SIGN, {("/code", "product-code-invalid")}),
        ("qt%00sign", SIGN, {("/code", "product-code-invalid")}),
        (
            "qt-sign",
            {**SIGN, "terms": ["электронная подпись", "Информационная система"]},
            {("/terms", "product-term-common")},
        ),
        ("qt-sign", {**SIGN, "terms": []}, {("/terms", "required")}),
    ],
)
def test_product_needs_a_code_and_terms_that_say_something(
    client: FlaskClient, code: str, values: dict[str, Any], problems: set[tuple[str, str]]
) -> None:
    assert codes(caller(client, Role.OPERATOR).put(f"/platform-products/{code}", values)) == problems


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Сервис электронной подписи ведомства"], ["qt-sign"]),
        (["Электронные услуги", "Проверка подписей"], ["qt-sign"]),
        (["Министрліктің ЭЦҚ қызметі"], ["qt-sign"]),
        (["Электронная очередь"], []),
        ([], []),
    ],
)
def test_product_fits_when_all_words_of_a_term_stand_in_the_texts(
    app: Flask, texts: list[str], expected: list[str]
) -> None:
    save_product(OPERATOR, "qt-sign", SIGN)
    save_product(OPERATOR, "qt-old", {**SIGN, "product_state": "withdrawn"})
    assert found(*texts) == expected


def test_file_registers_and_changes_products_and_leaves_others(app: Flask) -> None:
    save_product(OPERATOR, "qt-pay", {**SIGN, "terms": ["приём платежей"]})
    content = csv_of(ROW, {**ROW, "code": "qt-pay", "terms": "платежи"})
    assert import_products(OPERATOR, content, dry_run=True) == 2
    assert found("электронная подпись") == []
    assert import_products(OPERATOR, content) == 2
    import_products(OPERATOR, csv_of({**ROW, "product_state": "withdrawn"}))
    assert found("электронная подпись") == []
    assert found("Приём платежей") == ["qt-pay"]


def test_exported_products_are_the_same_after_an_import(client: FlaskClient) -> None:
    save_product(OPERATOR, "qt-sign", SIGN)
    operator = caller(client, Role.OPERATOR)
    assert import_products(OPERATOR, operator.get("/exports/products.csv").data) == 1
    assert operator.get("/platform-products").get_json()["items"] == [{"code": "qt-sign", **SIGN}]


def test_file_with_an_invalid_row_writes_nothing(app: Flask) -> None:
    rows = (ROW, {**ROW, "code": "qt pay", "contact": ""}, {**ROW, "name_kk": "Басқа"})
    with pytest.raises(Invalid) as error:
        import_products(OPERATOR, csv_of(*rows))
    assert [(each.pointer, each.code) for each in error.value.problems] == [
        ("/file/3/contact", "required"),
        ("/file/4/code", "product-twice"),
    ]
    assert found("электронная подпись") == []


def test_object_shows_the_products_that_fit_what_the_reader_sees_of_it(
    client: FlaskClient, signed_in: SignedIn, agency: Agency
) -> None:
    save_product(OPERATOR, "qt-sign", SIGN)
    below = an_agency(agency)
    own = a_project(below, object_code="IS-7", name_ru="Кадастр")
    a_project(agency, object_code="IS-7", name_ru="Модуль", purpose="Электронная подпись заявлений")
    path = f"/objects/{own.number}"
    assert caller(client, Role.REVIEWER).get(path).get_json()["platform_products"] == ["qt-sign"]
    assert caller(client, Role.AGENCY_EDITOR, below).get(path).get_json()["platform_products"] == []
    assert "sign@qaztech.example" in signed_in(Role.REVIEWER).get(path).text


@pytest.mark.parametrize(("placement", "is_shown"), [("off_platform", True), ("on_platform", False)])
def test_registration_outside_the_platform_shows_what_the_platform_has(
    signed_in: SignedIn, agency: Agency, placement: str, is_shown: bool
) -> None:
    save_product(OPERATOR, "qt-sign", SIGN)
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    what = {"agency": agency.bin, "name_ru": "Система электронной подписи"}
    draft = DRAFT.search(visit.send("/register", "/register").text)
    visit.send(f"{draft[0]}/what", **what)
    work = {"object_kind": "system", "work_type": "creation", "stage": "planning", "placement": placement}
    visit.send(f"{draft[0]}/work", **work)
    assert ("sign@qaztech.example" in visit.get(f"{draft[0]}/check").text) is is_shown


def test_operator_writes_a_product_on_its_pages(signed_in: SignedIn) -> None:
    visit = signed_in(Role.OPERATOR)
    texts = {**ROW, "terms": "электронная подпись"}
    assert visit.send("/platform-products/new", **texts).status_code == 200
    assert visit.send("/platform-products/new", **texts).status_code == 422
    assert visit.send("/platform-products/qt-sign/edit", **{**texts, "contact": "109"}).status_code == 200
    page = visit.get("/platform-products").text
    assert "109" in page and "sign@qaztech.example" not in page
    assert signed_in(Role.REVIEWER).get("/platform-products/qt-sign/edit").status_code == 403
