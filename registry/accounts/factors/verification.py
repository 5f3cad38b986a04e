"""What follows the verification of a factor: the session gets a new secret and the time of the verification."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.attempts import begin_password_change, mark_succeeded
from registry.accounts.current_user import FactorSession
from registry.accounts.factors.models import FactorKind, has_factor
from registry.accounts.models import Person, mark_signed_in
from registry.accounts.passwords import NO_PASSWORD, verify_password
from registry.accounts.sessions import renew_session, secret_hash_of, session_credential
from registry.accounts.step_up import StepUpRequired, is_fresh
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Conflict, Invalid, invalid
from registry.core.transactions import require_transaction, transaction
from registry.journal import service as journal


class FactorAlreadyEnrolled(Conflict):
    """Another tab or device finished an enrolment since this one began; nothing is left to do."""


def complete_factor(session: FactorSession, kind: FactorKind) -> str:
    """Record in the open transaction that a factor was verified, and return the session's new secret.

    Raises SessionEnded when the session ended meanwhile, such as by disabling the account.
    """
    at = now()
    secret = renew_session(session.id, session.secret_hash, factor_at=at, factor_kind=kind.value, last_used_at=at)
    actor = _renewed(session.actor, secret)
    action = "person.signed-in" if session.awaits_factor else "person.factor-verified"
    if session.awaits_factor:
        mark_signed_in(session.person_id)
    journal.record(actor, action, f"person:{actor.principal}", {"factor": kind.value})
    return secret


def confirm_password(session: FactorSession, password: str) -> str:
    """Verify the password once more, before the first factor of an account is enrolled; returns the new secret.

    Raises Invalid, TooManyAttempts, SignInBusy, SessionEnded.
    """
    attempt = begin_password_change(session.account_id)
    kept = db.session.scalar(select(Person.password_hash).where(Person.id == session.person_id))
    if not verify_password(kept, password):
        with transaction():
            journal.record(session.actor, "account.password-refused", f"account:{session.actor.principal}")
        raise invalid("/password", "old-password-wrong")
    with transaction():
        mark_succeeded(attempt)
        return renew_session(session.id, session.secret_hash, password_at=now())


def has_password(session: FactorSession) -> bool:
    """False for a person who signs in at the OpenID Connect provider only."""
    stored = db.session.scalar(select(Person.password_hash).where(Person.id == session.person_id))
    return stored != NO_PASSWORD


def require_fresh_factor(session: FactorSession) -> None:
    """Raise StepUpRequired unless a factor was verified in the last 15 minutes, whatever the setting is."""
    if not is_fresh(session.actor.factor_at, now()):
        raise StepUpRequired


def require_enrolment_allowed(session: FactorSession) -> None:
    """Raise StepUpRequired unless a factor or, before the first factor, the password was verified recently.

    So nobody adds a factor in a session that was left open.
    """
    if session.has_factor:
        require_fresh_factor(session)
    elif not session.awaits_factor and not is_fresh(session.password_at, now()):
        raise StepUpRequired


def lock_for_enrolment(session: FactorSession) -> None:
    """Lock as ``lock_person`` does, and check that the enrolment is still allowed. Raises FactorAlreadyEnrolled.

    Whoever began without a verified factor must not finish after another session has enrolled the first one.
    """
    lock_person(session)
    enrolled = db.session.scalar(select(has_factor()).select_from(Person).where(Person.id == session.person_id))
    if enrolled and session.actor.factor_at is None:
        raise FactorAlreadyEnrolled


def lock_person(session: FactorSession) -> None:
    """Let changes of a person's factors wait for one another until the open transaction ends."""
    locked = select(Person.id).where(Person.id == session.person_id).with_for_update()
    require_transaction().execute(locked)


def refuse_factor(session: FactorSession, kind: FactorKind, error: Invalid) -> Invalid:
    """Record in the journal that a code or passkey was refused; returns the error to raise."""
    with transaction():
        details = {"factor": kind.value, "problem": error.problems[0].code}
        journal.record(session.actor, "person.factor-refused", f"person:{session.actor.principal}", details)
    return error


def _renewed(actor: Actor, secret: str) -> Actor:
    return replace(actor, credential=session_credential(secret_hash_of(secret)))
