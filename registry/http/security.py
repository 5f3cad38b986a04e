"""Security: bearer tokens, rate limiting, cross-origin protection of forms, security headers, security.txt."""

import hashlib
import math
import threading
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, request, url_for
from flask.sessions import SecureCookieSessionInterface

from registry.accounts.roles import Actor, Permission
from registry.accounts.tokens import TokenNotAccepted, authenticate_token
from registry.core.clock import now
from registry.core.errors import AuthenticationRequired, CrossOriginRequest, RouteNotFound, TooManyRequests
from registry.core.networks import network_of
from registry.core.translations import LANGUAGES
from registry.http.requests import PRINCIPAL, client_request_id, request_id
from registry.settings import Settings

# Sign-in by bearer token.

# What a route outside the API declares of itself: the permission that it needs, or why it is open.

REQUIRED_PERMISSION: Final = "registry_needs"


@dataclass(frozen=True, slots=True)
class Public:
    """A route that answers without signing in, with the reason."""

    because: str


RequiredPermission = Permission | Public


BEARER = "bearer"


def authenticate() -> Actor:
    """Return the caller, by bearer token. Raises AuthenticationRequired, TokenNotAccepted and TooManyRequests."""
    try:
        actor = authenticate_again()
    except (AuthenticationRequired, TokenNotAccepted):
        check_rate_limit(None)
        raise
    # Before it is counted: the log names who was refused for asking too often.
    request.environ[PRINCIPAL] = actor.principal
    check_rate_limit(actor.principal)
    return actor


def authenticate_again() -> Actor:
    """Return the same, not counted for the rate limit: the caller as they are now, for a request that has waited."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != BEARER or not token.strip():
        raise AuthenticationRequired
    return authenticate_token(token.strip(), request.remote_addr or "", request_id(), client_request_id())


# Per-caller rate limiting (token bucket). docs/adr/0005-own-code-and-libraries.md: why not Flask-Limiter.
#
# Each process has its own buckets: n web processes let n times as many requests through. The limit keeps a runaway
# script from taking the service from the others; the proxy stops a flood. Sign-in has its own, stricter limit in the
# database.

RATE_LIMITER: Final = "registry.rates"
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
        app.extensions[RATE_LIMITER] = RateLimiter(per_minute)

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
    rates: RateLimiter | None = current_app.extensions.get(RATE_LIMITER)
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


# Cross-origin protection: a form is accepted only from a page of this service (Fetch Metadata, else ``Origin``).

PUBLIC_ORIGIN: Final = "registry.public_origin"
# "none": the person asked for it, not a page; a sibling host or another port is "same-site".
ALLOWED_SITES: Final = ("same-origin", "none")
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def attach_cross_origin(app: Flask, public_url: str | None) -> None:
    """Keep the origin under which browsers know the service, when the operator has named it."""
    app.extensions[PUBLIC_ORIGIN] = None if public_url is None else origin_of(public_url)


def require_same_origin() -> None:
    """Raise CrossOriginRequest when a browser says that a page of another origin sent the request.

    Programs send neither header and pass: the form token is what they must have.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        if site not in ALLOWED_SITES:
            raise CrossOriginRequest
    # Over plain HTTP browsers send no Fetch Metadata except to the machine itself.
    elif origin is not None and origin not in _own_origins():
        raise CrossOriginRequest


def origin_of(url: str) -> str:
    """Return the origin of an address as browsers write it."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def own_address(endpoint: str) -> str:
    """Return the address of a page as browsers know it, for those who come back from another site."""
    origin = current_app.extensions[PUBLIC_ORIGIN]
    return f"{origin}{url_for(endpoint)}" if origin else url_for(endpoint, _external=True)


def _own_origins() -> tuple[str | None, ...]:
    # Behind a proxy whose X-Forwarded-Proto is not believed the scheme seems to be http.
    host = request.host.lower()
    return f"{request.scheme}://{host}", f"https://{host}", current_app.extensions[PUBLIC_ORIGIN]


# The cookie of the session.


class FlaskSession(SecureCookieSessionInterface):
    """Flask's session, used for flash messages and the CSRF token, signed with SHA-256 instead of SHA-1."""

    digest_method = staticmethod(hashlib.sha256)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the cookie is for TLS only: wherever the service is reached over TLS, behind a proxy too."""
        return super().get_cookie_secure(app) or request.is_secure


# Security headers on every answer, errors included.

NOTHING_ALLOWED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
A_YEAR = 31_536_000
USUAL: Final = {
    "Content-Security-Policy": NOTHING_ALLOWED,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it a browser sends "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def init_security_headers(app: Flask, settings: Settings) -> None:
    """Set the headers that an answer does not set itself."""
    public_is_https = (settings.public_url or "").startswith("https:")

    @app.after_request
    def protect(response: Response) -> Response:
        headers = dict(USUAL)
        # Looked up once: each look at werkzeug's headers goes through all of them.
        there = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 - iterating gives pairs
        # An answer with a tag may be kept by the caller's own cache, but is asked for again each time.
        asked_again = request.method in ("GET", "HEAD") and "etag" in there
        headers["Cache-Control"] = "private, no-cache" if asked_again else "no-store"
        if public_is_https or request.is_secure:
            headers["Strict-Transport-Security"] = f"max-age={A_YEAR}; includeSubDomains"
        for name, value in headers.items():
            if name.lower() not in there:
                response.headers.add(name, value)
        return response


# ``/.well-known/security.txt`` (RFC 9116): whom to tell about a vulnerability of this installation.

SECURITY_TXT: Final = "/.well-known/security.txt"
# The contact is as current as the running service: whoever stored the file asks again after this.
VALID_FOR: Final = timedelta(days=30)


def init_security_txt(app: Flask, settings: Settings) -> None:
    """Register the route; without REGISTRY_SECURITY_CONTACT it answers 404."""
    security = Blueprint("security", __name__)

    @security.get(SECURITY_TXT)
    def security_txt() -> Response:
        if settings.security_contact is None:
            raise RouteNotFound
        expires = now() + VALID_FOR
        lines = [
            f"Contact: {settings.security_contact}",
            f"Expires: {expires:%Y-%m-%dT00:00:00Z}",
            f"Preferred-Languages: {', '.join(LANGUAGES)}",
        ]
        if settings.public_url is not None:
            lines.append(f"Canonical: {origin_of(settings.public_url)}{SECURITY_TXT}")
        return Response("".join(f"{line}\n" for line in lines), content_type="text/plain; charset=utf-8")

    app.register_blueprint(security)
