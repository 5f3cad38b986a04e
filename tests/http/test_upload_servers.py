"""Files of every size through the two servers that ship: waitress (``registry serve``) and granian."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask

from registry.accounts.roles import Role
from tests.factories import a_bin, a_project, a_token
from tests.fixtures.cli import CommandLine
from tests.granian_server import granian
from tests.running import PATIENCE_S, free_port, running
from tests.uploads import MIB, SIZES, random_bytes, table_of_line_breaks

BOUNDARY = "of-the-tests"


@pytest.fixture(params=["waitress", "granian"])
def port(request: pytest.FixtureRequest, own_database: str, tmp_path: Path) -> Iterator[int]:
    """Where the server listens."""
    registry, port = CommandLine(own_database, tmp_path), free_port()
    with ExitStack() as stack:
        if request.param == "waitress":
            stack.enter_context(running(registry, "serve", REGISTRY_PORT=str(port)))
        else:
            stack.enter_context(granian(registry, port))
        yield port


def upload(port: int, token: str, path: str, content: bytes) -> tuple[int, dict[str, str]]:
    """Status and body of the answer."""
    part = 'Content-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/plain'
    body = f"--{BOUNDARY}\r\n{part}\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("POST", f"/api/v1{path}", body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.sqlite_only
def test_uploads_of_every_size_arrive_whole(own_app: Flask, port: int, nightly: bool) -> None:
    with own_app.app_context():
        token, number = a_token(Role.ADMINISTRATOR), a_project().number
    path = f"/projects/{number}/documents"
    # By day a file of one piece and one of many; the service itself takes each size in test_upload_sizes.py.
    for size in SIZES if nightly else (SIZES[0], SIZES[2]):
        table = table_of_line_breaks(("bin", "name_ru", "kind"), (a_bin(), "A", "local_executive"), size)
        for content in (random_bytes(size), table):
            status, body = upload(port, token, path, content)
            assert (status, body["sha256"]) == (201, hashlib.sha256(content).hexdigest())
    for size in (20 * MIB + 1, 21 * MIB):
        status, body = upload(port, token, path, random_bytes(size))
        assert (status, body["type"]) == (413, "urn:qaztech-registry:problem:payload-too-large")
