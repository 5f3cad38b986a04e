"""Pages that display a password, where passwords are off or nobody can be invited, and problems reported together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from registry.accounts.models import Person, account_named
from registry.accounts.oidc_configuration import SignInConfiguration, set_sign_in_configuration
from registry.accounts.people_import import import_people
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import transaction
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency
from tests.fixtures.web import SignedIn


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency()


@pytest.fixture
def without_passwords() -> Iterator[None]:
    set_sign_in_configuration(SignInConfiguration(passwords=False, break_glass=frozenset({"administrator.web"})))
    yield
    set_sign_in_configuration(SignInConfiguration())


def person(name: str, agency: Agency) -> Person:
    return add_person(ADMINISTRATOR, NewPerson(name, Role.AGENCY_EDITOR, agency.id), PASSWORD)


def test_page_with_the_password_says_that_the_account_is_added_and_how_to_sign_in(
    signed_in: SignedIn, ministry: Agency
) -> None:
    sent = {"name": "dana", "role": "agency_editor", "agency": ministry.bin, "language": "en"}
    page = signed_in(Role.ADMINISTRATOR).send("/people/new", **sent).text
    assert "The account dana is added." in page
    assert "The person signs in with the name dana and this password" in page


@pytest.mark.usefixtures("without_passwords")
def test_no_password_is_displayed_where_passwords_are_off(signed_in: SignedIn, ministry: Agency) -> None:
    sent = {"name": "dana", "role": "agency_editor", "agency": ministry.bin, "language": "en"}
    visit = signed_in(Role.ADMINISTRATOR)
    page = visit.send("/people/new", **sent).text
    assert 'id="secret"' not in page and "sign-in with a password is switched off" in page
    dana = person_named("dana")
    assert dana is not None and "Set a new password" not in visit.get(f"/people/{dana.id}").text


@pytest.mark.usefixtures("without_passwords")
def test_table_gives_no_passwords_where_passwords_are_off(ministry: Agency) -> None:
    content = f"name,role,agency\ndana,agency_editor,{ministry.bin}".encode()
    (created,) = import_people(an_actor(Role.ADMINISTRATOR), content, dry_run=False).created
    assert (created.outcome, created.password) == ("provider", None)


def test_page_of_an_invited_person_says_what_to_do_without_a_mail_server(signed_in: SignedIn, ministry: Agency) -> None:
    dana = person("dana", ministry)
    account = account_named("dana")
    assert account is not None
    with transaction():
        account.invited_at = now()
    page = signed_in(Role.ADMINISTRATOR).get(f"/people/{dana.id}").text
    assert "No invitation can be sent" in page and "Invite again" not in page and "Set a new password" in page


def test_form_reports_a_wrong_address_and_an_agency_of_an_oversight_role_at_once(
    signed_in: SignedIn, ministry: Agency
) -> None:
    dana = person("dana", ministry)
    visit = signed_in(Role.ADMINISTRATOR)
    answer = visit.send(f"/people/{dana.id}/edit", email="x", role="auditor", agency=ministry.bin)
    assert answer.status_code == 422
    assert 'id="email-error"' in answer.text and 'id="agency-error"' in answer.text
    answer = visit.send("/people/new", name="", role="agency_editor", language="kk")
    assert 'id="name-error"' in answer.text and 'id="agency-error"' in answer.text
