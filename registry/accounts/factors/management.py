"""The factors of an account: list and remove one's own, reset those of another person."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import CursorResult, delete, exists, func, select, update

from registry.accounts.account_changes import end_access, lock_last_ones, require_another_supervisor
from registry.accounts.account_management import find_managed_account, require_account_manager
from registry.accounts.actors import Actor
from registry.accounts.attempts import begin_code, mark_succeeded
from registry.accounts.current_user import FactorSession
from registry.accounts.factors.ceremonies import recovery_code_hash
from registry.accounts.factors.models import FactorKind, Passkey, RecoveryCode, TotpFactor, is_required_of
from registry.accounts.factors.verification import complete_factor, lock_person, refuse_factor, require_fresh_factor
from registry.accounts.models import (
    AccountNotFound,
    Person,
    account_details,
    end_admission,
    find_account,
    require_confirmation,
)
from registry.accounts.token_authentication import require_credential
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Conflict, NotFound, invalid
from registry.core.transactions import require_transaction, transaction
from registry.journal import service as journal

# Recovery codes: ten codes for the day on which every other factor is lost. Each works once.

CODES: Final = 10
# Crockford's base 32: no I, L, O and U. Ten characters have 50 random bits; attempts are limited.
LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 10
READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", "–": ""})


def generate_recovery_codes(session: FactorSession) -> list[str]:
    """Replace the recovery codes by ten new ones, which are displayed once.

    Raises StepUpRequired, and SessionEnded when a reset has ended the session meanwhile: its factors are gone, and the
    codes would open the account beside the next ones.
    """
    require_fresh_factor(session)
    codes = ["".join(secrets.choice(LETTERS) for _ in range(LENGTH)) for _ in range(CODES)]
    with transaction() as database:
        find_account(session.account_id, lock=True)
        require_credential(session.actor)
        lock_person(session)
        database.execute(delete(RecoveryCode).where(RecoveryCode.person_id == session.person_id))
        for code in codes:
            code_hash = recovery_code_hash(session.person_id, code)
            database.add(RecoveryCode(person_id=session.person_id, code_hash=code_hash, created_at=now()))
        journal.record(session.actor, "account.recovery-codes-created", f"account:{session.actor.principal}")
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def use_recovery_code(session: FactorSession, code: str) -> str:
    """Verify a recovery code instead of another factor; returns the session's new secret.

    Raises Invalid for a wrong or used code, TooManyAttempts, SessionEnded.
    """
    attempt = begin_code(session.account_id)
    letters = "".join(code.split()).upper().translate(READ_AS)
    code_hash = recovery_code_hash(session.person_id, letters)
    of_code = (RecoveryCode.person_id == session.person_id, RecoveryCode.code_hash == code_hash)
    with transaction() as database:
        use = update(RecoveryCode).where(*of_code, RecoveryCode.used_at.is_(None)).values(used_at=now())
        result = database.execute(use, execution_options={"synchronize_session": False})
        if isinstance(result, CursorResult) and result.rowcount == 1:
            mark_succeeded(attempt)
            return complete_factor(session, FactorKind.RECOVERY_CODE)
    used = db.session.scalar(select(exists().where(*of_code)))
    problem = "recovery-code-already-used" if used else "recovery-code-not-accepted"
    raise refuse_factor(session, FactorKind.RECOVERY_CODE, invalid("/code", problem))


class FactorNotFound(NotFound):
    """The account has no such factor."""


class LastFactorRequired(Conflict):
    """The role requires a second factor, and this is the last one: add another one first."""


@dataclass(frozen=True, slots=True)
class OwnFactor:
    """An authenticator app or a passkey. ``id`` distinguishes passkeys; ``name`` is empty for an app."""

    kind: FactorKind
    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnFactors:
    """The factors of an account, the oldest first, and how many unused recovery codes are left."""

    factors: list[OwnFactor]
    recovery_codes_left: int


def list_factors(actor: Actor) -> OwnFactors:
    """The factors of the actor's account."""
    person_id = db.session.scalar(select(Person.id).where(Person.account_id == actor.account_id))
    apps = db.session.scalars(select(TotpFactor).where(TotpFactor.person_id == person_id))
    factors = [OwnFactor(FactorKind.TOTP, app.id, "", app.created_at, app.last_used_at) for app in apps]
    factors += [
        OwnFactor(FactorKind.PASSKEY, key.id, key.name, key.created_at, key.last_used_at)
        for key in db.session.scalars(select(Passkey).where(Passkey.person_id == person_id))
    ]
    unused = (RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    left = db.session.scalar(select(func.count(RecoveryCode.id)).where(*unused))
    return OwnFactors(sorted(factors, key=lambda factor: factor.created_at), left or 0)


def is_last_required(actor: Actor, factors: Sequence[OwnFactor]) -> bool:
    """True when the actor has one factor only, and the role requires one: it cannot be removed."""
    return len(factors) == 1 and is_required_of(actor.role)


def remove_factor(session: FactorSession, kind: FactorKind, factor_id: int) -> None:
    """Remove an authenticator app or a passkey of the session's account; with the last one go the recovery codes.

    Raises StepUpRequired, FactorNotFound, LastFactorRequired.
    """
    require_fresh_factor(session)
    with transaction() as database:
        lock_person(session)
        factors = list_factors(session.actor).factors
        if not any(factor.kind is kind and factor.id == factor_id for factor in factors):
            raise FactorNotFound(id=factor_id)
        if is_last_required(session.actor, factors):
            raise LastFactorRequired
        table = TotpFactor if kind is FactorKind.TOTP else Passkey
        database.execute(delete(table).where(table.id == factor_id))
        if len(factors) == 1:
            database.execute(delete(RecoveryCode).where(RecoveryCode.person_id == session.person_id))
        journal.record(
            session.actor, "account.factor-removed", f"account:{session.actor.principal}", {"factor": kind.value}
        )


def reset_factors(actor: Actor, account_id: int) -> None:
    """Remove all factors of another person, who has lost them, and end the account's sessions and tokens.

    The account becomes pending when its role requires two people, but for the command line. Raises RoleNotAllowed,
    AccountsNeedAPerson, AccountNotFound, NotYourself, LastSupervisor.
    """
    require_account_manager(actor)
    with transaction():
        # Two administrators who do this to each other wait, so that one of them stays active.
        alike = lock_last_ones(account_id)
        account = find_managed_account(actor, account_id)
        require_another_supervisor(actor, account, alike)
        person_id = db.session.scalar(select(Person.id).where(Person.account_id == account.id))
        if person_id is None:
            raise AccountNotFound(id=account_id)
        # First: an enrolment that another request is finishing needs its session, and is then deleted or refused.
        end_access(account)
        _delete_factors(person_id)
        require_confirmation(actor, account)
        end_admission(actor, account)
        journal.record(actor, "account.factors-reset", f"account:{account.name}", account_details(account))


def _delete_factors(person_id: int) -> None:
    for table in (TotpFactor, Passkey, RecoveryCode):
        require_transaction().execute(delete(table).where(table.person_id == person_id))
