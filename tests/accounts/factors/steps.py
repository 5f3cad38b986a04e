"""People who sign in with a second factor."""

from __future__ import annotations

from collections.abc import Callable

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.factors import begin_totp_enrolment, finish_totp_enrolment
from registry.accounts.models import Person
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sessions import FactorSession, find_factor_session
from registry.accounts.sign_in import sign_in
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, PASSWORD

OVERSIGHT = frozenset({"reviewer", "supervisor", "auditor", "operator", "administrator", "leader"})


@pytest.fixture
def required(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The roles of oversight must have a second factor; passkeys belong to registry.tests."""
    monkeypatch.setitem(app.config, "SECOND_FACTOR_ROLES", OVERSIGHT)
    monkeypatch.setitem(app.config, "PUBLIC_URL", "https://registry.tests")


def a_person(name: str, role: Role = Role.AUDITOR, agency_id: int | None = None) -> Person:
    """A new person, whose account is active."""
    return add_person(ADMINISTRATOR, NewPerson(name, role, agency_id), PASSWORD)


def sign_in_as(name: str) -> str:
    """Sign in with the password; the session's secret."""
    return sign_in(name, PASSWORD, "10.0.0.1", "r").secret


def opened(secret: str) -> FactorSession:
    """The session with that secret."""
    session = find_factor_session(secret, "10.0.0.1", "r")
    assert session is not None
    return session


def an_enrolled(name: str, role: Role = Role.AUDITOR) -> tuple[FactorSession, pyotp.TOTP]:
    """A new person with an authenticator app, signed in with it."""
    a_person(name, role)
    session = opened(sign_in_as(name))
    app = pyotp.TOTP(begin_totp_enrolment(session).secret)
    return opened(finish_totp_enrolment(session, app.at(now()))), app


def refused(action: Callable[[], object]) -> str:
    """The code of the problem for which the action is refused."""
    with pytest.raises(Invalid) as error:
        action()
    return error.value.problems[0].code


def journalled(subject: str) -> list[str]:
    """The actions in the journal on a subject, in order."""
    statement = select(JournalEntry.action).where(JournalEntry.subject == subject).order_by(JournalEntry.seq)
    return list(db.session.scalars(statement))
