"""Downloads whose database fails: before the first piece with an answer, later in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import OperationalError

from registry.projects import api as exports
from tests.api.callers import Caller, code


def failing_after(monkeypatch: pytest.MonkeyPatch, *pieces: bytes) -> None:
    def lines(*_: object) -> Iterator[bytes]:
        yield from pieces
        raise OperationalError("SELECT", {}, ConnectionError("terminating connection"))

    monkeypatch.setattr(exports, "export_ndjson", lines)


def test_download_that_fails_before_its_first_piece_is_an_answer_of_its_own(
    editor: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_after(monkeypatch)
    answer = editor.get("/exports/projects.ndjson")
    assert (answer.status_code, code(answer)) == (503, "database-unavailable")
    assert editor.get("/projects").status_code == 200


def test_download_that_breaks_off_is_logged(
    editor: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing_after(monkeypatch, b"{}\n")
    answer = editor.get("/exports/projects.ndjson")
    with caplog.at_level(logging.ERROR), pytest.raises(OperationalError):
        _ = answer.data
    assert "a download broke off" in caplog.messages
    assert editor.get("/projects").status_code == 200
