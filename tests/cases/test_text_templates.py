"""Templates of questions and reasons: shipped for every rule, filled in safely, managed by supervisors."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.cases.models import CaseTemplate
from registry.cases.text_templates import add_template, filled, unknown_placeholders
from registry.core.database import db, transaction
from registry.flags.models import Flag
from registry.freeze.current import policy_in_force
from tests.api.callers import MERGE_PATCH, caller
from tests.cases.casework import flagged_case, send, status
from tests.cases.cast import AIGERIM, SAULE, act, case_of
from tests.factories import an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present
from tests.web.forms import untouched_form

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
