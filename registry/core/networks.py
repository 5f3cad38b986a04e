"""Network prefixes for per-caller limits: one IPv6 subscriber has 2^64 addresses, which count as one caller."""

from __future__ import annotations

import ipaddress
from typing import Final

IPV6_PREFIX: Final = 64


def network_of(address: str) -> str:
    """An IPv4 address (also one mapped to IPv6) unchanged, the /64 of an IPv6 address, anything else unchanged."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        # A dual-stack socket reports every IPv4 caller in this form: in one /64 all would count as one caller.
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), IPV6_PREFIX), strict=False))
