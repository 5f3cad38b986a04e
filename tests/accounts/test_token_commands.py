"""``registry tokens``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry.accounts.roles import Role, Scope
from registry.accounts.tokens import TokenNotAccepted, authenticate_token, issue
from tests.factories import an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.present import Present

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_issue_prints_only_the_token_which_is_accepted(registry: CommandLine, services: Callable[[], Any]) -> None:
    ran = registry("tokens", "issue", "--name", "nightly export", "--role", "auditor")
    assert ran.code == 0 and ran.out.count("\n") == 1
    with services():
        actor = authenticate_token(ran.out.strip(), "test", "")
    assert (actor.principal, actor.role, actor.agency_id) == ("nightly export", Role.AUDITOR, None)
    assert ran.out.strip() not in ran.err


def test_agency_role_is_bound_to_its_agency(registry: CommandLine, services: Callable[[], Any]) -> None:
    with services():
        agency = an_agency()
        number, agency_id = agency.bin, agency.id
    ran = registry("tokens", "issue", "--name", "e", "--role", "agency_editor", "--agency", number)
    with services():
        assert authenticate_token(ran.out.strip(), "", "").agency_id == agency_id
    listed = registry("tokens", "list", "--json").json["items"]
    assert [(row["role"], row["agency"]) for row in listed] == [("agency_editor", number)]


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


@pytest.mark.parametrize("text", ["0d", "-1d", "90", "d", "1.5h", "90D", "1w", "٩d", "36501d", "9999999999d", " 1d"])
def test_invalid_lifetime_is_a_usage_error(registry: CommandLine, text: str) -> None:
    ran = registry("tokens", "issue", "--name", "x", "--role", "reviewer", f"--expires-in={text}")
    assert (ran.code, ran.raw) == (2, b"")
    assert registry("tokens", "list", "--json").json["items"] == []


def test_missing_and_unknown_values_are_reported_by_code(registry: CommandLine, services: Callable[[], Any]) -> None:
    with services():
        number = an_agency().bin
    issue = ("tokens", "issue", "--name", "x")
    assert registry(*issue).code == 2
    assert registry(*issue, "--role", "minister").code == 2
    assert registry(*issue, "--role", "agency_viewer").code == 2
    assert registry(*issue, "--role", "agency_viewer", "--agency", "960140000061").code == 3
    assert registry(*issue, "--role", "reviewer", "--agency", number).code == 2
    assert registry("tokens", "issue", "--name", "  ", "--role", "reviewer").code == 2
    assert registry("tokens", "issue", "--name", "x" * 201, "--role", "reviewer").code == 2
    assert registry("tokens", "list", "--json").json["items"] == []


def test_revoke_rejects_the_token_and_reports_an_unknown_one(
    registry: CommandLine, services: Callable[[], Any]
) -> None:
    text = registry("tokens", "issue", "--name", "x", "--role", "reviewer").out.strip()
    key_id = text.split("_")[1]
    ran = registry("tokens", "revoke", key_id)
    assert (ran.code, ran.raw) == (0, b"")
    with services(), pytest.raises(TokenNotAccepted):
        authenticate_token(text, "", "")
    assert registry("tokens", "revoke", key_id).code == 0
    assert registry("tokens", "revoke", "0000000000").code == 3


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


def test_token_expires_after_90_days_by_default_and_366_days_at_most(registry: CommandLine, present: Present) -> None:
    present.set(NOW)
    issue = ("tokens", "issue", "--name", "x", "--role", "reviewer")
    assert registry(*issue).code == 0
    assert registry(*issue, "--expires-in", "366d").code == 0
    assert registry(*issue, "--expires-in", "367d").code == 2
    rows = registry("tokens", "list", "--json").json["items"]
    assert [row["expires_at"] for row in rows] == ["2027-02-22T09:00:00.000000Z", "2027-11-25T09:00:00.000000Z"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--scope", "everything"), 2),
        (("--scope", "decisions:approve"), 2),
        (("--scope", "audits:run"), 2),
        (("--address", "10.1.0.7/8"), 2),
        (("--owner", "nobody"), 3),
        (("--owner", "\x01"), 3),
    ],
)
def test_invalid_limits_are_reported_by_code(registry: CommandLine, options: tuple[str, ...], code: int) -> None:
    ran = registry("tokens", "issue", "--name", "x", "--role", "reviewer", *options)
    assert (ran.code, ran.raw) == (code, b"")


def test_inactive_lists_tokens_that_nobody_used_for_90_days(registry: CommandLine, present: Present) -> None:
    present.set(NOW)
    text = registry("tokens", "issue", "--name", "x", "--role", "reviewer", "--expires-in", "200d").out.strip()
    assert registry("tokens", "inactive", "--json").json == {"items": []}
    present.set(NOW + timedelta(days=90))
    (row,) = registry("tokens", "inactive", "--json").json["items"]
    assert row["key_id"] == text.split("_")[1] and row["principal"] == "x"
    assert row["key_id"] in registry("tokens", "inactive").out
