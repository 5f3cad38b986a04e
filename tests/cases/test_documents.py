"""Documents of a case: each belongs to an entry of the timeline, and shows to whoever may see that entry."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.cases.models import Case
from registry.core.database import db
from registry.journal.verification import verify_stored
from registry.projects.documents import Document
from tests.api.callers import Caller, caller, code, codes
from tests.cases.cast import AIGERIM, act, audit, case_of
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present

PDF = b"%PDF-1.7 letter"


@pytest.fixture
def agency(client: FlaskClient, present: Present) -> Agency:
    present.set(date(2026, 9, 30))
    return an_agency()


@pytest.fixture
def case(agency: Agency) -> Case:
    """A case on which the reviewer has asked the agency."""
    project = a_project(agency)
    audit()
    asked = case_of(project)
    act(AIGERIM, asked, "claim")
    act(AIGERIM, asked, "ask", "Why?")
    return asked


@pytest.fixture
def editor(client: FlaskClient, agency: Agency) -> Caller:
    return caller(client, Role.AGENCY_EDITOR, agency)


@pytest.fixture
def reviewer(client: FlaskClient) -> Caller:
    return caller(client, Role.REVIEWER)


def add(who: Caller, case: Case, content: bytes = PDF, name: str = "letter.pdf", **fields: object) -> Any:
    file = FileStorage(io.BytesIO(content), name, content_type="application/pdf")
    return who.form(f"/cases/{case.id}/documents", {**fields, "file": file})


def events(who: Caller, case: Case) -> list[dict[str, Any]]:
    return list(who.get(f"/cases/{case.id}").get_json()["events"])


def names(who: Caller, case: Case) -> list[str]:
    return [each["name"] for each in who.get(f"/cases/{case.id}/documents").get_json()["items"]]


def test_an_answer_has_documents_with_numbers(case: Case, editor: Caller, reviewer: Caller) -> None:
    editor.post(f"/cases/{case.id}/answer", {"comment": "See the letters."})
    answered = events(editor, case)[-1]
    first = add(editor, case, event=str(answered["id"]), kind="letter", outgoing_number="17-3/45", description="Letter")
    add(editor, case, name="act.pdf", event=str(answered["id"]))

    assert (first.status_code, first.get_json()["event"]) == (201, answered["id"])
    shown = events(reviewer, case)[-1]
    assert [each["name"] for each in shown["documents"]] == ["letter.pdf", "act.pdf"]
    assert shown["documents"][0] == {
        "id": first.get_json()["id"],
        "kind": "letter",
        "description": "Letter",
        "name": "letter.pdf",
        "size": 15,
        "outgoing_number": "17-3/45",
        "incoming_number": None,
    }
    answer = reviewer.get(f"/cases/{case.id}/documents/{first.get_json()['id']}")
    assert (answer.get_data(), answer.content_type) == (PDF, "application/octet-stream")
    assert verify_stored() == []


def test_a_document_without_an_entry_makes_one(case: Case, editor: Caller, reviewer: Caller) -> None:
    add(editor, case)

    entry = events(reviewer, case)[-1]
    assert (entry["action"], [each["name"] for each in entry["documents"]]) == ("document_added", ["letter.pdf"])


def test_the_agency_sees_no_internal_document(case: Case, editor: Caller, reviewer: Caller) -> None:
    internal = add(reviewer, case, name="note.pdf").get_json()["id"]
    add(reviewer, case, name="for-agency.pdf", for_agency="true")
    claimed = next(each for each in events(reviewer, case) if each["action"] == "claim")
    add(reviewer, case, name="claim.pdf", event=str(claimed["id"]))

    assert names(editor, case) == ["for-agency.pdf"]
    assert names(reviewer, case) == ["note.pdf", "for-agency.pdf", "claim.pdf"]
    hidden = editor.get(f"/cases/{case.id}/documents/{internal}")
    assert (hidden.status_code, code(hidden)) == (404, "document-not-found")


def test_documents_of_cases_are_not_those_of_the_project(case: Case, editor: Caller, reviewer: Caller) -> None:
    number = reviewer.get(f"/cases/{case.id}").get_json()["project"]
    document = add(reviewer, case).get_json()["id"]

    assert editor.get(f"/projects/{number}/documents").get_json()["items"] == []
    assert editor.get(f"/projects/{number}/documents/{document}").status_code == 404


def test_an_entry_of_another_side_or_case_is_an_error(
    case: Case, agency: Agency, editor: Caller, reviewer: Caller
) -> None:
    asked = next(each for each in events(editor, case) if each["action"] == "ask")
    claimed = next(each for each in events(reviewer, case) if each["action"] == "claim")
    before = db.session.query(Document).count()

    assert codes(add(editor, case, event=str(asked["id"]))) == {("/event", "event-of-another-side")}
    # The agency does not see that there is such an entry.
    assert codes(add(editor, case, event=str(claimed["id"]))) == {("/event", "event-not-of-case")}
    assert codes(add(editor, case, event="999999")) == {("/event", "event-not-of-case")}
    assert add(editor, case, event="x").status_code == 422
    assert db.session.query(Document).count() == before
    assert len(events(editor, case)) == len(
        [each for each in events(editor, case) if each["action"] != "document_added"]
    )


def test_who_may_not_comment_adds_nothing(client: FlaskClient, case: Case, agency: Agency) -> None:
    for role, home in ((Role.AGENCY_VIEWER, agency), (Role.OPERATOR, None), (Role.AUDITOR, None)):
        assert add(caller(client, role, home), case).status_code == 403
    assert add(caller(client, Role.AGENCY_EDITOR, an_agency()), case).status_code == 404


def test_the_answer_form_takes_several_files(signed_in: SignedIn, case: Case, agency: Agency) -> None:
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    files = [(io.BytesIO(PDF), "letter.pdf"), (io.BytesIO(b"%PDF-1.7 act"), "act.pdf")]
    path = f"/cases/{case.id}"

    page = editor.send(f"{path}/answer", page=path, **{"answer-comment": "See the letters.", "answer-file": files})

    assert page.status_code == 200
    assert "letter.pdf" in page.text and "act.pdf" in page.text
    refused = editor.send(
        f"{path}/comment", page=path, **{"comment-comment": "More.", "comment-file": [(io.BytesIO(b"MZ"), "a.pdf")]}
    )
    assert refused.status_code == 422 and "More." in refused.text
    assert db.session.query(Document).count() == 2


def test_the_page_adds_documents_to_an_entry_and_downloads_them(
    signed_in: SignedIn, case: Case, agency: Agency
) -> None:
    reviewer = signed_in(Role.REVIEWER)
    path = f"/cases/{case.id}/documents/new"
    assert "Add documents to the case" in reviewer.get(f"/cases/{case.id}").text
    without = reviewer.send(path, kind="letter", description="", outgoing_number="", incoming_number="")
    assert without.status_code == 422 and "Choose a file" in without.text

    sent = reviewer.send(
        path,
        file=[(io.BytesIO(PDF), "letter.pdf")],
        kind="letter",
        description="Letter of the ministry",
        outgoing_number="17-3/45",
        incoming_number="812",
        for_agency="yes",
    )

    assert "1 document saved." in sent.text
    assert "outgoing No. 17-3/45" in sent.text and "incoming No. 812" in sent.text
    document = db.session.query(Document).one()
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    assert editor.get(f"/cases/{case.id}/documents/{document.id}").data == PDF
