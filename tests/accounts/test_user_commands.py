"""The commands ``registry users`` and ``registry tokens``, and which of them take two people."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from registry.accounts.account_changes import ConfirmationNeedsASupervisor, confirm_account, confirm_token
from registry.accounts.models import Account, TotpFactor, account_named
from registry.accounts.passwords import verify_password
from registry.accounts.roles import Role, Scope
from registry.accounts.service import NewPerson, add_person, person_named
from registry.accounts.sessions import find_session_user
from registry.accounts.tokens import TokenNotAccepted, add_service_account, authenticate_token, issue
from registry.audits.policy_activation import impact_of
from registry.core.clock import today
from registry.core.database import db
from registry.journal.service import JournalEntry
from registry.policies.service import draft_policy
from tests.accounts.factors.steps import an_enrolled, sign_in_as
from tests.accounts.test_accounts import session_of
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency
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


def test_invalid_lifetime_is_a_usage_error(registry: CommandLine) -> None:
    for text in ["0d", "-1d", "90", "d", "1.5h", "90D", "1w", "٩d", "36501d", "9999999999d", " 1d"]:
        ran = registry("tokens", "issue", "--name", "x", "--role", "reviewer", f"--expires-in={text}")
        assert (ran.code, ran.raw) == (2, b""), text
        assert registry("tokens", "list", "--json").json["items"] == [], text


@pytest.fixture
def bins(registry: CommandLine, services: Callable[[], Any]) -> tuple[str, str]:
    """The BINs of two agencies; a person and a service account of the first, and an administrator."""
    with services():
        agency, other = an_agency(), an_agency()
        editor = NewPerson("a.serikova", Role.AGENCY_EDITOR, agency.id, "a@example.kz", "ru")
        add_person(ADMINISTRATOR, editor, PASSWORD)
        add_person(ADMINISTRATOR, NewPerson("adil", Role.ADMINISTRATOR), PASSWORD)
        add_service_account(ADMINISTRATOR, "robot", Role.AGENCY_VIEWER, agency.id)
        return agency.bin, other.bin


def names(registry: CommandLine, *options: str) -> list[str]:
    return [item["name"] for item in registry("users", "list", "--json", *options).json["items"]]


def test_list_prints_accounts_as_the_api_shows_them(registry: CommandLine, bins: tuple[str, str]) -> None:
    first = registry("users", "list", "--json").json["items"][0]
    assert {name: first[name] for name in first if name not in ("id", "created_at", "changed_at")} == {
        "kind": "person",
        "name": "a.serikova",
        "email": "a@example.kz",
        "language": "ru",
        "role": "agency_editor",
        "agency": bins[0],
        "status": "active",
        "second_factor": False,
        "second_factors": [],
        "last_signed_in_at": None,
        "owner": None,
    }
    table = registry("users", "list").out.splitlines()
    assert table[0].split()[:3] == ["id", "kind", "name"] and len(table) == 4


def test_list_is_filtered(registry: CommandLine, bins: tuple[str, str]) -> None:
    assert names(registry) == ["a.serikova", "adil", "robot"]
    assert names(registry, "--kind", "service") == ["robot"]
    assert names(registry, "--role", "administrator", "--status", "active") == ["adil"]
    assert names(registry, "--agency", bins[0], "--q", "EXAMPLE") == ["a.serikova"]
    assert names(registry, "--inactive-since", "2026-01-01") == []
    assert registry("users", "list", "--agency", "1").code == 2


def test_set_changes_at_once_and_is_journalled_as_local(
    registry: CommandLine, services: Callable[[], Any], bins: tuple[str, str]
) -> None:
    values = ("--name", "a.akhmetova", "--email", "", "--language", "kk", "--role", "reviewer")
    ran = registry("users", "set", "a.serikova", *values)
    assert (ran.code, ran.out, ran.err) == (0, "", "The account a.akhmetova is changed.\n")
    with services():
        person = person_named("a.akhmetova")
        assert (person.email, person.language, person.role, person.agency_id) == (None, "kk", "reviewer", None)
        assert person.account.status == "active"
        entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.renamed")).one()
        assert entry.credential == "local"
        assert json.loads(entry.details) == {"name": "a.akhmetova", "old_name": "a.serikova"}


def test_wrong_set_is_reported_by_code(registry: CommandLine, bins: tuple[str, str]) -> None:
    for arguments, code, error in [
        (("a.serikova",), 2, "Choose what to change."),
        (("a.serikova", "--email", "nobody"), 2, "The account was not changed:"),
        (("a.serikova", "--role", "king"), 2, "king"),
        (("a.serikova", "--agency", "990340900110"), 3, ""),
        (("nobody", "--language", "ru"), 3, "There is no account nobody."),
        (("a.serikova", "--name", "Adil"), 4, "The name adil is taken"),
        (("robot", "--language", "ru"), 2, "Only people have this field"),
        (("robot", "--owner", "nobody"), 3, "There is no account nobody."),
        (("robot", "--owner", "robot"), 2, "Choose a person with an active account as the owner."),
        (("a.serikova", "--owner", "adil"), 2, "Only service accounts have this field"),
        (("adil", "--role", "auditor"), 4, "adil is the last active administrator."),
    ]:
        ran = registry("users", "set", *arguments)
        assert (ran.code, ran.out) == (code, "") and error in ran.err, arguments


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
