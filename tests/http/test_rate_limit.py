"""Rate limit, and proxies whose word is not taken about the caller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from registry.accounts.roles import Role
from registry.http.requests import ForwardedWarning, attach_forwarded_warning, warn_at_start
from registry.http.security import RATE_LIMITER, RateLimiter
from tests.api.callers import Caller, caller, code
from tests.conftest import service_app
from tests.factories import an_agency
from tests.fixtures.web import SignedIn, signed_in

__all__ = ["signed_in"]


class Minutes:
    """A clock that stands until it is moved, in seconds."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def minutes() -> Minutes:
    return Minutes()


@pytest.fixture
def limited(app: Flask, minutes: Minutes) -> Iterator[Flask]:
    """The service with 20 requests a minute for a principal and 2 for an address without sign-in."""
    app.extensions[RATE_LIMITER] = RateLimiter(20, minutes)
    yield app
    del app.extensions[RATE_LIMITER]


def test_principal_is_limited_across_its_tokens_until_retry_after(limited: Flask, minutes: Minutes) -> None:
    agency = an_agency()
    first, second = (caller(limited.test_client(), "agency_editor", agency, "a.serikova") for _ in range(2))
    other = caller(limited.test_client(), "agency_editor", agency)

    statuses = [who.get("/projects").status_code for _ in range(10) for who in (first, second)]
    stopped = second.get("/projects")
    patient = other.get("/projects")
    minutes.seconds += int(stopped.headers["Retry-After"])

    assert statuses == [200] * 20
    assert (stopped.status_code, stopped.content_type, code(stopped)) == (
        429,
        "application/problem+json",
        "too-many-requests",
    )
    assert stopped.headers["Retry-After"] == "3"
    assert patient.status_code == 200
    assert first.get("/projects").status_code == 200
    assert first.get("/projects").status_code == 429


def limits(answer: TestResponse) -> tuple[str | None, str | None]:
    return answer.headers.get("RateLimit-Policy"), answer.headers.get("RateLimit")


def test_counted_answer_says_how_many_requests_are_left(limited: Flask, minutes: Minutes) -> None:
    who, nobody = caller(limited.test_client(), "auditor"), Caller(limited.test_client(), None)

    first = who.get("/projects")
    missing = who.get("/projects/QT-2026-0000001-5")
    minutes.seconds += 2
    for _ in range(17):
        who.get("/projects")
    last, over = who.get("/projects"), who.get("/projects")
    minutes.seconds += 1.5
    later = who.get("/projects")

    assert limits(first) == ('"principal";q=20;w=60', '"principal";r=19;t=3')
    assert (missing.status_code, limits(missing)[1]) == (404, '"principal";r=18;t=3')
    assert (last.status_code, limits(last)[1]) == (200, '"principal";r=0;t=1')
    assert (over.status_code, limits(over)[1], over.headers["Retry-After"]) == (429, '"principal";r=0;t=1', "1")
    assert limits(later)[1] == '"principal";r=0;t=3'
    assert limits(nobody.get("/projects")) == ('"address";q=2;w=60', '"address";r=1;t=30')


def test_answer_that_is_not_counted_has_no_rate_limit(app: Flask, limited: Flask) -> None:
    assert limits(limited.test_client().get("/healthz")) == (None, None)
    extension = app.extensions.pop(RATE_LIMITER)
    assert limits(caller(app.test_client(), "auditor").get("/projects")) == (None, None)
    app.extensions[RATE_LIMITER] = extension


def test_who_is_not_signed_in_has_a_tenth_and_takes_nothing_from_who_is(limited: Flask) -> None:
    nobody, guesser = Caller(limited.test_client(), None), Caller(limited.test_client(), "qtr_guess")
    somebody = caller(limited.test_client(), "auditor")

    statuses = [who.get("/projects").status_code for _ in range(2) for who in (nobody, guesser)]

    assert statuses == [401, 401, 429, 429]
    assert somebody.get("/projects").status_code == 200


def test_pages_are_counted_per_person_and_a_visitor_over_the_limit_gets_a_page(
    limited: Flask, minutes: Minutes, signed_in: SignedIn
) -> None:
    limited.extensions[RATE_LIMITER] = RateLimiter(1000, minutes)
    person = signed_in(Role.AUDITOR)
    limited.extensions[RATE_LIMITER] = RateLimiter(20, minutes)
    visitor = limited.test_client()

    statuses = [visitor.get("/sign-in").status_code for _ in range(3)]
    stopped = visitor.get("/sign-in", headers={"Accept-Language": "en"})
    seen = [person.get("/projects").status_code for _ in range(21)]

    assert statuses == [200, 200, 429]
    assert stopped.headers["Retry-After"] == "30"
    assert "Try again in 30 seconds" in stopped.text
    assert seen == [200] * 20 + [429]


def test_behind_a_proxy_each_visitor_has_an_address_and_without_one_nobody_can_claim_another(
    own_database: str, tmp_path: Path
) -> None:
    def statuses(app: Flask, *addresses: str) -> list[int]:
        client = app.test_client()
        return [
            client.get("/api/v1/projects", headers={"X-Forwarded-For": address}).status_code for address in addresses
        ]

    behind = service_app(own_database, tmp_path, REGISTRY_TRUSTED_PROXIES="1", REGISTRY_RATE_LIMIT="10")
    alone = service_app(own_database, tmp_path, REGISTRY_RATE_LIMIT="10")

    assert statuses(behind, "198.51.100.1", "198.51.100.2", "forged, 198.51.100.1") == [401, 401, 429]
    assert statuses(alone, "198.51.100.1", "198.51.100.2") == [401, 429]
    assert statuses(behind, "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1") == [401, 429, 401]


def test_documentation_counts_for_the_address_whatever_is_shown(limited: Flask, minutes: Minutes) -> None:
    client = limited.test_client(use_cookies=False)
    for headers in ({}, {"Authorization": "Bearer junk"}, {"Cookie": "a=b"}, {"Cookie": "a", "Authorization": ""}):
        for path in ("/api/v1/openapi.json", "/api/v1/docs", "/docs"):
            limited.extensions[RATE_LIMITER] = RateLimiter(20, minutes)
            answers = [client.get(path, headers=headers) for _ in range(3)]

            assert answers[2].status_code == 429, (path, headers)
            assert {answer.status_code for answer in answers[:2]} <= {200, 302}
            assert answers[2].headers["Retry-After"] == "30"


def test_address_without_anything_is_not_found_and_over_the_limit_too_many_requests(
    limited: Flask, minutes: Minutes
) -> None:
    client = limited.test_client(use_cookies=False)
    for path, accept in (
        ("/nothing/here", "text/html"),
        ("/nothing/here", "application/json"),
        ("/api/v1/nothing", ""),
    ):
        for headers in ({}, {"Authorization": "Bearer junk"}, {"Cookie": "registry_language=en"}):
            limited.extensions[RATE_LIMITER] = RateLimiter(20, minutes)
            answers = [client.get(path, headers={"Accept": accept, **headers}) for _ in range(3)]

            assert [answer.status_code for answer in answers] == [404, 404, 429], (path, accept, headers)
            assert answers[2].headers["Retry-After"] == "30"


def test_wrong_method_over_the_limit_is_too_many_requests(limited: Flask) -> None:
    client = limited.test_client(use_cookies=False)
    headers = {"Accept": "text/html", "Cookie": "a=b"}

    assert [client.delete("/projects", headers=headers).status_code for _ in range(3)] == [405, 405, 429]


def test_address_without_anything_counts_for_the_person_who_is_signed_in(
    limited: Flask, minutes: Minutes, signed_in: SignedIn
) -> None:
    limited.extensions[RATE_LIMITER] = RateLimiter(1000, minutes)
    person = signed_in(Role.AUDITOR)
    limited.extensions[RATE_LIMITER] = RateLimiter(20, minutes)

    answers = [person.client.get("/nothing", headers={"Accept": "text/html"}) for _ in range(21)]

    assert [answer.status_code for answer in answers] == [404] * 20 + [429]
    assert "Try again in 3 seconds" in answers[20].text


def test_probes_and_styles_are_never_refused(limited: Flask) -> None:
    client = limited.test_client()
    for path in ("/healthz", "/metrics", "/assets/registry.css"):
        assert {client.get(path).status_code for _ in range(10)} <= {200, 404}


def test_many_addresses_do_not_fill_the_memory() -> None:
    rates = RateLimiter(100, Minutes())
    for number in range(20_000):
        rates.take(f"address {number}")
    assert len(rates._buckets) <= 10_000


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
