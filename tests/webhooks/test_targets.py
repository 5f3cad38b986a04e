"""Which addresses webhooks may lead to: no internal one, however it is written, before and after names are resolved."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.webhooks.sender import AllowedTargets, NameNotResolved, TargetNotAllowed, is_public, parse_target

PUBLIC = AllowedTargets()
LOCAL = AllowedTargets(("127.0.0.0/8",))
INTERNAL = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
    *("192.0.0.0/24", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "192.88.99.0/24"),
    *("::/127", "::ffff:0:0/96", "::ffff:0:0:0/96", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    # NAT64, 6to4, Teredo, documentation.
    *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "2001:db8::/32", "100::/64"),
)


def addresses_in(network: str) -> st.SearchStrategy[str]:
    parsed = ipaddress.ip_network(network)
    last = int(parsed.network_address) + parsed.num_addresses - 1
    kind = ipaddress.IPv4Address if parsed.version == 4 else ipaddress.IPv6Address
    return st.integers(int(parsed.network_address), last).map(lambda number: str(kind(number)))


def answer(*addresses: str) -> Any:
    """A resolver that gives these addresses."""
    return lambda _host, port, **_more: [(0, 0, 0, "", (address, port)) for address in addresses]


@given(st.sampled_from(INTERNAL).flatmap(addresses_in))
def test_internal_address_is_never_allowed(address: str) -> None:
    assert not is_public(address)
    assert not PUBLIC.allows("https", address)
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(TargetNotAllowed):
        PUBLIC.target(f"https://{host}/hook")
    with pytest.raises(TargetNotAllowed):
        PUBLIC.resolve(parse_target("https://receiver.example.kz/hook"), answer("95.56.234.66", address))


@given(st.ip_addresses())
def test_allowed_address_is_global_unicast(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved
        assert getattr(address, "ipv4_mapped", None) is None
        assert getattr(address, "sixtofour", None) is None
        assert getattr(address, "teredo", None) is None


@pytest.mark.parametrize("address", ["95.56.234.66", "8.8.8.8", "2a02:6b8::2:242", "2606:4700::1111"])
def test_public_address_is_allowed(address: str) -> None:
    assert PUBLIC.allows("https", address)


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example.kz/",
        "ftp://receiver.example.kz/",
        "https://user:word@receiver.example.kz/",
        "https://receiver.example.kz/#part",
        "https://receiver.example.kz:0/",
        "https://receiver.example.kz:70000/",
        "https://receiver.example.kz\\@10.0.0.1/",
        "https://receiver.example.kz/ with blanks",
        "https://receiver.example.kz/\nHost: other",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://registry/",
        "https://metadata.google.internal/",
        "https://printer.local/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://017700000001/",
        "https://10.0.0.1./",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https:///hook",
        "https://[::1/",
        "receiver.example.kz",
        f"https://{'a' * 64}.kz/",
        f"https://{'a.' * 127}kz/",
        # Full-width digits, ideographic full stops, and a soft hyphen become 127.0.0.1 and localhost.
        "https://１２７.0.0.1/",
        "https://127。0。0。1/",
        "https://ｌｏｃａｌｈｏｓｔ/",
        "https://127.0.0.1../",
        "https://localhost../",
        "https://%31%32%37.0.0.1/",
        "https://registry%2ekz/",
        # Characters that programs read differently, and a name that two registries give to different owners.
        "https://receiver.example.kz;a/",
        "https://receiver.example.kz,a/",
        "https://*.example.kz/",
        "https://faß.example/",
        "https://FAẞ.example/",
        # A public address with a zone of this machine, and a kind of literal that nothing connects to.
        "https://[2606:4700::1111%25lo]/",
        "https://[2606:4700::1111%lo]/",
        "https://[v1.fe]/",
        "https://[2002:7f00:1::]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[::127.0.0.1]/",
        "https://user@receiver.example.kz/",
        "https://@receiver.example.kz/",
        "https://receiver.example.kz:４４３/",
    ],
)
def test_unusable_url_is_not_allowed(url: str) -> None:
    with pytest.raises(TargetNotAllowed):
        PUBLIC.target(url)


def test_target_has_host_port_and_encoded_path() -> None:
    target = PUBLIC.target("https://Receiver.Example.kz:8443/крючок?a=1&b=ә")
    assert (target.scheme, target.host, target.port) == ("https", "receiver.example.kz", 8443)
    assert target.path == "/%D0%BA%D1%80%D1%8E%D1%87%D0%BE%D0%BA?a=1&b=%D3%99"
    assert PUBLIC.target("https://мекеме.қаз").host == "xn--e1aaasid.xn--80ao21a"
    assert PUBLIC.target("https://receiver.example.kz").port == 443


def test_added_range_allows_private_address_over_https_only() -> None:
    allowed = AllowedTargets(("10.20.0.0/16",))
    assert allowed.resolve(allowed.target("https://hook.gov.kz/"), answer("10.20.1.2")) == ["10.20.1.2"]
    with pytest.raises(TargetNotAllowed):
        allowed.target("http://10.20.1.2/")
    with pytest.raises(TargetNotAllowed):
        allowed.target("https://10.21.1.2/")


def test_http_is_allowed_to_added_loopback_addresses_only() -> None:
    assert LOCAL.target("http://127.0.0.1:8080/hook").port == 8080
    with pytest.raises(TargetNotAllowed):
        LOCAL.resolve(parse_target("http://receiver.example.kz/"), answer("95.56.234.66"))


def test_name_without_address_is_not_resolved() -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror

    for resolver in (unknown, answer()):
        with pytest.raises(NameNotResolved):
            PUBLIC.resolve(parse_target("https://receiver.example.kz/"), resolver)
