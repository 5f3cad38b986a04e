"""Files of every size up to 20 MiB are taken, whatever bytes they hold; larger ones get a clear 413."""

from __future__ import annotations

import hashlib
import io

import pytest
from werkzeug.datastructures import FileStorage

from registry.agencies.models import Agency
from tests.api.callers import Caller, code
from tests.factories import a_bin, a_project
from tests.uploads import MIB, SIZES, random_bytes, table_of_line_breaks

# How much of a request is read hangs on no database.
pytestmark = pytest.mark.on_either

AGENCIES = ("bin", "name_ru", "kind"), ("Акимат", "local_executive")
INVENTORY = "platform_key", "agency", "verified_on"


def upload(caller: Caller, path: str, content: bytes, **fields: str) -> tuple[int, str]:
    """Status and, of an error, the code."""
    answer = caller.form(path, {**fields, "file": FileStorage(io.BytesIO(content), "table.csv")})
    return answer.status_code, code(answer) if answer.status_code >= 400 else ""


def agencies_of(size: int) -> bytes:
    columns, row = AGENCIES
    return table_of_line_breaks(columns, (a_bin(), *row), size)


@pytest.mark.parametrize("size", SIZES)
def test_document_upload_keeps_every_byte(editor: Caller, agency: Agency, size: int) -> None:
    path = f"/projects/{a_project(agency).number}/documents"
    for content in (random_bytes(size), agencies_of(size)):
        answer = editor.upload(path, content)
        assert answer.status_code == 201
        assert answer.get_json()["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", SIZES)
def test_import_upload_is_read_whole(administrator: Caller, size: int) -> None:
    assert upload(administrator, "/imports", agencies_of(size), kind="agencies") == (202, "")
    assert upload(administrator, "/imports", random_bytes(size), kind="agencies") == (422, "invalid")


@pytest.mark.parametrize("size", SIZES)
def test_inventory_upload_is_read_whole(reviewer: Caller, agency: Agency, size: int) -> None:
    table = table_of_line_breaks(INVENTORY, ("key-1", agency.bin, "2026-01-05"), size)
    assert upload(reviewer, "/platform-inventories", table, dry_run="true") == (200, "")
    assert upload(reviewer, "/platform-inventories", random_bytes(size)) == (422, "invalid")


def test_upload_over_20_mib_is_refused(administrator: Caller, reviewer: Caller) -> None:
    too_large = 413, "payload-too-large"
    for size in (20 * MIB + 1, 21 * MIB):
        assert upload(administrator, "/imports", agencies_of(size), kind="agencies") == too_large
        assert upload(reviewer, "/platform-inventories", random_bytes(size)) == too_large


def test_form_field_of_more_than_128_kib_is_refused(administrator: Caller) -> None:
    assert upload(administrator, "/imports", agencies_of(200), kind="x" * 129 * 1024) == (413, "payload-too-large")
