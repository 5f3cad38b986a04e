"""Address ranges."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.core.networks import is_in_ranges, is_range_within, network_of, normalised_range


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("10.1.0.7", "10.1.0.7/32"),
        ("10.1.0.0/16", "10.1.0.0/16"),
        ("10.1.0.0/255.255.0.0", "10.1.0.0/16"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
    ],
)
def test_range_is_normalised(text: str, normalised: str) -> None:
    assert normalised_range(text) == normalised


@pytest.mark.parametrize("text", ["10.1.0.7/8", "10.1.0.0/33", "", "a", "10.1", " 10.1.0.0/16", "10.1.0.0/-1"])
def test_malformed_range_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        normalised_range(text)


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_address_is_in_the_range_around_it_in_both_forms(address: ipaddress.IPv4Address, prefix: int) -> None:
    around = str(ipaddress.ip_network((int(address), prefix), strict=False))
    assert is_in_ranges(str(address), [around]) and is_in_ranges(f"::ffff:{address}", [around])
    assert not is_in_ranges(str(address), ["2001:db8::/32"]) and not is_in_ranges(str(address), [])


def test_range_is_within_itself_and_wider_ones_of_the_same_version() -> None:
    assert is_range_within("10.1.0.0/16", ["192.0.2.0/24", "10.0.0.0/8"])
    assert is_range_within("10.1.0.0/16", ["10.1.0.0/16"])
    assert not is_range_within("10.0.0.0/8", ["10.1.0.0/16"])
    assert not is_range_within("::/0", ["0.0.0.0/0"])
    assert not is_range_within("10.1.0.0/16", [])


def test_ipv6_subscriber_is_one_caller() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert network_of("::ffff:10.1.0.7") == "10.1.0.7" and network_of("unknown") == "unknown"
