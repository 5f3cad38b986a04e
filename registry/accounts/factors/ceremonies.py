"""Ceremonies: enrolments and WebAuthn challenges that began in a session. They expire, and are used once."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import CursorResult, delete, select

from registry.accounts.current_user import FactorSession
from registry.accounts.factors.models import CeremonyKind, FactorCeremony
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Conflict
from registry.core.installation import derived_key
from registry.core.transactions import require_transaction, transaction

# Keys for second factors, derived from the service's secret key (HKDF, RFC 5869), one for each purpose.

TOTP_SECRETS: Final = b"qaztech-registry: TOTP secrets"
RECOVERY_CODES: Final = b"qaztech-registry: recovery codes"
PASSKEY_USERS: Final = b"qaztech-registry: user handles of passkeys"


class FactorUnreadable(Conflict):
    """The factor was stored under another secret key; an administrator must reset it."""


def encrypt_secret(text: str) -> str:
    """Encrypt a TOTP secret."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt_secret(encrypted: str) -> str:
    """Decrypt a TOTP secret. Raises FactorUnreadable when the service's secret key has changed."""
    try:
        return _fernet().decrypt(encrypted.encode()).decode()
    except InvalidToken as error:
        raise FactorUnreadable from error


def recovery_code_hash(person_id: int, code: str) -> str:
    """The stored hash of a recovery code. Without the service's secret key nobody can try codes against it."""
    return hmac.new(derived_key(RECOVERY_CODES), f"{person_id} {code}".encode(), hashlib.sha256).hexdigest()


def passkey_user_handle(account_id: int) -> bytes:
    """The user handle that passkeys store; it says nothing about the person."""
    return hmac.new(derived_key(PASSKEY_USERS), str(account_id).encode(), hashlib.sha256).digest()


def _fernet() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derived_key(TOTP_SECRETS)))


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
