"""The export of the journal's chain, and its description: enough to verify it without the service."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from typing import Any

from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.settings import CHECKOUT
from tests.factories import a_project, a_token, bearer, restrict

PAGE = (CHECKOUT / "docs/reference/journal.md").read_text(encoding="utf-8")
PROGRAM = PAGE.partition("```python\n")[2].partition("```")[0]
VECTORS = re.findall(r"^    ([0-9a-f]{64})  (.+)$", PAGE, re.MULTILINE)


def exported(client: FlaskClient, token: str, query: str = "") -> bytes:
    answer = client.get(f"/api/v1/exports/journal.ndjson{query}", headers=bearer(token))
    assert (answer.status_code, answer.content_type) == (200, "application/x-ndjson")
    return answer.data


def entries_of(lines: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


def verified(lines: bytes) -> tuple[int, str]:
    ran = subprocess.run([sys.executable, "-I", "-c", PROGRAM], input=lines, capture_output=True, check=False)
    return ran.returncode, ran.stdout.decode().strip()


def test_vectors_of_the_page_have_their_hashes_and_follow_each_other() -> None:
    assert len(VECTORS) == 2
    assert [hashlib.sha256(text.encode()).hexdigest() for _, text in VECTORS] == [value for value, _ in VECTORS]
    assert [len(json.loads(text)) for _, text in VECTORS] == [12, 10]
    assert [json.loads(text)[-1] for _, text in VECTORS] == ["0" * 64, VECTORS[0][0]]


def test_export_verifies_by_the_program_of_the_page(client: FlaskClient) -> None:
    a_project()
    lines = exported(client, a_token(Role.SUPERVISOR))
    last = entries_of(lines)[-1]
    assert verified(lines) == (0, f"{last['seq']}:{last['hash']}")
    assert verified(lines.replace("Информационная".encode(), b"x", 1).replace(b"project.registered", b"x", 1))[0] == 1
    assert verified(b"".join(lines.splitlines(keepends=True)[:2] + lines.splitlines(keepends=True)[3:]))[0] == 1


def test_export_goes_on_after_a_number(client: FlaskClient) -> None:
    a_project()
    token = a_token(Role.SUPERVISOR)
    entries = entries_of(exported(client, token))
    assert entries_of(exported(client, token, "?after=2")) == entries[2:]
    for query in ("?after=-1", "?after=x", "?after=99999999999999999999"):
        assert client.get(f"/api/v1/exports/journal.ndjson{query}", headers=bearer(token)).status_code == 400


def test_entries_of_restricted_projects_are_redacted_and_the_chain_verifies(client: FlaskClient) -> None:
    project = a_project()
    restrict(project.number)
    lines = exported(client, a_token(Role.ADMINISTRATOR))
    entries = entries_of(lines)
    assert project.number.encode() not in lines
    redacted = [entry for entry in entries if entry["redacted"]]
    assert len(redacted) >= 2
    assert {entry["hashed"] for entry in redacted} == {None}
    assert verified(lines) == (0, f"{entries[-1]['seq']}:{entries[-1]['hash']}")
    whole = entries_of(exported(client, a_token(Role.SUPERVISOR)))
    assert not any(entry["redacted"] for entry in whole)
    assert [entry["hash"] for entry in whole][: len(entries)] == [entry["hash"] for entry in entries]
