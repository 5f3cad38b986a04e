"""Three hundred slow clients in front of the shipped nginx and servers: all other clients are served promptly."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.projects.documents import add_document
from tests.factories import ADMINISTRATOR, a_project, a_token
from tests.faults.nginx_proxy import HOST, Proxy, nginx_before
from tests.fixtures.cli import CommandLine
from tests.granian_server import granian
from tests.running import PATIENCE_S, free_port, running

pytestmark = pytest.mark.at_length

EACH_KIND = 100
# Below the connection limit per address, so that this limit is not what protects the service.
ADDRESSES = [f"127.0.0.{number}" for number in range(10, 20)]
PROMPT_S = 5
DOCUMENT = b"x" * 2 * 1024 * 1024
HALF_A_HEADER = f"GET /healthz HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: "
HALF_A_BODY = (
    f"POST /sign-in HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\nname=half"
)


@pytest.fixture(params=["waitress", "granian"])
def proxy(request: pytest.FixtureRequest, registry: CommandLine, tmp_path: Path) -> Iterator[Proxy]:
    port, proxied = free_port(), {"REGISTRY_TRUSTED_PROXIES": "1"}
    folder = tmp_path / "nginx"
    folder.mkdir()
    with ExitStack() as stack:
        if request.param == "waitress":
            stack.enter_context(running(registry, "serve", REGISTRY_PORT=str(port), **proxied))
        else:
            stack.enter_context(granian(registry, port, **proxied))
        yield stack.enter_context(nginx_before(port, folder))


def connect(proxy: Proxy, sent: str, address: str = "127.0.0.1") -> ssl.SSLSocket:
    """Open a connection and send data; its buffer is small, so that unread data waits at the server."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(PATIENCE_S)
    plain.bind((address, 0))
    plain.connect(("127.0.0.1", proxy.port))
    connection = proxy.trust.wrap_socket(plain, server_hostname=HOST)
    connection.sendall(sent.encode())
    return connection


def first_bytes(connection: ssl.SSLSocket) -> bytes:
    """Return the first bytes from the server; empty when it closes the connection."""
    try:
        return connection.recv(12)
    except ConnectionResetError:
        return b""


def timed_request(
    proxy: Proxy, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, str]:
    """Return response and body; the time taken must be less than ``PROMPT_S``."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(HOST)
    connection.sock = connect(proxy, "")
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert time.monotonic() - began < PROMPT_S
    return answer, text


def sign_in(proxy: Proxy, password: str) -> int:
    page, text = timed_request(proxy, "GET", "/sign-in")
    token = re.search(r'name="csrf_token" value="([^"]+)"', text)
    cookie = "; ".join(each.partition(";")[0] for each in page.headers.get_all("Set-Cookie") or [])
    form = urlencode({"csrf_token": token[1], "name": "signs-in", "password": password})
    origin = f"https://{HOST}"
    kind = "application/x-www-form-urlencoded"
    return timed_request(proxy, "POST", "/sign-in", form, Cookie=cookie, Content_Type=kind, Origin=origin)[0].status


def test_slow_clients_do_not_delay_others(own_app: Flask, registry: CommandLine, proxy: Proxy) -> None:
    password = registry("users", "add", "--name", "signs-in", "--role", "auditor").out.strip()
    with own_app.app_context():
        project, token = a_project(), a_token(Role.ADMINISTRATOR)
        document = add_document(ADMINISTRATOR, project, "large.csv", "text/plain", DOCUMENT).id
        path = f"/api/v1/projects/{project.number}/documents/{document}"
    unread = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n\r\n"
    with ExitStack() as stack:
        slow = [
            stack.enter_context(connect(proxy, sent, ADDRESSES[number % len(ADDRESSES)]))
            for number in range(EACH_KIND)
            for sent in (HALF_A_HEADER, HALF_A_BODY, unread)
        ]
        assert len(slow) == 300
        for _ in range(3):
            assert timed_request(proxy, "GET", "/healthz")[0].status == 200
            assert sign_in(proxy, password) == 303
        # Limits on headers (10 seconds) and on silent bodies (15) end them; nginx answers 408.
        for connection in (*slow[0::3], *slow[1::3]):
            assert first_bytes(connection) in (b"", b"HTTP/1.1 408")
        assert timed_request(proxy, "GET", "/healthz")[0].status == 200


def test_one_address_gets_64_concurrent_requests(proxy: Proxy) -> None:
    with ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(connect(proxy, HALF_A_BODY, ADDRESSES[0]))
        over = stack.enter_context(connect(proxy, HALF_A_BODY, ADDRESSES[0]))
        assert over.recv(12) == b"HTTP/1.1 429"
        assert timed_request(proxy, "GET", "/healthz")[0].status == 200


def test_proxy_redirects_to_tls_and_overwrites_forwarded_headers(own_app: Flask, proxy: Proxy) -> None:
    answer, _ = timed_request(proxy, "GET", "/sign-in", X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="http")
    assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000; includeSubDomains"]
    assert "Secure" in (answer.headers["Set-Cookie"] or "")
    assert timed_request(proxy, "GET", "/metrics")[0].status == 404
    plain = http.client.HTTPConnection("127.0.0.1", proxy.plain_port)
    for path, expected in (("/sign-in", (301, f"https://{HOST}/sign-in")), ("/api/v1/projects", (403, None))):
        plain.request("GET", path)
        led = plain.getresponse()
        led.read()
        assert (led.status, led.headers["Location"]) == expected
    plain.close()


def test_body_over_the_limit_is_rejected_by_the_proxy(proxy: Proxy) -> None:
    too_large = f"POST /api/v1/imports HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 104857600\r\n\r\n"
    with connect(proxy, too_large) as connection:
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")
        assert b"At most 20 MiB are taken." in answer.read()
