"""``/me`` and ``/accounts``: representation, lists, creation, confirmation, and everything that is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.account_changes import disable_account
from registry.accounts.models import Account, account_named
from registry.accounts.roles import Role, Scope
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sign_in import sign_in
from registry.accounts.tokens import add_service_account, issue_own_token
from registry.agencies.models import Agency
from registry.core.database import db
from registry.http.idempotency import StoredResponse
from tests.api.callers import Caller, caller, codes
from tests.factories import ADMINISTRATOR, PASSWORD, a_service_token, an_actor, an_agency, in_session
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
            "exemptions.read",
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


@pytest.mark.parametrize(
    ("change", "problem"),
    [
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
    ],
)
def test_wrong_value_is_422_with_its_pointer(
    administrator: Caller, agency: Agency, change: dict[str, Any], problem: tuple[str, str]
) -> None:
    body = {"kind": "person", "name": "b.new", "role": "agency_viewer", "agency": agency.bin, **change}
    answer = administrator.post("/accounts", body)
    assert answer.status_code == 422 and codes(answer) == {problem}
