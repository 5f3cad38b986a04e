"""HTTP message boundaries as in RFC 9112, so that a proxy and the service agree on them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.fixtures.cli import CommandLine
from tests.running import PATIENCE_S, free_port, running

# Parsing of requests does not depend on the database.
pytestmark = pytest.mark.sqlite_only
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def port(registry: CommandLine) -> Iterator[int]:
    """Return the port of ``registry serve``."""
    chosen = free_port()
    with running(registry, "serve", REGISTRY_PORT=str(chosen)):
        yield chosen


def statuses(port: int, headers: bytes, body: bytes) -> list[bytes]:
    """Return the statuses of a POST with these headers and a following GET on one connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        client.sendall(b"POST /healthz HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n" + body + LAST)
        answered = b"".join(iter(lambda: client.recv(65536), b""))
    return [part[:3] for part in answered.split(b"HTTP/1.1 ")[1:]]


def test_chunked_encoding_overrides_content_length(port: int) -> None:
    assert statuses(port, b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n") == [b"405", b"200"]
    assert statuses(port, b"Content-Length: 5\r\n", b"abcde") == [b"405", b"200"]


def test_ambiguous_length_is_rejected_and_connection_closed(port: int) -> None:
    assert statuses(port, b"Content-Length: 5\r\nContent-Length: 6\r\n", b"abcdef") == [b"400"]
    assert statuses(port, b"Content-Length: +5\r\n", b"abcde") == [b"400"]
    assert statuses(port, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n") == [b"501"]
    assert statuses(port, b"Transfer-Encoding: chunked\r\n", b"0x5\r\nabcde\r\n0\r\n\r\n") == [b"400"]
