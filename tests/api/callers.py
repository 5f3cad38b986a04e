"""Callers of the API: a client that is signed in, and what it sends."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from tests.factories import a_token, bearer

BASE = "/api/v1"
MERGE_PATCH = "application/merge-patch+json"


class Caller:
    """Somebody with a token; ``headers`` by their names with underscores."""

    def __init__(self, client: FlaskClient, token: str | None) -> None:
        self._client = client
        self._token = token

    def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **request: Any) -> TestResponse:
        signed = {} if self._token is None else bearer(self._token)
        return self._client.open(BASE + path, method=method, headers={**signed, **(headers or {})}, **request)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.call("GET", path, headers=_named(headers))

    def post(self, path: str, body: object, **headers: str) -> TestResponse:
        return self.call("POST", path, json=body, headers=_named(headers))

    def put(self, path: str, body: object, **headers: str) -> TestResponse:
        return self.call("PUT", path, json=body, headers=_named(headers))

    def patch(self, path: str, body: object, **headers: str) -> TestResponse:
        return self.call("PATCH", path, json=body, content_type=MERGE_PATCH, headers=_named(headers))

    def change(self, path: str, body: object) -> TestResponse:
        """A patch from the state that is there now."""
        return self.patch(path, body, If_Match=self.get(path).headers["ETag"])

    def upload(self, path: str, content: bytes, name: str = "file.txt", **headers: str) -> TestResponse:
        return self.form(path, {"file": FileStorage(io.BytesIO(content), name, content_type="text/plain")}, **headers)

    def form(self, path: str, parts: Mapping[str, object], **headers: str) -> TestResponse:
        """A multipart body, made here: the client's own leaves its temporary file open."""
        boundary, data = encode_multipart(MultiDict(parts))
        content_type = f"multipart/form-data; boundary={boundary}"
        return self.call("POST", path, data=data, content_type=content_type, headers=_named(headers))


class Altered(Caller):
    """A caller whose requests go to another path, or name a state that is not there any more."""

    path: str | None = None
    tag: str | None = None

    def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **request: Any) -> TestResponse:
        tag = {} if self.tag is None else {"If-Match": self.tag}
        return super().call(method, self.path or path, headers={**(headers or {}), **tag}, **request)


def caller(client: FlaskClient, role: Role | str, agency: Agency | None = None, name: str | None = None) -> Caller:
    """A caller of a role with a token of its own."""
    return Caller(client, a_token(role, agency, name))


def codes(answer: TestResponse) -> set[tuple[str, str]]:
    """(pointer, code) of every problem that an answer names."""
    return {(problem["pointer"], problem["code"]) for problem in answer.get_json()["errors"]}


def code(answer: TestResponse) -> str:
    """The error code."""
    return str(answer.get_json()["type"]).rpartition(":")[2]


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def done(answer: Any) -> dict[str, Any]:
    """The content of an answer that succeeded."""
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()
