"""Fixtures of the SMTP server that receives the e-mails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from registry.core.clock import local_instant
from registry.core.database import db
from registry.notifications.digest import write_due_digest
from registry.notifications.models import OutboundEmail
from tests.notifications.aitu_server import AituApi, serving_aitu
from tests.notifications.digest_days import NINE
from tests.notifications.mail_server import MailStore, free_port, serving
from tests.notifications.readers import summaries_of
from tests.present import Present


@pytest.fixture
def store() -> MailStore:
    return MailStore()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def server(store: MailStore, port: int) -> Iterator[MailStore]:
    with serving(store, port):
        yield store


@pytest.fixture
def aitu() -> Iterator[AituApi]:
    with serving_aitu() as api:
        yield api


Digest = Callable[[date], list[tuple[str, str, list[Any]]]]


@pytest.fixture
def digest(present: Present) -> Digest:
    """Return the digest of a day: (address, kind, references)."""

    def made(day: date) -> list[tuple[str, str, list[Any]]]:
        present.set(local_instant(day, NINE))
        before = set(db.session.scalars(select(OutboundEmail.id)))
        write_due_digest(NINE)
        new = (
            select(OutboundEmail)
            .where(OutboundEmail.id.not_in(before), OutboundEmail.is_digest)
            .order_by(OutboundEmail.id)
        )
        summaries = sorted(summaries_of(db.session.scalars(new)))
        present.move(timedelta(hours=3))
        return summaries

    return made
