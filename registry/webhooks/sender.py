"""Sends one message to one target: which addresses are allowed, signatures, retries, one request within ten seconds."""

import base64
import io
import ipaddress
import os
import re
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final
from urllib.parse import quote, urlsplit

from flask import current_app
from marshmallow import ValidationError
from standardwebhooks.webhooks import Webhook as Signer

from registry.core.clock import now
from registry.core.networks import is_in_ranges, normalised_range
from registry.webhooks.models import DeliveryError

# The networks to which webhooks may lead, from their environment variable.


def address_ranges(text: str) -> tuple[str, ...]:
    """Return the ranges in their normal form. Raises ValidationError."""
    try:
        return tuple(normalised_range(each.strip()) for each in text.split(",") if each.strip())
    except ValueError as error:
        raise ValidationError(f"expected addresses or CIDR ranges, such as 10.1.0.0/16, got {text!r}") from error


PARSERS: Final[dict[str, Callable[..., object]]] = {"address_ranges": address_ranges}


# Targets of webhooks: the addresses to which the service connects, none of them inside its own network (SSRF).

WEBHOOK_NETWORKS: Final = "WEBHOOK_NETWORKS"
PORTS: Final = {"https": 443, "http": 80}
# From the IANA registries of special-purpose addresses (RFC 6890), not from ``ipaddress.is_global``, which differs
# between versions of Python and calls multicast, NAT64 and 6to4 global.
IPV4_SPECIAL: Final = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        # Also the metadata services of clouds.
        "169.254.0.0/16",
        "168.63.129.16/32",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# All unicast addresses that are given out. Outside: loopback, link-local, unique local, multicast, NAT64, and IPv4
# addresses that are mapped or translated.
IPV6_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
IPV6_SPECIAL: Final = tuple(
    ipaddress.IPv6Network(each)
    for each in (
        # Protocol assignments, among them Teredo and ORCHID.
        "2001::/23",
        "2001:db8::/32",
        # 6to4, whose addresses contain IPv4 addresses.
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
# A name that ends so is read as an IPv4 address: 127.1, 0x7f.1 and 2130706433 are 127.0.0.1.
NUMERIC_END: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?\Z")
# A name as it is resolved: labels of letters, digits, hyphens and underscores. Other characters (a percent sign, a
# semicolon, a zone) mean one thing to one program and another to the next.
NAME: Final = re.compile(r"(?=.{1,254}\Z)(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?\Z")
# IDNA 2003 replaces them and IDNA 2008 does not: faß.example has two owners.
AMBIGUOUS: Final = frozenset("ßς")
# Names of special use (RFC 6761, 6762, 8375), and what networks use internally.
INTERNAL_ENDS: Final = ("localhost", "local", "internal", "intranet", "home.arpa", "lan", "onion")
Resolver = Callable[..., Sequence[tuple[Any, Any, Any, Any, tuple[Any, ...]]]]


class TargetNotAllowed(Exception):
    """The service does not connect there: the scheme, the host or an address of the host is not allowed."""


class NameNotResolved(Exception):
    """The name of the host has no address now."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads. ``path``: with the query, as the request line has it."""

    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class AllowedTargets:
    """Public addresses over https, and what the operator added: address ranges in their normal form.

    Plain http is allowed to loopback addresses in those ranges only: tests and trials on one machine.
    """

    networks: tuple[str, ...] = ()

    def allows(self, scheme: str, address: str) -> bool:
        """Return True when the service may connect to the address for a URL of the scheme; False for what is no
        address.
        """
        added = is_in_ranges(address, self.networks)
        if scheme != "https":
            return added and ipaddress.ip_address(address).is_loopback
        return added or is_public(address)

    def target(self, url: str) -> Target:
        """Return where the URL leads, checked as far as it can be without resolving names. Raises TargetNotAllowed."""
        target = parse_target(url)
        if target.scheme != "https" and not any(ipaddress.ip_network(each).is_loopback for each in self.networks):
            raise TargetNotAllowed
        literal = _literal(target.host)
        if literal is not None:
            if not self.allows(target.scheme, literal):
                raise TargetNotAllowed
        elif NUMERIC_END.search(target.host) or _is_internal(target.host):
            raise TargetNotAllowed
        return target

    def resolve(self, target: Target, resolver: Resolver = socket.getaddrinfo) -> list[str]:
        """Return the addresses of the target; the connection is made to one of them, never to the name.

        A name resolved once more could have another address by then (DNS rebinding). Raises NameNotResolved, and
        TargetNotAllowed when any of the addresses is not allowed.
        """
        try:
            answers = resolver(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NameNotResolved from error
        addresses = list(dict.fromkeys(str(each[4][0]) for each in answers))
        if not addresses:
            raise NameNotResolved
        if not all(self.allows(target.scheme, each) for each in addresses):
            raise TargetNotAllowed
        return addresses


def allowed_targets() -> AllowedTargets:
    """Return the targets that this service allows."""
    return AllowedTargets(tuple(current_app.config[WEBHOOK_NETWORKS]))


def is_public(address: str) -> bool:
    """True for a unicast address of the public Internet; False for every other one, and for what is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in IPV4_SPECIAL)
    return parsed in IPV6_UNICAST and not any(parsed in network for network in IPV6_SPECIAL)


def parse_target(url: str) -> Target:
    """Return where a URL leads. Raises TargetNotAllowed for what has no single meaning to all clients."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        is_plain = parts.scheme in PORTS and "@" not in parts.netloc and not parts.fragment and "\\" not in url
        if not host or not is_plain or port == 0 or not url.isprintable() or " " in url:
            raise TargetNotAllowed
        ascii_host = _ipv6_literal(host) if "[" in parts.netloc else _ascii_name(host)
    except ValueError as error:
        # UnicodeError, of a name that cannot be encoded, is one.
        raise TargetNotAllowed from error
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return Target(parts.scheme, ascii_host, port or PORTS[parts.scheme], f"{path}?{query}" if query else path)


def _ipv6_literal(host: str) -> str:
    """Return the address in its normal form. Raises ValueError for what is none, and for one with a zone of this
    machine.
    """
    address = ipaddress.IPv6Address(host)
    if address.scope_id is not None:
        raise ValueError(host)
    return str(address)


def _ascii_name(host: str) -> str:
    """Return the name as it is resolved. Raises ValueError, and TargetNotAllowed for a name that programs read
    differently.
    """
    name = host.encode("idna").decode("ascii")
    if NAME.match(name) is None or not AMBIGUOUS.isdisjoint(host):
        raise TargetNotAllowed
    return name


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _is_internal(host: str) -> bool:
    name = host.rstrip(".").casefold()
    return "." not in name or any(name.endswith(f".{each}") for each in INTERNAL_ENDS)


# Secrets and signatures by the Standard Webhooks specification, and secrets encrypted at rest.

WEBHOOK_SECRETS: Final = b"qaztech-registry: webhook secrets"
PREFIX: Final = "whsec_"
# The specification asks for 24 to 64 bytes.
SECRET_LENGTH: Final = 32


def new_secret() -> str:
    """Return a random secret: ``whsec_`` and Base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_LENGTH)).decode("ascii")


def signed_headers(message_id: str, at: datetime, body: str, keys: Sequence[str]) -> dict[str, str]:
    """Return the headers of a message: its id, the time of the attempt, and one signature for each valid secret."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Signer(key).sign(message_id, at, body) for key in keys),
    }


# What a receiver asks for by Retry-After.

# Statuses whose Retry-After is honoured (RFC 6585, 4; RFC 9110, 15.6.4).
ASKING: Final = (429, 503)
NOT_ASKED: Final = timedelta(0)


def asked_delay(status: int, retry_after: str | None, at: datetime) -> timedelta:
    """Return the delay that a response asks for, in seconds or until a date (RFC 9110, 10.2.3); zero without a usable
    one.
    """
    value = (retry_after or "").strip()
    if status not in ASKING or not value:
        return NOT_ASKED
    if value.isascii() and value.isdigit():
        # More digits than a date has are more than any limit here.
        return timedelta(seconds=int(value[:9]))
    # OverflowError: a year, an hour or an offset that no number of the machine holds.
    with suppress(ValueError, OverflowError):
        until = parsedate_to_datetime(value)
        return max((until if until.tzinfo else until.replace(tzinfo=UTC)) - at, NOT_ASKED)
    return NOT_ASKED


# Sends one message to one target: to an address that was checked, within ten seconds, without redirects or proxies.

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
    """Return the status and ``Retry-After`` of the response."""
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
    """Return the context of all connections of a period. It is shared by threads."""
    return ssl.create_default_context()


def _store() -> tuple[str | None, ...]:
    """Return where OpenSSL reads the certificates of the authorities, if not in the system's own place."""
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
