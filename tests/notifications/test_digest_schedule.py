"""When the digest is written, and how long it is."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from registry.core.clock import ALMATY, local_instant
from registry.core.database import db
from registry.notifications.digest import due_on, write_due_digest
from registry.notifications.models import OutboundEmail
from registry.projects.models import Project
from tests.audits.steps import create_projects
from tests.cases.cast import (
    audit,
)
from tests.factories import a_project, an_agency
from tests.notifications.conftest import Digest
from tests.notifications.digest_days import A_DAY, MONDAY, NINE
from tests.present import Present


@pytest.fixture(autouse=True)
def _before(app: Flask, present: Present) -> None:
    """Start on Monday at noon, after Monday's digest."""
    present.set(local_instant(MONDAY, NINE))
    write_due_digest(NINE)
    present.set(MONDAY)


def test_digest_is_written_once_a_day(digest: Digest) -> None:
    agency = an_agency(email="office@agency.kz")
    a_project(agency)
    audit()
    assert digest(MONDAY + A_DAY) != []
    a_project(agency)
    audit()
    assert write_due_digest(NINE) is None
    assert [kind for _, kind, _ in digest(MONDAY + 2 * A_DAY)] == ["case-opened", "flags-opened"]


@pytest.mark.parametrize(
    ("instant", "due"),
    [
        (datetime(2026, 2, 3, 8, 59, tzinfo=ALMATY), None),
        (datetime(2026, 2, 3, 9, 0, tzinfo=ALMATY), date(2026, 2, 3)),
        (datetime(2026, 2, 3, 23, 59, tzinfo=ALMATY), date(2026, 2, 3)),
        (datetime(2026, 2, 7, 12, 0, tzinfo=ALMATY), None),
        (datetime(2026, 2, 8, 12, 0, tzinfo=ALMATY), None),
        (datetime(2026, 12, 16, 12, 0, tzinfo=ALMATY), None),
    ],
    ids=["before the hour", "at the hour", "late", "on Saturday", "on Sunday", "on Independence Day"],
)
def test_digest_is_due_on_working_days_after_configured_time(instant: datetime, due: date | None) -> None:
    assert due_on(instant, NINE) == due


def test_disabled_digest_is_not_written() -> None:
    assert write_due_digest(None) is None


def test_next_digest_covers_days_without_digest(digest: Digest, present: Present) -> None:
    agency = an_agency(email="office@agency.kz")
    a_project(agency)
    audit()
    present.set(MONDAY + 5 * A_DAY)
    later = a_project(agency)
    audit()
    digests = digest(MONDAY + 7 * A_DAY)
    assert [len(references) for _, _, references in digests] == [2, 2]
    assert later.number in digests[1][2]


def test_long_digest_names_twenty_and_counts_the_rest(digest: Digest) -> None:
    ids = create_projects(35, an_agency(email="office@agency.kz"))
    audit()
    digest(MONDAY + A_DAY)
    letter = db.session.scalars(select(OutboundEmail).where(OutboundEmail.is_digest)).one()
    numbers = sorted(db.session.scalars(select(Project.number).where(Project.id.in_(ids))))
    flags = next(each for each in letter.events if each["kind"] == "flags-opened")
    assert flags == {"kind": "flags-opened", "references": numbers[:20], "count": 35}
