"""Links between projects over HTTP: set, read, removed, and who sees them."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.journal.service import JournalEntry
from registry.projects.service import find_project_to_change, restrict_project
from tests.api.callers import Caller, code, codes
from tests.factories import a_project, an_actor
from tests.fixtures.web import SignedIn


def restrict(number: str) -> None:
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        restrict_project(supervisor, find_project_to_change(supervisor, number), True, "Secret")


def numbers(count: int, agency: Agency | None = None) -> list[str]:
    return [a_project(agency).number for _ in range(count)]


def link(caller: Caller, project: str, kind: str, target: str) -> int:
    answer = caller.post(f"/projects/{project}/links", {"kind": kind, "target": target})
    assert answer.status_code == 201, answer.data
    return int(answer.get_json()["id"])


def items(caller: Caller, number: str) -> list[tuple[str, str, str]]:
    answer = caller.get(f"/projects/{number}/links")
    assert answer.status_code == 200
    return [(item["project"], item["kind"], item["target"]) for item in answer.get_json()["items"]]


def test_link_shows_at_both_projects_and_is_journalled(reviewer: Caller, editor: Caller, agency: Agency) -> None:
    first, second = numbers(2, agency)

    answer = reviewer.post(f"/projects/{first}/links", {"kind": "duplicate_of", "target": second, "note": "Twice"})

    assert answer.status_code == 201
    body = answer.get_json()
    assert answer.headers["Location"] == f"/api/v1/projects/{first}/links/{body['id']}"
    assert (body["project"], body["kind"], body["target"], body["note"]) == (first, "duplicate_of", second, "Twice")
    assert body["added_by"]
    for number in (first, second):
        assert items(reviewer, number) == items(editor, number) == [(first, "duplicate_of", second)]
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "project.linked")).one()
    assert entry.subject == f"link:{body['id']}"
    assert json.loads(entry.details) == {
        "link_kind": "duplicate_of",
        "project": first,
        "target": second,
        "note": "Twice",
    }


def test_link_that_exists_is_returned_and_not_added_again(reviewer: Caller) -> None:
    first, second = numbers(2)

    assert link(reviewer, first, "part_of", second) == link(reviewer, first, "part_of", second)
    assert link(reviewer, second, "exchanges_data_with", first) == link(reviewer, first, "exchanges_data_with", second)

    assert len(items(reviewer, first)) == 2


def test_removed_link_is_gone_once_and_can_be_added_again(reviewer: Caller) -> None:
    first, second = numbers(2)
    path = f"/projects/{second}/links/{link(reviewer, first, 'replaces', second)}"

    assert [reviewer.call("DELETE", path).status_code for _ in range(2)] == [204, 204]

    assert items(reviewer, first) == []
    entries = select(JournalEntry).where(JournalEntry.action == "project.unlinked")
    assert len(db.session.scalars(entries).all()) == 1
    link(reviewer, first, "replaces", second)
    assert items(reviewer, first) == [(first, "replaces", second)]


@pytest.mark.parametrize("kind", ["duplicate_of", "part_of"])
def test_link_of_one_object_is_removed_by_two_people(
    reviewer: Caller, supervisor: Caller, administrator: Caller, kind: str
) -> None:
    first, second = numbers(2)
    number = link(reviewer, first, kind, second)
    path = f"/projects/{second}/links/{number}"

    assert codes(reviewer.call("DELETE", path)) == {("/reason", "required")}
    proposed = reviewer.call("DELETE", f"{path}?reason=Two%20objects")

    assert proposed.status_code == 202
    approval = proposed.get_json()
    assert (approval["kind"], approval["subject"], approval["project"]) == ("link_removal", f"link:{number}", second)
    assert approval["changes"] == [
        {"name": "link_kind", "before": kind, "after": None},
        {"name": "target", "before": first, "after": None},
    ]
    assert items(reviewer, first) == [(first, kind, second)]
    approve = f"{approval_of(proposed)}/approval"
    assert code(reviewer.post(approve, {})) == "needs-another-person"
    assert code(administrator.post(approve, {})) == "role-not-allowed"
    assert supervisor.post(approve, {}).status_code == 200
    assert items(reviewer, first) == []


def test_proposal_to_remove_a_link_hides_a_project_that_was_restricted_since(
    reviewer: Caller, supervisor: Caller
) -> None:
    first, second = numbers(2)
    path = f"/projects/{first}/links/{link(reviewer, first, 'part_of', second)}?reason=Other"
    approval = approval_of(reviewer.call("DELETE", path))
    restrict(second)

    assert second not in reviewer.get(approval).text
    assert code(supervisor.post(f"{approval}/approval", {})) == "approval-out-of-date"
    reviewer.post(f"{approval}/cancellation", {})
    again = supervisor.call("DELETE", path)
    assert (again.get_json()["project"], code(reviewer.get(approval_of(again)))) == (second, "approval-not-found")


def approval_of(proposed: TestResponse) -> str:
    return str(proposed.headers["Location"]).removeprefix("/api/v1")


def test_link_belongs_to_its_projects_only(reviewer: Caller) -> None:
    first, second, third = numbers(3)
    number = link(reviewer, first, "replaces", second)

    assert code(reviewer.call("DELETE", f"/projects/{third}/links/{number}")) == "link-not-found"
    assert code(reviewer.call("DELETE", f"/projects/{first}/links/{number + 1}")) == "link-not-found"


@pytest.mark.parametrize("kind", ["duplicate_of", "part_of", "replaces", "exchanges_data_with"])
def test_project_is_not_linked_to_itself(reviewer: Caller, kind: str) -> None:
    (number,) = numbers(1)

    assert codes(reviewer.post(f"/projects/{number}/links", {"kind": kind, "target": number})) == {
        ("/target", "link-to-itself")
    }


@pytest.mark.parametrize("kind", ["duplicate_of", "part_of", "replaces"])
def test_directed_links_make_no_circle(reviewer: Caller, kind: str) -> None:
    first, second, third = numbers(3)
    link(reviewer, first, kind, second)
    link(reviewer, second, kind, third)

    for number in (second, third):
        answer = reviewer.post(f"/projects/{number}/links", {"kind": kind, "target": first})
        assert answer.status_code == 409
        assert code(answer) == "link-circle"
    other = "replaces" if kind != "replaces" else "part_of"
    link(reviewer, third, other, first)


def test_link_with_a_restricted_project_is_hidden_like_the_project(
    reviewer: Caller, supervisor: Caller, editor: Caller, agency: Agency
) -> None:
    (open_,), (secret,) = numbers(1), numbers(1, agency)
    number = link(reviewer, open_, "part_of", secret)
    restrict(secret)

    assert items(reviewer, open_) == []
    assert items(supervisor, open_) == [(open_, "part_of", secret)]
    # The agency of the one sees nothing of the other.
    assert items(editor, secret) == []
    assert code(reviewer.call("DELETE", f"/projects/{open_}/links/{number}")) == "link-not-found"
    assert codes(reviewer.post(f"/projects/{open_}/links", {"kind": "part_of", "target": secret})) == {
        ("/target", "project-unknown")
    }
    read = select(JournalEntry.details).where(
        JournalEntry.action == "restricted.read", JournalEntry.subject == f"project:{secret}"
    )
    assert '{"what":"links"}' in set(db.session.scalars(read))


def test_journal_hides_links_of_restricted_projects(
    reviewer: Caller, supervisor: Caller, administrator: Caller
) -> None:
    first, second, third = numbers(3)
    hidden = [link(reviewer, first, "replaces", second), link(reviewer, second, "replaces", third)]
    shown = link(reviewer, first, "replaces", third)
    reviewer.call("DELETE", f"/projects/{first}/links/{hidden[0]}")
    restrict(second)
    restricted_both = link(supervisor, second, "exchanges_data_with", first)
    restrict(first)

    def subjects(caller: Caller) -> list[str]:
        read = caller.get("/journal?limit=500").get_json()["items"]
        return sorted(entry["subject"] for entry in read if entry["subject"].startswith("link:"))

    expected = sorted(f"link:{number}" for number in (hidden[0], hidden[0], hidden[1], shown, restricted_both))
    assert subjects(supervisor) == expected
    assert subjects(administrator) == []


def test_page_proposes_to_remove_a_link_of_one_object_and_removes_another_at_once(
    reviewer: Caller, signed_in: SignedIn
) -> None:
    first, second = numbers(2)
    of_object, other = (link(reviewer, first, kind, second) for kind in ("part_of", "replaces"))
    visit = signed_in(Role.REVIEWER)
    project = f"/projects/{first}"
    paths = [f"{project}/links/{number}/removal" for number in (of_object, other)]
    shown = visit.get(project).text
    assert f'<a class="govuk-link screen-only" href="{paths[0]}"' in shown and f'action="{paths[1]}"' in shown

    assert visit.send(paths[0], follow=False).status_code == 422
    proposed = visit.send(paths[0], follow=False, reason="Two objects")
    assert second in visit.get(proposed.headers["Location"]).text
    assert visit.send(paths[1], project, follow=False).status_code == 303

    assert items(reviewer, first) == [(first, "part_of", second)]
