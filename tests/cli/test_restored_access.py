"""What a restore does not bring back: sessions, tokens, webhooks and accounts that were ended since the backup."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.accounts.account_changes import disable_account
from registry.accounts.models import account_named
from registry.accounts.roles import Role, local_actor
from registry.accounts.service import NewPerson, add_person, edit_account
from registry.accounts.sessions import WebSession
from registry.accounts.tokens import Token, issue, revoke
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, PASSWORD, a_token
from tests.fixtures.cli import CommandLine

pytestmark = pytest.mark.usefixtures("server_programs")


def test_restore_brings_back_no_access(registry: CommandLine, services: Callable[[], Any], tmp_path: Path) -> None:
    with services():
        a_token(Role.ADMINISTRATOR, name="aigul@example.kz")
        add_person(ADMINISTRATOR, NewPerson("dana@example.kz", Role.AUDITOR, None), PASSWORD)
        revoked = issue(ADMINISTRATOR, "robot", Role.AUDITOR, None)
        kept = issue(ADMINISTRATOR, "other robot", Role.AUDITOR, None)
    assert registry("backup", tmp_path / "backup").code == 0
    with services():
        dana = account_named("dana@example.kz")
        assert dana is not None
        disable_account(ADMINISTRATOR, dana.id)
        revoke(ADMINISTRATOR, revoked.key_id)
    restored = registry("restore", "--replace", tmp_path / "backup")
    assert restored.code == 0, restored.err
    assert "still disabled: dana@example.kz." in restored.err
    with services():
        dana = account_named("dana@example.kz")
        assert dana is not None
        assert dana.disabled_at is not None
        assert db.session.scalar(select(func.count()).select_from(WebSession)) == 0
        pending = select(Token.key_id).where(Token.revoked_at.is_(None), Token.pending_since.is_not(None))
        assert {revoked.key_id, kept.key_id} <= set(db.session.scalars(pending))
        working = select(func.count()).where(Token.revoked_at.is_(None), Token.pending_since.is_(None))
        assert db.session.scalar(working) == 0
    assert registry("journal", "verify").code == 0


def test_account_that_was_renamed_before_it_was_disabled_stays_disabled(
    registry: CommandLine, services: Callable[[], Any], tmp_path: Path
) -> None:
    with services():
        a_token(Role.ADMINISTRATOR, name="aigul@example.kz")
        add_person(ADMINISTRATOR, NewPerson("dana@example.kz", Role.AUDITOR, None), PASSWORD)
    assert registry("backup", tmp_path / "backup").code == 0
    with services():
        dana = account_named("dana@example.kz")
        assert dana is not None
        edit_account(ADMINISTRATOR, dana.id, {"name": "dana.new@example.kz"})
        disable_account(ADMINISTRATOR, dana.id)

    restored = registry("restore", "--replace", tmp_path / "backup")

    assert "still disabled: dana@example.kz." in restored.err
    with services():
        dana = account_named("dana@example.kz")
        assert dana is not None
        assert dana.disabled_at is not None


def test_actor_of_a_command_is_the_user_of_the_process(
    registry: CommandLine, services: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "saule")
    own = f"local:{pwd.getpwuid(os.getuid()).pw_name}"
    assert local_actor(Role.OPERATOR).principal == own
    assert registry("tokens", "issue", "--name", "x", "--role", "auditor", LOGNAME="saule").code == 0
    with services():
        assert set(db.session.scalars(select(JournalEntry.principal))) == {own}
