"""A local witness that follows C2SP tlog-witness, with its own reading of RFC 6962 and of notes."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNED_AT = 1_772_500_000


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_included(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2."""
    first, last, result = index, size - 1, leaf
    for each in path:
        if last == 0:
            return False
        if first % 2 or first == last:
            result = node(each, result)
            while first and first % 2 == 0:
                first, last = first >> 1, last >> 1
        else:
            result = node(result, each)
        first, last = first >> 1, last >> 1
    return last == 0 and result == root


def is_consistent(old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """RFC 9162, 2.1.4.2."""
    if old in (0, size):
        return not proof and (old == 0 or old_root == root)
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    first, last = old - 1, size - 1
    while first % 2:
        first, last = first >> 1, last >> 1
    if not path:
        return False
    before = after = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if first % 2 or first == last:
            before, after = node(each, before), node(each, after)
            while first and first % 2 == 0:
                first, last = first >> 1, last >> 1
        else:
            after = node(after, each)
        first, last = first >> 1, last >> 1
    return last == 0 and (before, after) == (old_root, root)


def key_id(name: str, kind: bytes, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]


class Witness:
    """Trusts one log, by its verifier key. ``size``, ``root``: of the last checkpoint that it signed."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        self.name, self.size, self.root = "witness.example/w1", 0, b""
        self.log_key = ""
        self.requests: list[str] = []
        self.url = ""

    @property
    def verifier_key(self) -> str:
        public = self.private.public_key().public_bytes_raw()
        named = key_id(self.name, b"\x04", public).hex()
        return f"{self.name}+{named}+{base64.b64encode(bytes([4]) + public).decode()}"

    def answer(self, path: str, body: str) -> tuple[int, str, str]:
        """Status, media type and body."""
        self.requests.append(body)
        if path != "/w/add-checkpoint":
            return 404, "text/plain", "no such call"
        head, _, note = body.partition("\n\n")
        old_line, *proof = head.split("\n")
        text, _, signatures = note.rpartition("\n\n")
        text += "\n"
        size, root = int(text.split("\n")[1]), base64.b64decode(text.split("\n")[2])
        if not self._is_signed(text, signatures):
            return 403, "text/plain", "no trusted signature"
        old = int(old_line.removeprefix("old "))
        if old != self.size:
            return 409, "text/x.tlog.size", f"{self.size}\n"
        if not is_consistent(old, size, [base64.b64decode(each) for each in proof], self.root, root):
            return 422, "text/plain", "the proof does not hold"
        self.size, self.root = size, root
        signed = self.private.sign(f"cosignature/v1\ntime {SIGNED_AT}\n{text}".encode())
        public = self.private.public_key().public_bytes_raw()
        data = key_id(self.name, b"\x04", public) + SIGNED_AT.to_bytes(8) + signed
        return 200, "text/plain", f"— {self.name} {base64.b64encode(data).decode()}\n"

    def _is_signed(self, text: str, signatures: str) -> bool:
        name, expected, encoded = self.log_key.split("+", 2)
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])
        for line in signatures.splitlines():
            _dash, signer, shown = line.split(" ")
            data = base64.b64decode(shown)
            if (signer, data[:4].hex()) == (name, expected):
                try:
                    public.verify(data[4:], text.encode())
                except InvalidSignature:
                    return False
                return True
        return False


@contextmanager
def serving_witness() -> Iterator[Witness]:
    """Run a witness on a local port; whatever else it gets under ``/plain`` it only keeps."""
    witness = Witness()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path == "/plain":
                witness.requests.append(body)
                status, media_type, text = 200, "text/plain", ""
            else:
                status, media_type, text = witness.answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    witness.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield witness
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
