"""Documents of an exemption: for whoever sees it, added by whoever records exemptions."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.exemptions.models import Exemption
from registry.exemptions.service import record_exemption
from tests.api.callers import Caller, caller, code, codes
from tests.cases.cast import SAULE
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present

PDF = b"%PDF-1.7 decision"
DAY = date(2026, 9, 30)


@pytest.fixture
def agency(client: FlaskClient, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


@pytest.fixture
def exemption(agency: Agency) -> Exemption:
    days = dict.fromkeys(("decided_on", "valid_from", "valid_to"), DAY)
    return record_exemption(SAULE, {"project": a_project(agency).number, "decision_number": "5-1", **days})


def add(who: Caller, exemption: Exemption, content: bytes = PDF, **fields: object) -> Any:
    file = FileStorage(io.BytesIO(content), "decision.pdf", content_type="application/pdf")
    return who.form(f"/exemptions/{exemption.id}/documents", {**fields, "file": file})


def test_a_supervisor_adds_and_the_agency_reads(client: FlaskClient, agency: Agency, exemption: Exemption) -> None:
    added = add(caller(client, Role.SUPERVISOR), exemption, kind="act", outgoing_number="5-1")
    viewer = caller(client, Role.AGENCY_VIEWER, agency)

    items = viewer.get(f"/exemptions/{exemption.id}/documents").get_json()["items"]
    content = viewer.get(f"/exemptions/{exemption.id}/documents/{items[0]['id']}")

    assert added.status_code == 201
    assert [(each["name"], each["kind"], each["outgoing_number"]) for each in items] == [("decision.pdf", "act", "5-1")]
    assert content.get_data() == PDF
    assert viewer.get(f"/projects/{exemption.project}/documents").get_json()["items"] == []


def test_nobody_else_adds_or_reads(client: FlaskClient, agency: Agency, exemption: Exemption) -> None:
    document = add(caller(client, Role.SUPERVISOR), exemption).get_json()["id"]
    foreign = caller(client, Role.AGENCY_EDITOR, an_agency())

    assert add(caller(client, Role.REVIEWER), exemption).status_code == 403
    assert add(caller(client, Role.AGENCY_EDITOR, agency), exemption).status_code == 403
    assert foreign.get(f"/exemptions/{exemption.id}/documents").status_code == 404
    assert foreign.get(f"/exemptions/{exemption.id}/documents/{document}").status_code == 404
    other = caller(client, Role.AUDITOR).get(f"/exemptions/{exemption.id}/documents/{document + 1}")
    assert (other.status_code, code(other)) == (404, "document-not-found")


def test_a_program_is_an_error(client: FlaskClient, exemption: Exemption) -> None:
    answer = add(caller(client, Role.SUPERVISOR), exemption, b"MZ")

    assert (answer.status_code, codes(answer)) == (422, {("/file", "document-type-refused")})


def test_the_page_adds_and_the_project_shows(signed_in: SignedIn, agency: Agency, exemption: Exemption) -> None:
    supervisor = signed_in(Role.SUPERVISOR)
    path = f"/exemptions/{exemption.id}/documents/new"
    assert path in supervisor.get(f"/projects/{exemption.project}").text

    page = supervisor.send(
        path,
        file=[(io.BytesIO(PDF), "decision.pdf"), (io.BytesIO(PDF), "letter.pdf")],
        kind="act",
        description="",
        outgoing_number="5-1",
        incoming_number="",
    )

    assert "2 documents saved." in page.text and "decision.pdf" in page.text and "letter.pdf" in page.text
    viewer = signed_in(Role.AGENCY_VIEWER, agency)
    assert "decision.pdf" in viewer.get(f"/projects/{exemption.project}").text
