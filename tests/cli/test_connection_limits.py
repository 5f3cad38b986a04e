"""Connection limits of waitress: slow clients are disconnected, all others served."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from flask import Flask, Response, request

from registry.cli.serve import MAX_BODY_SIZE, THREADS, ConnectionLimits, WebServer
from tests.running import PATIENCE_S, get

HALF_A_HEADER = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "
HALF_A_BODY = b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf"
LARGE = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE_SIZE = 64 * 1024 * 1024


@pytest.fixture
def app() -> Flask:
    app = Flask("tests")

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/large")
    def large() -> Response:
        return Response((b"x" * 65536 for _ in range(LARGE_SIZE // 65536)), headers={"Content-Length": str(LARGE_SIZE)})

    @app.post("/form")
    def form() -> str:
        return request.form["name"]

    @app.errorhandler(413)
    def too_large(error: Exception) -> tuple[str, int]:
        return "In the language of the caller", 413

    app.config["MAX_CONTENT_LENGTH"] = 1024
    return app


@contextmanager
def served(app: Flask, limits: ConnectionLimits) -> Iterator[int]:
    server = WebServer(app, "127.0.0.1", 0, limits)
    stopping = threading.Event()
    thread = threading.Thread(target=server.serve_until, args=[stopping])
    thread.start()
    try:
        yield server.port
    finally:
        stopping.set()
        thread.join()


def connect(port: int, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    connection.sendall(sent)
    return connection


@pytest.mark.parametrize(
    ("sent", "limits"),
    [
        (HALF_A_HEADER, ConnectionLimits(header=0.2)),
        (HALF_A_BODY, ConnectionLimits(silence=0.2)),
        (HALF_A_BODY, ConnectionLimits(body=0.2)),
        (b"", ConnectionLimits(keep_alive=0.2)),
    ],
)
def test_slow_connection_is_closed(app: Flask, sent: bytes, limits: ConnectionLimits) -> None:
    with served(app, limits) as port, connect(port, sent) as slow:
        assert slow.recv(1) == b""


def test_slowly_dripping_header_is_closed(app: Flask) -> None:
    with served(app, ConnectionLimits(header=1)) as port, connect(port, HALF_A_HEADER) as slow:
        slow.settimeout(0.1)
        with pytest.raises(OSError, match=r"reset|pipe"):
            for _ in range(PATIENCE_S * 10):
                slow.sendall(b"x")
                try:
                    if slow.recv(1) == b"":
                        raise ConnectionResetError("reset: closed by the server")
                except TimeoutError:
                    continue


def test_unread_responses_free_their_workers(app: Flask) -> None:
    with ExitStack() as stack:
        port = stack.enter_context(served(app, ConnectionLimits(silence=1)))
        for _ in range(2 * THREADS):
            stack.enter_context(connect(port, LARGE))
        assert get(port, "/healthz") == {"status": "ok"}


def test_longest_idle_connections_are_closed_at_the_maximum(app: Flask) -> None:
    with ExitStack() as stack:
        port = stack.enter_context(served(app, ConnectionLimits(connections=20)))
        slow = [stack.enter_context(connect(port, HALF_A_HEADER)) for _ in range(60)]
        assert get(port, "/healthz") == {"status": "ok"}
        assert slow[0].recv(1) == b""


@pytest.mark.parametrize("framing", (f"Content-Length: {MAX_BODY_SIZE + 1}", "Transfer-Encoding: chunked"))
def test_body_over_the_limit_of_the_server_is_refused_by_the_application(app: Flask, framing: str) -> None:
    header = f"POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n{framing}\r\n\r\n"
    chunk = b"%x\r\n%b\r\n" % (MAX_BODY_SIZE, b"x" * MAX_BODY_SIZE) if "chunked" in framing else b""
    with served(app, ConnectionLimits()) as port, connect(port, header.encode() + chunk) as connection:
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ") and b"Connection: close" in answer
    assert answer.endswith(b"In the language of the caller")
