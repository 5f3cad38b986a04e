"""Recovery codes: ten codes for the day on which every other factor is lost. Each works once."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy import CursorResult, delete, exists, select, update

from registry.accounts.attempts import begin_code, mark_succeeded
from registry.accounts.credentials import require_credential
from registry.accounts.current_user import FactorSession
from registry.accounts.factors.encryption import recovery_code_hash
from registry.accounts.factors.models import FactorKind, RecoveryCode
from registry.accounts.factors.verification import complete_factor, lock_person, refuse_factor, require_fresh_factor
from registry.accounts.models import find_account
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import invalid
from registry.core.transactions import transaction
from registry.journal import service as journal

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
