"""Compression: pages, JSON, styles and tables by what the client accepts; never workbooks; entity tags still match."""

from __future__ import annotations

import gzip

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from tests.api.callers import BASE
from tests.factories import a_project, a_token, an_agency, bearer
from tests.fixtures.web import SignedIn, signed_in

__all__ = ["signed_in"]
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}


ENCODING = {
    "gzip, deflate, br, zstd": "zstd",
    "gzip, deflate, br": "br",
    "gzip, deflate": "gzip",
    # Excluded, though named.
    "gzip;q=1, br;q=0, zstd;q=0.000": "gzip",
    "*": "zstd",
    **dict.fromkeys(("deflate", "identity", "gzip;q=0", "gzip;q=0, identity", "zstd;q=0, *", "")),
}


def test_page_is_compressed_by_what_the_browser_accepts(client: FlaskClient) -> None:
    plain = client.get("/sign-in").data
    for accepted, encoding in ENCODING.items():
        answer = client.get("/sign-in", headers={"Accept-Encoding": accepted})

        assert answer.headers.get("Content-Encoding") == encoding, accepted
        assert "accept-encoding" in answer.vary.as_set()
        if encoding is not None:
            assert len(answer.data) < len(plain) / 2


def test_compressed_page_and_json_are_the_same_as_plain_ones(app: Flask) -> None:
    project = a_project()
    client = app.test_client()
    headers = bearer(a_token(Role.AUDITOR))
    path = f"{BASE}/projects/{project.number}"

    plain = client.get(path, headers=headers)
    packed = client.get(path, headers={**headers, "Accept-Encoding": "gzip"})
    smaller = client.get(path, headers={**headers, "Accept-Encoding": "br"})

    assert gzip.decompress(packed.data) == plain.data
    assert brotli.decompress(smaller.data) == plain.data
    assert (packed.headers["Content-Type"], int(packed.headers["Content-Length"])) == (
        "application/json",
        len(packed.data),
    )


def test_workbooks_are_not_compressed(signed_in: SignedIn) -> None:
    a_project()
    with signed_in(Role.AUDITOR).client.get("/projects.xlsx", headers=BROWSER) as answer:
        assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, None)


@pytest.mark.on_both
@pytest.mark.parametrize("name", ["projects.csv", "projects.ndjson", "history.ndjson", "agencies.csv"])
def test_tables_are_compressed_as_they_are_streamed(app: Flask, name: str) -> None:
    for _ in range(50):
        a_project()
    client, headers = app.test_client(), bearer(a_token(Role.AUDITOR))
    sent = {}
    for accepted in ("identity", "gzip", "br"):
        with client.get(f"{BASE}/exports/{name}", headers={**headers, "Accept-Encoding": accepted}) as answer:
            assert answer.is_streamed and "Content-Length" not in answer.headers
            sent[answer.headers.get("Content-Encoding")] = answer.data

    assert gzip.decompress(sent["gzip"]) == brotli.decompress(sent["br"]) == sent[None]
    assert len(sent["gzip"]) < len(sent[None]) / 4


def test_tag_of_a_compressed_response_gives_304_and_changes_the_project(app: Flask) -> None:
    agency = an_agency()
    project = a_project(agency)
    client, path = app.test_client(), f"{BASE}/projects/{project.number}"
    headers = {**bearer(a_token(Role.AGENCY_EDITOR, agency)), **BROWSER}
    merge_patch = "application/merge-patch+json"

    def rename(name: str, tag: str) -> int:
        sent = {**headers, "If-Match": tag}
        return client.patch(path, data=f'{{"name_en": "{name}"}}', content_type=merge_patch, headers=sent).status_code

    first = client.get(path, headers=headers)
    tag = first.headers["ETag"]
    unchanged = client.get(path, headers={**headers, "If-None-Match": tag})
    statuses = [rename("B", tag.replace(":zstd", ":xz")), rename("A", tag), rename("C", tag)]

    assert first.headers["Content-Encoding"] == "zstd" and tag.endswith(':zstd"')
    assert (unchanged.status_code, unchanged.headers["ETag"], unchanged.data) == (304, tag, b"")
    assert statuses == [412, 200, 412]


def test_style_sheet_is_compressed(client: FlaskClient) -> None:
    plain = client.get("/assets/registry.css")
    packed = client.get("/assets/registry.css", headers=BROWSER)

    assert packed.headers["Content-Encoding"] == "zstd"
    assert len(packed.data) < len(plain.data) / 2
