"""Recovery codes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from registry.accounts.attempts import TooManyAttempts
from registry.accounts.factors import generate_recovery_codes, list_factors, use_recovery_code
from registry.accounts.models import RecoveryCode
from registry.accounts.roles import StepUpRequired
from registry.accounts.sessions import find_session_user
from registry.core.clock import now
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.accounts.factors.steps import an_enrolled, journalled, opened, refused, sign_in_as
from tests.present import Present

pytestmark = pytest.mark.usefixtures("required")


@pytest.fixture(autouse=True)
def _noon(present: Present) -> None:
    present.set(date(2026, 11, 26))


def test_ten_different_codes_are_generated_and_stored_as_hashes() -> None:
    session, _app = an_enrolled("zhanna")
    codes = generate_recovery_codes(session)
    assert len(set(codes)) == 10 and all(len(code) == 11 and code[5] == "-" for code in codes)
    stored = db.session.scalars(select(RecoveryCode.code_hash)).all()
    assert len(set(stored)) == 10 and not {code.replace("-", "") for code in codes} & set(stored)
    assert not any(codes[0] in entry.details for entry in db.session.scalars(select(JournalEntry)))
    assert journalled("account:zhanna")[-1] == "account.recovery-codes-created"


def test_code_signs_in_once() -> None:
    session, _app = an_enrolled("zhanna")
    codes = generate_recovery_codes(session)
    user = find_session_user(use_recovery_code(opened(sign_in_as("zhanna")), codes[3]), "", "")
    assert user is not None and user.actor.factor_at == now()
    assert list_factors(user.actor).recovery_codes_left == 9
    again = opened(sign_in_as("zhanna"))
    assert refused(lambda: use_recovery_code(again, codes[3])) == "recovery-code-already-used"
    use_recovery_code(again, codes[4])


def test_code_is_read_as_people_type_it() -> None:
    session, _app = an_enrolled("zhanna")
    code = generate_recovery_codes(session)[0]
    typed = f" {code.lower().replace('0', 'o').replace('1', 'l').replace('-', ' – ')} "
    use_recovery_code(opened(sign_in_as("zhanna")), typed)


def test_new_codes_replace_the_old_ones() -> None:
    session, _app = an_enrolled("zhanna")
    old, _new = generate_recovery_codes(session), generate_recovery_codes(session)
    other = opened(sign_in_as("zhanna"))
    assert refused(lambda: use_recovery_code(other, old[0])) == "recovery-code-not-accepted"


def test_code_of_another_person_is_refused() -> None:
    theirs, _app = an_enrolled("timur")
    code = generate_recovery_codes(theirs)[0]
    session, _app = an_enrolled("zhanna")
    assert refused(lambda: use_recovery_code(session, code)) == "recovery-code-not-accepted"


def test_codes_are_guessed_5_times_in_15_minutes_at_most() -> None:
    session, _app = an_enrolled("zhanna")
    codes = generate_recovery_codes(session)
    for _ in range(5):
        assert refused(lambda: use_recovery_code(session, "AAAAA-AAAAA")) == "recovery-code-not-accepted"
    with pytest.raises(TooManyAttempts):
        use_recovery_code(session, codes[0])


def test_codes_are_generated_after_a_recent_factor_only(present: Present) -> None:
    session, _app = an_enrolled("zhanna")
    with pytest.raises(StepUpRequired):
        generate_recovery_codes(opened(sign_in_as("zhanna")))
    present.move(timedelta(minutes=15, seconds=1))
    with pytest.raises(StepUpRequired):
        generate_recovery_codes(session)
