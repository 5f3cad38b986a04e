"""The platform inventory: its import, keys that several objects share, and products."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from registry.platform.confirmations import PlatformKeyShared, confirmations_of, verify_placement
from registry.platform.inventory import apply_inventory
from registry.platform.models import Inventory
from registry.platform.products import import_products, products_for, save_product
from registry.projects.links import add_link
from registry.projects.models import Project
from registry.projects.revisions import history
from registry.projects.service import restrict_project
from tests.api.callers import caller, codes
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.imports.tables import DATA, csv_of
from tests.imports.test_projects import run_import, stored

OPERATOR = an_actor(Role.OPERATOR)


DAY = date(2026, 10, 1)


def listed(key: str, agency: str, on: str = DAY.isoformat()) -> dict[str, str]:
    return {"platform_key": key, "agency": agency, "verified_on": on}


def apply(*rows: dict[str, str], dry_run: bool = False, actor: Actor = OPERATOR) -> dict[str, Any]:
    return apply_inventory(actor, "list.csv", csv_of(*rows), dry_run)


def totals(summary: dict[str, Any]) -> tuple[int, int, int, int]:
    return summary["matched"], summary["lost"], summary["mismatched"], summary["unregistered"]


def on_platform(agency: Agency, key: str | None, **values: Any) -> Project:
    return a_project(agency, **({"placement": "on_platform", "platform_key": key} | values))


def verified(agency: Agency, key: str, actor: Actor = OPERATOR) -> Project:
    project = on_platform(agency, key)
    with transaction():
        return verify_placement(actor, project, key, DAY, "акт")


def verified_on(project: Project) -> date | None:
    return db.session.execute(db.select(Project.placement_verified_on).where(Project.id == project.id)).scalar_one()


def test_real_inventory_verifies_291_projects_and_finds_12_unregistered(app: Flask) -> None:
    run_import((DATA / "agencies.csv").read_bytes(), kind="agencies")
    run_import((DATA / "projects.csv").read_bytes())
    content = (DATA / "platform-inventory.csv").read_bytes()
    dry = apply_inventory(OPERATOR, "list.csv", content, True)
    assert totals(dry) == (291, 0, 0, 12)
    assert totals(apply_inventory(OPERATOR, "list.csv", content, False)) == (291, 0, 0, 12)
    counted = db.select(db.func.count()).select_from(Project).where(Project.placement_verified_on == DAY)
    assert db.session.scalar(counted) == 291
    before = stored()
    assert totals(apply_inventory(OPERATOR, "list.csv", content, False)) == (291, 0, 0, 12)
    assert (stored()[:2], stored()[2]) == (before[:2], before[2] + 1)


def test_matching_projects_are_verified_and_unlisted_ones_lose_it(app: Flask) -> None:
    agency, other = an_agency(), an_agency()
    match = on_platform(agency, "qt-1")
    reviewed = verified(agency, "qt-gone", an_actor(Role.REVIEWER))
    foreign = on_platform(other, "qt-1")
    moved = a_project(agency, placement="off_platform", platform_key="qt-2")
    keyless = on_platform(agency, None)
    summary = apply(listed("qt-1", agency.bin), listed("qt-2", agency.bin), listed("qt-3", agency.bin))
    assert totals(summary) == (1, 1, 2, 1)
    assert summary["rows"]["matched"] == [match.number]
    assert summary["rows"]["lost"] == [reviewed.number]
    assert [row["number"] for row in summary["rows"]["mismatched"]] == [foreign.number, moved.number]
    assert [row["platform_key"] for row in summary["rows"]["unregistered"]] == ["qt-3"]
    assert [verified_on(project) for project in (match, reviewed, foreign, moved, keyless)] == [
        DAY,
        None,
        None,
        None,
        None,
    ]
    for project, new in ((match, DAY.isoformat()), (reviewed, None)):
        last = history(project.id)[-1]
        assert (last["by"], last["changes"][0]["field"], last["changes"][0]["new"]) == (
            OPERATOR.principal,
            "placement_verified_on",
            new,
        )
    assert confirmations_of(match.id)[-1]["facts"] == {"verified_on": DAY.isoformat(), "platform_key": "qt-1"}
    actions = db.session.scalars(db.select(JournalEntry.action).order_by(JournalEntry.seq.desc()).limit(3)).all()
    assert actions == ["inventory.applied", "placement.verification-lost", "placement.verified"]


def test_dry_run_returns_the_same_summary_and_writes_nothing(app: Flask) -> None:
    agency = an_agency()
    match, gone = on_platform(agency, "qt-1"), verified(agency, "qt-gone")
    before = stored()
    dry = apply(listed("qt-1", agency.bin), dry_run=True)
    assert (totals(dry), dry["dry_run"]) == ((1, 1, 0, 0), True)
    assert (verified_on(match), verified_on(gone), stored()) == (None, DAY, before)
    assert db.session.scalar(db.select(Inventory.id)) is None
    assert {**apply(listed("qt-1", agency.bin)), "dry_run": True} == dry


def test_invalid_rows_are_reported_and_withdraw_no_verification(app: Flask) -> None:
    agency = an_agency()
    kept = [verified(agency, f"qt-{number}") for number in range(1, 5)]
    tomorrow = (today() + timedelta(days=1)).isoformat()
    summary = apply(
        listed("qt-0", agency.bin),
        listed("qt-0", agency.bin),
        listed("qt-1", agency.bin, "01.10.76"),
        listed("qt-2", "123"),
        listed("qt-3", "960140000061"),
        listed("qt-4", agency.bin, tomorrow),
        listed("", agency.bin),
        listed("qt-5", agency.bin, ""),
    )
    assert (totals(summary), summary["total"], summary["rejected"]) == ((0, 0, 0, 1), 8, 7)
    assert [(error["row"], error["column"], error["code"]) for error in summary["errors"]] == [
        (3, "platform_key", "platform-key-twice"),
        (4, "verified_on", "date-year-short"),
        (5, "agency", "bin-invalid"),
        (6, "agency", "agency-unknown"),
        (7, "verified_on", "date-after-today"),
        (8, "platform_key", "required"),
        (9, "verified_on", "required"),
    ]
    assert all(verified_on(project) == DAY for project in kept)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"platform_key,agency,verified_on\r\n",
        b"platform_key,agency,verified_on\r\nqt-1,123,2026-10-01\r\n",
        b"platform_key,agency\r\nqt-1,960140000061\r\n",
        b"platform_key,agency,verified_on,stage\r\n",
    ],
)
def test_empty_or_invalid_inventory_is_rejected_and_changes_nothing(app: Flask, content: bytes) -> None:
    project = verified(an_agency(), "qt-1")
    with pytest.raises(Invalid):
        apply_inventory(OPERATOR, "list.csv", content, False)
    assert verified_on(project) == DAY


def test_inventory_does_not_change_projects_invisible_to_the_actor(app: Flask) -> None:
    agency = an_agency()
    hidden = verified(agency, "qt-hidden")
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        restrict_project(supervisor, hidden, True, "решение")
    assert totals(apply(listed("qt-1", agency.bin))) == (0, 0, 0, 1)
    assert verified_on(hidden) == DAY
    assert totals(apply(listed("qt-1", agency.bin), actor=supervisor)) == (0, 1, 0, 1)
    assert verified_on(hidden) is None


REVIEWER = an_actor(Role.REVIEWER)


def test_an_inventory_confirms_one_of_two_projects_with_a_key(app: Flask) -> None:
    agency = an_agency()
    first, second = on_platform(agency, "qt-1"), on_platform(agency, "qt-1")

    summary = apply(listed("qt-1", agency.bin))

    assert (summary["rows"]["matched"], summary["rows"]["shared"]) == ([first.number], [second.number])
    assert (verified_on(first), verified_on(second)) == (DAY, None)


def test_the_project_that_a_key_confirms_already_keeps_it(app: Flask) -> None:
    agency = an_agency()
    first = on_platform(agency, "qt-1")
    confirmed = verified(agency, "qt-1")

    summary = apply(listed("qt-1", agency.bin))

    assert (summary["rows"]["matched"], summary["rows"]["shared"]) == ([confirmed.number], [first.number])
    assert (verified_on(first), verified_on(confirmed)) == (None, DAY)


def test_a_key_confirms_no_second_project_by_hand(app: Flask) -> None:
    agency = an_agency()
    verified(agency, "qt-1")
    second = on_platform(agency, "qt-1")

    with pytest.raises(PlatformKeyShared), transaction():
        verify_placement(REVIEWER, second, "qt-1", DAY, "act")


@pytest.mark.parametrize("kind", ["part_of", "duplicate_of"])
def test_a_second_project_linked_as_the_same_object_stays_confirmed(app: Flask, kind: str) -> None:
    agency = an_agency()
    first, second = verified(agency, "qt-1"), on_platform(agency, "qt-1")
    with transaction():
        add_link(REVIEWER, second.number, {"kind": kind, "target": first.number})
        verify_placement(REVIEWER, second, "qt-1", DAY, "act")

    apply(listed("qt-1", agency.bin))

    assert (verified_on(first), verified_on(second)) == (DAY, DAY)


def test_a_project_that_replaces_another_does_not_share_its_key(app: Flask) -> None:
    agency = an_agency()
    first, second = verified(agency, "qt-1"), on_platform(agency, "qt-1")
    with transaction():
        add_link(REVIEWER, second.number, {"kind": "replaces", "target": first.number})

    with pytest.raises(PlatformKeyShared), transaction():
        verify_placement(REVIEWER, second, "qt-1", DAY, "act")


def test_a_link_of_one_reviewer_lets_no_inventory_confirm_a_second_project(app: Flask) -> None:
    agency = an_agency()
    first, second = verified(agency, "qt-1"), on_platform(agency, "qt-1")
    with transaction():
        add_link(REVIEWER, second.number, {"kind": "part_of", "target": first.number})

    summary = apply(listed("qt-1", agency.bin))

    assert (summary["rows"]["shared"], verified_on(first), verified_on(second)) == ([second.number], DAY, None)


def test_a_key_that_confirms_a_restricted_project_confirms_no_other(app: Flask) -> None:
    agency = an_agency()
    hidden = verified(agency, "qt-1")
    with transaction():
        restrict_project(an_actor(Role.SUPERVISOR), hidden, True, "secret")
    other = on_platform(agency, "qt-1")

    summary = apply(listed("qt-1", agency.bin), actor=OPERATOR)

    assert (summary["rows"]["shared"], verified_on(other), verified_on(hidden)) == ([other.number], None, DAY)


DRAFT = re.compile(r"/register/[0-9]+")


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
