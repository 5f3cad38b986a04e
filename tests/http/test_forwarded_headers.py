"""A proxy whose word is not taken is warned of in the log, now and then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from registry.http.requests import ForwardedWarning, attach_forwarded_warning, warn_at_start
from tests.conftest import service_app

FORWARDED = {"X-Forwarded-For": "198.51.100.1"}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def app_with(trusted_proxies: int, clock: Iterator[float]) -> Flask:
    app = Flask("tests")
    app.add_url_rule("/", view_func=lambda: "")
    attach_forwarded_warning(app, trusted_proxies, ForwardedWarning(lambda: next(clock)))
    return app


def test_forwarded_header_that_is_not_believed_is_warned_of_every_10_minutes(caplog: pytest.LogCaptureFixture) -> None:
    client = app_with(0, iter([0.0, 1.0, 599.0, 600.0, 601.0])).test_client()

    counts = []
    for _ in range(5):
        client.get("/", headers=FORWARDED)
        counts.append(len(warnings(caplog)))
    client.get("/")

    assert counts == [1, 1, 1, 2, 2]
    assert "X-Forwarded-For arrived while REGISTRY_TRUSTED_PROXIES is 0" in warnings(caplog)[0]
    assert "198.51.100.1" not in caplog.text


def test_forwarded_header_that_is_believed_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    app_with(1, iter([])).test_client().get("/", headers=FORWARDED)
    assert warnings(caplog) == []


@pytest.mark.parametrize(("proxies", "expected"), [("0", 1), ("1", 0)])
def test_service_watches_for_the_forwarded_header(
    own_database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, proxies: str, expected: int
) -> None:
    client = service_app(own_database, tmp_path, REGISTRY_TRUSTED_PROXIES=proxies).test_client()
    for _ in range(3):
        client.get("/healthz", headers=FORWARDED)
    assert len(warnings(caplog)) == expected


@pytest.mark.parametrize(
    ("host", "proxies", "expected"),
    [
        ("0.0.0.0", 0, 1),
        ("::", 0, 1),
        ("10.0.0.5", 0, 1),
        ("registry.internal", 0, 1),
        ("0.0.0.0", 1, 0),
        ("127.0.0.1", 0, 0),
        ("127.0.0.2", 0, 0),
        ("::1", 0, 0),
        ("localhost", 0, 0),
    ],
)
def test_service_that_other_machines_reach_warns_at_its_start(
    caplog: pytest.LogCaptureFixture, host: str, proxies: int, expected: int
) -> None:
    warn_at_start(host, proxies)
    assert len(warnings(caplog)) == expected
