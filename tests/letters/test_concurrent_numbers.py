"""Numbers of letters over real connections: without gaps, and without transactions that wait for each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select

from registry.core.database import db, transaction
from registry.letters.models import Letter
from tests.cases.cast import AIGERIM, act, audit, case_of
from tests.factories import a_project
from tests.present import Present

WORKERS = 8


def test_concurrent_letters_have_numbers_without_gaps(own_app: Flask, present: Present) -> None:
    present.set(date(2026, 3, 2))
    with own_app.app_context():
        projects = [a_project() for _ in range(2 * WORKERS)]
        audit()
        ids = [act(AIGERIM, case_of(project), "claim").id for project in projects]
        db.session.rollback()
    at_once = Barrier(WORKERS)

    def ask_two_and_fail_in_between(number: int) -> None:
        with own_app.app_context():
            at_once.wait(60)
            own = ids[2 * number : 2 * number + 2]
            with pytest.raises(RuntimeError), transaction():
                act(AIGERIM, own[0], "ask", "Почему?")
                raise RuntimeError("power cut")
            # Several cases in one transaction, in opposite orders.
            with transaction():
                for case_id in own if number % 2 else reversed(own):
                    act(AIGERIM, case_id, "ask", "Почему?")

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(ask_two_and_fail_in_between, range(WORKERS)))
    with own_app.app_context():
        numbers = db.session.scalars(select(Letter.number).order_by(Letter.number)).all()
    assert list(numbers) == [f"QL-2026-{serial:06}" for serial in range(1, 17)]
