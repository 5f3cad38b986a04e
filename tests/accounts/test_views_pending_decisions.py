"""What the page of pending accounts shows to decide by, rejecting, and a register where nobody can confirm."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from registry.accounts.account_changes import AccountNotPending, reject_account
from registry.accounts.account_management import NotYourself
from registry.accounts.models import Account, AccountsNeedAPerson, Person
from registry.accounts.queries import similar_accounts
from registry.accounts.roles import Actor, Role, RoleNotAllowed
from registry.accounts.service import NewPerson, add_person
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, an_actor, an_agency
from tests.fixtures.web import PASSWORD, SignedIn

pytestmark = pytest.mark.usefixtures("app")

LIST = "/people/pending"


def a_newcomer(name: str, role: Role, agency_id: int | None = None, email: str | None = None) -> Account:
    """An account as a first sign-in with single sign-on leaves it: requested under its own name."""
    account = add_person(ADMINISTRATOR, NewPerson(name, role, agency_id, email), PASSWORD).account
    with transaction():
        account.pending_since, account.asked_by = now(), [account.id]
    return account


def row_of(page: str, name: str) -> str:
    (row,) = [row for row in page.split("<tr")[2:] if f'govuk-visually-hidden"> {name}</span>' in row]
    return row


def test_page_shows_the_agency_and_that_single_sign_on_requested_the_account(signed_in: SignedIn) -> None:
    agency = an_agency()
    a_newcomer("Dana", Role.AGENCY_EDITOR, agency.id, "dana@med.example")
    row = row_of(signed_in(Role.ADMINISTRATOR).get(LIST).text, "Dana")
    assert agency.bin in row
    assert "Single sign-on" in row and "dana@med.example" in row
    person = db.session.scalars(select(Person).where(Person.email == "dana@med.example")).one()
    assert f'href="/people/{person.id}"' in row


@pytest.mark.parametrize("name", ["Kanat Ospanov 2", "OSPANOV KANAT", "Ospanov Kanat (k@med.example)"])
def test_name_is_like_another_in_any_order_and_with_additions(name: str) -> None:
    first = add_person(ADMINISTRATOR, NewPerson("Kanat Ospanov", Role.AUDITOR), PASSWORD).account
    second = add_person(ADMINISTRATOR, NewPerson(name, Role.AUDITOR), PASSWORD).account
    add_person(ADMINISTRATOR, NewPerson("Kanat Ospan", Role.AUDITOR), PASSWORD)
    assert similar_accounts([second, first]) == {second.id: [first], first.id: [second]}


def test_rejected_account_is_disabled_and_the_journal_says_by_whom(signed_in: SignedIn) -> None:
    account = a_newcomer("Dana", Role.ADMINISTRATOR)
    visit = signed_in(Role.SUPERVISOR, name="second")
    path = f"{LIST}/{account.id}/rejection"
    assert path in visit.get(LIST).text and "Reject account" in visit.get(path).text
    assert "The account Dana is rejected and disabled." in visit.send(path).text
    assert account.status == "disabled" and "Dana" not in visit.get(LIST).text
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.rejected")).one()
    assert (entry.principal, entry.subject) == ("second", "account:Dana")
    assert "does not wait for a confirmation" in visit.send(path, page="/account/password").text


def test_only_people_who_may_confirm_reject_and_never_their_own_account() -> None:
    account = a_newcomer("Dana", Role.REVIEWER)
    with pytest.raises(RoleNotAllowed):
        reject_account(an_actor(Role.AUDITOR), account.id)
    with pytest.raises(AccountsNeedAPerson):
        reject_account(Actor("robot", Role.ADMINISTRATOR), account.id)
    with pytest.raises(NotYourself):
        reject_account(Actor("Dana", Role.ADMINISTRATOR, is_person=True, credential="local"), account.id)
    assert account.status == "pending"
    reject_account(an_actor(Role.SUPERVISOR), account.id)
    with pytest.raises(AccountNotPending):
        reject_account(an_actor(Role.SUPERVISOR), account.id)
