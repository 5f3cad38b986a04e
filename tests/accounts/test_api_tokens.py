"""``/tokens``, ``/accounts/{id}/tokens`` and ``/sessions``: created once, never wider, only one's own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.models import account_named
from registry.accounts.roles import Role, Scope
from registry.accounts.service import NewPerson, add_person, person_named
from registry.accounts.sessions import start_session
from registry.accounts.tokens import add_service_account, issue_own_token
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.http.idempotency import StoredResponse
from tests.api.callers import Caller, caller, codes
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency, in_session
from tests.present import Present

AsRole = Callable[..., Caller]


def limited(client: FlaskClient, role: Role, scopes: Collection[Scope], **limits: Any) -> Caller:
    """A person's token with these scopes."""
    name = f"{role.value} limited"
    if account_named(name) is None:
        add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD)
    account = account_named(name)
    assert account is not None
    actor = in_session(replace(an_actor(role, name=name), account_id=account.id))
    return Caller(client, issue_own_token(actor, scopes=scopes, **limits).text)


def test_new_token_is_shown_once_works_and_is_listed_without_its_secret(
    client: FlaskClient, editor: Caller, agency: Agency
) -> None:
    answer = editor.post("/tokens", {"scopes": ["read"], "expires_in": "12h", "addresses": ["127.0.0.1"]})
    body = answer.get_json()

    assert answer.status_code == 201 and answer.headers["Cache-Control"] == "no-store"
    assert (body["scopes"], body["addresses"], body["role"], body["agency"], body["status"]) == (
        *(["read"], ["127.0.0.1/32"], "agency_editor", agency.bin),
        "valid",
    )
    assert Caller(client, body["token"]).get("/me").get_json()["key_id"] == body["key_id"]
    listed = editor.get("/tokens").get_json()["items"]
    assert listed[0]["key_id"] == body["key_id"]
    assert all("token" not in item for item in listed) and body["token"] not in editor.get("/tokens").text


def test_repeated_creation_answers_without_the_token_and_stores_none(editor: Caller) -> None:
    first = editor.post("/tokens", {}, Idempotency_Key="k-1")
    again = editor.post("/tokens", {}, Idempotency_Key="k-1")
    assert (again.status_code, again.get_json()) == (201, {**first.get_json(), "token": None})
    secret = first.get_json()["token"].encode()[15:]
    assert all(secret not in (stored or b"") for stored in db.session.scalars(select(StoredResponse.body)))
    assert len(editor.get("/tokens").get_json()["items"]) == 2


def test_service_token_is_no_wider_than_the_token_that_asks(client: FlaskClient, agency: Agency) -> None:
    service = add_service_account(ADMINISTRATOR, "robot", Role.AGENCY_EDITOR, agency.id)
    path = f"/accounts/{service.id}/tokens"
    narrow = limited(client, Role.ADMINISTRATOR, [Scope.READ, Scope.ACCOUNTS_WRITE], lifetime=timedelta(days=1))

    created = narrow.post(path, {})
    wider = [narrow.post(path, {"scopes": ["projects:write"]}), narrow.post(path, {"expires_in": "2d"})]

    assert (created.status_code, created.get_json()["scopes"]) == (201, ["read"])
    assert {each for answer in wider for _, each in codes(answer)} == {"token-wider-than-token"}


def test_token_of_another_agency_is_not_there(as_role: AsRole, agency: Agency, administrator: Caller) -> None:
    service = add_service_account(ADMINISTRATOR, "robot", Role.AGENCY_VIEWER, an_agency().id)
    key_id = administrator.post(f"/accounts/{service.id}/tokens", {}).get_json()["key_id"]
    chief, viewer = as_role("agency_administrator", agency), as_role("agency_viewer", agency)
    for who in (chief, viewer):
        assert who.call("DELETE", f"/tokens/{key_id}").status_code == 404
        assert key_id not in who.get("/tokens").text
    assert chief.post(f"/accounts/{service.id}/tokens", {}).status_code == 404
    assert administrator.call("DELETE", "/tokens/nonsense%00").status_code == 404


def test_revoked_token_stops_at_once_and_may_revoke_itself(client: FlaskClient, editor: Caller) -> None:
    created = editor.post("/tokens", {"scopes": ["read", "accounts:write"]})
    made = Caller(client, created.get_json()["token"])
    key_id = created.get_json()["key_id"]
    answer = made.call("DELETE", f"/tokens/{key_id}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert made.get("/me").status_code == 401
    assert editor.call("DELETE", f"/tokens/{key_id}").status_code == 204
    assert editor.get("/tokens?status=revoked").get_json()["items"][0]["key_id"] == key_id


def test_filters_and_pages_of_tokens(administrator: Caller, agency: Agency, present: Present) -> None:
    service = add_service_account(ADMINISTRATOR, "robot", Role.AGENCY_VIEWER, agency.id)
    keys = [
        administrator.post(f"/accounts/{service.id}/tokens", {"expires_in": "12h"}).get_json()["key_id"] for _ in "abc"
    ]
    administrator.call("DELETE", f"/tokens/{keys[0]}")

    def listed(query: str) -> list[str]:
        return [item["key_id"] for item in administrator.get(f"/tokens?{query}").get_json()["items"]]

    assert listed("kind=service") == keys[::-1]
    assert listed("kind=service&status=valid&sort=id") == keys[1:]
    assert listed("role=agency_viewer&status=revoked") == [keys[0]]
    first = administrator.get("/tokens?kind=service&sort=expires_at&limit=2").get_json()
    assert [item["key_id"] for item in first["items"]] + listed(
        f"kind=service&sort=expires_at&cursor={first['next']}"
    ) == keys
    present.move(timedelta(hours=13))
    assert set(listed("status=expired")) == set(keys[1:])
    assert administrator.get("/tokens?status=lost").status_code == 400


def test_sessions_are_the_own_ones_and_end_one_by_one(client: FlaskClient, agency: Agency) -> None:
    who = caller(client, Role.AGENCY_VIEWER, agency, name="a.serikova")
    other = caller(client, Role.AGENCY_VIEWER, agency, name="b.other")
    person = person_named("a.serikova")
    assert person is not None
    with transaction():
        for address in ("10.0.0.1", "10.0.0.2"):
            start_session(person.id, address, device="Firefox, Windows")

    listed = who.get("/sessions").get_json()

    assert {(item["device"], item["address"], item["factor_kind"]) for item in listed["items"]} == {
        ("Firefox, Windows", "10.0.0.1", None),
        ("Firefox, Windows", "10.0.0.2", None),
    }
    assert listed["next"] is None and other.get("/sessions").get_json()["items"] == []
    path = f"/sessions/{listed['items'][0]['id']}"
    assert other.call("DELETE", path).status_code == 404
    assert who.call("DELETE", path).status_code == 204
    assert who.call("DELETE", path).status_code == 404
    assert len(who.get("/sessions").get_json()["items"]) == 1
