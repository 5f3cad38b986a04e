"""Import of the platform inventory."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from registry.accounts.roles import Actor, Role
from registry.agencies.models import Agency
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.journal.service import JournalEntry
from registry.platform.confirmations import confirmations_of, verify_placement
from registry.platform.inventory import apply_inventory
from registry.platform.models import Inventory
from registry.projects.models import Project
from registry.projects.revisions import history
from registry.projects.service import restrict_project
from tests.factories import a_project, an_actor, an_agency
from tests.imports.tables import DATA, csv_of
from tests.imports.test_projects import run_import, stored

OPERATOR = an_actor(Role.OPERATOR)
DAY = date(2026, 10, 1)


def listed(key: str, agency: str, on: str = DAY.isoformat()) -> dict[str, str]:
    return {"platform_key": key, "agency": agency, "verified_on": on}


def apply(*rows: dict[str, str], dry_run: bool = False, actor: Actor = OPERATOR) -> dict[str, Any]:
    return apply_inventory(actor, "list.csv", csv_of(*rows), dry_run)


def totals(summary: dict[str, Any]) -> tuple[int, int, int, int]:
    return summary["matched"], summary["lost"], summary["mismatched"], summary["unregistered"]


def on_platform(agency: Agency, key: str | None, **values: Any) -> Project:
    return a_project(agency, **({"placement": "on_platform", "platform_key": key} | values))


def verified(agency: Agency, key: str, actor: Actor = OPERATOR) -> Project:
    project = on_platform(agency, key)
    with transaction():
        return verify_placement(actor, project, key, DAY, "акт")


def verified_on(project: Project) -> date | None:
    return db.session.execute(db.select(Project.placement_verified_on).where(Project.id == project.id)).scalar_one()


def test_real_inventory_verifies_291_projects_and_finds_12_unregistered(app: Flask) -> None:
    run_import((DATA / "agencies.csv").read_bytes(), kind="agencies")
    run_import((DATA / "projects.csv").read_bytes())
    content = (DATA / "platform-inventory.csv").read_bytes()
    dry = apply_inventory(OPERATOR, "list.csv", content, True)
    assert totals(dry) == (291, 0, 0, 12)
    assert totals(apply_inventory(OPERATOR, "list.csv", content, False)) == (291, 0, 0, 12)
    counted = db.select(db.func.count()).select_from(Project).where(Project.placement_verified_on == DAY)
    assert db.session.scalar(counted) == 291
    before = stored()
    assert totals(apply_inventory(OPERATOR, "list.csv", content, False)) == (291, 0, 0, 12)
    assert (stored()[:2], stored()[2]) == (before[:2], before[2] + 1)


def test_matching_projects_are_verified_and_unlisted_ones_lose_it(app: Flask) -> None:
    agency, other = an_agency(), an_agency()
    match = on_platform(agency, "qt-1")
    reviewed = verified(agency, "qt-gone", an_actor(Role.REVIEWER))
    foreign = on_platform(other, "qt-1")
    moved = a_project(agency, placement="off_platform", platform_key="qt-2")
    keyless = on_platform(agency, None)
    summary = apply(listed("qt-1", agency.bin), listed("qt-2", agency.bin), listed("qt-3", agency.bin))
    assert totals(summary) == (1, 1, 2, 1)
    assert summary["rows"]["matched"] == [match.number]
    assert summary["rows"]["lost"] == [reviewed.number]
    assert [row["number"] for row in summary["rows"]["mismatched"]] == [foreign.number, moved.number]
    assert [row["platform_key"] for row in summary["rows"]["unregistered"]] == ["qt-3"]
    assert [verified_on(project) for project in (match, reviewed, foreign, moved, keyless)] == [
        DAY,
        None,
        None,
        None,
        None,
    ]
    for project, new in ((match, DAY.isoformat()), (reviewed, None)):
        last = history(project.id)[-1]
        assert (last["by"], last["changes"][0]["field"], last["changes"][0]["new"]) == (
            OPERATOR.principal,
            "placement_verified_on",
            new,
        )
    assert confirmations_of(match.id)[-1]["facts"] == {"verified_on": DAY.isoformat(), "platform_key": "qt-1"}
    actions = db.session.scalars(db.select(JournalEntry.action).order_by(JournalEntry.seq.desc()).limit(3)).all()
    assert actions == ["inventory.applied", "placement.verification-lost", "placement.verified"]


def test_dry_run_returns_the_same_summary_and_writes_nothing(app: Flask) -> None:
    agency = an_agency()
    match, gone = on_platform(agency, "qt-1"), verified(agency, "qt-gone")
    before = stored()
    dry = apply(listed("qt-1", agency.bin), dry_run=True)
    assert (totals(dry), dry["dry_run"]) == ((1, 1, 0, 0), True)
    assert (verified_on(match), verified_on(gone), stored()) == (None, DAY, before)
    assert db.session.scalar(db.select(Inventory.id)) is None
    assert {**apply(listed("qt-1", agency.bin)), "dry_run": True} == dry


def test_invalid_rows_are_reported_and_withdraw_no_verification(app: Flask) -> None:
    agency = an_agency()
    kept = [verified(agency, f"qt-{number}") for number in range(1, 5)]
    tomorrow = (today() + timedelta(days=1)).isoformat()
    summary = apply(
        listed("qt-0", agency.bin),
        listed("qt-0", agency.bin),
        listed("qt-1", agency.bin, "01.10.76"),
        listed("qt-2", "123"),
        listed("qt-3", "960140000061"),
        listed("qt-4", agency.bin, tomorrow),
        listed("", agency.bin),
        listed("qt-5", agency.bin, ""),
    )
    assert (totals(summary), summary["total"], summary["rejected"]) == ((0, 0, 0, 1), 8, 7)
    assert [(error["row"], error["column"], error["code"]) for error in summary["errors"]] == [
        (3, "platform_key", "platform-key-twice"),
        (4, "verified_on", "date-year-short"),
        (5, "agency", "bin-invalid"),
        (6, "agency", "agency-unknown"),
        (7, "verified_on", "date-after-today"),
        (8, "platform_key", "required"),
        (9, "verified_on", "required"),
    ]
    assert all(verified_on(project) == DAY for project in kept)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"platform_key,agency,verified_on\r\n",
        b"platform_key,agency,verified_on\r\nqt-1,123,2026-10-01\r\n",
        b"platform_key,agency\r\nqt-1,960140000061\r\n",
        b"platform_key,agency,verified_on,stage\r\n",
    ],
)
def test_empty_or_invalid_inventory_is_rejected_and_changes_nothing(app: Flask, content: bytes) -> None:
    project = verified(an_agency(), "qt-1")
    with pytest.raises(Invalid):
        apply_inventory(OPERATOR, "list.csv", content, False)
    assert verified_on(project) == DAY


def test_inventory_does_not_change_projects_invisible_to_the_actor(app: Flask) -> None:
    agency = an_agency()
    hidden = verified(agency, "qt-hidden")
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        restrict_project(supervisor, hidden, True, "решение")
    assert totals(apply(listed("qt-1", agency.bin))) == (0, 0, 0, 1)
    assert verified_on(hidden) == DAY
    assert totals(apply(listed("qt-1", agency.bin), actor=supervisor)) == (0, 1, 0, 1)
    assert verified_on(hidden) is None
