"""Upload sizes: pages accept files up to 20 MiB; larger ones get a page that names the limit."""

from __future__ import annotations

import io

import pytest

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from tests.factories import a_bin, a_project, an_agency
from tests.fixtures.web import SignedIn, Visit
from tests.uploads import MIB, SIZES, random_bytes, table_of_line_breaks


@pytest.fixture
def agency(app: object) -> Agency:
    return an_agency()


def send(visit: Visit, path: str, content: bytes, page: str | None = None, **fields: str) -> int:
    fields = {"csrf_token": visit.token(page or path), **fields}
    with visit.client.post(path, data={**fields, "file": (io.BytesIO(content), "table.csv")}) as answer:
        return answer.status_code


@pytest.mark.parametrize("size", SIZES)
def test_pages_accept_files_of_every_size(signed_in: SignedIn, agency: Agency, size: int) -> None:
    agencies = table_of_line_breaks(("bin", "name_ru", "kind"), (a_bin(), "Акимат", "local_executive"), size)
    inventory = table_of_line_breaks(
        ("platform_key", "agency", "verified_on"), ("key-1", agency.bin, "2026-01-05"), size
    )
    administrator, reviewer = signed_in(Role.ADMINISTRATOR), signed_in(Role.REVIEWER)
    project = f"/projects/{a_project(agency).number}"
    assert send(administrator, "/imports", agencies, kind="agencies") == 303
    assert send(administrator, "/imports", random_bytes(size), kind="agencies") == 422
    assert send(reviewer, "/inventory", inventory) == 200
    assert send(reviewer, "/inventory", random_bytes(size)) == 422
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    assert send(editor, f"{project}/documents", random_bytes(size), page=project) == 303


def test_file_over_20_mib_gets_page_with_limit(signed_in: SignedIn) -> None:
    visit = signed_in(Role.ADMINISTRATOR)
    for size in (20 * MIB + 1, 21 * MIB):
        answer = visit.send("/imports", kind="agencies", file=(io.BytesIO(random_bytes(size)), "table.csv"))
        assert answer.status_code == 413
        assert "larger than 20 MiB" in answer.text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("kk", "Жіберілген деректің көлемі 1 МиБ-тан асады, сондықтан ештеңе сақталмады."),
        ("ru", "Отправлено больше 1 МиБ, поэтому ничего не сохранено."),
        ("en", "What you sent is larger than 1 MiB, and nothing was saved."),
    ],
)
def test_text_over_1_mib_gets_page_that_leads_back_to_what_was_entered(
    signed_in: SignedIn, agency: Agency, language: str, text: str
) -> None:
    editor = signed_in(Role.AGENCY_EDITOR, agency, language)
    page = f"/projects/{a_project(agency).number}/edit/what"
    assert editor.client.post(page, data={"purpose": "x" * (MIB - 100)}).status_code == 200
    answer = editor.client.post(page, data={"purpose": "x" * MIB})
    assert answer.status_code == 413
    assert text in answer.text
    # The form would be empty there.
    assert f'href="{page}"' not in answer.text
