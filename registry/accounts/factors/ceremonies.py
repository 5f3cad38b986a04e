"""Ceremonies: enrolments and WebAuthn challenges that began in a session. They expire, and are used once."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import CursorResult, delete, select

from registry.accounts.current_user import FactorSession
from registry.accounts.factors.models import CeremonyKind, FactorCeremony
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Conflict
from registry.core.transactions import require_transaction, transaction

MAX_AGES: Final = {
    CeremonyKind.TOTP_ENROLMENT: timedelta(minutes=30),
    CeremonyKind.PASSKEY_REGISTRATION: timedelta(minutes=5),
    CeremonyKind.PASSKEY_VERIFICATION: timedelta(minutes=5),
}


# Tabs of one session that may wait for a person's device at once.
MAX_OPEN: Final = 10


class CeremonyExpired(Conflict):
    """The enrolment or verification has expired, was used already, or began in another session."""


def begin_ceremony(session: FactorSession, kind: CeremonyKind, value: str) -> None:
    """Store a ceremony. Expired ones of all sessions are deleted, and all but the session's last nine of its kind."""
    at = now()
    of_session = (FactorCeremony.session_id == session.id, FactorCeremony.kind == kind.value)
    with transaction() as database:
        database.execute(delete(FactorCeremony).where(FactorCeremony.created_at < at - max(MAX_AGES.values())))
        newest_first = select(FactorCeremony.id).where(*of_session).order_by(FactorCeremony.id.desc())
        superseded = database.scalars(newest_first.offset(MAX_OPEN - 1)).all()
        database.execute(delete(FactorCeremony).where(FactorCeremony.id.in_(superseded)))
        database.add(FactorCeremony(session_id=session.id, kind=kind.value, value=value, created_at=at))


def latest_ceremony(session: FactorSession, kind: CeremonyKind) -> FactorCeremony | None:
    """The session's latest ceremony of a kind that has not expired."""
    statement = (
        select(FactorCeremony)
        .where(
            FactorCeremony.session_id == session.id,
            FactorCeremony.kind == kind.value,
            FactorCeremony.created_at >= now() - MAX_AGES[kind],
        )
        .order_by(FactorCeremony.id.desc())
        .limit(1)
    )
    return db.session.scalar(statement)


def use_challenge(session: FactorSession, kind: CeremonyKind, challenge: str) -> None:
    """Use up a challenge of the session, whatever the answer to it is worth. Raises CeremonyExpired."""
    with transaction():
        _delete(
            FactorCeremony.session_id == session.id,
            FactorCeremony.kind == kind.value,
            FactorCeremony.value == challenge,
            FactorCeremony.created_at >= now() - MAX_AGES[kind],
        )


def use_ceremony(ceremony_id: int) -> None:
    """Use up a ceremony, in the open transaction. Raises CeremonyExpired when another request was faster."""
    _delete(FactorCeremony.id == ceremony_id)


def _delete(*conditions: object) -> None:
    statement = delete(FactorCeremony).where(*conditions)  # type: ignore[arg-type]
    result = require_transaction().execute(statement, execution_options={"synchronize_session": False})
    if not isinstance(result, CursorResult) or result.rowcount == 0:
        raise CeremonyExpired
