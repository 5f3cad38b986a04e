"""Upload sizes: pages accept files up to 20 MiB; larger ones get a page that names the limit."""

from __future__ import annotations

import io

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from tests.factories import a_project
from tests.fixtures.web import SignedIn
from tests.uploads import MIB, random_bytes


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
