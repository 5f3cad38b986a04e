"""The API of accounts: changes, and who may make them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role, Scope
from registry.accounts.tokens import issue_own_token
from registry.agencies.models import Agency
from tests.accounts.test_api_accounts import a_person
from tests.api.callers import Caller, caller, code, codes
from tests.factories import a_service_token, an_actor, an_agency, in_session


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


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "service"}, ("/kind", "read-only-field")),
        ({"created_at": "x"}, ("/created_at", "read-only-field")),
        ({"password": "a long and quiet password"}, ("/password", "unknown-field")),
        ({"name": None}, ("/name", "required")),
        ({"role": None}, ("/role", "required")),
        ({"role": "auditor"}, ("/agency", "role-takes-no-agency")),
        ({"agency": None}, ("/agency", "role-needs-agency")),
        ({"owner": None}, ("/owner", "required")),
        ({"email": "x@y"}, ("/email", "email-invalid")),
    ],
)
def test_wrong_patch_is_422_with_its_pointer(
    administrator: Caller, agency: Agency, change: dict[str, Any], problem: tuple[str, str]
) -> None:
    account = a_person("a.serikova", Role.AGENCY_VIEWER, agency)
    answer = administrator.change(f"/accounts/{account.id}", change)
    assert answer.status_code == 422 and codes(answer) == {problem}


def test_nobody_changes_the_own_account_by_this_way(administrator: Caller) -> None:
    own = f"/accounts/{administrator.get('/me').get_json()['id']}"
    answers = [
        administrator.patch(own, {"role": "supervisor"}, If_Match="*"),
        administrator.post(f"{own}/disabling", {}),
    ]
    assert {(answer.status_code, code(answer)) for answer in answers} == {(403, "not-yourself")}


def test_agency_administrator_makes_no_other_and_no_oversight(client: FlaskClient, agency: Agency) -> None:
    chief = caller(client, Role.AGENCY_ADMINISTRATOR, agency)
    body = {"kind": "person", "name": "x", "agency": agency.bin}
    peer = chief.post("/accounts", {**body, "role": "agency_administrator"})
    auditor = chief.post("/accounts", {**body, "role": "auditor", "agency": None})
    assert {(answer.status_code, code(answer)) for answer in (peer, auditor)} == {(403, "role-not-yours-to-give")}
    viewer = chief.post("/accounts", {**body, "role": "agency_viewer"}).get_json()
    promoted = chief.change(f"/accounts/{viewer['id']}", {"role": "agency_administrator"})
    assert (promoted.status_code, code(promoted)) == (403, "role-not-yours-to-give")


def test_disabling_and_enabling_end_tokens_and_keep_them_ended(
    client: FlaskClient, administrator: Caller, agency: Agency
) -> None:
    who = caller(client, Role.AGENCY_VIEWER, agency)
    path = f"/accounts/{who.get('/me').get_json()['id']}"
    disabled, enabled = administrator.post(f"{path}/disabling", {}), administrator.call("POST", f"{path}/enabling")
    assert (disabled.get_json()["status"], enabled.get_json()["status"]) == ("disabled", "active")
    assert who.get("/me").status_code == 401
    assert administrator.post(f"{path}/disabling", {"reason": "x"}).status_code == 422


def test_last_administrator_is_kept(client: FlaskClient) -> None:
    one, other = caller(client, Role.ADMINISTRATOR), caller(client, Role.ADMINISTRATOR)
    ids = [each.get("/me").get_json()["id"] for each in (one, other)]
    assert one.post(f"/accounts/{ids[1]}/disabling", {}).status_code == 200
    # A robot of the command line is no administrator that people could turn to.
    issued = a_service_token(Role.ADMINISTRATOR, name="robot")
    assert Caller(client, issued).post(f"/accounts/{ids[0]}/disabling", {}).status_code == 403
    assert one.get("/me").status_code == 200


def test_read_token_reads_accounts_and_changes_none(client: FlaskClient, agency: Agency) -> None:
    adil = a_person("adil", Role.ADMINISTRATOR)
    other = a_person("other", Role.AGENCY_VIEWER, agency)
    actor = in_session(replace(an_actor(Role.ADMINISTRATOR, name="adil"), account_id=adil.id))
    reader = Caller(client, issue_own_token(actor, scopes=[Scope.READ]).text)
    assert reader.get(f"/accounts/{other.id}").status_code == 200
    refused = [
        reader.post(f"/accounts/{other.id}/disabling", {}),
        reader.change(f"/accounts/{other.id}", {"language": "ru"}),
        reader.post("/accounts", {}),
    ]
    assert {(answer.status_code, code(answer)) for answer in refused} == {(403, "scope-not-granted")}


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
