"""Deprecated operations say so in each response and in the specification, a year before they may go."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask

from registry.accounts.roles import Permission, Role
from registry.agencies.schemas import AGENCY
from registry.agencies.service import agency_by_bin
from registry.api import specification
from registry.api.blueprint import ApiBlueprint, Deprecation
from tests.api.callers import caller
from tests.factories import an_agency

NOTICE = Deprecation(date(2026, 12, 15), date(2027, 12, 15), "/api/v1/agencies")


def a_blueprint() -> ApiBlueprint:
    blp = ApiBlueprint("former", __name__, description="What will go.")

    @blp.route("/bodies/<bin>")
    @blp.requires(Permission.AGENCIES_READ)
    @blp.deprecated(NOTICE)
    @blp.doc(operationId="read_body")
    @blp.response(200, AGENCY)
    def read_body(bin: str) -> object:
        """Read an agency."""
        return agency_by_bin(bin)

    return blp


def test_responses_of_a_deprecated_operation_say_so_errors_too(own_app: Flask) -> None:
    own_app.register_blueprint(a_blueprint())
    with own_app.app_context():
        agency = an_agency()
        who = caller(own_app.test_client(), Role.AUDITOR)

        read, missing = who.get(f"/bodies/{agency.bin}"), who.get("/bodies/1")
        other = who.get(f"/agencies/{agency.bin}")

    assert [answer.status_code for answer in (read, missing, other)] == [200, 404, 200]
    for answer in (read, missing):
        assert answer.headers["Deprecation"] == "@1797292800"
        assert answer.headers["Sunset"] == "Wed, 15 Dec 2027 00:00:00 GMT"
        assert answer.headers.getlist("Link") == [
            '</api/v1/agencies>; rel="successor-version"',
            '</help/api#versions>; rel="deprecation"; type="text/html"',
        ]
    assert "Deprecation" not in other.headers


def test_specification_of_a_deprecated_operation_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specification, "BLUEPRINTS", (a_blueprint(),))

    operation = specification.make_specification()["paths"]["/api/v1/bodies/{bin}"]["get"]

    assert (operation["deprecated"], operation["x-sunset"], operation["x-successor"]) == (
        True,
        "2027-12-15",
        "/api/v1/agencies",
    )


def test_operation_stays_for_a_year_at_least() -> None:
    with pytest.raises(ValueError, match="stays for a year"):
        Deprecation(date(2026, 12, 15), date(2027, 12, 14), "/api/v1/agencies")
