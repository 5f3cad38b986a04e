"""Sends one message to one target: to an address that was checked, within ten seconds, without redirects or proxies."""

from __future__ import annotations

import io
import os
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final

from registry.core.clock import now
from registry.webhooks.retries import NOT_ASKED, asked_delay
from registry.webhooks.targets import AllowedTargets, NameNotResolved, Resolver, Target, TargetNotAllowed
from registry.webhooks.vocabulary import DeliveryError

TIMEOUT_S: Final = 10.0
# Of a response, read so that the receiver can finish writing, and discarded: nobody sees what internal systems answer.
MAX_BODY: Final = 64 * 1024
BODY_S: Final = 1.0
# Of a response in all: interim responses (RFC 9110, 15.2) and trailers may be without end, each of them valid.
MAX_RESPONSE: Final = 256 * 1024
SUCCESS: Final = range(200, 300)
# How long the certificates of the authorities are kept. To read them takes 19 ms, more than the rest of a message.
TRUST_S: Final = 600
FIXED_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "QazTech-Registry", "Connection": "close"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of an attempt. ``error``: None when delivered. ``status``: of the response, None without one.

    ``asked``: the delay that the response asks for.
    """

    error: DeliveryError | None
    status: int | None
    duration_ms: int
    asked: timedelta = NOT_ASKED

    @property
    def delivered(self) -> bool:
        """True when the receiver answered with 2xx."""
        return self.error is None


def send(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    allowed: AllowedTargets,
    *,
    timeout_s: float = TIMEOUT_S,
    resolver: Resolver = socket.getaddrinfo,
) -> Attempt:
    """Send a message by POST. Any 2xx is success, a redirect is none.

    The limit of time covers all from the resolution of the name to the status line and headers of the response; when
    resolving takes longer, which cannot be interrupted, no connection follows.
    """
    began = time.monotonic()
    deadline = began + timeout_s
    status, error, asked = None, None, NOT_ASKED
    try:
        status, retry_after = _post(allowed, url, headers, body, deadline, resolver)
        asked = asked_delay(status, retry_after, now())
        error = None if status in SUCCESS else DeliveryError.STATUS
    except TargetNotAllowed:
        error = DeliveryError.TARGET
    except NameNotResolved:
        error = DeliveryError.NAME
    except ssl.SSLCertVerificationError:
        error = DeliveryError.CERTIFICATE
    except TimeoutError:
        error = DeliveryError.TIMEOUT
    except (HTTPException, ValueError):
        error = DeliveryError.RESPONSE
    except OSError:
        error = DeliveryError.CONNECTION
    return Attempt(error, status, round((time.monotonic() - began) * 1000), asked)


def _post(
    allowed: AllowedTargets, url: str, headers: Mapping[str, str], body: bytes, deadline: float, resolver: Resolver
) -> tuple[int, str | None]:
    """The status and ``Retry-After`` of the response."""
    target = allowed.target(url)
    connection = _CheckedConnection(target, allowed.resolve(target, resolver), deadline)
    try:
        connection.request("POST", target.path, body, {**FIXED_HEADERS, **headers})
        readable = _Readable(connection.sock, deadline)
        response = HTTPResponse(readable, method="POST")  # type: ignore[arg-type] # has makefile
        response.begin()
        readable.end_at(time.monotonic() + BODY_S)
        with suppress(OSError, HTTPException, ValueError):
            response.read(MAX_BODY)
        return response.status, response.headers.get("Retry-After")
    finally:
        connection.close()


@lru_cache(maxsize=1)
def _trust(_period: int, _of_store: tuple[str | None, ...]) -> ssl.SSLContext:
    """The context of all connections of a period. It is shared by threads."""
    return ssl.create_default_context()


def _store() -> tuple[str | None, ...]:
    """Where OpenSSL reads the certificates of the authorities, if not in the system's own place."""
    return os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")


class _CheckedConnection(HTTPConnection):
    """A connection to addresses that were checked. TLS and the header Host name the host of the URL."""

    def __init__(self, target: Target, addresses: list[str], deadline: float) -> None:
        self._context = _trust(int(time.monotonic() // TRUST_S), _store()) if target.scheme == "https" else None
        super().__init__(target.host, target.port)
        self.default_port = 80 if self._context is None else 443
        self._addresses, self._deadline = addresses, deadline

    def connect(self) -> None:
        """Connect to the first address that answers. Raises OSError, and TimeoutError at the deadline."""
        for place, address in enumerate(self._addresses, 1):
            try:
                self.sock = socket.create_connection((address, self.port), _time_left(self._deadline))
                break
            except TimeoutError:
                raise
            except OSError:
                if place == len(self._addresses):
                    raise
        self.sock.settimeout(_time_left(self._deadline))
        if self._context is not None:
            # Certificates name hosts without the dot that ends an absolute name, and so does SNI (RFC 6066, 3).
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host.rstrip("."))
            self.sock.settimeout(_time_left(self._deadline))


class _TooLong(HTTPException):
    """The response has more bytes than are read of one."""


class _Readable(io.RawIOBase):
    """The receiving side of a socket with one deadline and one limit for all reads.

    A receiver that trickles gains no time, and one that floods keeps no processor busy until the deadline.
    """

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline, self._left = connection, deadline, MAX_RESPONSE

    def end_at(self, deadline: float) -> None:
        """Move the deadline forward; a later one than before changes nothing."""
        self._deadline = min(self._deadline, deadline)

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has arrived. Raises TimeoutError at the deadline, and HTTPException after so many bytes."""
        if self._left <= 0:
            raise _TooLong
        self._connection.settimeout(_time_left(self._deadline))
        arrived = self._connection.recv_into(buffer)
        self._left -= arrived
        return arrived

    def makefile(self, _mode: str) -> io.BufferedReader:
        """This side as HTTPResponse reads it."""
        return io.BufferedReader(self)


def _time_left(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError after it."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
