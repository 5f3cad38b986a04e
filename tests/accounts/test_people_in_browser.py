"""An administrator at a browser, without the command line: a ministry of 30 people from a table, and a move."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy import func, select

from registry.accounts.models import Account, Person
from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.agencies.service import agency_by_bin
from registry.core.database import db
from tests.web.browser import context, follow, sign_in
from tests.web.tour_entries import AGENCY
from tests.web.tour_stop import person_name

# Browser behaviour does not depend on the database.
pytestmark = pytest.mark.sqlite_only

Demo = tuple[Flask, dict[str, object]]


@pytest.fixture
def table(demo: Demo, tmp_path: Path) -> Path:
    """A table of 30 people of the ministry, one row with an error."""
    with demo[0].app_context():
        assert agency_by_bin(AGENCY).id
    rows = [f"o.person{number:02},,agency_editor,{AGENCY},ru" for number in range(1, 31)]
    file = tmp_path / "ministry.csv"
    file.write_text("\n".join(("name,email,role,agency,language", *rows, "wrong,,emperor,,ru")), encoding="utf-8")
    return file


def test_administrator_onboards_a_ministry_and_moves_a_department(
    browser: Browser, address: str, demo: Demo, table: Path, tmp_path: Path
) -> None:
    with demo[0].app_context():
        other = db.session.scalars(
            select(Agency).where(Agency.bin != AGENCY, Agency.parent_id.is_(None)).limit(1)
        ).one()
        other_bin, other_id = other.bin, other.id
    with context(browser, address, "ru") as window:
        page = window.new_page()
        sign_in(page, person_name(Role.ADMINISTRATOR))
        page.goto("/people")
        page.get_by_role("link", name="Добавить пользователей из таблицы").click()
        page.set_input_files("#file", str(table))
        page.get_by_role("button", name="Проверить таблицу").click()
        expect(page.get_by_role("rowheader", name="Строка 32")).to_be_visible()
        page.get_by_role("button", name="Добавить этих пользователей").click()
        expect(page.get_by_role("heading", name="Пользователи добавлены")).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("button", name="Скачать пароли (CSV)").click()
        download.value.save_as(tmp_path / "passwords.csv")
        assert len((tmp_path / "passwords.csv").read_text(encoding="utf-8-sig").splitlines()) == 31
        page.goto(f"/people?q=o.person0&agency={AGENCY}")
        boxes = page.locator('input[name="person"]')
        expect(boxes).to_have_count(9)
        for number in range(9):
            boxes.nth(number).check()
        page.get_by_role("button", name="Перевести выбранных в другую организацию").click()
        page.select_option("#agency", other_bin)
        page.get_by_role("button", name="Перевести", exact=True).click()
        expect(page.get_by_text("Переведено 9 пользователей.")).to_be_visible()
    with demo[0].app_context():
        names = Account.name.startswith("o.person0")
        counted = select(func.count(Person.id)).join(Person.account).where(names, Account.agency_id == other_id)
        assert db.session.scalars(counted).one() == 9


def test_new_token_is_copied_with_a_button(browser: Browser, address: str) -> None:
    with context(browser, address) as window:
        window.grant_permissions(["clipboard-read", "clipboard-write"])
        page = window.new_page()
        sign_in(page, person_name(Role.AGENCY_EDITOR))
        page.goto("/account/tokens/new")
        follow(page, "main form button[type=submit]")
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == page.inner_text("#secret")
