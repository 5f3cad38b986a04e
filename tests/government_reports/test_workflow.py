"""Reports to the Government: their workflow, and the figures that they freeze."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.handover import hand_over
from registry.accounts.models import Account, account_named
from registry.accounts.roles import Actor, Role, RoleNotAllowed
from registry.accounts.service import NewPerson, add_person, edit_account
from registry.audits.service import run_audit
from registry.cases.models import Case
from registry.core.database import db, transaction
from registry.core.errors import Invalid
from registry.core.lists import Page
from registry.government_reports.queries import (
    GOVERNMENT_REPORT_LIST,
    GovernmentReportNotFound,
    data_of_report,
    find_government_report,
    show_report,
)
from registry.government_reports.service import (
    GovernmentReportNeedsAnotherPerson,
    GovernmentReportNeedsAPerson,
    GovernmentReportNotChangeable,
    GovernmentReportNotDraft,
    GovernmentReportNotInReview,
    GovernmentReportNotIssued,
    GovernmentReportNotLast,
    NoAuditToReport,
    begin_government_report,
    correct_government_report,
    delete_government_report,
    freeze_figures,
    return_government_report,
    submit_government_report,
)
from registry.journal.service import JournalEntry
from registry.journal.verification import verify_stored
from registry.projects.models import Project
from registry.projects.service import find_project_to_change, restrict_project
from registry.reports.compliance import compliance
from tests.audits.steps import audit
from tests.cases.cast import act, migrate_by
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_account, an_actor, an_agency
from tests.government_reports.steps import (
    AUTHOR,
    FIRST,
    READER,
    SECOND,
    TEXTS,
    approve,
    begin,
    change,
    issued,
    submitted,
)
from tests.present import Present
from tests.requests.test_concurrent_changes import at_once


@pytest.fixture
def audited(app: Flask) -> None:
    a_project()
    run_audit(an_actor(Role.OPERATOR))


def test_numbers_of_a_year_have_no_gap(app: Flask, present: Present) -> None:
    present.set(date(2026, 12, 30))
    assert [begin().number for _ in range(3)] == ["2026-1", "2026-2", "2026-3"]
    with pytest.raises(GovernmentReportNotLast):
        delete_government_report(AUTHOR, "2026-2")
    delete_government_report(AUTHOR, "2026-3")
    assert begin().number == "2026-3"
    present.set(date(2027, 1, 4))
    assert begin().number == "2027-1"


def test_two_people_who_did_not_write_the_report_issue_it(audited: None) -> None:
    number = begin().number
    submitted(number)
    for writer in (AUTHOR, replace(AUTHOR, role=Role.SUPERVISOR)):
        with pytest.raises(GovernmentReportNeedsAnotherPerson):
            approve(number, writer)
    assert approve(number, FIRST).status == "in_review"
    with pytest.raises(GovernmentReportNeedsAnotherPerson):
        approve(number, replace(FIRST, role=Role.SUPERVISOR))
    with pytest.raises(RoleNotAllowed):
        approve(number, an_actor(Role.REVIEWER, name="third"))
    assert approve(number, SECOND).status == "issued"
    shown = show_report(READER, find_government_report(READER, number))
    assert shown["approved_by"] == ["aigerim", "saule"] and shown["issued_at"] is not None


def test_whoever_changes_a_text_is_an_author(audited: None) -> None:
    number = begin().number
    change(number, FIRST, findings_ru="Меньше.")
    submitted(number)
    with pytest.raises(GovernmentReportNeedsAnotherPerson):
        approve(number, FIRST)


def test_submission_names_every_missing_section_and_the_figures(app: Flask) -> None:
    number = begin().number
    change(number, findings_ru="Меньше.")
    with pytest.raises(Invalid) as error:
        submit_government_report(AUTHOR, number)
    missing = {problem.pointer for problem in error.value.problems}
    assert missing == {f"/{name}" for name in TEXTS if name != "findings_ru"} | {"/data_sha256"}


def test_nothing_changes_under_review_or_after_issue(audited: None) -> None:
    number = begin().number
    submitted(number)
    for _ in range(2):
        with pytest.raises(GovernmentReportNotChangeable):
            change(number, findings_ru="Другое.")
        with pytest.raises(GovernmentReportNotChangeable):
            freeze_figures(AUTHOR, number)
        with pytest.raises(GovernmentReportNotDraft):
            delete_government_report(AUTHOR, number)
        if find_government_report(READER, number).status == "in_review":
            approve(number, FIRST)
            approve(number, SECOND)
    with pytest.raises(GovernmentReportNotInReview):
        return_government_report(SECOND, number, "Too late.")


def test_returned_report_loses_its_first_approval_and_is_changed_again(audited: None) -> None:
    number = begin().number
    submitted(number)
    approve(number, FIRST)
    returned = return_government_report(SECOND, number, "Name the measures.")
    assert (returned.status, returned.remark, returned.first_approved_by) == ("returned", "Name the measures.", None)
    change(number, measures_ru="Меры по организациям.")
    assert submit_government_report(AUTHOR, number).status == "in_review"
    with pytest.raises(RoleNotAllowed):
        return_government_report(READER, number, "I may only read.")


def test_correction_is_a_new_version_that_says_what_changed(audited: None) -> None:
    number = issued()
    first = show_report(READER, find_government_report(READER, number))
    correct_government_report(AUTHOR, number, "One project was missing.", date(2026, 12, 1))
    with pytest.raises(GovernmentReportNotIssued):
        correct_government_report(AUTHOR, number, "Again.", date(2026, 12, 1))
    change(number, findings_ru="Новое.")
    a_project()
    run_audit(an_actor(Role.OPERATOR))
    freeze_figures(AUTHOR, number)
    shown = show_report(READER, find_government_report(READER, number))
    assert (shown["version"], shown["versions"], shown["status"]) == (2, [1, 2], "draft")
    assert shown["correction_reason"] == "One project was missing."
    changes = {each["field"]: (each["before"], each["after"]) for each in shown["changes"]}
    assert changes["findings_ru"] == ("findings ru", "Новое.")
    assert changes["totals//projects"] == ("1", "2")
    assert "findings_kk" not in changes and "due_on" not in changes
    former = show_report(READER, find_government_report(READER, number, 1))
    assert former == {**first, "versions": [1, 2]}
    assert [item["version"] for item in GOVERNMENT_REPORT_LIST.read(READER, {}, Page()).items] == [2]


def test_another_end_of_the_period_is_also_that_of_the_frozen_figures(audited: None) -> None:
    number = begin(period_end=date(2026, 9, 30)).number
    before = freeze_figures(AUTHOR, number)
    frozen = [json.loads(text or "") for text in (before.figures, before.open_figures)]
    after = change(number, period_end=date(2026, 6, 30))
    for text, digest, former in zip(
        (after.figures, after.open_figures), (after.figures_sha256, after.open_figures_sha256), frozen, strict=True
    ):
        assert json.loads(text) == {**former, "period_end": "2026-06-30"}
        assert digest == hashlib.sha256(text.encode()).hexdigest()
    entry = db.session.scalars(select(JournalEntry).order_by(JournalEntry.seq.desc()).limit(1)).one()
    assert json.loads(entry.details)["sha256"] == after.figures_sha256


def test_draft_of_a_correction_can_be_deleted(audited: None) -> None:
    number = issued()
    begin()
    correct_government_report(AUTHOR, number, "Wrong.", date(2026, 12, 1))
    delete_government_report(AUTHOR, number)
    assert find_government_report(READER, number).version == 1


def test_report_is_overdue_from_the_day_after_its_due_date_until_it_is_issued(app: Flask, present: Present) -> None:
    present.set(date(2026, 10, 20))
    number = begin().number
    assert GOVERNMENT_REPORT_LIST.read(READER, {"overdue": "true"}, Page()).items == []
    present.set(date(2026, 10, 21))
    assert [item["number"] for item in GOVERNMENT_REPORT_LIST.read(READER, {"overdue": "true"}, Page()).items] == [
        number
    ]
    run_audit(an_actor(Role.OPERATOR))
    submitted(number)
    approve(number, FIRST)
    approve(number, SECOND)
    assert GOVERNMENT_REPORT_LIST.read(READER, {"overdue": "true"}, Page()).items == []


def test_responsible_person_is_active_and_may_read_the_report(app: Flask) -> None:
    with transaction():
        an_account("a service", Role.SUPERVISOR)
    add_person(ADMINISTRATOR, NewPerson("a leader", Role.LEADER, None), PASSWORD)
    for name in ("nobody", "a service", "a leader"):
        with pytest.raises(Invalid) as error:
            begin(responsible=name)
        assert [problem.pointer for problem in error.value.problems] == ["/responsible"], name


def test_service_account_writes_no_report(app: Flask) -> None:
    with pytest.raises(GovernmentReportNeedsAPerson):
        begin_government_report(replace(AUTHOR, is_person=False), {})


def test_unknown_number_is_not_found(app: Flask) -> None:
    begin()
    for number in ("2026-2", "2026-01", "2026", "x", "2026-1\n", "99999-1"):
        with pytest.raises(GovernmentReportNotFound):
            find_government_report(READER, number)


def test_every_step_is_journalled_without_figures(audited: None) -> None:
    number = issued()
    correct_government_report(AUTHOR, number, "Wrong.", date(2026, 12, 1))
    entries = db.session.query(JournalEntry).filter(JournalEntry.subject == f"government-report:{number}").all()
    steps = ["begun", "changed", "frozen", "submitted", "approved", "issued", "corrected"]
    assert [entry.action for entry in entries] == [f"government-report.{step}" for step in steps]
    assert all("by_agency" not in entry.details for entry in entries)
    assert verify_stored() == []


def test_renamed_person_stays_responsible_for_open_reports_only(audited: None) -> None:
    done = issued()
    open_one = begin().number
    account = account_named("answers")
    edit_account(ADMINISTRATOR, account.id, {"name": "answers anew"})
    assert find_government_report(READER, done).responsible == "answers"
    assert find_government_report(READER, open_one).responsible == "answers anew"


def account(name: str) -> Account:
    known = account_named(name)
    assert known is not None
    return known


def test_reports_that_are_not_issued_go_to_the_receiver_and_issued_ones_keep_their_names(app: Flask) -> None:
    a_project()
    audit()
    closed, draft = issued(), begin().number
    add_person(ADMINISTRATOR, NewPerson("gulnara", Role.REVIEWER, None), PASSWORD)
    counts = hand_over(ADMINISTRATOR, account("answers").id, account("gulnara").id)
    assert counts["reports"] == 1
    assert find_government_report(READER, draft).responsible == "gulnara"
    assert find_government_report(READER, closed).responsible == "answers"
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "government-report.handed-over")).one()
    assert entry.subject == f"government-report:{draft}"
    assert entry.details == '{"former_responsible":"answers","responsible":"gulnara","version":1}'


def test_receiver_of_reports_is_oversight_staff(app: Flask) -> None:
    begin()
    add_person(ADMINISTRATOR, NewPerson("editor", Role.AGENCY_EDITOR, an_agency().id), PASSWORD)
    with pytest.raises(Invalid) as raised:
        hand_over(ADMINISTRATOR, account("answers").id, account("editor").id)
    assert [(each.pointer, each.code) for each in raised.value.problems] == [("/to", "responsible-not-usable")]


def test_reports_begun_at_once_have_numbers_without_gap(own_app: Flask) -> None:
    numbers: list[str] = []

    def work(name: str) -> None:
        numbers.extend(begin(an_actor(Role.REVIEWER, name=name)).number for _ in range(3))

    with own_app.app_context():
        begin()
    assert at_once(own_app, *(lambda name=name: work(name) for name in ("a", "b", "c", "d"))) == [""] * 4
    assert sorted(int(number.partition("-")[2]) for number in numbers) == list(range(2, 14))


NARROWED = an_actor(Role.REVIEWER, name="aigerim")
OPERATOR = an_actor(Role.OPERATOR)


def frozen(actor: Actor) -> dict[str, Any]:
    number = begin().number
    freeze_figures(AUTHOR, number)
    return json.loads(data_of_report(actor, find_government_report(actor, number))[0])


def restrict(project: Project) -> None:
    with transaction():
        restrict_project(SECOND, find_project_to_change(SECOND, project.number), True, "Secret")


def test_figures_equal_the_compliance_report_of_the_same_reader(app: Flask, present: Present) -> None:
    present.set(date(2026, 10, 1))
    agency = an_agency()
    a_project(agency, region="71", budget_kzt=5)
    a_project(agency, region=None, placement="on_platform", budget_kzt=7)
    secret = a_project(an_agency(), region="75", budget_kzt=11)
    restrict(secret)
    run = run_audit(OPERATOR)
    for reader in (READER, NARROWED):
        figures = frozen(reader)
        for grouped in ("agency", "region"):
            report = compliance(reader, grouped)
            # Contracts of the portal are no part of the report.
            rows = [
                {name: row[name] for name in row if name != "contracts"} for row in (*report["items"], report["totals"])
            ]
            assert [*figures[f"by_{grouped}"], figures["totals"]] == rows
        totals, severities = figures["totals"], figures["by_severity"]
        assert sum(row["projects"] for row in severities) == totals["flagged"]
        assert sum(row["budget_flagged_kzt"] for row in severities) == totals["budget_flagged_kzt"] > 0
        assert figures["audit"] == {"id": run.id, "on": "2026-10-01", "policy_version": run.policy_version}
    assert frozen(READER)["totals"]["projects"] == 3
    assert frozen(NARROWED)["totals"]["projects"] == 2


def test_list_has_projects_of_high_severity_with_orders_and_no_restricted_one(app: Flask, present: Present) -> None:
    present.set(date(2026, 10, 1))
    project, secret = a_project(), a_project(name_ru="Тайная система")
    restrict(secret)
    run_audit(OPERATOR)
    case_id = db.session.query(Case.id).filter(Case.project_id == project.id).scalar()
    act(NARROWED, case_id, "claim")
    act(NARROWED, case_id, "propose", migrate_by(date(2026, 12, 1)))
    act(SECOND, case_id, "approve")
    for reader in (READER, NARROWED):
        figures = frozen(reader)
        assert [row["key"] for row in figures["high_severity"]] == [project.number]
        order = {"decision": "migrate_by", "approved_on": "2026-10-01", "due_on": "2026-12-01"}
        assert figures["high_severity"][0]["orders"] == [order]
        text = json.dumps(figures, ensure_ascii=False)
        assert secret.number not in text and "Тайная" not in text


def test_rules_count_their_flags_and_have_titles_in_both_languages(app: Flask) -> None:
    a_project()
    run_audit(OPERATOR)
    rows = {row["key"]: row for row in frozen(READER)["by_rule"]}
    assert rows["freeze.creation"]["open"] == 1
    assert rows["freeze.creation"]["title_kk"] and rows["freeze.creation"]["title_ru"]


def test_hash_is_of_the_bytes_and_differs_by_what_the_reader_may_see(app: Flask) -> None:
    restrict(a_project())
    run_audit(OPERATOR)
    number = begin().number
    freeze_figures(AUTHOR, number)
    digests = set()
    for reader in (READER, NARROWED):
        data, digest = data_of_report(reader, find_government_report(reader, number))
        assert hashlib.sha256(data.encode()).hexdigest() == digest
        assert data == json.dumps(json.loads(data), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        digests.add(digest)
    assert len(digests) == 2


def test_figures_stay_as_they_were_frozen(app: Flask) -> None:
    a_project()
    run_audit(OPERATOR)
    number = begin().number
    freeze_figures(AUTHOR, number)
    before = data_of_report(READER, find_government_report(READER, number))
    a_project()
    run_audit(OPERATOR)
    assert data_of_report(READER, find_government_report(READER, number)) == before


def test_freezing_needs_an_audit(app: Flask) -> None:
    number = begin().number
    with pytest.raises(NoAuditToReport):
        freeze_figures(AUTHOR, number)
