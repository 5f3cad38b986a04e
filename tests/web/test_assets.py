"""Vendored assets are unchanged and complete, and an upload that is too large gets a page."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.web.application import FOLDER
from tests.factories import a_project
from tests.fixtures.web import SignedIn
from tests.uploads import MIB, random_bytes

AXE = Path(__file__).with_name("vendor")


@pytest.mark.parametrize("folder", [FOLDER / "vendor", AXE], ids=["pages", "axe"])
def test_vendored_files_match_their_checksums(folder: Path) -> None:
    listed = dict(line.split("  ./")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    there = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert there == listed


def test_no_crown_copyright_assets_are_served() -> None:
    for path in FOLDER.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert "GDS Transport" not in text and "crest" not in text
    assert not [path for path in FOLDER.rglob("*") if "crown" in path.name or "govuk-icon" in path.name]


def test_stylesheets_load_nothing_from_other_hosts(client: FlaskClient) -> None:
    for path in FOLDER.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert "@import" not in text
        for address in text.split("url(")[1:]:
            name = address.split(")")[0].strip("\"'")
            assert client.get(f"/assets/{name}").status_code == 200


def test_hashed_asset_is_cached_for_a_year(client: FlaskClient) -> None:
    page = client.get("/").text
    address = page.split('href="/assets/registry.css')[1].split('"')[0]
    answer = client.get(f"/assets/registry.css{address}")
    assert "immutable" in answer.headers["Cache-Control"]
    again = client.get("/assets/registry.css", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("name", ["../application.py", "..%2fapplication.py", "nothing.css", "vendor"])
def test_only_assets_are_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/assets/{name}").status_code == 404


def test_file_over_20_mib_gets_page_with_limit(signed_in: SignedIn) -> None:
    visit = signed_in(Role.ADMINISTRATOR)
    for size in (20 * MIB + 1, 21 * MIB):
        answer = visit.send("/imports", kind="agencies", file=(io.BytesIO(random_bytes(size)), "table.csv"))
        assert answer.status_code == 413
        assert "larger than 20 MiB" in answer.text


def test_text_over_1_mib_gets_page_that_leads_back_to_what_was_entered(signed_in: SignedIn, agency: Agency) -> None:
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    page = f"/projects/{a_project(agency).number}/edit/what"
    assert editor.client.post(page, data={"purpose": "x" * (MIB - 100)}).status_code == 200
    answer = editor.client.post(page, data={"purpose": "x" * MIB})
    assert answer.status_code == 413
    assert "What you sent is larger than 1 MiB, and nothing was saved." in answer.text
    # The form would be empty there.
    assert f'href="{page}"' not in answer.text
