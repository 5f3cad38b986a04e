"""Request ids: made here; on every answer, log line and journal entry. What a caller sends stands beside them."""

from __future__ import annotations

import re
import uuid

from flask import Flask, Response, request

HEADER = "X-Request-ID"
# Kept with the request itself: flask.g outlives it wherever an application context was pushed before.
KEPT = "registry.request_id"
SHAPE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def init_request_ids(app: Flask) -> None:
    """Give every request an id and every answer its header."""

    @app.after_request
    def show(response: Response) -> Response:
        response.headers[HEADER] = request_id()
        return response


def request_id() -> str:
    """The id of the present request, always the service's own: a caller could send that of another request."""
    if KEPT not in request.environ:
        request.environ[KEPT] = uuid.uuid4().hex
    return str(request.environ[KEPT])


def client_request_id() -> str:
    """What the caller sent as ``X-Request-ID``, empty when nothing usable was sent."""
    sent = request.headers.get(HEADER, "")
    return sent if SHAPE.fullmatch(sent) else ""
