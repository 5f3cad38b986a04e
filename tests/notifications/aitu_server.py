"""A local bot API of Aitu that follows the public contract (https://btsdigital.github.io/bot-api-contract/).

One endpoint, ``/bot/v1/updates/``: POST takes at most ten commands, GET gives each update once. A request without the
token is not served.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from registry.notifications.settings import AituBot

TOKEN = "51ae2a07-22e6-4d60-8929-4aaa082127fa"
UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
PATH = "/bot/v1/updates/"


class AituApi:
    """The state of the API. ``fails``: status and body of every answer, whatever is asked; ``gone``: users who blocked
    the bot. ``before_answer`` is called once a message is taken. ``confirms``: whether MessageIdAssigned is sent.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str]] = []
        self.updates: list[dict[str, Any]] = []
        self.fails: tuple[int, str] | None = None
        self.gone: set[str] = set()
        self.before_answer: Callable[[], None] = lambda: None
        self.confirms = True
        self.url = ""

    @property
    def bot(self) -> AituBot:
        """The settings with which the service uses this API."""
        return AituBot(TOKEN, "qaztech_bot", self.url, "https://registry.tests")

    def texts_to(self, user_id: str) -> list[str]:
        """The texts of the messages to one user."""
        return [each["content"] for each in self.messages if each["recipient"]["id"] == user_id]

    def writes(self, user_id: str, content: str, dialog: str = "USER") -> None:
        """A user sends a message to the bot."""
        author = {"type": "USER", "id": user_id, "username": "aigerim", "firstName": "Айгерім", "lastName": "С."}
        self.updates.append(
            {
                "updateId": str(uuid4()),
                "type": "Message",
                "messageId": str(uuid4()),
                "sentAt": "2026-03-06T05:57:08.132Z",
                "author": author,
                "dialog": {"type": dialog, "id": user_id if dialog == "USER" else str(uuid4())},
                "content": content,
                "forwardMetadata": None,
                "media": [],
            }
        )

    def answer(self, method: str, path: str, token: str | None, body: bytes) -> tuple[int, str]:
        """Status and body of the answer to one request."""
        self.requests.append((method, path))
        if path != PATH:
            return 404, "no such endpoint"
        if token != TOKEN:
            return 401, "service is not authorized"
        if self.fails is not None:
            return self.fails
        if method == "GET":
            waiting, self.updates = self.updates, []
            return 200, json.dumps({"updates": waiting})
        return self._take(json.loads(body)["commands"])

    def _take(self, commands: list[dict[str, Any]]) -> tuple[int, str]:
        if len(commands) > 10:
            return 400, "maximum commands length is 10"
        for command in commands:
            recipient = command["recipient"]
            if command["type"] != "SendMessage" or recipient["type"] != "USER":
                return 400, "unknown command"
            if not UUID.fullmatch(recipient["id"]):
                return 400, "id is not a valid UUID"
            if len(command["content"].encode("utf-16-le")) > 2 * 4096:
                return 400, "content length should be <= 4096"
            if len(command["localId"]) > 255:
                return 400, "localId length should be <= 255"
            if recipient["id"] in self.gone:
                return 403, "dialog was not found"
        self.messages += commands
        if self.confirms:
            self.updates += [
                {
                    "updateId": str(uuid4()),
                    "type": "MessageIdAssigned",
                    "localId": each["localId"],
                    "dialog": each["recipient"],
                    "id": str(uuid4()),
                }
                for each in commands
            ]
        self.before_answer()
        return 200, ""


@contextmanager
def serving_aitu() -> Iterator[AituApi]:
    """Run the API on a local port for the duration of the block."""
    api = AituApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, text = api.answer(self.command, self.path, self.headers.get("x-bot-token"), body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere/")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}/bot/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
