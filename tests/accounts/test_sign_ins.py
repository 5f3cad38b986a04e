"""Sign-ins: names, failed ones, sessions, and rows that were planted as sessions."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, insert, select, update

from registry.accounts.account_changes import disable_account
from registry.accounts.attempts import (
    FAILED_SIGN_INS,
    FailedSignIn,
    TooManyAttempts,
    delete_old_failures,
    name_hash_of,
    record_failure,
)
from registry.accounts.models import Person
from registry.accounts.roles import AGENCY_ROLES, Role, RoleNotAllowed
from registry.accounts.service import NewPerson, add_person, edit_account, local_changes_since, previous_sign_in
from registry.accounts.sessions import (
    SessionEnded,
    SessionNotFound,
    WebSession,
    device_name,
    end_other_sessions,
    end_own_session,
    find_factor_session,
    find_session_user,
    list_sessions,
    renew_session,
    secret_hash_of,
    start_session,
)
from registry.accounts.sign_in import AccountNotConfirmed, PasswordNotAccepted, sign_in
from registry.accounts.tokens import (
    Token,
    TokenNotAccepted,
    authenticate_token,
    generate_token,
    issue,
    token_mac,
    token_text,
)
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.errors import RegistryError
from registry.core.lists import Page
from registry.core.outbox import OutboxMessage
from registry.journal.service import JournalEntry
from tests.accounts.test_accounts import a_person, come_in
from tests.conftest import service_app
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import SignedIn
from tests.present import Present
from tests.statements import statements

NAME = "Айгүл Серікова"
SPELLINGS = ["айгүл серікова", "АЙГҮЛ СЕРІКОВА", "  Айгүл   серікова "]


@pytest.fixture
def _person(app: Flask) -> None:
    add_person(ADMINISTRATOR, NewPerson(NAME, Role.AUDITOR, email="aigul@gov.kz"), PASSWORD, must_change=False)


@pytest.mark.usefixtures("_person")
def test_person_signs_in_with_the_name_in_any_case_and_the_journal_has_the_name_itself() -> None:
    for spelling in SPELLINGS:
        sign_in(spelling, PASSWORD, "10.0.0.1", "r1")
        newest = db.session.scalars(select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(1)).one()
        assert newest.principal == NAME


@pytest.mark.usefixtures("_person")
@pytest.mark.parametrize("names", [[*SPELLINGS[:2], NAME], ["nobody", "NOBODY", "Nobody"]], ids=["known", "unknown"])
def test_every_spelling_counts_as_an_attempt_with_the_same_name(names: list[str]) -> None:
    for number in range(5):
        with pytest.raises(PasswordNotAccepted):
            sign_in(names[number % 2], "wrong", "10.0.0.1", "r1")
    with pytest.raises(TooManyAttempts):
        sign_in(names[2], PASSWORD, "10.0.0.1", "r1")


@pytest.mark.usefixtures("_person")
def test_failure_with_another_spelling_is_recorded_under_the_name_of_the_account() -> None:
    with pytest.raises(PasswordNotAccepted):
        sign_in("айгүл СЕРІКОВА", "wrong", "10.0.0.1", "r1")
    row = db.session.scalars(select(FailedSignIn)).one()
    assert (row.name, row.name_hash) == (NAME, None)


START = datetime(2026, 3, 1, 9, tzinfo=UTC)
FAILED = "password-not-accepted"


def fail(name: str, password: str = "wrong", source: str = "10.0.0.1", request_id: str = "r1") -> None:
    with pytest.raises(RegistryError):
        sign_in(name, password, source, request_id)


def recorded() -> list[FailedSignIn]:
    return list(db.session.scalars(select(FailedSignIn).order_by(FailedSignIn.id)))


def surges() -> list[int]:
    entries = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "sign-in.surged"))
    return [json.loads(entry.details)["failures"] for entry in entries]


def test_wrong_password_is_recorded_with_account_address_and_request(app: Flask, present: Present) -> None:
    at = present.set(START)
    add_person(ADMINISTRATOR, NewPerson("saule", Role.SUPERVISOR), PASSWORD)
    fail(" saule ")
    (row,) = recorded()
    assert (row.name, row.name_hash, row.source, row.reason) == ("saule", None, "10.0.0.1", FAILED)
    assert (row.request_id, row.at, row.last_at, row.count) == ("r1", at, at, 1)


def test_unknown_name_is_stored_as_a_keyed_hash_only(app: Flask) -> None:
    fail("my secret password")
    (row,) = recorded()
    assert row.name is None and row.name_hash == name_hash_of("My Secret Password")
    app.secret_key = "another key of the service"
    assert row.name_hash != name_hash_of("my secret password")
    stored = " ".join(str(getattr(row, column.key)) for column in FailedSignIn.__mapper__.column_attrs)
    journalled = " ".join(entry.details + entry.subject for entry in db.session.scalars(select(JournalEntry)))
    assert "secret password" not in (stored + journalled).casefold()


def test_unusable_name_is_recorded_too(app: Flask) -> None:
    for number, name in enumerate(("", "\x00", "\ud800", "x" * 100_000, "a\u202eb"), 1):
        fail(name)
        assert sum(row.count for row in recorded()) == number
    assert {(row.name, row.reason) for row in recorded()} == {(None, FAILED)}


def test_disabled_and_pending_accounts_and_the_throttle_are_recorded_by_reason(app: Flask) -> None:
    person = add_person(ADMINISTRATOR, NewPerson("disabled", Role.OPERATOR), PASSWORD)
    disable_account(ADMINISTRATOR, person.account_id)
    add_person(an_actor(Role.ADMINISTRATOR), NewPerson("pending", Role.OPERATOR), PASSWORD)
    with pytest.raises(PasswordNotAccepted):
        sign_in("disabled", PASSWORD, "10.0.0.1", "r")
    with pytest.raises(AccountNotConfirmed):
        sign_in("pending", PASSWORD, "10.0.0.1", "r")
    for name in ("somebody", "disabled"):
        for _ in range(5):
            fail(name, source="10.0.0.2")
        for _ in range(2):
            with pytest.raises(TooManyAttempts):
                sign_in(name, PASSWORD, "10.0.0.2", "r")
    assert [(row.name, row.reason, row.count) for row in recorded()] == [
        ("disabled", FAILED, 1),
        ("pending", "account-not-confirmed", 1),
        (None, FAILED, 5),
        (None, "too-many-attempts", 2),
        ("disabled", FAILED, 5),
        ("disabled", "too-many-attempts", 2),
    ]


def test_successful_sign_in_is_not_recorded(app: Flask) -> None:
    add_person(ADMINISTRATOR, NewPerson("saule", Role.SUPERVISOR), PASSWORD)
    sign_in("saule", PASSWORD, "10.0.0.1", "r")
    assert recorded() == []


def test_repetition_within_15_minutes_is_one_row_with_a_count(app: Flask, present: Present) -> None:
    present.set(START)
    for minutes in (0, 10, 20, 36):
        present.set(START + timedelta(minutes=minutes))
        record_failure("nobody", "10.0.0.1", "r", FAILED)
    assert [(row.at, row.last_at, row.count) for row in recorded()] == [
        (START, START + timedelta(minutes=20), 3),
        (START + timedelta(minutes=36), START + timedelta(minutes=36), 1),
    ]


def test_records_are_deleted_after_90_days(app: Flask, present: Present) -> None:
    present.set(START)
    record_failure("nobody", "10.0.0.1", "r", FAILED)
    present.set(START + timedelta(days=90))
    delete_old_failures()
    assert len(recorded()) == 1
    present.set(START + timedelta(days=90, seconds=1))
    delete_old_failures()
    assert recorded() == []


def test_surge_of_50_failures_in_15_minutes_is_reported_once_an_hour(app: Flask, present: Present) -> None:
    present.set(START)
    for number in range(49):
        record_failure(f"name {number}", f"10.0.0.{number}", "r", FAILED)
    assert surges() == []
    record_failure("name 49", "10.0.1.1", "r", FAILED)
    record_failure("name 50", "10.0.1.1", "r", FAILED)
    assert surges() == [50]
    present.set(START + timedelta(minutes=59))
    for number in range(60):
        record_failure(f"name {number}", "10.0.0.1", "r", FAILED)
    assert surges() == [50]
    present.set(START + timedelta(minutes=60))
    record_failure("one more", "10.0.0.1", "r", FAILED)
    assert surges() == [50, 61]
    messages = db.session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "sign-in.surged"))
    assert len(messages.all()) == 2


def test_failures_of_more_than_15_minutes_ago_are_no_surge(app: Flask, present: Present) -> None:
    # At most 45 in any 15 minutes.
    for number in range(90):
        present.set(START + timedelta(seconds=20 * number))
        record_failure(f"name {number}", "10.0.0.1", "r", FAILED)
    assert surges() == []


def test_failed_sign_in_sends_the_same_statements_with_and_without_an_account(
    app: Flask, connection: Connection
) -> None:
    add_person(ADMINISTRATOR, NewPerson("adil", Role.OPERATOR), PASSWORD)
    sent = []
    for number, name in enumerate(("somebody else", "adil", " ADIL", "adil  x", "nobody at all")):
        with statements(connection) as of_attempt:
            fail(name, source=f"10.0.0.{number}")
        sent.append([sql.split()[0] for sql in of_attempt])
    assert all(each == sent[0] for each in sent)
    assert len(sent[0]) > 8


AUDITOR = an_actor(Role.AUDITOR)


@pytest.fixture
def failures_recorded(app: Flask, present: Present) -> None:
    """Failures of a person before and after a new name, of a name that nobody has, and at the provider."""
    account = add_person(ADMINISTRATOR, NewPerson("saule", Role.SUPERVISOR), PASSWORD).account
    for number, (name, source, reason) in enumerate(
        (
            ("saule", "10.0.0.1", FAILED),
            ("s.bekova", "10.0.0.2", FAILED),
            ("My Password", "10.0.0.1", FAILED),
            ("subject-1", "10.0.0.3", "identity-without-role"),
        )
    ):
        present.set(START + timedelta(hours=number))
        if number == 1:
            edit_account(ADMINISTRATOR, account.id, {"name": "s.bekova"})
        record_failure(name, source, f"r{number}", reason)


@pytest.mark.usefixtures("failures_recorded")
def test_failures_are_listed_latest_first_and_looked_for() -> None:
    for filters, requests in (
        ({}, ["r3", "r2", "r1", "r0"]),
        ({"name": "saule"}, ["r1", "r0"]),
        ({"name": "s.bekova", "source": "10.0.0.2"}, ["r1"]),
        ({"name": "my  password"}, ["r2"]),
        ({"source": " 10.0.0.1 "}, ["r2", "r0"]),
        ({"name": "nobody"}, []),
    ):
        listed = FAILED_SIGN_INS.read(AUDITOR, filters, Page())
        assert [row["request_id"] for row in listed.items] == requests, filters


def test_failures_are_for_those_who_read_the_journal(app: Flask) -> None:
    agency = an_agency()
    for role in set(Role) - {Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR}:
        with pytest.raises(RoleNotAllowed):
            FAILED_SIGN_INS.read(an_actor(role, agency if role in AGENCY_ROLES else None), {}, Page())


@pytest.mark.usefixtures("failures_recorded")
def test_page_displays_the_reason_and_no_name_that_nobody_has(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AUDITOR)
    page = visit.get("/journal/failed-sign-ins").text
    assert "s.bekova" in page and "No such account" in page and "Password" not in page
    assert "Wrong name or password, or disabled account" in page
    assert "Single sign-on without a role for the register" in page
    assert "No failed sign-in matches." in visit.get("/journal/failed-sign-ins?name=nobody").text
    assert visit.get("/journal/failed-sign-ins?name=%00").status_code == 400
    assert "/journal/failed-sign-ins" in visit.get("/journal").text


WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (WINDOWS, "Firefox, Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36", "Chrome, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Edge, Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 YaBrowser/25.10 Safari/537.36", "Yandex Browser, Windows"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/142.0.0.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari, iOS"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", "Safari, macOS"),
        ("curl/8.14.1", ""),
        ("", ""),
    ],
)
def test_device_is_named_by_browser_and_system(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name


def test_list_has_device_address_and_the_current_session(app: Flask, present: Present) -> None:
    present.set(date(2026, 11, 26))
    a_person("zhanna")
    sign_in("zhanna", PASSWORD, "10.0.0.7", "r", user_agent=WINDOWS)
    present.move(timedelta(minutes=5))
    zhanna = come_in("zhanna")
    a_person("timur")
    come_in("timur")
    current, earlier = list_sessions(zhanna)
    assert (current.is_current, current.device, current.address) == (True, "", "10.0.0.1")
    assert (earlier.is_current, earlier.device, earlier.address) == (False, "Firefox, Windows", "10.0.0.7")
    assert earlier.started_at == earlier.last_used_at == now() - timedelta(minutes=5)
    present.move(timedelta(minutes=58))
    assert [each.id for each in list_sessions(zhanna)] == [current.id]


def test_ended_session_is_no_longer_a_user(app: Flask) -> None:
    a_person("zhanna")
    secret = sign_in("zhanna", PASSWORD, "10.0.0.7", "r").secret
    zhanna = come_in("zhanna")
    other = next(each for each in list_sessions(zhanna) if not each.is_current)
    end_own_session(zhanna, other.id)
    assert find_session_user(secret, "", "") is None
    assert [each.is_current for each in list_sessions(zhanna)] == [True]
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "person.session-ended")).one()
    assert entry.subject == "person:zhanna"
    with pytest.raises(SessionNotFound):
        end_own_session(zhanna, other.id)


def test_session_of_another_person_is_not_found(app: Flask) -> None:
    a_person("zhanna")
    a_person("timur")
    timur = come_in("timur")
    theirs = list_sessions(come_in("zhanna"))[0]
    with pytest.raises(SessionNotFound):
        end_own_session(timur, theirs.id)


def test_all_other_sessions_end_at_once(app: Flask) -> None:
    a_person("zhanna")
    a_person("timur")
    others = [sign_in("zhanna", PASSWORD, "10.0.0.7", "r").secret for _ in range(3)]
    zhanna, timur = come_in("zhanna"), come_in("timur")
    assert end_other_sessions(zhanna) == 3
    assert [find_session_user(secret, "", "") for secret in others] == [None] * 3
    assert len(list_sessions(zhanna)) == len(list_sessions(timur)) == 1


def test_renewed_session_leaves_its_old_secret_behind(app: Flask) -> None:
    a_person("zhanna")
    before = sign_in("zhanna", PASSWORD, "10.0.0.7", "r").secret
    row = db.session.scalars(select(WebSession)).one()
    with transaction():
        after = renew_session(row.id, secret_hash_of(before))
    assert find_session_user(before, "", "") is None
    assert find_session_user(after, "", "") is not None
    with transaction(), pytest.raises(SessionEnded):
        renew_session(row.id, secret_hash_of(before))


SECRET = "of-the-attacker-alone"


def session_of(name: str) -> tuple[int, str]:
    """The id of a person who has signed in, and the secret of the cookie."""
    add_person(ADMINISTRATOR, NewPerson(name, Role.SUPERVISOR, None), PASSWORD)
    person_id = db.session.scalars(select(Person.id).order_by(Person.id.desc())).first()
    assert person_id is not None
    with transaction():
        return person_id, start_session(person_id, "10.0.0.1")


def signs_in(secret: str) -> bool:
    user = find_session_user(secret, "10.0.0.1", "r")
    assert (find_factor_session(secret, "10.0.0.1", "r") is None) == (user is None)
    db.session.rollback()
    return user is not None


def is_accepted(text: str) -> bool:
    try:
        authenticate_token(text, "10.0.0.1", "r")
    except TokenNotAccepted:
        return False
    return True


def write(statement: Any) -> None:
    with transaction() as session:
        session.execute(statement)


@pytest.mark.parametrize("mac", [None, "", "copied", "f" * 64])
def test_planted_session_signs_nobody_in(app: Flask, mac: str | None) -> None:
    person_id, secret = session_of("saule@example.kz")
    assert signs_in(secret)
    values = {
        "secret_hash": hashlib.sha256(SECRET.encode()).hexdigest(),
        "secret_mac": db.session.scalar(select(WebSession.secret_mac)) if mac == "copied" else mac,
        "person_id": person_id,
        "source": "10.0.0.1",
        "started_at": now(),
        "last_used_at": now(),
        "public_id": "planted",
    }
    write(insert(WebSession).values(values))
    assert not signs_in(SECRET)


def test_own_session_does_not_become_that_of_another(app: Flask) -> None:
    victim, _ = session_of("saule@example.kz")
    _, secret = session_of("dana@example.kz")
    assert signs_in(secret)
    own = WebSession.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    write(update(WebSession).where(own).values(person_id=victim))
    assert not signs_in(secret)


def test_planted_token_is_not_accepted(app: Flask) -> None:
    issued = issue(ADMINISTRATOR, "robot", Role.AUDITOR, None)
    write(update(Token).values(pending_since=None))
    assert is_accepted(issued.text)
    row = db.session.execute(select(Token.__table__)).mappings().one()
    key_id, secret = generate_token()
    secret_hash = hashlib.sha256(secret.encode()).hexdigest()
    planted = {**row, "id": row["id"] + 1, "key_id": key_id, "secret_hash": secret_hash}
    write(insert(Token.__table__).values(planted))
    assert not is_accepted(token_text(key_id, secret))
    write(update(Token).where(Token.key_id == key_id).values(secret_mac=None))
    assert not is_accepted(token_text(key_id, secret))


def test_own_token_does_not_become_that_of_another_account(app: Flask) -> None:
    own = issue(ADMINISTRATOR, "robot", Role.AUDITOR, None)
    other = issue(ADMINISTRATOR, "other robot", Role.AUDITOR, None)
    write(update(Token).values(pending_since=None))
    account_id = db.session.scalar(select(Token.account_id).where(Token.key_id == other.key_id))
    write(update(Token).where(Token.key_id == own.key_id).values(account_id=account_id))
    assert not is_accepted(own.text)
    assert is_accepted(other.text)


def test_another_secret_key_ends_sessions_and_tokens(own_app: Flask, own_database: str, tmp_path: Any) -> None:
    with own_app.app_context():
        _, secret = session_of("saule@example.kz")
        issued = issue(ADMINISTRATOR, "robot", Role.AUDITOR, None, timedelta(days=1))
        write(update(Token).values(pending_since=None))
        db.session.remove()
    with service_app(own_database, tmp_path, REGISTRY_SECRET_KEY="another-key-of-the-service").app_context():
        assert not signs_in(secret)
        assert not is_accepted(issued.text)
        db.session.remove()
        db.engine.dispose()


def test_rekeyed_tokens_go_on_and_planted_ones_do_not(registry: CommandLine, services: Any, tmp_path: Path) -> None:
    with services():
        issued, planted = (issue(ADMINISTRATOR, name, Role.AUDITOR, None) for name in ("robot", "planted"))
        write(update(Token).values(pending_since=None))
        write(update(Token).where(Token.key_id == planted.key_id).values(secret_mac="f" * 64))
    file = tmp_path / "previous"
    file.write_text(registry.settings["REGISTRY_SECRET_KEY"] + "\n")
    registry.settings["REGISTRY_SECRET_KEY"] = "another-key-of-the-service"
    with services():
        assert not is_accepted(issued.text)
    ran = registry("tokens", "rekey", file)
    assert ran.code == 0
    assert "go on under the present key: 1." in ran.err
    assert "stay invalid: 1." in ran.err
    with services():
        assert is_accepted(issued.text)
        assert not is_accepted(planted.text)


def test_token_that_is_signed_with_an_empty_key_never_goes_on(registry: CommandLine, services: Any) -> None:
    with services():
        issued = issue(ADMINISTRATOR, "planted", Role.AUDITOR, None)
        token = db.session.scalars(select(Token)).one()
        mac = token_mac(token.key_id, token.account_id, token.secret_hash, "")
        write(update(Token).values(pending_since=None, secret_mac=mac))
    ran = registry("tokens", "rekey", "/dev/null")
    assert ran.code == 0
    assert "stay invalid: 1." in ran.err
    with services():
        assert not is_accepted(issued.text)


ADIL = an_actor(Role.ADMINISTRATOR, name="adil")
HOUR = timedelta(hours=1)


def listed(since: datetime, most: int = 100) -> list[tuple[str, str]]:
    return [(entry.action, entry.subject) for entry in local_changes_since(ADIL, since, most)]


def test_changes_of_accounts_and_tokens_by_the_command_line_are_listed_newest_first(
    app: Flask, present: Present
) -> None:
    present.set(START)
    add_person(ADMINISTRATOR, NewPerson("earlier", Role.AUDITOR), PASSWORD)
    present.set(START + HOUR)
    person = add_person(ADMINISTRATOR, NewPerson("later", Role.AUDITOR), PASSWORD)
    key_id = issue(ADMINISTRATOR, "robot", Role.AUDITOR, None).key_id
    disable_account(ADMINISTRATOR, person.account_id)
    # Neither what people do in the pages, nor what the command line does to other records.
    add_person(ADIL, NewPerson("by adil", Role.AUDITOR), PASSWORD)
    a_project(an_agency())
    assert listed(START) == [
        ("account.disabled", "account:later"),
        ("token.issued", f"token:{key_id}"),
        ("account.added", "account:robot"),
        ("account.added", "account:later"),
    ]
    assert listed(START, most=1) == [("account.disabled", "account:later")]
    assert listed(START - HOUR)[-1] == ("account.added", "account:earlier")
    assert listed(START + HOUR) == []


def test_previous_sign_in_is_the_one_before_the_present_session(app: Flask, present: Present) -> None:
    present.set(START)
    add_person(ADMINISTRATOR, NewPerson("adil", Role.ADMINISTRATOR), PASSWORD)
    sign_in("adil", PASSWORD, "10.0.0.1", "r")
    assert previous_sign_in(ADIL) is None
    present.set(START + HOUR)
    sign_in("adil", PASSWORD, "10.0.0.1", "r")
    assert previous_sign_in(ADIL) == START


def test_changes_are_listed_to_administrators_and_supervisors_only(app: Flask) -> None:
    agency = an_agency()
    for role in set(Role) - {Role.SUPERVISOR, Role.ADMINISTRATOR}:
        with pytest.raises(RoleNotAllowed):
            local_changes_since(an_actor(role, agency if role in AGENCY_ROLES else None), START)
