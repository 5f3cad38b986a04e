"""Authenticator apps: enrolment and verification of time-based one-time passwords (RFC 6238), with PyOTP."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import pyotp
import segno
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import select

from registry.accounts.attempts import begin_code, mark_succeeded
from registry.accounts.current_user import FactorSession
from registry.accounts.events import factor_added
from registry.accounts.factors.ceremonies import (
    CeremonyExpired,
    begin_ceremony,
    decrypt_secret,
    encrypt_secret,
    latest_ceremony,
    use_ceremony,
)
from registry.accounts.factors.models import CeremonyKind, FactorKind, TotpFactor
from registry.accounts.factors.verification import (
    FactorAlreadyEnrolled,
    complete_factor,
    lock_for_enrolment,
    lock_person,
    refuse_factor,
    require_enrolment_allowed,
)
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import invalid
from registry.core.transactions import transaction
from registry.journal import service as journal

ISSUER: Final = "QazTech"
# One step of 30 seconds before and after: clocks of phones differ.
DRIFT_STEPS: Final = 1
CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)
QR_CODE_SCALE: Final = 4


@dataclass(frozen=True, slots=True)
class TotpEnrolment:
    """The secret of an enrolment that has begun, for typing, and its ``otpauth`` URI, for the QR code."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)

    @property
    def spaced(self) -> str:
        """The secret in groups of four letters, for typing."""
        return " ".join(self.secret[start : start + 4] for start in range(0, len(self.secret), 4))

    def qr_code(self) -> str:
        """The QR code as an SVG element."""
        return segno.make(self.uri, error="m").svg_inline(scale=QR_CODE_SCALE)


def begin_totp_enrolment(session: FactorSession) -> TotpEnrolment:
    """Begin to enrol an authenticator app, in place of the present one if any.

    The session's tabs get the same secret for 30 minutes. Raises StepUpRequired, and FactorUnreadable after a change of
    the secret key.
    """
    require_enrolment_allowed(session)
    begun = latest_ceremony(session, CeremonyKind.TOTP_ENROLMENT)
    secret = pyotp.random_base32() if begun is None else decrypt_secret(begun.value)
    if begun is None:
        begin_ceremony(session, CeremonyKind.TOTP_ENROLMENT, encrypt_secret(secret))
    uri = pyotp.TOTP(secret).provisioning_uri(name=session.actor.principal, issuer_name=ISSUER)
    return TotpEnrolment(secret, uri)


def finish_totp_enrolment(session: FactorSession, code: str) -> str:
    """Finish an enrolment with a code of the app, which also verifies it; returns the session's new secret.

    Raises Invalid for a wrong code, FactorAlreadyEnrolled in the second of two tabs, CeremonyExpired, TooManyAttempts,
    SessionEnded.
    """
    begun = latest_ceremony(session, CeremonyKind.TOTP_ENROLMENT)
    if begun is None:
        raise CeremonyExpired if _factor(session) is None else FactorAlreadyEnrolled
    begun_at, ceremony_id, encrypted = begun.created_at, begun.id, begun.value
    attempt = begin_code(session.account_id)
    step = _matching_step(decrypt_secret(encrypted), code)
    if step is None:
        raise refuse_factor(session, FactorKind.TOTP, invalid("/code", "code-not-accepted"))
    with transaction() as database:
        lock_for_enrolment(session)
        present = _factor(session)
        if present is not None and present.created_at >= begun_at:
            raise FactorAlreadyEnrolled
        use_ceremony(ceremony_id)
        mark_succeeded(attempt)
        if present is not None:
            database.delete(present)
            database.flush()
        at = now()
        database.add(
            TotpFactor(
                person_id=session.person_id,
                encrypted_secret=encrypted,
                last_used_step=step,
                created_at=at,
                last_used_at=at,
            )
        )
        details = {"factor": FactorKind.TOTP.value}
        journal.record(session.actor, "account.factor-added", f"account:{session.actor.principal}", details)
        factor_added.publish(session.account_id)
        return complete_factor(session, FactorKind.TOTP)


def verify_totp(session: FactorSession, code: str) -> str:
    """Verify a code of the authenticator app; returns the session's new secret.

    Raises Invalid for a wrong or used code, TooManyAttempts, FactorUnreadable, SessionEnded.
    """
    attempt = begin_code(session.account_id)
    factor = _factor(session)
    step = None if factor is None else _matching_step(decrypt_secret(factor.encrypted_secret), code)
    if step is None:
        raise refuse_factor(session, FactorKind.TOTP, invalid("/code", "code-not-accepted"))
    with transaction():
        lock_person(session)
        factor = _factor(session)
        if factor is not None and step > factor.last_used_step:
            factor.last_used_step, factor.last_used_at = step, now()
            mark_succeeded(attempt)
            return complete_factor(session, FactorKind.TOTP)
    raise refuse_factor(session, FactorKind.TOTP, invalid("/code", "code-already-used"))


def _factor(session: FactorSession) -> TotpFactor | None:
    statement = select(TotpFactor).where(TotpFactor.person_id == session.person_id)
    return db.session.scalar(statement.execution_options(populate_existing=True))


def _matching_step(secret: str, code: str) -> int | None:
    """The time step of the code; None when it is of none near the present."""
    digits = "".join(code.split())
    if not CODE.fullmatch(digits):
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(digits, for_time=now(), valid_window=DRIFT_STEPS)
    except OTPVerificationError:
        return None
