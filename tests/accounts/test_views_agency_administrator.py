"""Pages of people and tokens as an agency administrator and an auditor see them."""

from __future__ import annotations

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import issue
from tests.factories import ADMINISTRATOR, PASSWORD, an_agency
from tests.fixtures.web import SignedIn


def test_auditor_sees_people_and_tokens_without_actions(signed_in: SignedIn) -> None:
    person = add_person(ADMINISTRATOR, NewPerson("e.bek", Role.AGENCY_EDITOR, an_agency().id), PASSWORD)
    key_id = issue(ADMINISTRATOR, "robot", Role.AUDITOR, None).key_id
    auditor = signed_in(Role.AUDITOR)
    people, tokens = auditor.get("/people").text, auditor.get("/tokens").text
    assert "e.bek" in people and "robot" in tokens and key_id in tokens
    for text in ("Add a person", "Change role", "Set a new password", "Disable account", "Issue token", "Revoke token"):
        assert text not in people + tokens
    assert auditor.get(f"/people/{person.id}/edit").status_code == 403
