"""Concurrent requests over real connections: nothing is used twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pyotp
import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.factors import (
    begin_totp_enrolment,
    finish_totp_enrolment,
    generate_recovery_codes,
    use_recovery_code,
    verify_totp,
)
from registry.accounts.models import TotpFactor
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Invalid, RegistryError
from tests.accounts.factors.steps import a_person, an_enrolled, opened, sign_in_as
from tests.present import Present

REQUESTS = 4


@pytest.fixture(autouse=True)
def _still(present: Present) -> None:
    present.set(now())


def outcomes(app: Flask, actions: list[Callable[[], object]]) -> list[str]:
    """Run all actions at once; ``done`` or the code of the error, sorted."""
    start = Barrier(len(actions))

    def run(action: Callable[[], object]) -> str:
        with app.app_context():
            start.wait(60)
            try:
                action()
            except Invalid as error:
                return error.problems[0].code
            except RegistryError as error:
                return error.code
            return "done"

    with ThreadPoolExecutor(len(actions)) as pool:
        return sorted(pool.map(run, actions))


def test_one_code_opens_one_of_several_sessions(own_app: Flask, present: Present) -> None:
    with own_app.app_context():
        _session, totp = an_enrolled("zhanna")
        secrets = [sign_in_as("zhanna") for _ in range(REQUESTS)]
        sessions = [opened(secret) for secret in secrets]
        db.session.rollback()
    code = totp.at(now(), counter_offset=1)
    results = outcomes(own_app, [lambda session=session: verify_totp(session, code) for session in sessions])
    assert results == ["code-already-used"] * (REQUESTS - 1) + ["done"]


def test_one_recovery_code_opens_one_of_several_sessions(own_app: Flask) -> None:
    with own_app.app_context():
        session, _totp = an_enrolled("zhanna")
        code = generate_recovery_codes(session)[0]
        sessions = [opened(sign_in_as("zhanna")) for _ in range(REQUESTS)]
        db.session.rollback()
    results = outcomes(own_app, [lambda session=session: use_recovery_code(session, code) for session in sessions])
    assert results == ["done"] + ["recovery-code-already-used"] * (REQUESTS - 1)


def test_one_of_several_tabs_finishes_an_enrolment(own_app: Flask) -> None:
    with own_app.app_context():
        a_person("zhanna")
        session = opened(sign_in_as("zhanna"))
        code = pyotp.TOTP(begin_totp_enrolment(session).secret).at(now())
        db.session.rollback()
    results = outcomes(own_app, [lambda: finish_totp_enrolment(session, code)] * REQUESTS)
    assert results == ["done"] + ["factor-already-enrolled"] * (REQUESTS - 1)
    with own_app.app_context():
        assert db.session.scalar(select(func.count(TotpFactor.id))) == 1
