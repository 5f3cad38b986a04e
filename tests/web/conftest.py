"""People at a browser: Flask's client, signed in through the form, and a real one on the demo's data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser
from werkzeug.test import TestResponse

from registry.access.people import NewPerson, add_person
from registry.access.roles import AGENCY_ROLES, Role
from registry.cli.demo import load
from registry.records.agencies import Agency
from tests.conftest import forget, service_app
from tests.databases import Databases
from tests.factories import ADMINISTRATOR, an_agency
from tests.web.browser import chromium, served
from tests.web.tour import prepare

PASSWORD = "a long and quiet password"
TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


class Visit:
    """A client that sends forms as a browser does: with the token of the page that it last saw."""

    def __init__(self, client: FlaskClient, language: str = "en") -> None:
        self.client = client
        client.set_cookie("registry_language", language)

    def get(self, path: str) -> TestResponse:
        """A page; what it redirects to when it redirects."""
        return self.client.get(path, follow_redirects=True)

    def token(self, path: str = "/sign-in") -> str:
        """The token of the forms of a page."""
        found = TOKEN.search(self.get(path).text)
        assert found, f"{path} has no form"
        return found[1]

    def send(self, path: str, page: str | None = None, *, follow: bool = True, **fields: object) -> TestResponse:
        """Send the form of ``page`` (the same address by default) to ``path``."""
        data = {"form_token": self.token(page or path), **fields}
        return self.client.post(path, data=data, follow_redirects=follow)

    def sign_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        """Through the form."""
        return self.send("/sign-in", name=name, password=password)


SignedIn = Callable[..., Visit]


@pytest.fixture
def visit(app: Flask) -> Visit:
    """A visitor who is not signed in."""
    return Visit(app.test_client())


@pytest.fixture
def signed_in(app: Flask) -> SignedIn:
    """``signed_in(Role.REVIEWER)``: a visit of a new person; agency roles get an agency when none is given."""

    def enter(role: Role, agency: Agency | None = None, language: str = "en", name: str | None = None) -> Visit:
        if role in AGENCY_ROLES and agency is None:
            agency = an_agency()
        who = name or f"{role.value}.web"
        add_person(ADMINISTRATOR, NewPerson(who, role, agency.id if agency else None, language=language), PASSWORD)
        entered = Visit(app.test_client(), language)
        # Not further: the page that it leads to takes longer than it.
        assert entered.send("/sign-in", follow=False, name=who, password=PASSWORD).status_code == 303
        return entered

    return enter


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def demo(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, dict[str, object]]]:
    """The service with the demo's data and people of every role."""
    url, data = databases.make(), tmp_path_factory.mktemp("demo")
    environment = {
        "REGISTRY_DATABASE_URL": url,
        "REGISTRY_DATA_DIR": str(data),
        "REGISTRY_SECRET_KEY": "of-the-tests-and-nobody-else",
    }
    loaded = CliRunner().invoke(load, env=environment)
    assert loaded.exit_code == 0, loaded.output
    app = service_app(url, data)
    yield app, prepare(app)
    forget(app, databases, url)


@pytest.fixture(scope="session")
def address(demo: tuple[Flask, dict[str, object]]) -> Iterator[str]:
    with served(demo[0]) as found:
        yield found
