"""The endpoints of saved views: who sees them, what they refuse, and their counts."""

from __future__ import annotations

from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import transaction
from registry.projects.service import find_project_to_change, restrict_project
from tests.api.callers import Caller, caller, code, codes
from tests.audits.steps import audit
from tests.factories import a_project, an_actor, an_agency

NEW = {"name": "New cases", "list": "cases", "query": {"status": "new", "sort": "-budget_kzt"}}
CREATIONS = {"name": "Creations", "list": "projects", "query": {"stage": "creation", "sort": "number"}}


def names(who: Caller, query: str = "") -> list[str]:
    """The names of the views that the caller sees."""
    return [view["name"] for view in who.get(f"/views{query}").get_json()["items"]]


def test_saved_view_has_filters_sort_and_a_count(reviewer: Caller, agency: Agency) -> None:
    a_project(agency)
    a_project(agency)
    audit()
    answer = reviewer.post("/views", NEW)

    saved = answer.get_json()
    assert answer.status_code == 201
    assert saved["query"] == {"status": "new", "sort": "-budget_kzt"}
    assert (saved["shared"], saved["is_own"], saved["count"], saved["problem"]) == (False, True, 2, None)
    assert reviewer.get("/views").get_json() == {"items": [saved], "next": None}
    assert reviewer.get("/views?list=projects").get_json()["items"] == []


def test_own_view_is_seen_by_its_owner_only(client: FlaskClient, reviewer: Caller) -> None:
    view = reviewer.post("/views", NEW).get_json()
    for role in (Role.SUPERVISOR, Role.REVIEWER, Role.ADMINISTRATOR):
        other = caller(client, role)
        assert names(other) == []
        assert other.call("DELETE", f"/views/{view['id']}").status_code == 404
    assert names(reviewer) == ["New cases"]


def test_shared_view_is_seen_on_its_side_only(client: FlaskClient, reviewer: Caller, agency: Agency) -> None:
    below, foreign = an_agency(parent=agency), an_agency()
    of_agency = caller(client, Role.AGENCY_VIEWER, agency)
    of_agency.post("/views", {**CREATIONS, "name": "Of the agency", "shared": True})
    reviewer.post("/views", {**CREATIONS, "name": "Of oversight", "shared": True})

    assert names(caller(client, Role.AUDITOR)) == ["Of oversight"]
    assert names(caller(client, Role.AGENCY_EDITOR, agency)) == ["Of the agency"]
    assert names(caller(client, Role.AGENCY_EDITOR, below)) == []
    assert names(caller(client, Role.AGENCY_EDITOR, foreign)) == []


def test_leader_sees_no_views_of_cases(client: FlaskClient, reviewer: Caller) -> None:
    reviewer.post("/views", {**NEW, "shared": True})
    reviewer.post("/views", {**CREATIONS, "shared": True})
    leader = caller(client, Role.LEADER)

    assert names(leader) == ["Creations"]
    assert leader.post("/views", {**NEW, "name": "Mine"}).status_code == 403


def test_count_is_of_what_the_reader_sees(client: FlaskClient, supervisor: Caller) -> None:
    hidden = a_project()
    a_project()
    with transaction():
        project = find_project_to_change(an_actor(Role.SUPERVISOR), hidden.number)
        restrict_project(an_actor(Role.SUPERVISOR), project, True, "Secret")
    assert supervisor.post("/views", {**CREATIONS, "shared": True}).get_json()["count"] == 2
    (seen,) = caller(client, Role.REVIEWER).get("/views").get_json()["items"]
    assert (seen["count"], seen["is_own"]) == (1, False)


def test_name_is_taken_once_an_owner(client: FlaskClient, reviewer: Caller) -> None:
    reviewer.post("/views", NEW)
    again = reviewer.post("/views", {**CREATIONS, "name": "New cases"})
    assert (again.status_code, code(again)) == (409, "view-name-taken")
    assert caller(client, Role.REVIEWER).post("/views", NEW).status_code == 201


def test_person_has_at_most_fifty_views(reviewer: Caller) -> None:
    for place in range(50):
        assert reviewer.post("/views", {**CREATIONS, "name": f"View {place}"}).status_code == 201
    refused = reviewer.post("/views", {**CREATIONS, "name": "View 50"})
    assert (refused.status_code, code(refused)) == (409, "too-many-views")
    counts = [view["count"] for view in reviewer.get("/views").get_json()["items"]]
    assert (counts[:10], set(counts[10:])) == ([0] * 10, {None})


def test_query_that_the_list_refuses_is_not_saved(reviewer: Caller) -> None:
    for list_name, query, problems in [
        ("cases", {"status": "lost"}, {("/query/status", "not-a-choice")}),
        ("cases", {"stage": "creation"}, {("/query/stage", "unknown-parameter")}),
        (
            "cases",
            {"sort": "name", "cursor": "a"},
            {("/query/sort", "not-a-choice"), ("/query/cursor", "unknown-parameter")},
        ),
        ("projects", {"budget_kzt_from": "much"}, {("/query/budget_kzt_from", "expected-whole-number")}),
        ("projects", {"agency": "123456789012", "below": "true"}, {("/query/agency", "bin-invalid")}),
        ("projects", {"below": "true"}, {("/query/below", "below-needs-agency")}),
        ("cases", {"status": "new", "below": "true"}, {("/query/below", "below-needs-agency")}),
        ("projects", {"kind": "royal"}, {("/query/kind", "not-a-choice")}),
        ("projects", {"a/b": "1"}, {("/query/a~1b", "unknown-parameter")}),
        ("projects", {}, {("/query", "expected-query")}),
        ("projects", {"stage": 1}, {("/query", "expected-query")}),
        ("projects", [], {("/query", "expected-query")}),
        ("letters", {"stage": "creation"}, {("/list", "not-a-choice")}),
    ]:
        refused = reviewer.post("/views", {"name": "Wrong", "list": list_name, "query": query})
        assert (refused.status_code, codes(refused)) == (422, problems), query
        assert names(reviewer) == []


def test_shared_view_is_deleted_by_its_owner_or_a_supervisor(client: FlaskClient, reviewer: Caller) -> None:
    first = reviewer.post("/views", {**NEW, "shared": True}).get_json()["id"]
    second = reviewer.post("/views", {**CREATIONS, "shared": True}).get_json()["id"]
    supervisor = caller(client, Role.SUPERVISOR)

    assert caller(client, Role.REVIEWER).call("DELETE", f"/views/{first}").status_code == 403
    assert reviewer.call("DELETE", f"/views/{first}").status_code == 204
    assert supervisor.call("DELETE", f"/views/{second}").status_code == 204
    assert names(reviewer) == []
    entries = supervisor.get(f"/journal?subject=saved-view:{second}").get_json()["items"]
    assert [(each["action"], each["details"]) for each in entries] == [
        ("saved-view.deleted", {"name": "Creations", "list": "projects"}),
        ("saved-view.added", {"name": "Creations", "list": "projects"}),
    ]


def test_administrator_of_an_agency_deletes_what_is_shared_in_it(
    client: FlaskClient, editor: Caller, agency: Agency
) -> None:
    view = editor.post("/views", {**CREATIONS, "shared": True}).get_json()["id"]
    of_another = caller(client, Role.AGENCY_ADMINISTRATOR, an_agency())
    assert of_another.call("DELETE", f"/views/{view}").status_code == 404
    assert caller(client, Role.AGENCY_VIEWER, agency).call("DELETE", f"/views/{view}").status_code == 403
    assert caller(client, Role.AGENCY_ADMINISTRATOR, agency).call("DELETE", f"/views/{view}").status_code == 204


def test_own_views_are_not_journalled(client: FlaskClient, reviewer: Caller) -> None:
    view = reviewer.post("/views", NEW).get_json()["id"]
    reviewer.call("DELETE", f"/views/{view}")
    entries = caller(client, Role.SUPERVISOR).get("/journal?limit=20").get_json()["items"]
    assert [each for each in entries if each["subject"].startswith("saved-view:")] == []
