"""Pages of reports to the Government, from the first form to the issued document."""

from __future__ import annotations

from datetime import date

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.government_reports.queries import find_government_report
from tests.factories import a_project, an_actor
from tests.fixtures.web import SignedIn
from tests.government_reports.steps import READER, TEXTS, begin, change, issued
from tests.present import Present


def audited() -> None:
    a_project(name_ru="Система учёта дорог", name_kk="Жолдарды есепке алу жүйесі")
    run_audit(an_actor(Role.OPERATOR))


def test_report_is_written_frozen_submitted_approved_and_issued_on_pages(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 10, 1))
    audited()
    author, first = signed_in(Role.REVIEWER), signed_in(Role.REVIEWER, name="second.reviewer")
    dates = {"period_end": "30.09.2026", "due_on": "20.10.2026", "responsible": "reviewer.web"}
    page = author.send("/government-reports/new", **dates).text
    assert "The report is begun." in page and "Report No. 2026-1, version 1" in page
    here = "/government-reports/2026-1"
    answer = author.send(f"{here}/submission", here)
    assert answer.status_code == 422 and "Freeze the figures first." in answer.text
    assert "The report is saved." in author.send(f"{here}/edit", **TEXTS, **dates).text
    assert "The figures are frozen." in author.send(f"{here}/freeze", here).text
    assert "The report is submitted." in author.send(f"{here}/submission", here).text
    assert "Approve" not in author.get(here).text.partition("<main")[2].partition("<dl")[0]
    revision = str(find_government_report(READER, "2026-1").revision)
    stale = first.send(f"{here}/approval", here, revision="1")
    assert stale.status_code == 409 and "has changed since you opened it" in stale.text
    assert "It waits for the second person." in first.send(f"{here}/approval", here, revision=revision).text
    supervisor = signed_in(Role.SUPERVISOR)
    revision = str(find_government_report(READER, "2026-1").revision)
    assert "The report is issued." in supervisor.send(f"{here}/approval", here, revision=revision).text


def test_section_that_somebody_else_saved_meanwhile_is_not_overwritten_unseen(signed_in: SignedIn) -> None:
    number = begin().number
    visit, path = signed_in(Role.REVIEWER), f"/government-reports/{number}/edit"
    assert '<input type="hidden" name="revision" value="1">' in visit.get(path).text
    change(number, findings_ru="Другое.")
    entered = {"findings_ru": "", "measures_ru": "Моё."}
    stale = visit.send(path, revision="1", **entered)
    assert stale.status_code == 409 and "these fields have now: Findings in Russian, Measures in Russian." in stale.text
    report = find_government_report(READER, number)
    assert (report.findings_ru, report.measures_ru) == ("Другое.", None)
    assert visit.send(path, revision="2", **entered).status_code == 200
    report = find_government_report(READER, number)
    assert (report.findings_ru, report.measures_ru) == (None, "Моё.")


def test_document_is_in_the_chosen_language_whatever_the_page_is_in(signed_in: SignedIn) -> None:
    audited()
    number = issued()
    visit = signed_in(Role.AUDITOR)
    # The menu stays in the language of the page.
    russian = visit.get(f"/government-reports/{number}/document/ru").text.partition("<main")[2]
    kazakh = visit.get(f"/government-reports/{number}/document/kk").text.partition("<main")[2]
    assert 'lang="ru"' in russian and "introduction ru" in russian and "Система учёта дорог" in russian
    assert 'lang="kk"' in kazakh and "introduction kk" in kazakh and "Жолдарды есепке алу жүйесі" in kazakh
    assert "introduction kk" not in russian and "Figures" not in russian and "Figures" not in kazakh


def test_pdf_is_linked_in_both_languages_and_downloads(signed_in: SignedIn) -> None:
    audited()
    number = issued()
    visit = signed_in(Role.AUDITOR)
    page = visit.get(f"/government-reports/{number}").text
    for language in ("kk", "ru"):
        path = f"/government-reports/{number}.pdf?language={language}&version=1"
        assert f'href="{path.replace("&", "&amp;")}" download' in page
        file = visit.client.get(path)
        name = f'attachment; filename="government-report-{number}-1-{language}.pdf"'
        assert (file.content_type, file.headers["Content-Disposition"]) == ("application/pdf", name)
        assert file.data.startswith(b"%PDF")
    assert visit.client.get(f"/government-reports/{number}.pdf?version=2").status_code == 404
    english = visit.client.get(f"/government-reports/{number}.pdf?language=en").headers["Content-Disposition"]
    assert english.endswith('-ru.pdf"')


def test_correction_shows_what_it_changes_and_the_former_version_stays(signed_in: SignedIn) -> None:
    audited()
    number = issued()
    visit = signed_in(Role.REVIEWER)
    page = visit.send(f"/government-reports/{number}/correction", reason="One was missing.", due_on="01.12.2027").text
    assert "The correction is begun." in page and "version 2" in page
    change(number, findings_ru="Новое.")
    page = visit.get(f"/government-reports/{number}").text
    assert "What this version changes" in page and "Findings: Русский" in page and "Новое." in page
    assert "findings_ru" not in page and "by_agency" not in page
    assert "Новое." not in visit.get(f"/government-reports/{number}?version=1").text


def test_pages_are_not_for_agencies_and_auditors_are_offered_no_change(signed_in: SignedIn) -> None:
    assert signed_in(Role.AGENCY_EDITOR).get("/government-reports").status_code == 403
    auditor = signed_in(Role.AUDITOR)
    assert auditor.get("/government-reports/new").status_code == 403
    page = auditor.get(f"/government-reports/{begin().number}").text
    assert "<form method" not in page.partition("<main")[2]
