"""Calls one service within this process: ``python -m tests.benchmark.peers.worker wsgi|asgi MODULE:NAME``.

Reads a list of requests (``[method, target, token, body]``) from each line of stdin and writes a line of JSON: the
seconds of processor that this process took for all of them, and their answers. The standard library only: the peers'
environment has no package of the tests.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

Answer = tuple[int, bytes]
Request = tuple[str, str, str, bytes]
Call = Callable[[list[Request]], list[Answer]]


def main() -> None:
    """Serve the parent until it closes stdin."""
    # What a service logs must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module, _, name = sys.argv[2].partition(":")
    application = getattr(importlib.import_module(module), name)
    call = {"wsgi": wsgi, "asgi": asgi}[sys.argv[1]](application)
    for line in sys.stdin:
        requests = [(method, target, token, body.encode()) for method, target, token, body in json.loads(line)]
        used, began = time.process_time(), time.perf_counter()
        results = call(requests)
        measured = {"cpu": time.process_time() - used, "seconds": time.perf_counter() - began}
        shown = [[status, body.decode()] for status, body in results]
        answers.write(json.dumps(measured | {"answers": shown}) + "\n")
        answers.flush()


def wsgi(application: Callable[..., Iterable[bytes]]) -> Call:
    """Requests as a WSGI server passes them on."""

    def call(method: str, target: str, token: str, body: bytes) -> Answer:
        path, _, query = target.partition("?")
        status = ""

        def start_response(line: str, _headers: Any, _exc_info: Any = None) -> None:
            nonlocal status
            status = line

        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_ACCEPT": "application/json",
            "HTTP_AUTHORIZATION": f"Bearer {token}",
            "CONTENT_TYPE": "application/json" if body else "",
            "CONTENT_LENGTH": str(len(body)) if body else "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        response = application(environ, start_response)
        try:
            content = b"".join(response)
        finally:
            if hasattr(response, "close"):
                response.close()
        return int(status.split(" ")[0]), content

    return lambda requests: [call(*request) for request in requests]


def asgi(application: Callable[..., Any]) -> Call:
    """Requests as an ASGI server passes them on, in one event loop."""
    loop = asyncio.new_event_loop()

    async def ask(method: str, target: str, token: str, body: bytes) -> Answer:
        path, _, query = target.partition("?")
        status, pieces = 0, []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                pieces.append(message.get("body", b""))

        headers = [(b"host", b"localhost"), (b"accept", b"application/json")]
        headers.append((b"authorization", b"Bearer " + token.encode()))
        if body:
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
        }
        await application(scope, receive, send)
        return status, b"".join(pieces)

    # One task for all, as a server has: the threads that run the service's functions end with it.
    async def ask_all(requests: list[Request]) -> list[Answer]:
        return [await ask(*request) for request in requests]

    return lambda requests: loop.run_until_complete(ask_all(requests))


if __name__ == "__main__":
    main()
