"""A request that waits for the next change answers for the rights that its caller has when the change comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from registry.accounts.models import Account
from registry.accounts.roles import Role
from registry.accounts.tokens import revoke
from registry.agencies.models import Agency
from registry.changes.service import newest_seq
from registry.core.clock import now
from registry.core.database import transaction
from registry.feed.queries import WAITING
from tests.api.callers import Caller, code
from tests.factories import ADMINISTRATOR, a_project, a_token


class Meanwhile(threading.Event):
    """The server's stop signal: whoever waits for it waits while something happens."""

    def __init__(self, happens: Callable[[], Any]) -> None:
        super().__init__()
        self._happens = happens

    def wait(self, timeout: float | None = None) -> bool:
        self._happens()
        return False


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], Any]], None]]:
    """What happens while a request waits."""
    yield lambda happens: WAITING.stop_with(Meanwhile(happens))
    WAITING.stop_with(threading.Event())


def waiting(client: FlaskClient, token: str) -> Any:
    return Caller(client, token).get(f"/changes?after={newest_seq()}&wait=30")


def test_token_that_is_revoked_meanwhile_gets_no_changes(
    client: FlaskClient, agency: Agency, meanwhile: Callable[[Callable[[], Any]], None]
) -> None:
    token = a_token(Role.SUPERVISOR)

    def happens() -> None:
        revoke(ADMINISTRATOR, token.split("_")[1])
        a_project(agency)

    meanwhile(happens)
    answer = waiting(client, token)

    assert (answer.status_code, code(answer)) == (401, "token-not-accepted")


def test_account_that_is_disabled_meanwhile_gets_no_changes(
    client: FlaskClient, agency: Agency, meanwhile: Callable[[Callable[[], Any]], None]
) -> None:
    token = a_token(Role.SUPERVISOR, name="reader")

    def happens() -> None:
        with transaction() as session:
            session.execute(update(Account).where(Account.name == "reader").values(disabled_at=now()))
        a_project(agency)

    meanwhile(happens)

    assert waiting(client, token).status_code == 401


def test_reader_who_keeps_the_rights_gets_the_change(
    client: FlaskClient, agency: Agency, meanwhile: Callable[[Callable[[], Any]], None]
) -> None:
    meanwhile(lambda: a_project(agency))
    answer = waiting(client, a_token(Role.AGENCY_VIEWER, agency))

    assert [item["type"] for item in answer.get_json()["items"]] == ["project.registered"]
