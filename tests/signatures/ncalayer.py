"""A local NCALayer: the WebSocket server of the signing program, with the key of one person."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import trustme

from tests.signatures.certificates import Holder, as_ber
from tests.signatures.time_stamps import by_hand, stamped

PORT = 13579
# RFC 6455, 1.3.
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VERSION = {"result": {"version": "1.4"}}


class NcaLayer:
    """``holder``: who signs, None for whoever closes the window. ``authority``: who adds time stamps, if anybody does.

    ``has_stamps``: the server of time stamps answers. ``asked``: the requests.
    """

    def __init__(self, holder: Holder | None, authority: Holder | None = None, *, has_stamps: bool = True) -> None:
        self.holder, self.authority, self.has_stamps = holder, authority, has_stamps
        self.asked: list[dict[str, Any]] = []

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer of the module ``kz.gov.pki.knca.basics``."""
        self.asked.append(request)
        if self.holder is None:
            return {"status": True, "body": {}}
        if "tsaProfile" in request["args"]["signingParams"] and not self.has_stamps:
            return {"status": False, "code": "500", "message": "tsp.kncc.kz: connect timed out"}
        cms = self.holder.sign(base64.b64decode(request["args"]["data"]))
        if self.authority is not None:
            cms = stamped(cms, by_hand(cms, self.authority))
        return {"status": True, "body": {"result": [base64.b64encode(as_ber(cms)).decode()]}}

    def serve(self, connection: ssl.SSLSocket) -> None:
        """One page that is open: handshake, version, requests."""
        with suppress(OSError, ValueError), connection, connection.makefile("rb") as file:
            key = b""
            while line := file.readline().strip():
                if line.lower().startswith(b"sec-websocket-key:"):
                    key = line.partition(b":")[2].strip()
            accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
            head = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
            connection.sendall("\r\n".join((*head, f"Sec-WebSocket-Accept: {accept}", "", "")).encode())
            connection.sendall(frame(VERSION))
            while (kind := file.read(1)) and kind[0] & 0x0F == 1:
                connection.sendall(frame(self.answer(json.loads(unmasked(file)))))


def frame(message: dict[str, Any]) -> bytes:
    """A text that the server sends."""
    text = json.dumps(message).encode()
    size = bytes([len(text)]) if len(text) < 126 else b"\x7e" + len(text).to_bytes(2)
    return b"\x81" + size + text


def unmasked(file: Any) -> bytes:
    """The text of a frame of the browser, after its first byte."""
    size = file.read(1)[0] & 0x7F
    if size >= 126:
        size = int.from_bytes(file.read(2 if size == 126 else 8))
    mask = file.read(4)
    return bytes(each ^ mask[place % 4] for place, each in enumerate(file.read(size)))


@contextmanager
def ncalayer(holder: Holder | None, authority: Holder | None = None, *, has_stamps: bool = True) -> Iterator[NcaLayer]:
    """Run it for the duration of the block, at the only address that pages may connect to."""
    layer, tls = NcaLayer(holder, authority, has_stamps=has_stamps), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    listening = socket.create_server(("127.0.0.1", PORT))

    def run() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with suppress(OSError):
                layer.serve(tls.wrap_socket(connection, server_side=True))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield layer
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)
