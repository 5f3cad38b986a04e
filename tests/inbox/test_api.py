"""The endpoints of the inbox."""

from __future__ import annotations

from datetime import date

from flask.testing import FlaskClient

from registry.accounts.roles import Role
from tests.cases.cast import case_of
from tests.factories import a_project, a_token, bearer
from tests.inbox.people import a_person, act, actor_named, audit
from tests.present import Present

API = "/api/v1"


def test_follower_reads_and_marks_the_inbox(client: FlaskClient, present: Present) -> None:
    present.set(date(2026, 7, 15))
    project = a_project()
    audit()
    case = case_of(project)
    own = bearer(a_token(Role.REVIEWER, name="reader"))
    assert client.put(f"{API}/cases/{case.id}/watch", headers=own).status_code == 204
    writer = a_person("writer", Role.REVIEWER)
    act(writer, case, "comment", "One")
    act(writer, case, "comment", "Two")

    page = client.get(f"{API}/inbox?unread=true&limit=1", headers=own)
    entry = page.get_json()["items"][0]

    assert page.headers["Link"].endswith('rel="next"')
    assert (entry["kind"], entry["case"], entry["project"], entry["by"]) == (
        "commented",
        case.id,
        project.number,
        "writer",
    )
    assert (entry["at"], entry["read_at"]) == ("2026-07-15T07:00:00.000000Z", None)
    assert entry["due_on"] == case.due_on.isoformat()
    marked = client.post(f"{API}/inbox/read", json={"entries": [entry["id"]]}, headers=own)
    assert marked.get_json() == {"marked": 1, "unread": 1}
    assert client.post(f"{API}/inbox/read", json={"all": True, "up_to": entry["id"]}, headers=own).get_json() == {
        "marked": 1,
        "unread": 0,
    }
    assert client.delete(f"{API}/cases/{case.id}/watch", headers=own).status_code == 204
    act(writer, case, "comment", "Three")
    assert client.get(f"{API}/inbox?unread=true", headers=own).get_json() == {
        "items": [],
        "next": None,
        "due_soon": [],
    }
    assert actor_named("reader").account_id is not None


def test_body_says_what_is_wrong(client: FlaskClient) -> None:
    own = bearer(a_token(Role.REVIEWER))
    sent = {
        "entries-or-all": {},
        "up-to-needs-all": {"entries": [1], "up_to": 4},
        "number-of-ids": {"entries": []},
    }
    for code, body in sent.items():
        answer = client.post(f"{API}/inbox/read", json=body, headers=own)
        assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (422, code)
