"""Pages that display a password, where passwords are off or nobody can be invited, and problems reported together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from registry.accounts.oidc_configuration import SignInConfiguration, set_sign_in_configuration
from registry.accounts.people_import import import_people
from registry.accounts.roles import Role
from registry.accounts.service import person_named
from registry.agencies.models import Agency
from tests.factories import an_actor, an_agency
from tests.fixtures.web import SignedIn


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency()


@pytest.fixture
def without_passwords() -> Iterator[None]:
    set_sign_in_configuration(SignInConfiguration(passwords=False, break_glass=frozenset({"administrator.web"})))
    yield
    set_sign_in_configuration(SignInConfiguration())


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
