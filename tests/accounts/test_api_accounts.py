"""The API of accounts, tokens and sessions: representation, lists, changes, errors."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.account_changes import disable_account
from registry.accounts.models import Account, account_named
from registry.accounts.roles import Role, Scope
from registry.accounts.service import NewPerson, add_person, person_named
from registry.accounts.sessions import start_session
from registry.accounts.sign_in import sign_in
from registry.accounts.tokens import add_service_account, issue_own_token
from registry.agencies.models import Agency
from registry.cases.queries import find_case
from registry.core.database import db, transaction
from registry.http.responses import StoredResponse
from tests.api.callers import Caller, caller, code, codes
from tests.cases.cast import SAULE, under_review
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, a_service_token, an_actor, an_agency, in_session
from tests.present import Present


def a_person(name: str, role: Role = Role.AGENCY_VIEWER, agency: Agency | None = None, **values: Any) -> Account:
    new = NewPerson(name, role, None if agency is None else agency.id, **values)
    return add_person(ADMINISTRATOR, new, PASSWORD).account


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.data
    return [item["name"] for item in answer.get_json()["items"]]


def test_me_is_the_own_account_and_what_the_token_may(client: FlaskClient, agency: Agency) -> None:
    account = a_person("a.serikova", Role.AGENCY_EDITOR, agency, email="a@example.kz", language="ru")
    actor = in_session(replace(an_actor(Role.AGENCY_EDITOR, agency, "a.serikova"), account_id=account.id))
    issued = issue_own_token(actor, role=Role.AGENCY_VIEWER, scopes=[Scope.READ])

    body = Caller(client, issued.text).get("/me").get_json()

    created_at = body.pop("created_at")
    assert body.pop("changed_at") == created_at
    assert body == {
        "id": account.id,
        "reads_restricted": True,
        "kind": "person",
        "name": "a.serikova",
        "email": "a@example.kz",
        "language": "ru",
        "role": "agency_editor",
        "agency": agency.bin,
        "status": "active",
        "second_factor": False,
        "last_signed_in_at": None,
        "owner": None,
        "key_id": issued.key_id,
        "token_role": "agency_viewer",
        "scopes": ["read"],
        "permissions": [
            "agencies.read",
            "cases.read",
            "contracts.read",
            "exemptions.read",
            "orders.read",
            "own-account.read",
            "projects.read",
            "reports.read",
            "requests.read",
            "restricted.read",
        ],
    }


def test_agency_administrator_lists_the_own_subtree_and_auditors_all(client: FlaskClient, agency: Agency) -> None:
    below, foreign = an_agency(agency), an_agency()
    for name, where in (("own", agency), ("below", below), ("foreign", foreign)):
        a_person(name, Role.AGENCY_VIEWER, where)
    chief = caller(client, Role.AGENCY_ADMINISTRATOR, agency, name="chief")
    auditor = caller(client, Role.AUDITOR, name="auditor")

    assert names(chief.get("/accounts")) == ["below", "chief", "own"]
    assert set(names(auditor.get("/accounts"))) == {"auditor", "below", "chief", "foreign", "own"}
    foreign_id = account_named("foreign").id  # type: ignore[union-attr] # made above
    for method, path in (("GET", ""), ("POST", "/disabling"), ("POST", "/enabling")):
        assert chief.call(method, f"/accounts/{foreign_id}{path}").status_code == 404
    assert chief.patch(f"/accounts/{foreign_id}", {"language": "ru"}, If_Match="*").status_code == 404


def test_filters_of_accounts(administrator: Caller, agency: Agency, present: Present) -> None:
    below = an_agency(agency)
    a_person("Aigerim", Role.AGENCY_VIEWER, agency, email="Boss@Health.example.kz")
    a_person("Әсел Ёлкина", Role.AGENCY_EDITOR, below)
    a_person("saule", Role.SUPERVISOR)
    add_service_account(ADMINISTRATOR, "robot", Role.AGENCY_VIEWER, below.id)
    disable_account(ADMINISTRATOR, account_named("Aigerim").id)  # type: ignore[union-attr] # made above
    everybody = names(administrator.get("/accounts"))

    def listed(query: str) -> list[str]:
        return [name for name in names(administrator.get(f"/accounts?{query}")) if name in everybody[-9:]]

    assert listed("kind=service") == ["robot"]
    assert listed("role=supervisor") == ["saule"]
    assert listed("status=disabled") == ["Aigerim"]
    assert set(listed(f"agency={agency.bin}")) == {"Aigerim", "Әсел Ёлкина", "robot"}
    assert set(listed(f"agency={below.bin}")) == {"Әсел Ёлкина", "robot"}
    assert listed("agency=990340900110") == []
    assert listed("q=AIGER") == ["Aigerim"]
    assert listed("q=health.example") == ["Aigerim"]
    assert listed("q=ёлк") == listed("q=әСЕЛ ЁЛКИНА") == ["Әсел Ёлкина"]
    assert listed("q=a%25") == listed("q=nobody") == []
    assert listed(f"status=active&kind=person&agency={agency.bin}") == ["Әсел Ёлкина"]


def test_inactive_since_leaves_out_who_signed_in_used_a_token_or_is_new(
    client: FlaskClient, administrator: Caller, agency: Agency, present: Present
) -> None:
    now = present.move(timedelta())
    for name in ("sleeper", "works", "robot's owner"):
        a_person(name, Role.AGENCY_VIEWER, agency)
    robot = Caller(client, a_service_token(Role.AGENCY_VIEWER, agency, "robot"))
    day = (now + timedelta(days=30)).date()
    assert {"sleeper", "works", "robot"} <= set(names(administrator.get(f"/accounts?inactive_since={day}")))
    present.move(timedelta(days=31))
    sign_in("works", PASSWORD, "10.0.0.1", "r")
    a_person("new", Role.AGENCY_VIEWER, agency)
    fresh = Caller(client, a_service_token(Role.AGENCY_VIEWER, agency, "robot"))
    assert (robot.get("/me").status_code, fresh.get("/me").status_code) == (401, 200)
    reader = caller(client, Role.AUDITOR)

    listed = set(names(reader.get(f"/accounts?inactive_since={day}")))

    assert "sleeper" in listed and listed.isdisjoint({"works", "robot", "new"})


def test_created_person_gets_a_password_once_and_signs_in_with_it(administrator: Caller, agency: Agency) -> None:
    body = {"kind": "person", "name": "a.serikova", "role": "agency_editor", "agency": agency.bin}
    answer = administrator.post("/accounts", body, Idempotency_Key="k-1")
    created = answer.get_json()

    assert answer.status_code == 201 and answer.headers["Location"] == f"/api/v1/accounts/{created['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (created["name"], created["language"], created["status"]) == ("a.serikova", "kk", "active")
    assert sign_in("a.serikova", created["password"], "10.0.0.1", "r").secret
    read = administrator.get(answer.headers["Location"].removeprefix("/api/v1"))
    assert "password" not in read.get_json() and read.headers["ETag"] != answer.headers["ETag"]


def test_repeated_creation_answers_without_the_password_and_stores_none(administrator: Caller, agency: Agency) -> None:
    body = {"kind": "person", "name": "a.serikova", "role": "agency_editor", "agency": agency.bin}
    first = administrator.post("/accounts", body, Idempotency_Key="k-1")
    again = administrator.post("/accounts", body, Idempotency_Key="k-1")

    assert again.status_code == 201
    assert again.get_json() == {**first.get_json(), "password": None}
    assert {again.headers[name] for name in ("Cache-Control",)} == {"no-store"}
    password = first.get_json()["password"].encode()
    assert all(password not in (stored or b"") for stored in db.session.scalars(select(StoredResponse.body)))


def test_wrong_value_is_422_with_its_pointer(administrator: Caller, agency: Agency) -> None:
    for change, problem in [
        ({"kind": "robot"}, ("/kind", "not-a-choice")),
        ({"kind": None}, ("/kind", "required")),
        ({"name": " "}, ("/name", "required")),
        ({"name": "a:b"}, ("/name", "name-not-usable")),
        ({"name": "ROOT"}, ("/name", "name-reserved")),
        ({"name": 1}, ("/name", "expected-text")),
        ({"name": "x" * 201}, ("/name", "too-long")),
        ({"role": "king"}, ("/role", "not-a-choice")),
        ({"agency": None}, ("/agency", "role-needs-agency")),
        ({"agency": "1"}, ("/agency", "bin-invalid")),
        ({"agency": "990340900110"}, ("/agency", "agency-unknown")),
        ({"role": "auditor"}, ("/agency", "role-takes-no-agency")),
        ({"email": "nobody"}, ("/email", "email-invalid")),
        ({"language": "de"}, ("/language", "not-a-choice")),
        ({"language": None}, ("/language", "required")),
        ({"owner": "a.serikova"}, ("/owner", "field-of-services")),
        ({"status": "active"}, ("/status", "read-only-field")),
        ({"id": 1}, ("/id", "read-only-field")),
        ({"second_factor": True}, ("/second_factor", "read-only-field")),
        ({"is_admin": True}, ("/is_admin", "unknown-field")),
    ]:
        body = {"kind": "person", "name": "b.new", "role": "agency_viewer", "agency": agency.bin, **change}
        answer = administrator.post("/accounts", body)
        assert answer.status_code == 422 and codes(answer) == {problem}, change


def test_patch_changes_what_is_sent_and_needs_the_present_tag(administrator: Caller, agency: Agency) -> None:
    other = an_agency()
    account = a_person("a.serikova", Role.AGENCY_VIEWER, agency, email="a@example.kz")
    path = f"/accounts/{account.id}"
    tag = administrator.get(path).headers["ETag"]

    changed = administrator.patch(path, {"name": "a.akhmetova", "agency": other.bin, "email": None}, If_Match=tag)
    stale = administrator.patch(path, {"language": "ru"}, If_Match=tag)
    none = administrator.patch(path, {"language": "ru"})

    body = changed.get_json()
    assert changed.status_code == 200
    assert (body["name"], body["agency"], body["email"], body["role"]) == (
        "a.akhmetova",
        other.bin,
        None,
        "agency_viewer",
    )
    assert changed.headers["ETag"] == administrator.get(path).headers["ETag"] != tag
    assert (stale.status_code, none.status_code) == (412, 428)


def test_wrong_patch_is_422_with_its_pointer(administrator: Caller, agency: Agency) -> None:
    account = a_person("a.serikova", Role.AGENCY_VIEWER, agency)
    for change, problem in [
        ({"kind": "service"}, ("/kind", "read-only-field")),
        ({"password": "a long and quiet password"}, ("/password", "unknown-field")),
        ({"name": None}, ("/name", "required")),
        ({"role": "auditor"}, ("/agency", "role-takes-no-agency")),
        ({"owner": None}, ("/owner", "required")),
    ]:
        answer = administrator.change(f"/accounts/{account.id}", change)
        assert answer.status_code == 422 and codes(answer) == {problem}, change


def test_service_accounts_have_owners_and_manage_no_accounts(
    client: FlaskClient, administrator: Caller, agency: Agency
) -> None:
    a_person("a.serikova", Role.AGENCY_EDITOR, agency)
    body = {"kind": "service", "name": "e-queue", "role": "agency_viewer", "agency": agency.bin}
    created = administrator.post("/accounts", {**body, "owner": "a.serikova"}).get_json()
    assert (created["kind"], created["owner"], created["email"], created["language"], created["password"]) == (
        *("service", "a.serikova", None, None),
        None,
    )
    robot = Caller(client, a_service_token(Role.ADMINISTRATOR, name="robot"))
    pending = administrator.post("/accounts", {"kind": "person", "name": "r.new", "role": "reviewer"}).get_json()
    refused = robot.post("/accounts", {**body, "name": "other"})
    assert (refused.status_code, code(refused)) == (403, "accounts-need-a-person")
    # The scope that confirms is never a service account's.
    assert robot.post(f"/accounts/{pending['id']}/confirmation", {"role": "reviewer"}).status_code == 403


NOTHING = {"cases": 0, "drafts": 0, "reports": 0, "service_accounts": 0, "absences": 0}


def a_worker(name: str, role: Role = Role.REVIEWER, agency: Agency | None = None) -> Account:
    new = NewPerson(name, role, None if agency is None else agency.id)
    return add_person(ADMINISTRATOR, new, PASSWORD).account


def test_open_work_goes_to_the_named_person_in_one_step(administrator: Caller) -> None:
    giver, receiver = a_worker("aigerim"), a_worker("bolat")
    case = under_review(a_project())
    answer = administrator.post(f"/accounts/{giver.id}/handover", {"to": "bolat"})
    assert (answer.status_code, answer.get_json()) == (200, {**NOTHING, "cases": 1})
    assert find_case(SAULE, case.id).assignee == receiver.name == "bolat"
    again = administrator.post(f"/accounts/{giver.id}/handover", {"to": "bolat"})
    assert again.get_json() == NOTHING


AsRole = Callable[..., Caller]


def limited(client: FlaskClient, role: Role, scopes: Collection[Scope], **limits: Any) -> Caller:
    """A person's token with these scopes."""
    name = f"{role.value} limited"
    if account_named(name) is None:
        add_person(ADMINISTRATOR, NewPerson(name, role), PASSWORD)
    account = account_named(name)
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
