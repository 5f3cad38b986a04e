"""A decision that a reviewer and a supervisor sign in a browser with NCALayer."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import select, update

from registry.accounts.roles import Role
from registry.accounts.sessions import WebSession
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.requests.approval_kinds import propose_restriction
from registry.signatures.models import Signature
from registry.signatures.service import SIGNATURES
from tests.cases.cast import audit, case_of
from tests.factories import a_project, an_actor, an_agency, with_account
from tests.government_reports.steps import begin, submitted
from tests.signatures.certificates import Centre, settings_for
from tests.signatures.ncalayer import ncalayer
from tests.web.browser import TIMEOUT_MS, follow, set_locale, sign_in
from tests.web.tour_stop import person_name

Demo = tuple[Flask, dict[str, object]]
# What the browser does depends on no database.
pytestmark = pytest.mark.on_either


@pytest.fixture
def centre(demo: Demo, tmp_path: Path) -> Iterator[Centre]:
    centre = Centre()
    demo[0].config[SIGNATURES] = settings_for(centre.trust(tmp_path))
    yield centre
    demo[0].config[SIGNATURES] = None


@contextmanager
def at_work(browser: Browser, address: str, app: Flask, role: Role) -> Iterator[Page]:
    """Return the page of a person who verified a second factor just now."""
    # NCALayer has a certificate of its own, which its setup lets the browser trust.
    opened = browser.new_context(base_url=address, ignore_https_errors=True, locale="en-GB")
    opened.set_default_timeout(TIMEOUT_MS)
    set_locale(opened, address, "en")
    page = opened.new_page()
    sign_in(page, person_name(role))
    with app.app_context(), transaction() as session:
        session.execute(update(WebSession).values(factor_at=now(), factor_kind="totp"))
    yield page
    opened.close()


def test_two_people_sign_a_decision_with_ncalayer(browser: Browser, address: str, demo: Demo, centre: Centre) -> None:
    app = demo[0]
    with app.app_context():
        project = a_project(an_agency())
        audit()
        case = f"/cases/{case_of(project).id}"
    with at_work(browser, address, app, Role.REVIEWER) as page:
        page.goto(case)
        follow(page, "form[action*='/claim'] .govuk-button-group button")
        page.check("[name=propose-decision][value=no_breach]")
        page.select_option("[name=propose-reason_code]", "wrong_data")
        page.fill("[name=propose-reason_ru]", "Письмо от 3 февраля.\nВторая строка.")
        follow(page, "text=Propose with an electronic signature")
        assert "Письмо от 3 февраля." in page.inner_text("main")
        page.click("text=Sign with NCALayer")
        page.wait_for_selector("text=NCALayer does not answer")
        with ncalayer(None):
            page.click("text=Sign with NCALayer")
            page.wait_for_selector("text=You closed NCALayer without a signature")
        with ncalayer(centre.person("900202400456", "СӘКЕН")) as layer:
            follow(page, "text=Sign with NCALayer")
        assert "signed by СӘКЕН" in page.inner_text("main")
    with at_work(browser, address, app, Role.SUPERVISOR) as page, ncalayer(centre.person(), has_stamps=False):
        page.goto(case)
        follow(page, "text=Approve with an electronic signature")
        assert not page.is_visible("text=Sign without a time stamp")
        page.click("text=Sign with NCALayer")
        page.wait_for_selector("text=NCALayer could not sign: tsp.kncc.kz: connect timed out")
        follow(page, "button:has-text('Sign without a time stamp')")
        assert "signed by ТЕСТОВ ТЕСТ" in page.inner_text("main") and "Closed" in page.inner_text(".case__status")
    [request] = layer.asked
    assert (request["module"], request["method"]) == ("kz.gov.pki.knca.basics", "sign")
    assert request["args"]["signingParams"] == {
        **{"decode": True, "encapsulate": False, "digested": False},
        "tsaProfile": {},
    }
    with app.app_context():
        first = db.session.scalars(select(Signature).order_by(Signature.id)).first()
        assert first and first.content.encode() == base64.b64decode(request["args"]["data"])


def test_supervisor_approves_a_proposal_and_a_report_with_ncalayer(
    browser: Browser, address: str, demo: Demo, centre: Centre
) -> None:
    app = demo[0]
    with app.app_context():
        proposer = with_account(an_actor(Role.SUPERVISOR, name="dana"))
        restriction = {"is_restricted": True, "reason": "State secret"}
        approval = propose_restriction(proposer, a_project(an_agency()).number, restriction).id
        report = submitted(begin().number).number
    layers = []
    # The same key as the account signed with before.
    with (
        at_work(browser, address, app, Role.SUPERVISOR) as page,
        ncalayer(centre.person(), centre.authority()) as layer,
    ):
        for here in (f"/approvals/{approval}", f"/government-reports/{report}"):
            page.goto(here)
            follow(page, "text=Approve with an electronic signature")
            assert "With your signature it is done at once" in page.inner_text("main")
            follow(page, "text=Sign with NCALayer")
            text = page.inner_text("main")
            assert "signed by ТЕСТОВ ТЕСТ" in text and "proven by a time stamp" in text and "Issued by ҰКО." in text
            layers.append(layer.asked[-1]["args"]["signingParams"])
    assert [each["tsaProfile"] for each in layers] == [{}, {}]
    with app.app_context():
        signed = db.session.scalars(select(Signature).order_by(Signature.id.desc()).limit(2))
        assert {each.subject for each in signed} == {f"approval:{approval}", f"government-report:{report}"}
