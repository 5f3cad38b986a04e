"""Sending one message: where it may lead, its signature, and what a receiver can do to the service."""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from flask import Flask
from hypothesis import given, strategies as st
from standardwebhooks.webhooks import Webhook as Verifier, WebhookVerificationError

from registry.core.installation import decrypt, encrypt
from registry.webhooks.models import DeliveryError
from registry.webhooks.sender import (
    WEBHOOK_SECRETS,
    AllowedTargets,
    Attempt,
    NameNotResolved,
    TargetNotAllowed,
    is_public,
    new_secret,
    parse_target,
    send,
    signed_headers,
)
from tests.webhooks.receiver import Receiver, receiving

LOCAL = AllowedTargets(("127.0.0.0/8",))
BODY = b'{"type":"webhook.test"}'
HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AA=="}


def sent(url: str, allowed: AllowedTargets = LOCAL, **options: Any) -> Attempt:
    return send(url, HEADERS, BODY, allowed, **options)


def resolved_to(*answers: str) -> Callable[..., Any]:
    """A resolver that gives another address each time, the last one from then on."""
    left = list(answers)

    def resolve(_host: str, port: int, **_: Any) -> Any:
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    return resolve


def read_request(connection: socket.socket) -> None:
    """Read all of the request: whoever closes with something unread resets the connection."""
    arrived = b""
    while not arrived.endswith(BODY):
        more = connection.recv(65_536)
        if not more:
            return
        arrived += more


@contextmanager
def answering(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that reads a request and then talks as it likes; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                read_request(connection)
                try:
                    talk(connection)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_message_is_posted_with_headers_and_host() -> None:
    with receiving() as receiver:
        attempt = sent(f"http://127.0.0.1:{receiver.port}/hook?a=1")
    assert (attempt.error, attempt.status) == (None, 204)
    assert attempt.delivered
    (request,) = receiver.accepted
    assert (request.path, request.body) == ("/hook?a=1", BODY)
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert {name: request.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 410, 429, 500, 503])
def test_other_status_than_2xx_is_a_failure(status: int) -> None:
    with receiving(Receiver(answer=lambda _: status)) as receiver:
        attempt = sent(receiver.url)
    assert (attempt.error, attempt.status) == (DeliveryError.STATUS, status)


def test_redirect_is_not_followed() -> None:
    with receiving() as other:
        redirect = Receiver(answer=lambda _: 307, extra_headers={"Location": other.url})
        with receiving(redirect) as receiver:
            attempt = sent(receiver.url)
    assert attempt.status == 307
    assert other.arrived == []


def test_proxy_of_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy, receiving() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert sent(receiver.url).delivered
    assert len(receiver.accepted) == 1
    assert proxy.arrived == []


def test_name_is_resolved_once_and_its_checked_address_is_connected() -> None:
    """DNS rebinding: the second answer would be another host."""
    with receiving() as receiver:
        resolver = resolved_to("127.0.0.1", "10.0.0.1")
        attempt = sent(f"http://receiver.example.kz:{receiver.port}/hook", resolver=resolver)
    assert attempt.delivered
    assert receiver.accepted[0].headers["host"] == f"receiver.example.kz:{receiver.port}"


def test_name_that_leads_inside_is_not_connected() -> None:
    with receiving() as receiver:
        url = f"https://receiver.example.kz:{receiver.port}/hook"
        attempt = sent(url, AllowedTargets(), resolver=resolved_to("127.0.0.1"))
        assert attempt.error is DeliveryError.TARGET
        literal = sent(f"https://127.0.0.1:{receiver.port}/hook", AllowedTargets())
        assert literal.error is DeliveryError.TARGET
    assert receiver.arrived == []


def test_unknown_name_and_closed_port_are_failures() -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror

    assert sent("http://receiver.example.kz/", resolver=unknown).error is DeliveryError.NAME
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert sent(f"http://127.0.0.1:{port}/").error is DeliveryError.CONNECTION


def test_receiver_that_trickles_has_one_deadline() -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(100):
            connection.sendall(b"a: b\r\n")
            over.wait(0.05)

    over = threading.Event()
    with answering(trickle) as port:
        attempt = sent(f"http://127.0.0.1:{port}/", timeout_s=0.3)
        over.set()
    assert attempt.error is DeliveryError.TIMEOUT


def test_no_connection_follows_when_time_is_over_after_resolving() -> None:
    with receiving() as receiver:
        url = f"http://receiver.example.kz:{receiver.port}/"
        attempt = sent(url, resolver=resolved_to("127.0.0.1"), timeout_s=0)
    assert attempt.error is DeliveryError.TIMEOUT
    assert receiver.arrived == []


def test_body_without_end_does_not_keep_the_service() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(2_000):
            connection.sendall(b"x" * 65_536)

    with answering(flood) as port:
        attempt = sent(f"http://127.0.0.1:{port}/", timeout_s=5)
    assert attempt.delivered
    assert attempt.duration_ms < 3_000


def test_what_is_no_http_is_a_failure() -> None:
    with answering(lambda connection: connection.sendall(b"220 mail.example.kz ESMTP\r\n")) as port:
        assert sent(f"http://127.0.0.1:{port}/").error is DeliveryError.RESPONSE


def test_certificate_must_be_of_the_named_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("receiver.example.kz").configure_cert(context)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def try_once(host: str) -> Attempt:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve() -> None:
                connection, _ = server.accept()
                try:
                    with context.wrap_socket(connection, server_side=True) as secured:
                        read_request(secured)
                        secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                except OSError:
                    connection.close()

            thread = threading.Thread(target=serve)
            thread.start()
            url = f"https://{host}:{server.getsockname()[1]}/"
            attempt = sent(url, resolver=resolved_to("127.0.0.1"))
            thread.join()
        return attempt

    assert try_once("receiver.example.kz").error is DeliveryError.CERTIFICATE
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert try_once("receiver.example.kz").delivered
    assert try_once("another.example.kz").error is DeliveryError.CERTIFICATE
    assert try_once("receiver.example.kz.").delivered
    assert names == ["receiver.example.kz", "receiver.example.kz", "another.example.kz", "receiver.example.kz"]


def test_headers_equal_those_of_the_specification() -> None:
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", at, '{"test": 2432232314}', ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_of_two_secrets_verifies_and_no_other() -> None:
    former, current, other = new_secret(), new_secret(), new_secret()
    body = '{"name":"Есепке алу жүйесі"}'
    headers = signed_headers("msg_1_2", datetime.now(UTC), body, [current, former])
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (former, current):
        assert Verifier(secret).verify(body, headers) == {"name": "Есепке алу жүйесі"}
    with pytest.raises(WebhookVerificationError):
        Verifier(other).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(current).verify(body + " ", headers)


def test_secret_has_32_random_bytes() -> None:
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) for secret in secrets} == {32}


def test_stored_secret_is_read_with_the_same_key_only(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = new_secret()
    stored = encrypt(WEBHOOK_SECRETS, secret)
    assert secret.removeprefix("whsec_") not in stored
    assert decrypt(WEBHOOK_SECRETS, stored) == secret
    monkeypatch.setitem(app.config, "SECRET_KEY", "another key of the service")
    assert decrypt(WEBHOOK_SECRETS, stored) is None


Talk = Callable[[Callable[[bytes], None]], None]
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# More than any limit of the service.
MUCH = 64 * 1024 * 1024


class Flood:
    """A receiver that reads a request and then talks as it likes. ``sent``: how many bytes the service took."""

    def __init__(self, talk: Talk) -> None:
        self._talk, self.sent = talk, 0

    def write(self, connection: socket.socket, data: bytes) -> None:
        """Send, and count what the other side let through."""
        connection.sendall(data)
        self.sent += len(data)

    @contextmanager
    def listening(self) -> Iterator[int]:
        """Serve one request; the port."""
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve() -> None:
                connection, _ = server.accept()
                with connection:
                    arrived = b""
                    while not arrived.endswith(BODY):
                        arrived += connection.recv(65_536)
                    try:
                        self._talk(lambda data: self.write(connection, data))
                    except OSError:
                        return

            thread = threading.Thread(target=serve)
            thread.start()
            yield server.getsockname()[1]
            thread.join()


def repeating(first: bytes, more: bytes) -> Talk:
    """So much of the same that only a limit ends it."""

    def talk(write: Callable[[bytes], None]) -> None:
        write(first)
        block = more * max(1, 65_536 // len(more))
        for _ in range(MUCH // len(block)):
            write(block)

    return talk


def answered(flood: Flood, timeout_s: float = 60) -> Attempt:
    with flood.listening() as port:
        return send(f"http://127.0.0.1:{port}/", {}, BODY, LOCAL, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("first", "more", "error"),
    [
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", DeliveryError.RESPONSE, id="interim responses"),
        pytest.param(HEAD, b"a: " + b"b" * 60_000 + b"\r\n", DeliveryError.RESPONSE, id="headers"),
        pytest.param(HEAD + b"a: ", b"b", DeliveryError.RESPONSE, id="one header"),
        pytest.param(b"HTTP/1.1 200 ", b"b", DeliveryError.RESPONSE, id="status line"),
        pytest.param(HEAD + b"\r\n", b"b", None, id="body"),
        pytest.param(CHUNKED, b"1\r\na\r\n", None, id="chunks"),
        pytest.param(CHUNKED, b"0", None, id="size of a chunk"),
        pytest.param(CHUNKED + b"0\r\n", b"a: b\r\n", None, id="trailers"),
    ],
)
def test_response_without_end_is_read_to_a_limit(first: bytes, more: bytes, error: DeliveryError | None) -> None:
    flood = Flood(repeating(first, more))
    assert answered(flood).error is error
    # What the kernel's buffers of both sides hold is sent without being read.
    assert flood.sent < MUCH // 2


def test_receiver_that_accepted_does_not_keep_the_thread_with_its_body() -> None:
    """The result is known with the headers: a body that trickles is not waited for until the deadline."""
    over = threading.Event()

    def trickle(write: Callable[[bytes], None]) -> None:
        write(HEAD + b"Content-Length: 1000\r\n\r\n")
        over.wait(60)

    with Flood(trickle).listening() as port:
        attempt = send(f"http://127.0.0.1:{port}/", {}, BODY, LOCAL, timeout_s=50)
        over.set()
    assert attempt.delivered
    assert attempt.duration_ms < 40_000


RESPONSES = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda status, name, value, rest: b"HTTP/1.1 %s x\r\n%s: %s\r\n\r\n%s" % (status, name, value, rest),
        st.sampled_from([b"200", b"503", b"429", b"100", b"099", b"1000", b"2_0", "٢٠٠".encode()]),
        st.sampled_from([b"Retry-After", b"Content-Length", b"Transfer-Encoding", b"Content-Type", b" folded", b""]),
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(
                [
                    b"9" * 5_000,
                    b"-1",
                    b"chunked",
                    b"(" * 5_000,
                    b"Wed, 15 Dec 99999999999 00:00:00 GMT",
                    b"Wed, 15 Dec 2027 00:00:00 -99999999999",
                    b"Fri, 31 Dec 9999 23:59:59 -2359",
                    b"Mon, 01 Jan 0001 00:00:00 +2359",
                    "٣٠".encode(),
                    "²".encode("latin-1"),
                ]
            ),
        ),
        st.sampled_from([b"", b"-5\r\n", b"7fffffffffffffffffff\r\nabc", b"zz\r\n", b"3;a=b\r\nabc\r\n0\r\n\r\n"]),
    ),
)


@given(RESPONSES)
def test_any_response_is_a_result_and_never_an_exception(response: bytes) -> None:
    """An exception would end the worker, which sends to everybody else."""
    attempt = answered(Flood(lambda write: write(response)))
    assert attempt.delivered is (attempt.error is None)
    assert attempt.asked.total_seconds() >= 0


PUBLIC = AllowedTargets()
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
