"""Networks: address ranges, and prefixes for per-caller limits, where an IPv6 subscriber's 2^64 addresses are one."""

import ipaddress
from collections.abc import Iterable
from typing import Final

IPV6_PREFIX: Final = 64
MAPPED_PREFIX: Final = 96


def network_of(address: str) -> str:
    """Return an IPv4 address (also one mapped to IPv6) unchanged, the /64 of an IPv6 address, anything else
    unchanged.
    """
    try:
        parsed = _parse(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((int(parsed), IPV6_PREFIX), strict=False))


def normalised_range(text: str) -> str:
    """Return an address or a CIDR range in its normal form: ``10.1.0.7`` is ``10.1.0.7/32``. Raises ValueError.

    Bits behind the prefix are an error: ``10.1.0.7/8`` may mean one address or 16 million. So is a zone, which is
    of one machine only. IPv4 that is mapped to IPv6 becomes IPv4, as the addresses of callers do.
    """
    network = ipaddress.ip_network(text, strict=True)
    if isinstance(network, ipaddress.IPv4Network):
        return str(network)
    if network.network_address.scope_id is not None:
        raise ValueError(text)
    mapped = network.network_address.ipv4_mapped
    if mapped is None or network.prefixlen < MAPPED_PREFIX:
        return str(network)
    return str(ipaddress.IPv4Network((int(mapped), network.prefixlen - MAPPED_PREFIX)))


def is_in_ranges(address: str, ranges: Iterable[str]) -> bool:
    """Return True when the address is in one of the normalised ranges; False for anything that is no address."""
    try:
        parsed = _parse(address)
    except ValueError:
        return False
    return any(parsed in ipaddress.ip_network(each) for each in ranges)


def is_range_within(inner: str, ranges: Iterable[str]) -> bool:
    """Return True when the whole normalised range is in one of the others."""
    network = ipaddress.ip_network(inner)
    for each in ranges:
        outer = ipaddress.ip_network(each)
        # Of two versions neither contains the other, and the library raises TypeError.
        if network.version == outer.version and network.subnet_of(outer):  # type: ignore[arg-type]
            return True
    return False


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    parsed = ipaddress.ip_address(address)
    # A dual-stack socket reports every IPv4 caller as mapped to IPv6: in one /64 all would count as one caller.
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return parsed if mapped is None else mapped
