"""Own sessions: list, end one, end all others; device names."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.sessions import (
    SessionEnded,
    SessionNotFound,
    WebSession,
    device_name,
    end_other_sessions,
    end_own_session,
    find_session_user,
    list_sessions,
    renew_session,
    secret_hash_of,
)
from registry.accounts.sign_in import sign_in
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from tests.accounts.test_accounts import a_person, come_in
from tests.factories import PASSWORD
from tests.present import Present

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
    assert [each.public_id for each in list_sessions(zhanna)] == [current.public_id]


def test_ended_session_is_no_longer_a_user(app: Flask) -> None:
    a_person("zhanna")
    secret = sign_in("zhanna", PASSWORD, "10.0.0.7", "r").secret
    zhanna = come_in("zhanna")
    other = next(each for each in list_sessions(zhanna) if not each.is_current)
    end_own_session(zhanna, other.public_id)
    assert find_session_user(secret, "", "") is None
    assert [each.is_current for each in list_sessions(zhanna)] == [True]
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "person.session-ended")).one()
    assert entry.subject == "person:zhanna"
    with pytest.raises(SessionNotFound):
        end_own_session(zhanna, other.public_id)


def test_session_of_another_person_is_not_found(app: Flask) -> None:
    a_person("zhanna")
    a_person("timur")
    timur = come_in("timur")
    theirs = list_sessions(come_in("zhanna"))[0]
    with pytest.raises(SessionNotFound):
        end_own_session(timur, theirs.public_id)


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
