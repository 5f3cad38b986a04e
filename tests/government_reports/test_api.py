"""The API and the commands of reports to the Government."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.core.database import db, transaction
from registry.projects.service import find_project_to_change, restrict_project
from tests.api.callers import Caller, caller, code
from tests.factories import a_project, an_actor
from tests.fixtures.cli import CommandLine
from tests.government_reports.steps import FIRST_WHO_SEES_ALL, SECOND, TEXTS, begin, issued
from tests.pdf_structure import text_of


def body() -> dict[str, str]:
    return {"period_end": "2026-09-30", "due_on": "2026-10-20", "responsible": "writer"}


def people(client: FlaskClient) -> tuple[Caller, Caller, Caller]:
    writer = caller(client, Role.REVIEWER, name="writer")
    return writer, caller(client, Role.REVIEWER, name="first"), caller(client, Role.SUPERVISOR, name="second")


def test_report_goes_from_draft_to_issue(client: FlaskClient) -> None:
    a_project()
    run_audit(an_actor(Role.OPERATOR))
    writer, first, second = people(client)
    made = writer.post("/government-reports", body())
    assert made.status_code == 201
    here = made.headers["Location"].removeprefix("/api/v1")
    assert writer.change(here, TEXTS).status_code == 200
    assert code(writer.patch(here, TEXTS, If_Match='"old"')) == "precondition-failed"
    assert writer.post(f"{here}/freeze", {}).status_code == 200
    assert writer.post(f"{here}/submission", {}).get_json()["status"] == "in_review"
    assert code(writer.post(f"{here}/approval", {})) == "government-report-needs-another-person"
    assert code(first.post(f"{here}/approval", {}, If_Match='"old"')) == "precondition-failed"
    seen = first.get(here).headers["ETag"]
    assert first.post(f"{here}/approval", {}, If_Match=seen).get_json()["status"] == "in_review"
    done = second.post(f"{here}/approval", {}).get_json()
    assert (done["status"], done["approved_by"]) == ("issued", ["first", "second"])
    assert done["findings_ru"] == "findings ru"
    assert code(writer.change(here, {"findings_ru": "x"})) == "government-report-not-changeable"


def test_data_has_the_hash_of_the_report_and_any_version_can_be_read(client: FlaskClient) -> None:
    a_project()
    run_audit(an_actor(Role.OPERATOR))
    number = issued()
    reader, writer = caller(client, Role.AUDITOR), caller(client, Role.REVIEWER)
    here = f"/government-reports/{number}"
    data = reader.get(f"{here}/data.json")
    assert hashlib.sha256(data.data).hexdigest() == reader.get(here).get_json()["data_sha256"]
    assert reader.get(f"{here}/data.json", If_None_Match=data.headers["ETag"]).status_code == 304
    corrected = writer.post(f"{here}/corrections", {"reason": "Wrong.", "due_on": "2027-01-01"})
    assert (corrected.status_code, corrected.get_json()["version"]) == (201, 2)
    assert reader.get(here).get_json()["version"] == 2
    assert reader.get(f"{here}?version=1").get_json()["status"] == "issued"
    assert reader.get(f"{here}?version=3").status_code == 404
    assert reader.get(f"{here}?version=x").status_code == 400
    lines = reader.get(f"/exports{here}.csv?version=1").data.decode("utf-8-sig").splitlines()
    assert lines[0] == "table,key,measure,value" and "totals,,projects,1" in lines
    assert writer.call("DELETE", here, headers={"If-Match": '"of another state"'}).status_code == 412
    tag = writer.get(here).headers["ETag"]
    assert writer.call("DELETE", here, headers={"If-Match": tag}).status_code == 204
    assert reader.get(here).get_json()["version"] == 1


def test_list_is_filtered_and_sorted_by_due_date(client: FlaskClient) -> None:
    writer, *_ = people(client)
    made = [writer.post("/government-reports", {**body(), "due_on": due}) for due in ("2027-01-01", "2026-01-01")]
    numbers = [answer.get_json()["number"] for answer in made]
    listed = writer.get("/government-reports?sort=due_on").get_json()["items"]
    assert [item["number"] for item in listed] == numbers[::-1]
    first = writer.get("/government-reports?sort=due_on&limit=1").get_json()
    rest = writer.get(f"/government-reports?sort=due_on&limit=1&cursor={first['next']}").get_json()
    assert [item["number"] for item in (*first["items"], *rest["items"])] == numbers[::-1]
    late = writer.get("/government-reports?overdue=true&status=draft&responsible=writer").get_json()["items"]
    assert [item["number"] for item in late] == [numbers[1]]


def test_pdf_is_in_the_requested_language_and_has_the_figures_that_the_reader_may_see(
    client: FlaskClient, tmp_path: Path
) -> None:
    hidden = a_project()
    a_project()
    with transaction():
        restrict_project(SECOND, find_project_to_change(SECOND, hidden.number), True, "Secret")
    run_audit(an_actor(Role.OPERATOR))
    number = issued(FIRST_WHO_SEES_ALL)
    here = f"/government-reports/{number}.pdf"
    supervisor, reviewer = caller(client, Role.SUPERVISOR), caller(client, Role.REVIEWER)
    kazakh = supervisor.get(here)
    assert (kazakh.status_code, kazakh.content_type) == (200, "application/pdf")
    assert kazakh.data == supervisor.get(f"{here}?language=kk&version=1").data
    assert f'government-report-{number}-1-kk.pdf"' in kazakh.headers["Content-Disposition"]
    printed = [text_of(who.get(f"{here}?language=ru").data, tmp_path) for who in (supervisor, reviewer)]
    shown = [who.get(f"/government-reports/{number}").get_json()["data_sha256"] for who in (supervisor, reviewer)]
    assert shown[0] != shown[1]
    russian = reviewer.get(f"{here}?language=ru")
    assert f'government-report-{number}-open-1-ru.pdf"' in russian.headers["Content-Disposition"]
    if printed[0] is not None and printed[1] is not None:
        # On every page, so also of one that lies alone.
        pages = [text.split("\f")[:-1] for text in printed]
        assert [all(f"{number}-open" in page for page in each) for each in pages] == [False, True]
        named = "Версия для читателей без доступа к записям с ограниченным доступом"
        assert [all(named in " ".join(page.split()) for page in each) for each in pages] == [False, True]
        assert [digest in text for digest, text in zip(shown, printed, strict=True)] == [True, True]
        assert [bool(re.search(r"Все +2 ", text)) for text in printed] == [True, False]
    assert code(supervisor.get(f"{here}?language=en")) == "malformed"
    assert supervisor.get(f"{here}?version=2").status_code == 404


def test_reports_are_listed_shown_and_exported(own_app: Flask, registry: CommandLine) -> None:
    with own_app.app_context():
        a_project()
        run_audit(an_actor(Role.OPERATOR))
        number, draft = issued(), begin().number
        db.session.remove()
    listed = registry("government-reports", "list", "--json").json
    assert [(item["number"], item["status"]) for item in listed] == [(draft, "draft"), (number, "issued")]
    assert number in registry("government-reports", "list").out
    shown = registry("government-reports", "show", number, "--json").json
    assert shown["approved_by"] == ["aigerim", "saule"] and shown["findings_kk"] == "findings kk"
    assert "introduction ru" in registry("government-reports", "show", number).out
    data = registry("government-reports", "export", number).raw
    assert hashlib.sha256(data).hexdigest() == shown["data_sha256"]
    table = registry("government-reports", "export", number, "--format", "csv").raw.decode("utf-8-sig")
    assert "totals,,projects,1" in table.splitlines()
    assert registry("government-reports", "export", draft).code == 3
    assert registry("government-reports", "show", "2020-1").code == 3
