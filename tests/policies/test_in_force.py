"""Which policy a request uses: never an older one than is in force when the request begins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Connection

from registry.accounts.roles import Role
from registry.core.clock import today
from registry.core.database import transaction
from registry.freeze.policy import policy_in_force
from tests.api.callers import Caller
from tests.audits.policy_steps import activate, draft
from tests.present import Present
from tests.statements import statements

pytestmark = pytest.mark.usefixtures("app")


def policy_of(caller: Caller) -> str:
    items = caller.get("/policies").get_json()["items"]
    (version,) = [item["version"] for item in items if item["state"] == "in_force"]
    return str(version)


def test_next_request_uses_a_policy_that_was_activated(
    supervisor: Caller, present: Present, as_role: Callable[..., Caller]
) -> None:
    first = policy_of(supervisor)
    draft("2026.2")
    assert policy_of(supervisor) == first
    activate("2026.2")
    draft("2026.3")
    activate("2026.3", today() + timedelta(days=2))
    assert policy_of(supervisor) == "2026.2"
    present.move(timedelta(days=2))
    assert policy_of(as_role(Role.SUPERVISOR)) == "2026.3"


def test_transaction_reads_the_versions_again(connection: Connection, app: Flask) -> None:
    draft("2026.2")
    with transaction():
        before = policy_in_force().version
    activate("2026.2")
    with transaction(), statements(connection) as sent:
        assert policy_in_force().version == "2026.2" != before
    assert len([sql for sql in sent if sql.startswith("SELECT policy_versions.")]) >= 1
