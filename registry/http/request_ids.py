"""Request ids: taken from ``X-Request-ID`` or made here; on every answer, log line and journal entry."""

from __future__ import annotations

import re
import uuid

from flask import Flask, Response, g, request

HEADER = "X-Request-ID"
SHAPE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def attach_request_ids(app: Flask) -> None:
    """Give every request an id and every answer its header."""

    @app.after_request
    def show(response: Response) -> Response:
        response.headers[HEADER] = request_id()
        return response


def request_id() -> str:
    """The id of the present request: the caller's own when it is usable, a fresh one otherwise."""
    if "request_id" not in g:
        sent = request.headers.get(HEADER, "")
        g.request_id = sent if SHAPE.fullmatch(sent) else uuid.uuid4().hex
    return str(g.request_id)
