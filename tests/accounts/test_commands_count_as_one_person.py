"""Commands that take two people: at once while fewer than two have roles of oversight, then with another person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from registry.accounts.account_changes import confirm_account
from registry.accounts.confirmations import ConfirmationNeedsASupervisor, confirm_token
from registry.accounts.models import Account, account_named
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import TokenNotAccepted, authenticate_token
from registry.audits.policy_activation import impact_of
from registry.core.clock import today
from registry.core.database import db
from registry.journal.service import JournalEntry
from registry.policies.service import draft_policy
from tests.accounts.test_accounts import session_of
from tests.factories import ADMINISTRATOR, PASSWORD, an_agency
from tests.fixtures.cli import CommandLine
from tests.present import Present

Services = Callable[[], Any]


@pytest.fixture
def two_people(registry: CommandLine, services: Services) -> CommandLine:
    """The command line of a register with an administrator and a supervisor."""
    with services():
        for name, role in (("adil", Role.ADMINISTRATOR), ("saule", Role.SUPERVISOR)):
            add_person(ADMINISTRATOR, NewPerson(name, role, email=f"{name}@gov.kz"), PASSWORD)
    return registry


def named(name: str) -> Account:
    account = account_named(name)
    assert account is not None
    return account


def test_the_first_two_people_are_added_at_once(registry: CommandLine, services: Services) -> None:
    for name in ("adil", "bota"):
        assert registry("users", "add", "--name", name, "--role", "administrator").out != ""

    with services():
        assert [named(name).status for name in ("adil", "bota")] == ["active", "active"]


def test_a_third_person_waits_for_a_supervisor(two_people: CommandLine, services: Services) -> None:
    ran = two_people("users", "add", "--name", "dana", "--role", "supervisor")

    assert (ran.code, ran.out) == (0, "") and "until another person confirms it" in ran.err
    assert two_people("users", "confirm", "dana").code != 0
    with services():
        assert named("dana").status == "pending"
        with pytest.raises(ConfirmationNeedsASupervisor):
            confirm_account(session_of(named("adil")), named("dana").id, Role.SUPERVISOR)
        confirm_account(session_of(named("saule")), named("dana").id, Role.SUPERVISOR)
        assert named("dana").status == "active"


def test_another_role_or_address_of_oversight_and_an_enabled_account_wait(
    two_people: CommandLine, services: Services
) -> None:
    with services():
        agency = an_agency().id
        add_person(ADMINISTRATOR, NewPerson("editor", Role.AGENCY_EDITOR, agency), PASSWORD)
        for name in ("bolat", "timur"):
            add_person(ADMINISTRATOR, NewPerson(name, Role.REVIEWER), PASSWORD)

    two_people("users", "set", "editor", "--role", "auditor")
    two_people("users", "set", "bolat", "--email", "b@gov.kz")
    two_people("users", "disable", "timur")
    ran = two_people("users", "enable", "timur")

    assert "until another person confirms it" in ran.err
    with services():
        assert [named(name).status for name in ("editor", "bolat", "timur")] == ["pending", "pending", "pending"]


def test_an_account_of_an_agency_is_added_at_once(two_people: CommandLine, services: Services) -> None:
    with services():
        number = an_agency().bin

    ran = two_people("users", "add", "--name", "e.ditor", "--role", "agency_editor", "--agency", number)

    assert ran.out != ""
    with services():
        assert named("e.ditor").status == "active"


@pytest.mark.parametrize("name", ["saule", "monitoring"])
def test_a_token_of_a_role_of_oversight_waits(two_people: CommandLine, services: Services, name: str) -> None:
    role = "supervisor" if name == "saule" else "auditor"
    ran = two_people("tokens", "issue", "--name", name, "--role", role)

    assert "until another person confirms it" in ran.err
    with services():
        with pytest.raises(TokenNotAccepted):
            authenticate_token(ran.out.strip(), "127.0.0.1", "")
        if name == "monitoring":
            confirm_account(session_of(named("saule")), named(name).id, Role.AUDITOR)
            confirm_token(session_of(named("saule")), ran.out.strip().split("_")[1])
            assert authenticate_token(ran.out.strip(), "127.0.0.1", "").principal == name


def test_in_an_emergency_commands_act_at_once_when_the_others_are_disabled(
    two_people: CommandLine, services: Services
) -> None:
    two_people("users", "disable", "saule")

    two_people("users", "add", "--name", "dana", "--role", "supervisor")

    with services():
        assert named("dana").status == "active"
        entries = db.session.query(JournalEntry).filter(JournalEntry.credential == "local").all()
        assert [entry.action for entry in entries[-2:]] == ["account.disabled", "account.added"]


def test_a_command_confirms_what_it_made_where_nobody_else_can(registry: CommandLine, services: Services) -> None:
    with services():
        for name in ("aru", "bek"):
            add_person(ADMINISTRATOR, NewPerson(name, Role.AUDITOR), PASSWORD)
    registry("users", "add", "--name", "adil", "--role", "administrator")

    assert registry("users", "confirm", "adil").code == 0

    with services():
        assert named("adil").status == "active"


def test_a_command_activates_no_policy_that_one_person_drafted(two_people: CommandLine, services: Services) -> None:
    with services():
        supervisor = session_of(named("saule"))
        draft_policy(supervisor, {"version": "2026.2", "rules": {"freeze.creation": {"severity": "low"}}})
        digest = impact_of(supervisor, "2026.2").digest
        day = today().isoformat()
    activate = ("policies", "activate", "2026.2", "--impact-digest", digest, "--on", day)

    ran = two_people(*activate)

    assert ran.code == 1 and "Two people do this together" in ran.err
    two_people("users", "disable", "saule")
    assert two_people(*activate).code == 4


def test_a_command_voids_no_audit_where_two_people_could(
    two_people: CommandLine, services: Services, present: Present
) -> None:
    present.move(timedelta(days=400))
    ahead = two_people("audits", "run", "--json").json
    present.move(timedelta(days=-400))
    void = ("audits", "void", str(ahead["id"]), "--reason", "The clock was ahead.")

    ran = two_people(*void)

    assert ran.code == 1 and "Two people do this together" in ran.err
    two_people("users", "disable", "saule")
    assert two_people(*void).code == 0
