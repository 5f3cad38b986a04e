"""Per-caller rate limiting (token bucket). docs/adr/0005-own-code-and-libraries.md: why not Flask-Limiter.

Each process has its own buckets: n web processes let n times as many requests through. The limit keeps a runaway script
from taking the service from the others; the proxy stops a flood. Sign-in has its own, stricter limit in the database.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Container
from typing import Final, NamedTuple

from flask import Flask, Response, current_app, request

from registry.core.networks import network_of
from registry.http.http_errors import TooManyRequests

EXTENSION: Final = "registry.rates"
COUNTED: Final = "registry.counted"
# Who is not signed in shares an address with others and needs little: sign-in, and the addresses of nothing.
ANONYMOUS_DIVISOR: Final = 10
MAX_BUCKETS: Final = 10_000
WINDOW_S: Final = 60
# What probes ask for, and what is kept by browsers and costs next to nothing.
EXEMPT_ENDPOINTS: Final = frozenset({"health.healthz", "health.readyz", "metrics.show", "web.asset", "docs.asset"})


class Quota(NamedTuple):
    """A caller's requests: how many a minute, how many are left, and the seconds until there is one more.

    ``is_taken``: False when none was left for this request.
    """

    is_taken: bool
    a_minute: int
    left: int
    seconds: int


class RateLimiter:
    """Buckets of ``per_minute`` requests each: as many at once after a quiet minute, and so many a minute on."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, caller: str, share: int = 1) -> Quota:
        """Take one request out of the caller's bucket, of size 1/``share``, unless it is empty."""
        size = max(self.per_minute / share, 1.0)
        each_second = size / 60
        with self._lock:
            current = self._clock()
            left, at = self._buckets.get(caller, (size, current))
            left = min(size, left + (current - at) * each_second)
            if is_taken := left >= 1:
                if caller not in self._buckets and len(self._buckets) >= MAX_BUCKETS:
                    self._forget(current)
                left -= 1
                self._buckets[caller] = (left, current)
        whole = math.floor(left)
        return Quota(is_taken, math.floor(size), whole, max(1, math.ceil(round((whole + 1 - left) / each_second, 6))))

    def _forget(self, current: float) -> None:
        """Drop the buckets that are full again; of callers without end, all: memory is the scarcer thing."""
        recent = {caller: kept for caller, kept in self._buckets.items() if current - kept[1] < 60}
        self._buckets = recent if len(recent) < MAX_BUCKETS else {}


def init_rate_limit(app: Flask, per_minute: int | None, open_endpoints: Container[str] = ()) -> None:
    """Count every request of who shows no token and no session at once, the others' when they are known; None: none.

    ``open_endpoints`` look at neither: their requests count for the address, whatever they show.
    """
    if per_minute is not None:
        app.extensions[EXTENSION] = RateLimiter(per_minute)

    @app.before_request
    def count_strangers() -> None:
        is_stranger = "Authorization" not in request.headers and not request.cookies
        if is_stranger or request.endpoint in open_endpoints:
            check_rate_limit(None)

    @app.after_request
    def add_quota(response: Response) -> Response:
        counted = request.environ.get(COUNTED)
        if counted is not None:
            policy, quota = counted
            # draft-ietf-httpapi-ratelimit-headers-11; t: seconds until more requests are available.
            response.headers["RateLimit-Policy"] = f'"{policy}";q={quota.a_minute};w={WINDOW_S}'
            response.headers["RateLimit"] = f'"{policy}";r={quota.left};t={quota.seconds}'
        return response


def check_rate_limit(principal: str | None) -> None:
    """Count this request, once, for its principal or, without one, for its address. Raises TooManyRequests."""
    rates: RateLimiter | None = current_app.extensions.get(EXTENSION)
    if rates is None or COUNTED in request.environ or request.endpoint in EXEMPT_ENDPOINTS:
        return
    if principal is not None:
        policy, quota = "principal", rates.take(f"principal {principal}")
    else:
        address = f"address {network_of(request.remote_addr or '')}"
        policy, quota = "address", rates.take(address, ANONYMOUS_DIVISOR)
    request.environ[COUNTED] = policy, quota
    if not quota.is_taken:
        raise TooManyRequests(seconds=quota.seconds)
