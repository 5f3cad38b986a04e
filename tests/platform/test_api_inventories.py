"""The platform inventory over HTTP."""

from __future__ import annotations

import io
from datetime import date

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from registry.agencies.models import Agency
from tests.api.callers import Caller
from tests.factories import a_project, audit_without_findings
from tests.present import Present


@pytest.fixture(autouse=True)
def _today(present: Present) -> None:
    present.set(date(2026, 6, 1))


def send(actor: Caller, *lines: str, **fields: str) -> TestResponse:
    content = "\n".join(["platform_key,agency,verified_on", *lines]).encode()
    return actor.form("/platform-inventories", {"file": FileStorage(io.BytesIO(content), "list.csv"), **fields})


def test_inventory_is_previewed_before_it_is_applied(reviewer: Caller, agency: Agency) -> None:
    number = a_project(agency, placement="on_platform", platform_key="k-1").number
    a_project(agency, placement="off_platform", platform_key="k-2")
    audit_without_findings()
    lines = (f"k-1,{agency.bin},2026-05-20", f"k-2,{agency.bin},2026-05-20", f"k-3,{agency.bin},2026-05-20", "k-4,1,x")

    dry = send(reviewer, *lines, dry_run="true")

    assert dry.status_code == 200
    preview = dry.get_json()
    assert {
        name: preview[name] for name in ("dry_run", "matched", "lost", "mismatched", "unregistered", "rejected")
    } == {
        "dry_run": True,
        "matched": 1,
        "lost": 0,
        "mismatched": 1,
        "unregistered": 1,
        "rejected": 1,
    }
    assert preview["rows"]["matched"] == [number]
    assert {error["row"] for error in preview["errors"]} == {5}
    assert all(error["message"] for error in preview["errors"])
    assert reviewer.get(f"/projects/{number}").get_json()["placement_verified_on"] is None
    applied = send(reviewer, *lines).get_json()
    assert applied == preview | {"dry_run": False}
    assert reviewer.get(f"/projects/{number}").get_json()["placement_verified_on"] == "2026-05-20"
