"""Rows that somebody with the database's password plants as sessions and tokens sign nobody in."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from registry.accounts.models import Person
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sessions import WebSession, find_factor_session, find_session_user, start_session
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
from tests.conftest import service_app
from tests.factories import ADMINISTRATOR, PASSWORD
from tests.fixtures.cli import CommandLine

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
