"""Pages of people and tokens as an agency administrator and an auditor see them."""

from __future__ import annotations

from registry.accounts.models import account_named
from registry.accounts.people import NewPerson, add_person, person_named
from registry.accounts.roles import Role
from registry.accounts.tokens import issue
from tests.factories import ADMINISTRATOR, PASSWORD, an_agency
from tests.fixtures.web import SignedIn


def test_agency_administrator_adds_people_of_the_own_agencies_only(signed_in: SignedIn) -> None:
    ministry, foreign = an_agency(), an_agency()
    committee = an_agency(parent=ministry)
    stranger = add_person(ADMINISTRATOR, NewPerson("stranger", Role.AGENCY_VIEWER, foreign.id), PASSWORD)
    visit = signed_in(Role.AGENCY_ADMINISTRATOR, ministry)
    added = {"name": "e.bek", "role": "agency_editor", "agency": committee.bin, "language": "kk"}
    assert 'id="secret">' in visit.send("/people/new", **added).text
    page = visit.get("/people").text
    assert "e.bek" in page and "stranger" not in page and "Accounts to confirm" not in page
    for wrong in ({"role": "reviewer", "agency": ""}, {"role": "agency_viewer", "agency": foreign.bin}):
        answer = visit.send("/people/new", name="new", language="kk", **wrong)
        assert answer.status_code == 422 and "in this agency" in answer.text
    assert person_named("new") is None
    assert visit.get(f"/people/{stranger.id}/edit").status_code == 404


def test_agency_administrator_issues_tokens_for_own_service_accounts_only(signed_in: SignedIn) -> None:
    ministry = an_agency()
    issue(ADMINISTRATOR, "their robot", Role.AUDITOR, None)
    visit = signed_in(Role.AGENCY_ADMINISTRATOR, ministry)
    visit.send("/tokens/accounts/new", name="own robot", role="agency_editor", agency=ministry.bin)
    account = account_named("own robot")
    assert account is not None and account.owner_account_id is not None
    page = visit.send(f"/tokens/accounts/{account.id}/token", expires_in="30", scopes="read", role="agency_editor").text
    assert "qtr_" in page
    page = visit.get("/tokens").text
    assert "own robot" in page and "their robot" not in page


def test_auditor_sees_people_and_tokens_without_actions(signed_in: SignedIn) -> None:
    person = add_person(ADMINISTRATOR, NewPerson("e.bek", Role.AGENCY_EDITOR, an_agency().id), PASSWORD)
    key_id = issue(ADMINISTRATOR, "robot", Role.AUDITOR, None).key_id
    auditor = signed_in(Role.AUDITOR)
    people, tokens = auditor.get("/people").text, auditor.get("/tokens").text
    assert "e.bek" in people and "robot" in tokens and key_id in tokens
    for text in ("Add a person", "Change role", "Set a new password", "Disable account", "Issue token", "Revoke token"):
        assert text not in people + tokens
    assert auditor.get(f"/people/{person.id}/edit").status_code == 403
