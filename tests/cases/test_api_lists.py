"""Lists of cases over HTTP: filters, pages, restricted cases, actions on several."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.audits.service import run_audit
from registry.core.database import db
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from tests.api.callers import Caller, caller
from tests.factories import a_project, an_actor, restrict
from tests.present import Present


@pytest.fixture(autouse=True)
def monday(present: Present) -> None:
    present.set(date(2026, 2, 16))


def test_case_list_filters(case: str, reviewer: Caller) -> None:
    for query, is_listed in [
        ("status=new", True),
        ("status=closed", False),
        ("severity=high", True),
        ("severity=low,medium", False),
        ("rule=freeze.creation", True),
        ("rule=freeze.legacy", False),
        ("region=71", True),
        ("region=75", False),
        ("sector=07", True),
        ("overdue=false", True),
        ("overdue=true", False),
        ("is_assigned=false", True),
        ("assignee=somebody", False),
        ("due_on=2026-03-17", True),
        ("due_on_to=2026-03-16", False),
        ("sort=-severity", True),
        ("sort=opened_at", True),
    ]:
        answer = reviewer.get(f"/cases?{query}")
        assert answer.status_code == 200
        assert bool(answer.get_json()["items"]) is is_listed, query


def test_case_is_overdue_day_after_due_date_and_pages_are_complete(
    reviewer: Caller, agency: Agency, present: Present
) -> None:
    for _ in range(5):
        a_project(agency)
    run_audit(an_actor(Role.OPERATOR))
    present.set(date(2026, 3, 18))
    later = caller(reviewer._client, Role.REVIEWER)
    seen, cursor = [], ""
    while True:
        page = later.get(f"/cases?overdue=true&limit=2{cursor}").get_json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == sorted(set(seen))
    assert len(seen) == 5


def test_restricted_case_is_hidden_and_each_read_is_journalled(
    case: str, project: Project, reviewer: Caller, supervisor: Caller, editor: Caller
) -> None:
    restrict(project.number)
    assert reviewer.get(case).status_code == 404
    assert reviewer.get("/cases").get_json()["items"] == []
    assert reviewer.post(f"{case}/claim", {}).status_code == 404
    assert supervisor.get(case).status_code == 200
    assert supervisor.get("/cases").get_json()["items"]
    assert editor.get(case).status_code == 200
    read = select(JournalEntry.details).where(
        JournalEntry.action == "restricted.read", JournalEntry.subject == f"project:{project.number}"
    )
    assert sorted(db.session.scalars(read)) == ['{"what":"case"}', '{"what":"case"}', '{"what":"cases"}']
