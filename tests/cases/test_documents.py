"""Documents of a case, and decisions in Kazakh and Russian."""

from __future__ import annotations

import io
import re
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.cases.decisions import OrderInOneLanguage, language_of
from registry.cases.lists import show_case
from registry.cases.models import Case, CaseDecision, CaseTemplate
from registry.cases.text_templates import add_template, filled, unknown_placeholders
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.flags.models import Flag
from registry.freeze.policy import policy_in_force
from registry.journal.service import JournalEntry
from registry.journal.verification import verify_stored
from registry.projects.documents import Document
from tests.api.callers import MERGE_PATCH, Caller, caller, code, codes
from tests.cases.casework import flagged_case, send, status
from tests.cases.cast import AIGERIM, SAULE, act, audit, case_of
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present
from tests.web.forms import untouched_form

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


ORDER: dict[str, Any] = {"decision": "write_off"}


ACCEPTED: dict[str, Any] = {"decision": "transitional_accepted"}


BOTH = {
    "reason_kk": "Шарт кеш жасалған.",
    "reason_ru": "Договор заключён поздно.",
    "legal_basis_kk": "Жарлықтың 1-тармағы",
    "legal_basis_ru": "пункт 1 Указа",
}


@pytest.fixture
def claimed(agency: Agency) -> Case:
    project = a_project(agency)
    audit()
    return act(AIGERIM, case_of(project), "claim")


def proposal_of(case: Case) -> dict[str, Any]:
    shown: dict[str, Any] = show_case(AIGERIM, case, "en")["proposal"]
    return shown


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Жарлықтың 1-тармағы", "kk"),
        ("ӨКІМ", "kk"),
        ("пункт 1 Указа", "ru"),
        ("Decree, clause 1", "ru"),
        ("", "ru"),
        ("Барлық құжат дұрыс", "kk"),
    ],
)
def test_text_with_a_kazakh_letter_is_kazakh_and_any_other_russian(text: str, language: str) -> None:
    assert language_of(text) == language


def test_proposal_in_both_languages_shows_all_texts_and_no_missing_one(claimed: Case) -> None:
    shown = proposal_of(act(AIGERIM, claimed, "propose", ORDER | BOTH))
    assert {name: shown[name] for name in BOTH} == BOTH
    assert (shown["reason"], shown["legal_basis"]) == ("Шарт кеш жасалған.", "Жарлықтың 1-тармағы")
    assert shown["missing_texts"] == []


def test_text_of_one_language_is_recognised_by_its_letters(claimed: Case) -> None:
    sent = {"reason": "Договор заключён поздно.", "legal_basis": "Жарлықтың 1-тармағы"}
    shown = proposal_of(act(AIGERIM, claimed, "propose", ACCEPTED | sent))
    assert (shown["reason_kk"], shown["reason_ru"]) == (None, "Договор заключён поздно.")
    assert (shown["legal_basis_kk"], shown["legal_basis_ru"]) == ("Жарлықтың 1-тармағы", None)
    assert shown["missing_texts"] == ["reason_kk", "legal_basis_ru"]


def test_given_language_counts_more_than_letters(claimed: Case) -> None:
    sent = {"reason": "Барлау", "legal_basis": "1-бап", "language": "kk"}
    shown = proposal_of(act(AIGERIM, claimed, "propose", ACCEPTED | sent))
    assert (shown["reason_kk"], shown["legal_basis_kk"], shown["reason_ru"]) == ("Барлау", "1-бап", None)


def test_one_text_that_differs_from_both_languages_is_an_error(claimed: Case) -> None:
    with pytest.raises(Invalid) as caught:
        act(AIGERIM, claimed, "propose", ORDER | BOTH | {"reason": "Другое"})
    assert [(each.pointer, each.code) for each in caught.value.problems] == [("/reason", "text-differs")]
    act(AIGERIM, claimed, "propose", ORDER | BOTH | {"reason": "Шарт кеш жасалған."})


def test_proposal_without_any_language_names_the_missing_text(claimed: Case) -> None:
    with pytest.raises(Invalid) as caught:
        act(AIGERIM, claimed, "propose", ORDER | {"legal_basis_kk": "1-бап"})
    assert [(each.pointer, each.code) for each in caught.value.problems] == [("/reason", "required")]


def test_timeline_has_the_reason_in_the_language_of_the_page(claimed: Case, signed_in: SignedIn) -> None:
    act(AIGERIM, claimed, "propose", ORDER | BOTH)
    visit = signed_in(Role.REVIEWER)
    for language, text in (("ru", BOTH["reason_ru"]), ("kk", BOTH["reason_kk"]), ("en", BOTH["reason_ru"])):
        visit.client.set_cookie("registry_language", language)
        timeline = visit.get(f"/cases/{claimed.id}").text.partition('class="govuk-list timeline__details"')[2]
        assert all((each in timeline) is (each == text) for each in (BOTH["reason_kk"], BOTH["reason_ru"])), language


def test_journal_has_all_texts(claimed: Case) -> None:
    act(AIGERIM, claimed, "propose", ORDER | BOTH)
    entry = db.session.query(JournalEntry).filter_by(action="case.propose").one()
    assert all(f'"{name}":"{text}"' in entry.details for name, text in BOTH.items())


def test_decision_of_an_earlier_version_is_shown_in_its_language(claimed: Case) -> None:
    act(AIGERIM, claimed, "propose", ACCEPTED | {"reason": "Поздно.", "legal_basis": "1-тармақ"})
    decision = db.session.query(CaseDecision).one()
    decision.reason_kk = decision.reason_ru = decision.legal_basis_kk = decision.legal_basis_ru = None
    db.session.flush()
    shown = proposal_of(claimed)
    assert (shown["reason_ru"], shown["legal_basis_kk"], shown["legal_basis"]) == ("Поздно.", "1-тармақ", "1-тармақ")


def test_order_is_proposed_in_both_languages_or_not_at_all(claimed: Case) -> None:
    for missing in BOTH:
        with pytest.raises(Invalid) as caught:
            act(AIGERIM, claimed, "propose", ORDER | BOTH | {missing: None})
        problems = [(each.pointer, each.code) for each in caught.value.problems]
        assert problems == [(f"/{missing}", "order-in-both-languages")]


def test_order_that_an_earlier_version_proposed_in_one_language_is_not_approved(claimed: Case) -> None:
    act(AIGERIM, claimed, "propose", ORDER | BOTH)
    with transaction():
        db.session.query(CaseDecision).one().reason_kk = None
    with pytest.raises(OrderInOneLanguage):
        act(SAULE, claimed, "approve")
    assert act(SAULE, claimed, "return").status == "under_review"


OWN = {
    "kind": "question",
    "language": "ru",
    "title": "Свой",
    "text": "Проект «{project}», {agency}: ответ до {deadline}.",
}


@pytest.mark.usefixtures("app")
def test_every_rule_comes_with_a_question_and_a_reason_in_both_languages() -> None:
    stored = {(each.rule, each.kind, each.language) for each in db.session.scalars(select(CaseTemplate))}
    expected = {
        (rule, kind, language)
        for rule in policy_in_force().rules
        for kind in ("question", "reason")
        for language in ("kk", "ru")
    }
    assert stored == expected
    assert [each.id for each in db.session.scalars(select(CaseTemplate)) if unknown_placeholders(each.text)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{project} {number}", "Портал {agency} {0} QT-1"),
        ("{deadline}", "____"),
        ("{project.__class__} {0} {} {{project}}", "{project.__class__} {0} {} {Портал {agency} {0}}"),
    ],
)
def test_filled_text_replaces_only_known_names_once(text: str, expected: str) -> None:
    assert filled(text, {"project": "Портал {agency} {0}", "number": "QT-1"}) == expected


def test_question_is_filled_into_the_form_after_what_was_typed(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 7, 20))
    project, case = flagged_case(an_agency(name_ru="Министерство озёр"), name_ru="Портал <озёр>")
    with transaction():
        template = add_template(SAULE, OWN)
    act(AIGERIM, case_of(project), "claim")
    reviewer = signed_in(Role.REVIEWER, name="aigerim", language="ru")
    chosen = {"ask-template": str(template.id), "insert": "yes"}
    code, page = send(reviewer, case, "ask", **chosen, **{"ask-comment": "Здравствуйте."})
    assert code == 200 and status(case) == "under_review"
    assert "Портал &lt;озёр&gt;" in page and "Портал <озёр>" not in page
    form = untouched_form(page, "ask-comment")
    expected = "Здравствуйте.\r\n\r\nПроект «Портал <озёр>», Министерство озёр: ответ до 03.08.2026 (включительно)."
    assert form["ask-comment"] == expected
    assert reviewer.client.post(f"{case}/ask", data=form).status_code == 303
    assert status(case) == "awaiting_agency"


def test_reason_takes_the_entered_date_and_shows_a_blank_without_one(signed_in: SignedIn) -> None:
    project, case = flagged_case()
    with transaction():
        template = add_template(SAULE, {**OWN, "kind": "reason", "text": "Срок: {deadline}."})
    act(AIGERIM, case_of(project), "claim")
    reviewer = signed_in(Role.REVIEWER, name="aigerim")
    chosen = {"propose-template": str(template.id), "insert": "yes"}
    page = send(reviewer, case, "propose", **chosen, **{"propose-due_on": "31.12.2026"})[1]
    assert untouched_form(page, "propose-reason_ru")["propose-reason_ru"] == "Срок: 31.12.2026 (включительно)."
    assert untouched_form(page, "propose-reason_ru")["propose-due_on"] == "31.12.2026"
    page = send(reviewer, case, "propose", **chosen)[1]
    assert untouched_form(page, "propose-reason_ru")["propose-reason_ru"] == "Срок: ____."


def test_case_offers_templates_of_its_rules_in_the_language_of_the_page_first(signed_in: SignedIn) -> None:
    project, case = flagged_case()
    act(AIGERIM, case_of(project), "claim")
    rules = {flag.rule for flag in flags_of_case(project.id)}
    for language in ("kk", "ru"):
        page = signed_in(Role.REVIEWER, language=language, name=f"reader.{language}").get(case).text
        assert "ask-template" not in page  # another reviewer holds the case
    page = signed_in(Role.REVIEWER, language="ru", name="aigerim").get(case).text
    offered = re.findall(r'<option value="(\d+)"', page[page.index('id="ask-template"') :].partition("</select>")[0])
    stored = [db.session.get(CaseTemplate, int(each)) for each in offered]
    assert {each.rule for each in stored if each} == rules
    assert [each.language for each in stored if each] == ["ru"] * len(rules) + ["kk"] * len(rules)


def flags_of_case(project_id: int) -> list[Flag]:
    return list(db.session.scalars(select(Flag).where(Flag.project_id == project_id)))


def test_supervisor_manages_templates_on_pages(signed_in: SignedIn) -> None:
    assert signed_in(Role.REVIEWER).client.get("/cases/templates").status_code == 403
    supervisor = signed_in(Role.SUPERVISOR)
    assert supervisor.get("/cases/templates?rule=freeze.pilot-limit").text.count("/deletion") == 4
    wrong = supervisor.send("/cases/templates/new", **{**OWN, "text": "Ответьте до {deadlin}."})
    assert wrong.status_code == 422 and 'id="text-error"' in wrong.text and "deadlin" in wrong.text
    assert "Template added." in supervisor.send("/cases/templates/new", **OWN).text
    own = db.session.scalars(select(CaseTemplate).filter_by(title="Свой")).one()
    assert (own.rule, own.changed_by) == (None, "supervisor.web")
    page = f"/cases/templates/{own.id}"
    assert "Changes saved." in supervisor.send(page, **{**OWN, "rule": "freeze.creation", "title": "Другой"}).text
    db.session.expire_all()
    assert (own.rule, own.title, own.version) == ("freeze.creation", "Другой", 2)
    stale = supervisor.send(page, revision="1", title="Чужой", text="До {deadline}.")
    assert stale.status_code == 409 and "Changes were saved after you opened this page." in stale.text
    db.session.expire_all()
    assert own.title == "Другой"
    deleted = supervisor.send(f"{page}/deletion", page="/cases/templates")
    assert "Template deleted." in deleted.text and supervisor.client.get(page).status_code == 404
    entries = supervisor.get(f"/journal?subject=case-template:{own.id}").text
    assert all(f"case-template.{what}" in entries for what in ("added", "changed", "deleted"))


def test_api_lists_changes_and_deletes_templates(client: FlaskClient) -> None:
    supervisor, reviewer = caller(client, Role.SUPERVISOR), caller(client, Role.REVIEWER)
    listed = reviewer.get("/case-templates?rule=freeze.creation&kind=question").get_json()["items"]
    assert [(each["language"], each["version"], each["changed_by"]) for each in listed] == [
        ("kk", 1, None),
        ("ru", 1, None),
    ]
    added = supervisor.post("/case-templates", {**OWN, "rule": None})
    assert added.status_code == 201
    path = added.headers["Location"].partition("/api/v1")[2]
    change = {"json": {"text": "До {deadline}."}, "headers": {"If-Match": added.headers["ETag"]}}
    changed = supervisor.call("PATCH", path, content_type=MERGE_PATCH, **change)
    assert (changed.status_code, changed.get_json()["text"], changed.get_json()["version"]) == (
        200,
        "До {deadline}.",
        2,
    )
    assert supervisor.call("PATCH", path, content_type=MERGE_PATCH, **change).status_code == 412
    wrong = supervisor.post("/case-templates", {**OWN, "text": "{name}"}).get_json()
    assert [(each["pointer"], each["code"]) for each in wrong["errors"]] == [("/text", "placeholder-unknown")]
    assert reviewer.call("DELETE", path).status_code == 403
    assert supervisor.call("DELETE", path, headers={"If-Match": added.headers["ETag"]}).status_code == 412
    tag = changed.headers["ETag"]
    assert supervisor.call("DELETE", path, headers={"If-Match": tag}).status_code == 204
    assert supervisor.get(path).status_code == 404
