"""Help pages: open to everybody, in the page's language, and linked from where the question arises."""

from __future__ import annotations

import html
import re

import pytest

from registry.accounts.roles import Role
from registry.core.files import PACKAGE
from registry.core.translations import Language, translate
from registry.freeze.policy import policy_in_force
from registry.help.documents import DOCUMENTS, render_document
from registry.projects.fields import FIELDS
from tests.cases.casework import flagged_case
from tests.factories import an_agency
from tests.fixtures.web import SignedIn, Visit

HELP_LINK = re.compile(r'help_(?:link|address)\(["\'](\w+)["\'](?:, ["\']([\w-]+)["\'])?')


def test_help_needs_no_sign_in_and_is_not_indexed(visit: Visit) -> None:
    for path in ("/help", "/help/agency", "/help/operations"):
        answer = visit.client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert '<meta name="robots" content="noindex">' in answer.text
    assert visit.client.get("/help/passwords").status_code == 404
    assert visit.client.get("/help/..%2f..%2fetc%2fpasswd").status_code == 404


def test_index_lists_every_document(visit: Visit) -> None:
    page = visit.get("/help").text
    assert [name for name in DOCUMENTS if f'href="/help/{name}"' not in page] == []
    assert "For your role" not in page


@pytest.mark.parametrize(
    ("language", "title"),
    [("en", "Guide for agencies"), ("ru", "Руководство для организаций"), ("kk", "Ұйымдарға арналған нұсқаулық")],
)
def test_guide_is_in_the_language_of_the_page(visit: Visit, language: str, title: str) -> None:
    page = Visit(visit.client, language).get("/help/agency").text
    assert f'<h1 class="govuk-heading-l">{title}</h1>' in page
    assert 'class="guide__body">' in page


def test_untranslated_document_says_so_and_names_its_language(visit: Visit) -> None:
    page = Visit(visit.client, "ru").get("/help/operations").text
    assert "Эта страница ещё не переведена. Она показана на английском языке." in page
    assert '<h1 class="govuk-heading-l">Эксплуатация</h1>' in page
    assert '<div class="guide__body" lang="en">' in page
    assert "not translated" not in Visit(visit.client, "en").get("/help/operations").text


@pytest.mark.parametrize(
    ("role", "address"),
    [
        (Role.AGENCY_EDITOR, "/help/agency"),
        (Role.AGENCY_ADMINISTRATOR, "/help"),
        (Role.REVIEWER, "/help/reviewer"),
        (Role.SUPERVISOR, "/help/reviewer"),
        (Role.OPERATOR, "/help/operator"),
        (Role.ADMINISTRATOR, "/help/administrator"),
        (Role.AUDITOR, "/help"),
    ],
)
def test_header_leads_to_the_guide_for_the_role(signed_in: SignedIn, role: Role, address: str) -> None:
    visit = signed_in(role)
    assert f'<a class="site-header__help" href="{address}">Help</a>' in visit.get("/home").text
    assert ("For your role" in visit.get("/help").text) is (role is not Role.AUDITOR)


@pytest.mark.parametrize("language", ["en", "ru", "kk"])
def test_rules_in_force_are_those_of_the_policy_in_use_in_the_readers_language(
    signed_in: SignedIn, language: Language
) -> None:
    page = html.unescape(signed_in(Role.AGENCY_EDITOR, language=language).get("/help/rules-in-force").text)
    rules = policy_in_force().rules
    assert [name for name, rule in rules.items() if rule.enabled and rule.title[language] not in page] == []
    assert [name for name, rule in rules.items() if f'"code">{name}<' in page and not rule.enabled] == []
    assert rules["freeze.pilot-limit"].remedy[language] in page
    # What oversight alone may know is not among the limits.
    assert translate("Change threshold of an audit, percent", language) not in page


def test_rules_in_force_need_a_sign_in(visit: Visit) -> None:
    assert visit.client.get("/help/rules-in-force").status_code == 303


@pytest.mark.parametrize("language", ["en", "ru", "kk"])
def test_every_field_of_a_project_is_explained_in_the_readers_language(visit: Visit, language: Language) -> None:
    page = html.unescape(Visit(visit.client, language).get("/help/project-fields").text)
    labels = [translate(field.label, language) for field in FIELDS.values()]
    hints = [translate(field.hint, language) for field in FIELDS.values() if field.hint]
    assert [text for text in (*labels, *hints) if text not in page] == []
    assert "/help/project-fields" in Visit(visit.client, "ru").get("/help/fields").text


def test_footer_leads_to_help_before_signing_in(visit: Visit) -> None:
    page = visit.get("/sign-in").text
    assert '<a href="/help">Help</a>' in page and "site-header__help" not in page


def test_every_help_link_of_a_template_leads_to_an_existing_section() -> None:
    links = {
        match
        for template in PACKAGE.glob("*/templates/**/*.html")
        for match in HELP_LINK.findall(template.read_text(encoding="utf-8"))
    }
    assert len(links) > 15
    anchors = {name: {each.anchor for each in render_document(DOCUMENTS[name], "en").sections} for name, _ in links}
    assert [(name, section) for name, section in links if section and section not in anchors[name]] == []


def test_pages_link_to_the_section_that_answers_their_question(signed_in: SignedIn) -> None:
    agency = an_agency()
    project, case = flagged_case(agency)
    visits = {
        Role.AGENCY_EDITOR: {
            "/register": "/help/agency#register-a-project",
            "/imports": "/help/agency#register-many-projects-at-once",
            f"/projects/{project.number}": "/help/agency#understand-a-flag",
        },
        Role.REVIEWER: {case: "/help/reviewer#review-a-case", "/cases": "/help/reviewer#work-through-cases"},
        Role.ADMINISTRATOR: {
            "/people": "/help/administrator#add-people",
            "/agencies": "/help/administrator#register-agencies",
            "/tokens": "/help/administrator#programs",
            "/account/factors/new": "/help/administrator#second-factors",
        },
    }
    for role, pages in visits.items():
        visit = signed_in(role, agency if role is Role.AGENCY_EDITOR else None)
        for path, address in pages.items():
            assert f'href="{address}" target="_blank" rel="noopener"' in visit.get(path).text, path


def test_agency_without_projects_sees_what_to_do_first(signed_in: SignedIn) -> None:
    agency = an_agency()
    page = signed_in(Role.AGENCY_EDITOR, agency).get("/home").text
    assert "Start here" in page and 'href="/register"' in page and 'href="/imports"' in page
    viewer = signed_in(Role.AGENCY_VIEWER, agency).get("/home").text
    assert "An editor of your agency registers them" in viewer and 'href="/register"' not in viewer
    administrator = signed_in(Role.AGENCY_ADMINISTRATOR, agency).get("/home").text
    assert "Does somebody else keep the records?" in administrator
