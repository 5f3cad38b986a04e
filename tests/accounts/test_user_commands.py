"""``registry users``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from registry.accounts.models import TotpFactor
from registry.accounts.passwords import verify_password
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.accounts.sessions import find_session_user
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.factors.steps import an_enrolled, sign_in_as
from tests.factories import an_actor, an_agency
from tests.fixtures.cli import CommandLine, of_processes


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
