"""Pages of policy versions: from a draft over its impact to the activation by another supervisor."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.policies import pages as policy_pages
from tests.audits.policy_steps import activate, draft
from tests.audits.steps import audit
from tests.factories import a_project, an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present

DAY = date(2026, 11, 5)


def test_draft_is_made_changed_compared_and_deleted_on_pages(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    saule = signed_in(Role.SUPERVISOR)
    hidden = saule.send("/policies/new", version="new", based_on="2026.1")
    assert hidden.status_code == 422 and "A version cannot be called new." in hidden.text
    made = saule.send("/policies/new", follow=False, version="2026.2", based_on="2026.1")
    assert made.headers["Location"] == "/policies/2026.2/edit"
    sent = {"pilot_limit_months": "6", "rule-freeze-creation": "off", "appeal_suspends": "no"}
    changed = saule.send("/policies/2026.2/edit", follow=False, **sent)
    assert changed.headers["Location"] == "/policies/2026.2"
    page = saule.get("/policies/2026.2/comparison").text
    assert "Limit of a pilot, months" in page
    assert "An appeal suspends the order" in page
    assert "New object started under the moratorium: in use" in page
    assert "safety_belt" not in page
    stale = saule.send("/policies/2026.2/edit", revision="1", pilot_limit_months="7")
    assert stale.status_code == 409 and "Changes were saved after you opened this page." in stale.text
    refused = saule.send("/policies/2026.2/edit", pilot_limit_months="0")
    assert refused.status_code == 422
    assert saule.send("/policies/2026.2/deletion", "/policies/2026.2", follow=False).headers["Location"] == "/policies"
    assert saule.get("/policies/2026.2").status_code == 404


def test_impact_is_shown_as_a_plan_and_activated_by_another_supervisor(
    app: Flask, signed_in: SignedIn, present: Present
) -> None:
    present.set(DAY)
    record = a_project(an_agency())
    draft(rules={"freeze.creation": {"severity": "low"}})
    timur = signed_in(Role.SUPERVISOR)
    page = timur.get("/policies/2026.2/impact").text
    assert "<strong>+1</strong>" in page
    assert record.number in page
    digest = page.split('<span class="code">', 1)[1].split("<", 1)[0]
    wrong = timur.send("/policies/2026.2/activation", impact_digest="0" * 64, on="05.11.2026")
    assert wrong.status_code == 422
    assert "The impact is no longer the one that was shown" in wrong.text
    assert digest not in wrong.text
    done = timur.send("/policies/2026.2/activation", follow=False, impact_digest=digest, on="05.11.2026")
    assert done.headers["Location"] == "/policies/2026.2"
    run = audit()
    shown = timur.get(f"/audits/{run.id}").text
    assert "Its changes are as promised by the impact." in shown


def test_others_of_oversight_read_policies_and_no_drafts(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    draft()
    auditor = signed_in(Role.AUDITOR)
    assert "2026.2" not in auditor.get("/policies").text
    assert auditor.get("/policies/2026.1").status_code == 200
    assert auditor.get("/policies/2026.2").status_code == 404
    assert auditor.get("/policies/2026.1/impact").status_code == 403


def test_page_of_a_version_has_every_wording_and_the_facts_of_expected_verdicts(
    signed_in: SignedIn, present: Present
) -> None:
    present.set(DAY)
    later = {
        "act_kk": "Заң",
        "act_ru": "Закон",
        "act_en": "Act",
        "text_kk": "б",
        "text_ru": "в",
        "text_en": "from December",
    }
    clauses = [
        {**later, "in_force_from": "2026-01-01", "in_force_to": "2026-11-30", "text_en": "until November"},
        {**later, "in_force_from": "2026-12-01", "text_en": "from December"},
    ]
    facts = {"agency_kind": "central_body", "work_type": "creation", "stage": "creation", "placement": "off_platform"}
    case = {"name": "New", "on": "2026-03-01", "facts": {**facts, "budget_kzt": 5_000_000}, "expected": []}
    draft(verdict_cases=[case], scope=["central_body"], rules={"freeze.creation": {"clauses": clauses}})
    page = signed_in(Role.SUPERVISOR).get("/policies/2026.2").text
    for text in ("until November", "1 January 2026 – 30 November 2026", "from December", "Facts on 1 March 2026"):
        assert text in page
    assert "5,000,000\xa0₸" in page and "agency_kind" not in page and "central_body" not in page
    compared = signed_in(Role.REVIEWER, name="reader").get("/policies/2026.2/comparison")
    assert compared.status_code == 404
    compared = signed_in(Role.SUPERVISOR, name="other").get("/policies/2026.2/comparison").text
    assert "New object started under the moratorium: clause 2, wording, English" in compared
    assert "clause 1, in force to" in compared and "30 November 2026" in compared
    assert "text_en" not in compared and "in_force_to" not in compared


def test_supervisor_takes_a_scheduled_activation_back_on_its_page(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    draft(pilot_limit_months=6)
    activate(on=DAY + timedelta(days=1))
    page = "/policies/2026.2"
    assert "Take back the activation" not in signed_in(Role.REVIEWER).get(page).text
    saule = signed_in(Role.SUPERVISOR)
    assert "Take back the activation" in saule.get(page).text
    done = saule.send(f"{page}/activation/withdrawal", page).text
    assert "The activation is taken back: the version is a draft again." in done and "Delete draft" in done
    again = saule.send(f"{page}/activation/withdrawal", page).text
    assert "is not scheduled for a later day" in again


def test_impact_says_how_many_agencies_it_leaves_out(
    app: Flask, signed_in: SignedIn, present: Present, monkeypatch: pytest.MonkeyPatch
) -> None:
    present.set(DAY)
    for _ in range(3):
        a_project(an_agency())
    draft(pilot_limit_months=6)
    timur = signed_in(Role.SUPERVISOR)
    assert "more agenc" not in timur.get("/policies/2026.2/impact").text
    monkeypatch.setattr(policy_pages, "MAX_LISTED", 1)
    assert "and 2 more agencies" in timur.get("/policies/2026.2/impact").text
