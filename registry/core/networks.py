"""The network that a caller is counted under: one line of IPv6 has 2^64 addresses, so they count as one."""

from __future__ import annotations

import ipaddress
from typing import Final

IPV6_PREFIX: Final = 64


def network_of(address: str) -> str:
    """An IPv4 address itself, also when written as IPv6; of IPv6 the /64; anything else as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        # A socket for both protocols gives every IPv4 caller so: in one /64 all of them would be one caller.
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), IPV6_PREFIX), strict=False))
