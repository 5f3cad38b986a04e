"""Receivers that attack the service with their responses: none keeps it busy, fills its memory or stops a worker."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.webhooks.models import DeliveryError
from registry.webhooks.sender import AllowedTargets, Attempt, send

LOCAL = AllowedTargets(("127.0.0.0/8",))
BODY = b'{"type":"webhook.test"}'
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


@settings(max_examples=2 * settings.default.max_examples)
@given(RESPONSES)
def test_any_response_is_a_result_and_never_an_exception(response: bytes) -> None:
    """An exception would end the worker, which sends to everybody else."""
    attempt = answered(Flood(lambda write: write(response)))
    assert attempt.delivered is (attempt.error is None)
    assert attempt.asked.total_seconds() >= 0
