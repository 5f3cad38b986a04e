"""Case page: actions, order instructions, pending approval, findings, cleared flags and timeline."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from registry.accounts.roles import AGENCY_ROLES, Role
from registry.agencies.service import agency_to_change, change_agency
from registry.core.clock import today
from registry.core.database import transaction
from registry.exemptions.service import record_exemption
from registry.freeze.policy import first_policy, policy_in_force, set_policy
from registry.platform.confirmations import verify_placement
from registry.projects.documents import add_document
from registry.projects.service import find_project_to_change
from tests.audits.steps import changes
from tests.cases.casework import GAP, LAW, flagged_case, send, status
from tests.cases.cast import (
    AIGERIM,
    OPERATOR,
    SAULE,
    TIMUR,
    act,
    audit,
    case_of,
    decided_case,
    edit,
    editor_of,
    in_days,
    migrate_by,
)
from tests.factories import ADMINISTRATOR, a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present
from tests.web.forms import untouched_form

ORDERS = {
    "migrate_by": ("Move the object to QazTech not later", "“On QazTech”", "ask for the placement to be confirmed"),
    "stop": ("Stop the work not later than", "“Terminated”", "ask for the ending to be confirmed"),
    "write_off": ("write it off", "“Written off”", "Add the act to the documents"),
}


def test_supervisor_opens_a_case_with_letters_of_a_restricted_project(signed_in: SignedIn) -> None:
    project, case = flagged_case()
    decided_case(project, migrate_by(in_days(30)))
    with transaction():
        project.is_restricted = True
    supervisor, reviewer = signed_in(Role.SUPERVISOR), signed_in(Role.REVIEWER)
    for query in ("", "?preview=1"):
        shown = supervisor.get(f"{case}{query}")
        assert shown.status_code == 200 and project.number in shown.text
        assert reviewer.get(f"{case}{query}").status_code == 404


def test_order_shows_agency_instructions_and_links(signed_in: SignedIn) -> None:
    agency = an_agency()
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    for decision, texts in ORDERS.items():
        project, case = flagged_case(agency)
        due_on = None if decision == "write_off" else in_days(30)
        decided_case(project, {**migrate_by(in_days(30)), "decision": decision, "due_on": due_on})
        page = editor.get(case).text
        assert all(text in page for text in texts), decision
        assert f'href="/projects/{project.number}/edit"' in page
    page = signed_in(Role.AGENCY_VIEWER, agency).get(case).text
    assert texts[0] in page and f'href="/projects/{project.number}/edit"' not in page
    assert texts[0] not in signed_in(Role.REVIEWER).get(case).text
    act(TIMUR, case_of(project), "withdraw")
    assert texts[0] not in editor.get(case).text


def test_only_supervisor_reopens_order_and_not_by_first_button(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, case = flagged_case(agency)
    decided_case(project, migrate_by(in_days(30)))
    reviewer, supervisor = signed_in(Role.REVIEWER), signed_in(Role.SUPERVISOR)
    assert f"{case}/claim" not in reviewer.get(case).text
    page = supervisor.get(case).text
    assert "Reopen the review" in page and "Take the case" not in page
    assert 'class="acting__one" open' not in page
    assert send(reviewer, case, "claim")[0] == 403
    assert send(supervisor, case, "claim")[0] == 200 and status(case) == "under_review"
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    assert send(editor, case, "appeal", **{"appeal-comment": "Договор старше."})[0] == 200
    assert "Suspended by an appeal" in editor.get(case).text


@pytest.mark.parametrize("suspends", [True, False])
def test_page_says_whether_an_appealed_order_binds_as_the_policy_does(signed_in: SignedIn, suspends: bool) -> None:
    usual = first_policy()
    agency = an_agency()
    project, case = flagged_case(agency)
    decided_case(project, migrate_by(in_days(30)))
    editor = signed_in(Role.AGENCY_EDITOR, agency)
    set_policy(replace(usual, appeal_suspends=suspends))
    try:
        before = editor.get(case).text
        assert ("The decision has no effect from your appeal until a new" in before) is suspends
        assert ("stays in force until another decision replaces it, also after" in before) is not suspends
        assert send(editor, case, "appeal", **{"appeal-comment": "Договор старше."})[0] == 200
        after = editor.get(case).text
        assert ("The agency appealed. The decision has no effect until the appeal is decided." in after) is suspends
        assert ("The agency appealed. The decision stays in effect until" in after) is not suspends
        assert ('class="case__obey"' in after) is not suspends
    finally:
        set_policy(usual)


def test_project_documents_are_on_case_page(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, case = flagged_case(agency)
    visit = signed_in(Role.REVIEWER)
    assert ">Documents<" not in visit.get(case).text
    add_document(editor_of(agency), project, "договор.pdf", "application/pdf", b"%PDF-1.7", "contract", "С актами")
    assert "<span>С актами</span>" in visit.get(case).text and ">Contract, " in visit.get(case).text
    link = re.search(rf'href="(/projects/{project.number}/documents/\d+)" download>договор.pdf', visit.get(case).text)
    assert link and visit.get(link[1]).data == b"%PDF-1.7"


def test_findings_address_agency_and_oversight_differently(signed_in: SignedIn) -> None:
    agency = an_agency()
    _project, case = flagged_case(agency)
    page = signed_in(Role.AUDITOR).get(case).text
    assert "The agency’s values" in page and "What the agency should do" in page
    assert "Your values" not in page and "What to do now" not in page
    page = signed_in(Role.AGENCY_EDITOR, agency).get(case).text
    assert "Your values" in page and "What to do now" in page


def test_legal_basis_is_prefilled_in_both_languages(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    visit = signed_in(Role.REVIEWER)
    send(visit, case, "claim")
    for language in ("en", "ru", "kk"):
        visit.client.set_cookie("registry_language", language)
        page = visit.get(case).text
        assert f'<html lang="{language}"' in page
        kazakh, russian = (re.search(f'name="propose-legal_basis_{each}"[^>]*>([^<]*)<', page) for each in ("kk", "ru"))
        assert kazakh and "президентінің" in kazakh[1].lower()
        assert russian and "указ" in russian[1].lower()


def test_proposal_in_one_language_is_accepted_with_a_warning(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    reviewer = signed_in(Role.REVIEWER)
    send(reviewer, case, "claim")
    _code, page = send(reviewer, case, "propose", **{"propose-decision": "transitional_accepted"}, **LAW)
    assert "The decision is written in one language only." in page
    assert "Not written yet: reason in Kazakh, legal basis in Kazakh" in re.sub(r"\s+", " ", page)


def test_proposal_without_a_reason_has_the_error_at_the_language_of_the_page(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    reviewer, supervisor = signed_in(Role.REVIEWER, language="ru"), signed_in(Role.SUPERVISOR, language="kk")
    send(reviewer, case, "claim")
    for visit, control in ((reviewer, "propose-reason_ru-error"), (supervisor, "propose-reason_kk-error")):
        code, page = send(visit, case, "propose", **{"propose-decision": "transitional_accepted"})
        assert code == 422 and f'id="{control}"' in page


def test_button_names_what_it_withdraws(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    reviewer = signed_in(Role.REVIEWER)
    send(reviewer, case, "claim")
    send(reviewer, case, "ask", **{"ask-comment": "Где договор?"})
    assert "Withdraw the question" in reviewer.get(case).text
    send(reviewer, case, "withdraw")
    send(reviewer, case, "propose", **{"propose-decision": "transitional_accepted"}, **LAW)
    assert "Withdraw the proposal" in reviewer.get(case).text
    send(reviewer, case, "withdraw")
    send(reviewer, case, "refer")
    assert "Withdraw the referral" in reviewer.get(case).text


def test_supervisor_returns_proposal_with_reason(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    reviewer, supervisor = signed_in(Role.REVIEWER), signed_in(Role.SUPERVISOR)
    send(reviewer, case, "claim")
    send(reviewer, case, "propose", **{"propose-decision": "transitional_accepted"}, **LAW)
    code, page = send(supervisor, case, "return")
    assert code == 422 and 'id="return-comment-error"' in page and status(case) == "awaiting_approval"
    send(supervisor, case, "return", **{"return-comment": "Где договор?"})
    assert "Где договор?" in reviewer.get(case).text


def test_audit_events_show_date_and_link_for_oversight(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 11, 25))
    agency = an_agency()
    _project, case = flagged_case(agency)
    page = signed_in(Role.REVIEWER).get(case).text
    assert re.search(r'<a class="govuk-link" href="/audits/\d+">An audit of 25 November 2026</a>', page)
    page = signed_in(Role.AGENCY_EDITOR, agency).get(case).text
    assert "An audit of 25 November 2026" in page and "/audits/" not in page and "audit:" not in page


def test_referred_case_links_to_the_form_of_the_commissions_decision(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, case = flagged_case(agency)
    act(AIGERIM, case_of(project), "claim")
    form = f'href="{case}/commission-decision"'
    supervisor, reviewer = signed_in(Role.SUPERVISOR), signed_in(Role.REVIEWER)
    assert form not in supervisor.get(case).text
    act(AIGERIM, case_of(project), "refer")
    page = supervisor.get(case).text
    assert form in page and "No decision on this project is recorded yet." in page
    assert form in reviewer.get(case).text
    given = {"decision_number": "14-K", "decided_on": today(), "valid_from": today(), "valid_to": in_days(30)}
    record_exemption(SAULE, {**given, "project": project.number})
    page = reviewer.get(case).text
    assert "Decision of the Commission 14-K" in page and "is recorded yet" not in page
    assert f'href="/projects/{project.number}#confirmed"' in page
    assert 'id="confirmed"' in reviewer.get(f"/projects/{project.number}").text
    editor = signed_in(Role.AGENCY_EDITOR, agency).get(case).text
    assert "Decision of the Commission 14-K" in editor and form not in editor


def test_returned_proposal_is_prefilled_beside_remark(signed_in: SignedIn) -> None:
    project, case = flagged_case()
    reviewer = signed_in(Role.REVIEWER, name="aigerim")
    texts = {"reason_ru": "Письмо.\n2-й абзац.", "legal_basis_ru": "Указ, пункт 7"}
    given = {**migrate_by(in_days(40)), "decision": "stop", **texts}
    act(AIGERIM, case_of(project), "claim")
    assert 'name="propose-reason_ru"' in reviewer.get(case).text and "Returned by" not in reviewer.get(case).text
    act(AIGERIM, case_of(project), "propose", given)
    act(SAULE, case_of(project), "return", "Срок короче: до 1 декабря.")
    page = reviewer.get(case).text
    assert re.search(
        r'Returned by saule, [^<]+</strong></p>\s*<p class="details">Срок короче: до 1 декабря\.</p>', page
    )
    form = untouched_form(page, "propose-reason_ru")
    assert form["propose-decision"] == "stop" and form["propose-reason_ru"] == "Письмо.\r\n2-й абзац."
    assert form["propose-legal_basis_ru"] == "Указ, пункт 7"
    assert form["propose-due_on"] == f"{in_days(40):%d.%m.%Y}" and form["propose-comment"] == ""
    # New input is kept when the form is displayed again with an error.
    status_code, page = send(reviewer, case, "propose", **{"propose-reason_ru": "Другое", "propose-legal_basis_ru": ""})
    again = untouched_form(page, "propose-reason_ru")
    assert (status_code, again["propose-reason_ru"], again["propose-legal_basis_ru"]) == (422, "Другое", "")
    assert "propose-decision" not in again
    reviewer.client.post(f"{case}/propose", data={**form, "propose-due_on": f"{in_days(20):%d.%m.%Y}"})
    assert status(case) == "awaiting_approval"
    act(AIGERIM, case_of(project), "withdraw")
    assert "Returned by" not in reviewer.get(case).text


def test_due_date_beyond_a_day_off_that_is_only_estimated_is_provisional(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2027, 5, 3))
    _project, case = flagged_case()
    note = "Provisional: 16 May 2027, a day off, is only estimated."
    reviewer = signed_in(Role.REVIEWER)
    assert note in reviewer.get(case).text
    present.set(date(2027, 5, 17))
    assert note not in signed_in(Role.SUPERVISOR).get(case).text


def test_note_of_a_question_stays_inside(signed_in: SignedIn) -> None:
    agency = an_agency()
    _project, case = flagged_case(agency)
    reviewer = signed_in(Role.REVIEWER)
    send(reviewer, case, "claim")
    send(reviewer, case, "ask", **{"ask-comment": "Когда начаты работы?", "ask-note": "Спросить у оператора."})
    assert status(case) == "awaiting_agency"
    assert all(text in reviewer.get(case).text for text in ("Когда начаты работы?", "Спросить у оператора."))
    seen = signed_in(Role.AGENCY_EDITOR, agency).get(case).text
    assert "Когда начаты работы?" in seen and "Спросить у оператора." not in seen


def test_preview_shows_the_letter_in_both_languages_keeps_the_form_and_sends_nothing(signed_in: SignedIn) -> None:
    _project, case = flagged_case(an_agency())
    reviewer = signed_in(Role.REVIEWER)
    send(reviewer, case, "claim")
    before = reviewer.get(case).text
    code, page = send(reviewer, case, "ask", preview="yes", **{"ask-comment": "Когда начаты работы?"})
    assert (code, status(case)) == (200, "under_review")
    assert "Вопрос к организации" in page and "Ұйымға сұрақ" in page and page.count("Когда начаты работы?") == 3
    send(reviewer, case, "ask", **{"ask-comment": "Когда начаты работы?"})
    assert send(reviewer, case, "ask", seen=before, preview="yes")[0] == 409


def test_page_says_what_time_alone_will_flag(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 3, 2))
    _project, case = flagged_case(an_agency(), stage="pilot", pilot_started_on="2026-02-10")
    page = signed_in(Role.REVIEWER).get(case).text
    assert "<strong>From 11 February 2027, if nothing changes:</strong> Pilot beyond its limit" in page


DAY = date(2026, 10, 5)


HOUR = timedelta(hours=1)


WAITING = "/cases?status=awaiting_confirmation"


NOTHING = "The last audit opened no flag."


UNKNOWN = "No change on record between the two audits explains it."


def title(rule: str) -> str:
    return policy_in_force().rules[rule].title["en"]


def cleared_part(page: str) -> str:
    return page.partition("Cleared flags")[2].partition("</details>")[0]


def found_part(page: str) -> str:
    return page.partition(">Flags</h2>")[2].partition("Cleared flags")[0]


def test_cleared_flag_is_listed_and_edit_is_named(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency, **GAP)
    audit()
    present.move(HOUR)
    edit(editor_of(agency), project, object_commissioned_on="2020-02-01", name_en="Renamed")
    present.move(HOUR)
    assert {change for _, _, change in changes(audit())} == {"opened", "cleared"}
    visit = signed_in(Role.REVIEWER)
    row = visit.get(WAITING).text.partition("<tbody")[2].partition("</tbody>")[0]
    assert title("freeze.data-gap") in row and "cleared on 05.10.2026" in row
    assert not any(title(rule) in row for rule in ("freeze.legacy", "migration.overdue"))
    page = visit.get(f"/cases/{case_of(project).id}").text
    cleared = cleared_part(page)
    assert (
        ": – → 1 February 2020" in cleared
        and "editor, " in cleared
        and "Renamed" not in cleared
        and UNKNOWN not in cleared
    )
    # A weaker flag is active, so the page does not say that nothing was found.
    assert NOTHING not in page and "migration.overdue" in found_part(page)


def test_verified_placement_is_named_with_verifier(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    edit(ADMINISTRATOR, project, placement="on_platform", platform_key="qt-1")
    audit()
    present.move(HOUR)
    with transaction():
        verify_placement(OPERATOR, find_project_to_change(OPERATOR, project.number), "qt-1", DAY, "QazTech")
    present.move(HOUR)
    audit()
    page = signed_in(Role.REVIEWER).get(f"/cases/{case_of(project).id}").text
    cleared = cleared_part(page)
    assert OPERATOR.principal in cleared and "→ 5 October 2026" in cleared and UNKNOWN not in cleared
    assert NOTHING in page


def test_agency_kind_change_is_named(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency)
    audit()
    present.move(HOUR)
    with transaction():
        change_agency(ADMINISTRATOR, agency_to_change(agency.bin), {"kind": "private"}, approved={})
    present.move(HOUR)
    audit()
    cleared = cleared_part(signed_in(Role.SUPERVISOR).get(f"/cases/{case_of(project).id}").text)
    assert "Kind of agency: Central state body → Private" in cleared and ADMINISTRATOR.principal in cleared


def test_unexplained_clearing_says_so(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    project = a_project()
    audit()
    with transaction():
        find_project_to_change(ADMINISTRATOR, project.number).placement_verified_on = DAY
        find_project_to_change(ADMINISTRATOR, project.number).placement = "on_platform"
    present.move(HOUR)
    audit()
    assert UNKNOWN in cleared_part(signed_in(Role.SUPERVISOR).get(f"/cases/{case_of(project).id}").text)


def test_closed_case_shows_active_flag_outside_it(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    agency = an_agency()
    project = a_project(agency, **GAP)
    audit()
    edit(editor_of(agency), project, object_commissioned_on="2020-02-01")
    present.move(HOUR)
    audit()
    closed = case_of(project).id
    act(SAULE, closed, "confirm")
    page = signed_in(Role.REVIEWER).get(f"/cases/{closed}").text
    assert NOTHING not in page and "Active flags of the project outside this case" in page
    assert "migration.overdue" in found_part(page)


def test_page_offers_exactly_permitted_actions(signed_in: SignedIn) -> None:
    agency = an_agency()
    _project, case = flagged_case(agency)
    offered = {
        Role.REVIEWER: ["claim", "assign", "comment"],
        Role.AUDITOR: [],
        Role.AGENCY_EDITOR: ["comment"],
        Role.AGENCY_ADMINISTRATOR: ["comment"],
        Role.AGENCY_VIEWER: [],
    }
    for role, actions in offered.items():
        whose = agency if role in AGENCY_ROLES else None
        page = signed_in(role, whose).get(case).text
        forms = re.findall(rf'action="{case}/(\w+)"', page)
        # Everybody who reads a case has seen it.
        assert forms.count("visit") == 1
        assert [action for action in forms if action != "visit"] == actions


def test_second_editor_sees_changes_and_keeps_input(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    first, second = signed_in(Role.SUPERVISOR, name="first"), signed_in(Role.SUPERVISOR, name="second")
    send(first, case, "claim")
    seen = second.get(case).text
    send(first, case, "comment", **{"comment-comment": "Звонил в орган."})
    code, page = send(second, case, "ask", seen, **{"ask-comment": "Где договор?"})
    banner = page.partition("<h1")[0]
    assert code == 409 and "The case has changed" in banner and "Звонил в орган." in banner
    assert "Где договор?" in page and status(case) == "under_review"


def test_incomplete_proposal_shows_field_errors(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    reviewer = signed_in(Role.REVIEWER)
    send(reviewer, case, "claim")
    code, page = send(reviewer, case, "propose", **{"propose-decision": "migrate_by", **LAW, "propose-due_on": "soon"})
    assert code == 422 and 'id="propose-due_on-error"' in page
    code, page = send(reviewer, case, "propose", **{"propose-decision": "no_breach", **LAW})
    assert code == 422 and 'id="propose-reason_code-error"' in page and "Письмо от 3 февраля." in page
    code, page = send(reviewer, case, "comment")
    assert code == 422 and 'id="comment-comment-error"' in page


def test_unknown_action_is_not_found(signed_in: SignedIn) -> None:
    _project, case = flagged_case()
    assert signed_in(Role.REVIEWER).send(f"{case}/burn", page=case).status_code == 404
