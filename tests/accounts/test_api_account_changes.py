"""The API of accounts: changes, and who may make them."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from tests.accounts.test_api_accounts import a_person
from tests.api.callers import Caller, code, codes
from tests.factories import a_service_token, an_agency


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
