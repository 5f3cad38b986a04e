"""The migration that stores the freeze status fills it with what flags and the last good audit give."""

from __future__ import annotations

from datetime import date

from flask import Flask
from sqlalchemy import select

from registry.core.database import db
from registry.core.schema import downgrade_schema, upgrade_schema
from registry.projects.models import Project
from tests.audits.steps import OLD_SYSTEM, accept, audit, exempt, verify
from tests.factories import a_project, an_agency
from tests.present import Present

DAY = date(2026, 10, 5)


def stored() -> dict[str, tuple[str, str | None]]:
    rows = db.session.execute(select(Project.number, Project.freeze_status, Project.severity)).all()
    db.session.rollback()
    return {row[0]: (row[1], row[2]) for row in rows}


def test_migration_fills_freeze_status_and_severity(own_app: Flask, present: Present) -> None:
    present.set(DAY)
    with own_app.app_context():
        agency = an_agency()
        flagged, exempted, clear = a_project(agency), a_project(agency), a_project(agency, placement="on_platform")
        accepted, outside = a_project(agency, **OLD_SYSTEM), a_project(an_agency(kind="private"))
        exempt(exempted, DAY, DAY)
        verify(clear, DAY)
        audit()
        accept(accepted, "migration.overdue")
        unaudited = a_project(agency)
        expected = {
            flagged.number: ("flagged", "high"),
            exempted.number: ("exempt", "high"),
            clear.number: ("clear", None),
            accepted.number: ("accepted", "low"),
            outside.number: ("out_of_scope", None),
            unaudited.number: ("unaudited", None),
        }
        assert stored() == expected
        db.session.remove()
        downgrade_schema("2026_11_26_4")
        upgrade_schema()
        assert stored() == expected
