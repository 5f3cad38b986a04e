"""Checks come in the order 401, 403, 428, 415, 400, 422, 404, 412: each call corrects the fault of the one before."""

from __future__ import annotations

from collections.abc import Callable

from registry.agencies.models import Agency
from tests.api.callers import MERGE_PATCH, Caller, code
from tests.factories import a_project, an_agency


def test_a_patch_is_checked_in_the_order_of_the_contract(
    nobody: Caller, editor: Caller, agency: Agency, as_role: Callable[..., Caller]
) -> None:
    path = f"/projects/{a_project(agency).number}"
    stranger = as_role("agency_editor", an_agency())
    wrong = {"data": b'{"stage": "nonsense"}', "content_type": "text/plain"}
    unreadable = {"data": b"{", "content_type": MERGE_PATCH}
    patch = {**wrong, "content_type": MERGE_PATCH}
    good = {"data": b'{"stage": "pilot"}', "content_type": MERGE_PATCH}
    tag = editor.get(path).headers["ETag"]
    old = {"headers": {"If-Match": '"old"'}}

    assert nobody.call("PATCH", path, **wrong).status_code == 401
    assert as_role("reviewer").call("PATCH", path, **wrong).status_code == 403
    assert stranger.call("PATCH", path, **wrong).status_code == 428
    assert stranger.call("PATCH", path, **wrong, **old).status_code == 415
    assert stranger.call("PATCH", path, **unreadable, **old).status_code == 400
    assert stranger.call("PATCH", path, **patch, **old).status_code == 404
    assert editor.call("PATCH", path, **patch, **old).status_code == 412
    assert editor.call("PATCH", path, **patch, headers={"If-Match": tag}).status_code == 422
    assert editor.call("PATCH", path, **good, headers={"If-Match": tag}).status_code == 200


def test_a_body_is_checked_before_the_entity_tag(administrator: Caller, agency: Agency) -> None:
    path, old = f"/agencies/{agency.bin}", '"old"'

    assert administrator.patch(path, {"region": "nonsense"}, If_Match=old).status_code == 422
    assert administrator.patch(path, {"region": "71"}, If_Match=old).status_code == 412


def test_a_post_is_checked_in_the_order_of_the_contract(
    nobody: Caller, editor: Caller, reviewer: Caller, agency: Agency
) -> None:
    path = f"/projects/{a_project(agency).number}/placement-verification"
    missing = "/projects/QT-2026-9999999-9/placement-verification"
    text = {"data": b"{}", "content_type": "text/plain"}
    good = {"platform_key": "k", "verified_on": "2026-01-12", "evidence": "List"}

    assert nobody.call("POST", missing, **text).status_code == 401
    assert editor.call("POST", missing, **text).status_code == 403
    assert reviewer.call("POST", missing, **text).status_code == 415
    assert reviewer.post(missing, {}).status_code == 422
    assert reviewer.post(missing, good).status_code == 404
    # The record says that it lives elsewhere.
    assert reviewer.post(path, good).status_code == 409


def test_invalid_token_is_reported_as_invalid(editor: Caller, nobody: Caller) -> None:
    missing = nobody.get("/projects")
    wrong = nobody.call("GET", "/projects", headers={"Authorization": "Bearer qtr_nonsense"})
    other = nobody.call("GET", "/projects", headers={"Authorization": "Basic YTpi"})

    assert (code(missing), missing.headers["WWW-Authenticate"]) == (
        "authentication-required",
        'Bearer realm="registry"',
    )
    assert code(wrong) == "token-not-accepted"
    assert wrong.headers["WWW-Authenticate"] == 'Bearer realm="registry", error="invalid_token"'
    assert code(other) == "authentication-required"


def test_an_address_or_method_that_does_not_exist_is_a_problem_too(editor: Caller) -> None:
    method = editor.call("DELETE", "/projects")

    assert code(editor.get("/nothing")) == "route-not-found"
    assert (method.status_code, code(method)) == (405, "method-not-allowed")
    assert set(method.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert editor.get("/projects/").status_code == 404


def test_head_answers_as_get_without_a_body(editor: Caller, agency: Agency) -> None:
    path = f"/projects/{a_project(agency).number}"

    head, get = editor.call("HEAD", path), editor.get(path)

    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["ETag"] == get.headers["ETag"]
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
