"""Sending one message: what a receiver can do to the service, and what it cannot."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from registry.webhooks.models import DeliveryError
from registry.webhooks.sender import AllowedTargets, Attempt, send
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
