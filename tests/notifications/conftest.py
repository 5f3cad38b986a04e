"""Fixtures of the SMTP server that receives the e-mails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notifications.aitu_server import AituApi, serving_aitu
from tests.notifications.mail_server import MailStore, free_port, serving


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
