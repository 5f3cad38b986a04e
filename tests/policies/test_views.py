"""Pages of policy versions: from a draft over its impact to the activation by another supervisor."""

from __future__ import annotations

from datetime import date

from flask import Flask

from registry.accounts.roles import Role
from tests.audits.policy_steps import draft
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
    assert "from a budget of 100,000,000\u00a0₸; below it, as entered" in (shown := saule.get("/policies/2026.2").text)
    assert ">100,000,000<" in shown
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
