"""The commands ``registry users`` and ``registry tokens``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from registry.accounts.models import TotpFactor
from registry.accounts.passwords import verify_password
from registry.accounts.roles import Role, Scope
from registry.accounts.service import NewPerson, add_person, person_named
from registry.accounts.sessions import find_session_user
from registry.accounts.tokens import TokenNotAccepted, authenticate_token, issue
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.factors.steps import an_enrolled, sign_in_as
from tests.factories import an_actor, an_agency
from tests.fixtures.cli import CommandLine, of_processes
from tests.present import Present


def test_add_prints_only_the_generated_password(registry: CommandLine, services: Callable[[], Any]) -> None:
    ran = registry("users", "add", "--name", "a.serikova", "--role", "reviewer", "--language", "ru")
    assert ran.code == 0 and ran.out.count("\n") == 1
    with services():
        person = person_named("a.serikova")
        assert person is not None and (person.role, person.language) == ("reviewer", "ru")
        assert verify_password(person.password_hash, ran.out.strip())
    assert ran.out.strip() not in ran.err


@of_processes
def test_add_reads_the_password_from_stdin_without_printing_it(
    registry: CommandLine, services: Callable[[], Any]
) -> None:
    with services():
        number = an_agency().bin
    ran = registry.process(
        *("users", "add", "--name", "e", "--role", "agency_editor", "--agency", number, "--password-stdin"),
        stdin="құпия сөз ұзын\n".encode(),
    )
    assert (ran.code, ran.out) == (0, "")
    with services():
        person = person_named("e")
        assert person is not None and verify_password(person.password_hash, "құпия сөз ұзын")


def test_confirm_command_confirms_a_pending_account(registry: CommandLine, services: Callable[[], Any]) -> None:
    with services():
        add_person(an_actor("administrator"), NewPerson("saule", Role.SUPERVISOR), "a long and quiet password")
    ran = registry("users", "confirm", "saule")
    assert ran.code == 0 and "saule" in ran.err and "supervisor" in ran.err
    with services():
        person = person_named("saule")
        assert not person.is_pending and person.password_must_change
        # A new password is printed, alone: whoever asked for the account knows none that works.
        assert verify_password(person.password_hash, ran.out.strip()) and ran.out.count("\n") == 1
    assert registry("users", "confirm", "saule").code == 4
    assert registry("users", "confirm", "nobody").code == 3


def test_reset_factor_removes_the_factors_at_once_and_is_journalled_as_local(
    registry: CommandLine, services: Callable[[], Any]
) -> None:
    with services():
        an_enrolled("saule", Role.SUPERVISOR)
    ran = registry("users", "reset-factor", "saule")
    assert (ran.code, ran.out) == (0, "")
    assert "saule: the second factors are removed" in ran.err
    with services():
        entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.factors-reset")).one()
        assert (entry.subject, entry.credential) == ("account:saule", "local")
        assert entry.principal.startswith("local:")
        assert db.session.scalars(select(TotpFactor)).all() == []
        assert find_session_user(sign_in_as("saule"), "", "") is not None


NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_issue_prints_only_the_token_which_is_accepted(registry: CommandLine, services: Callable[[], Any]) -> None:
    ran = registry("tokens", "issue", "--name", "nightly export", "--role", "auditor")
    assert ran.code == 0 and ran.out.count("\n") == 1
    with services():
        actor = authenticate_token(ran.out.strip(), "test", "")
    assert (actor.principal, actor.role, actor.agency_id) == ("nightly export", Role.AUDITOR, None)
    assert ran.out.strip() not in ran.err


@pytest.mark.parametrize(
    ("text", "lifetime"),
    [
        ("45s", timedelta(seconds=45)),
        ("10m", timedelta(minutes=10)),
        ("36h", timedelta(hours=36)),
        ("90d", timedelta(days=90)),
    ],
)
def test_lifetime_takes_seconds_minutes_hours_and_days(
    registry: CommandLine, present: Present, text: str, lifetime: timedelta
) -> None:
    present.set(NOW)
    assert registry("tokens", "issue", "--name", "x", "--role", "reviewer", "--expires-in", text).code == 0
    (row,) = registry("tokens", "list", "--json").json["items"]
    assert row["expires_at"] == (NOW + lifetime).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_list_shows_no_secrets(registry: CommandLine) -> None:
    text = registry("tokens", "issue", "--name", "x", "--role", "reviewer").out.strip()
    secret = text.split("_")[2]
    for ran in (registry("tokens", "list"), registry("tokens", "list", "--json"), registry("journal", "export")):
        assert "x" in ran.out and secret not in ran.out and secret[:30] not in ran.out


def test_token_that_an_administrator_issued_is_confirmed_on_the_machine(
    registry: CommandLine, services: Callable[[], Any]
) -> None:
    assert registry("tokens", "issue", "--name", "robot", "--role", "supervisor").code == 0
    with services():
        token = issue(an_actor(Role.ADMINISTRATOR), "robot", None, None, timedelta(days=1))
    listed = registry("tokens", "list", "--json").json["items"]
    assert [row["pending_since"] is None for row in listed] == [True, False]
    ran = registry("tokens", "confirm", token.key_id)
    assert (ran.code, ran.raw) == (0, b"") and token.key_id in ran.err
    with services():
        assert authenticate_token(token.text, "", "").role is Role.SUPERVISOR
    assert registry("tokens", "confirm", token.key_id).code == 4
    assert registry("tokens", "confirm", "0000000000").code == 3


def test_issue_takes_scopes_addresses_and_an_owner(registry: CommandLine, services: Callable[[], Any]) -> None:
    assert registry("users", "add", "--name", "saule", "--role", "auditor").code == 0
    options = ("--scope", "read", "--scope", "audits:run", "--address", "10.1.0.0/16", "--address", "192.0.2.1")
    text = registry("tokens", "issue", "--name", "x", "--role", "operator", "--owner", "saule", *options).out.strip()
    (row,) = registry("tokens", "list", "--json").json["items"]
    assert (row["scopes"], row["addresses"], row["owner"]) == (
        ["read", "audits:run"],
        ["10.1.0.0/16", "192.0.2.1/32"],
        "saule",
    )
    with services():
        assert authenticate_token(text, "10.1.2.3", "").scopes == {Scope.READ, Scope.AUDITS_RUN}
        with pytest.raises(TokenNotAccepted):
            authenticate_token(text, "10.2.0.1", "")
    listed = registry("tokens", "list").out
    assert "read audits:run" in listed and "10.1.0.0/16 192.0.2.1/32" in listed


@pytest.mark.parametrize("text", ["0d", "-1d", "90", "d", "1.5h", "90D", "1w", "٩d", "36501d", "9999999999d", " 1d"])
def test_invalid_lifetime_is_a_usage_error(registry: CommandLine, text: str) -> None:
    ran = registry("tokens", "issue", "--name", "x", "--role", "reviewer", f"--expires-in={text}")
    assert (ran.code, ran.raw) == (2, b"")
    assert registry("tokens", "list", "--json").json["items"] == []
