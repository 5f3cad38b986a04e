"""Targets of webhooks: the addresses to which the service connects, none of them inside its own network (SSRF)."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from flask import current_app

from registry.core.networks import is_in_ranges

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
        """True when the service may connect to the address for a URL of the scheme; False for what is no address."""
        added = is_in_ranges(address, self.networks)
        if scheme != "https":
            return added and ipaddress.ip_address(address).is_loopback
        return added or is_public(address)

    def target(self, url: str) -> Target:
        """Where the URL leads, checked as far as it can be without resolving names. Raises TargetNotAllowed."""
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
        """The addresses of the target; the connection is made to one of them, never to the name.

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
    """The targets that this service allows."""
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
    """Where a URL leads. Raises TargetNotAllowed for what has no single meaning to all clients."""
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
    """The address in its normal form. Raises ValueError for what is none, and for one with a zone of this machine."""
    address = ipaddress.IPv6Address(host)
    if address.scope_id is not None:
        raise ValueError(host)
    return str(address)


def _ascii_name(host: str) -> str:
    """The name as it is resolved. Raises ValueError, and TargetNotAllowed for a name that programs read differently."""
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
