"""Documents on the project page: kind, description, and upload errors."""

from __future__ import annotations

import io
from dataclasses import replace

from werkzeug.test import TestResponse

from registry.accounts.roles import Role
from registry.freeze.current import policy_in_force, set_policy
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn, Visit


def upload(visit: Visit, number: str, name: str, content: bytes, **fields: str) -> TestResponse:
    path = f"/projects/{number}"
    return visit.send(f"{path}/documents", page=path, file=(io.BytesIO(content), name), **fields)


def test_kind_and_description_are_shown_with_the_document(signed_in: SignedIn) -> None:
    agency = an_agency()
    number = a_project(agency).number
    visit = signed_in(Role.AGENCY_EDITOR, agency, language="ru")
    page = upload(visit, number, "1.pdf", b"%PDF-1.7", kind="letter", description="Ответ от 3 февраля").text
    assert "<span>Ответ от 3 февраля</span>" in page and '<span class="quiet">Письмо, ' in page
    assert '<span class="quiet">Другое, ' in upload(visit, number, "2.pdf", b"%PDF-1.7", kind="", description="").text


def test_rejected_upload_keeps_entered_values(signed_in: SignedIn) -> None:
    agency = an_agency()
    number = a_project(agency).number
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    answer = upload(visit, number, "page.html", b"<html>", kind="act", description="Act of <acceptance>")
    assert answer.status_code == 422 and "Programs, scripts and HTML pages are not accepted." in answer.text
    assert '<option value="act" selected>' in answer.text and 'value="Act of &lt;acceptance&gt;"' in answer.text
    long = upload(visit, number, "1.pdf", b"%PDF-1.7", kind="invoice", description="x" * 501)
    assert long.status_code == 422
    assert 'href="#kind">Kind of document: ' in long.text and 'href="#description">Description: ' in long.text
    missing = visit.send(f"/projects/{number}/documents", page=f"/projects/{number}", description="Act")
    assert missing.status_code == 422 and 'href="#file">' in missing.text


def test_upload_above_the_quota_reports_free_space(signed_in: SignedIn) -> None:
    agency = an_agency()
    number = a_project(agency).number
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    usual = policy_in_force()
    set_policy(replace(usual, document_quota_mib=1))
    try:
        assert upload(visit, number, "1.txt", b"x" * 1024 * 1000).status_code == 200
        answer = upload(visit, number, "2.txt", b"x" * 1024 * 25)
    finally:
        set_policy(usual)
    assert answer.status_code == 409
    assert "All documents of one project together may take at most 1 MiB. Free: 24 KiB." in answer.text
