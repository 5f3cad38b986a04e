"""Checks come in the order 401, 403, 404, 415, 428, 412, 422: each call mends what the one before was refused for."""

from __future__ import annotations

from collections.abc import Callable

from registry.agencies.service import Agency
from tests.api.callers import MERGE_PATCH, Caller, code
from tests.factories import a_project, an_agency


def test_a_patch_is_checked_in_the_order_of_the_contract(
    nobody: Caller, editor: Caller, agency: Agency, as_role: Callable[..., Caller]
) -> None:
    path = f"/projects/{a_project(agency).number}"
    stranger = as_role("agency_editor", an_agency())
    wrong = {"data": b'{"stage": "nonsense"}', "content_type": "text/plain"}
    patch = {**wrong, "content_type": MERGE_PATCH}
    tag = editor.get(path).headers["ETag"]

    assert nobody.call("PATCH", path, **wrong).status_code == 401
    assert as_role("reviewer").call("PATCH", path, **wrong).status_code == 403
    assert stranger.call("PATCH", path, **wrong).status_code == 404
    assert editor.call("PATCH", path, **wrong).status_code == 415
    assert editor.call("PATCH", path, **patch).status_code == 428
    assert editor.call("PATCH", path, **patch, headers={"If-Match": '"old"'}).status_code == 412
    assert editor.call("PATCH", path, **patch, headers={"If-Match": tag}).status_code == 422
    assert editor.patch(path, {"stage": "pilot"}, If_Match=tag).status_code == 200


def test_a_post_is_checked_in_the_order_of_the_contract(
    nobody: Caller, editor: Caller, reviewer: Caller, agency: Agency
) -> None:
    path = f"/projects/{a_project(agency).number}/placement-verification"
    missing = "/projects/QT-2026-9999999-9/placement-verification"
    text = {"data": b"{}", "content_type": "text/plain"}

    assert nobody.call("POST", missing, **text).status_code == 401
    assert editor.call("POST", missing, **text).status_code == 403
    assert reviewer.call("POST", missing, **text).status_code == 404
    assert reviewer.call("POST", path, **text).status_code == 415
    assert reviewer.post(path, {}).status_code == 422


def test_a_token_that_does_not_hold_is_told_as_such(editor: Caller, nobody: Caller) -> None:
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
