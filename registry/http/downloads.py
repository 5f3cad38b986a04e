"""Downloads: tables, named with the day on which they were true, and documents."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

from flask import Response
from flask.globals import request_ctx

from registry.core.clock import today

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NDJSON: Final = "application/x-ndjson"
PDF: Final = "application/pdf"
PIECE: Final = 64 * 1024
log = logging.getLogger(__name__)


def csv_download(name: str, pieces: Iterable[bytes]) -> Response:
    """A CSV, sent as it is made."""
    made = Response(_in_context(pieces), content_type=f"{CSV}; charset=utf-8")
    return _named(made, name, "csv")


def ndjson_download(name: str, pieces: Iterable[bytes]) -> Response:
    """Lines of JSON objects, sent as they are made."""
    return _named(Response(_in_context(pieces), content_type=NDJSON), name, "ndjson")


def xlsx_download(name: str, write: Callable[[Path], None]) -> Response:
    """A workbook that ``write`` makes at the path it is given; what that raises, this raises."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.xlsx"
        write(path)
        # The open file outlives its name: it is gone when the answer is sent, or when the process dies.
        file = path.open("rb")
    made = Response(_pieces(file), content_type=XLSX)
    made.call_on_close(file.close)
    return _named(made, name, "xlsx")


def pdf_download(name: str, content: bytes) -> Response:
    """A PDF; the same document always has the same name."""
    response = Response(content, content_type=PDF)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return response


def _in_context(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, made in the context of this request, which stays open until the last one.

    Flask's ``stream_with_context`` enters it again after its teardown. That has ended the session: what is streamed
    would be read by another one, from the primary and with the timeouts of a short request. The first piece is made
    now, so that an error at it still is an answer: later ones can only break the download off, and are logged.
    """
    following = iter(pieces)
    first = next(following, b"")
    context = request_ctx._get_current_object()  # type: ignore[attr-defined] # as Flask's own function did until 3.1.2

    def in_context() -> Iterator[bytes]:
        with context:
            yield b""
            yield first
            try:
                yield from following
            except Exception:
                log.exception("a download broke off")
                raise

    made = in_context()
    # Enters the context now.
    next(made)
    return made


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _named(response: Response, name: str, ending: str) -> Response:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{today().isoformat()}.{ending}"'
    return response


def document_download(name: str, content: bytes) -> Response:
    """A document as a download, never with the sender's own type: no browser shows it as a page of this service."""
    response = Response(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return response
