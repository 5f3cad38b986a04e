"""An OCSP responder and an NCANode that answer as a test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from tests.signatures.certificates import Holder

Answer = Callable[[bytes], tuple[int, bytes]]


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Serve on a free port; yields the address, and the path and body of each request."""
    asked: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, body))
            code, content = answer(body)
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ocsp_answer(
    status: ocsp.OCSPCertStatus,
    of: x509.Certificate,
    issuer: x509.Certificate,
    responder: Holder,
    *,
    age: timedelta = timedelta(),
    names_responder: bool = False,
    path: Sequence[x509.Certificate] = (),
) -> bytes:
    """Return a signed answer (DER) about a certificate; ``path``: other certificates that it has."""
    at = datetime.now(UTC) - age
    revoked = at if status is ocsp.OCSPCertStatus.REVOKED else None
    builder = ocsp.OCSPResponseBuilder().add_response(
        of, issuer, hashes.SHA1(), status, at, at + timedelta(hours=1), revoked, None
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
    if certificates := [*path, *([responder.certificate] if names_responder else [])]:
        builder = builder.certificates(certificates)
    return builder.sign(responder.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
