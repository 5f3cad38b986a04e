"""Journal pages: labels, links to subjects, and filters."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, edit_account
from registry.accounts.tokens import add_service_account
from registry.cases.workflow import ACTIONS
from registry.journal import pages as journal_words
from tests.cases.cast import AIGERIM, act, audit, case_of
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, a_token, an_actor, an_agency, bearer, project_values
from tests.fixtures.web import SignedIn

REGISTRY = Path(journal_words.__file__).parents[2]
WRITTEN = re.compile(
    r'(?:journal\.record\(\s*actor|write_all\(\s*actor, \w+|save_changes\([\w, ]+),\s*"([a-z]+\.[a-z-]+)"'
)
ROWS = re.compile(r"(?:No\.|№)\s(\d+)</a>")


def test_every_action_has_a_label() -> None:
    written = {
        action for path in REGISTRY.rglob("*.py") for action in WRITTEN.findall(path.read_text(encoding="utf-8"))
    }
    assert len(written) > 15 and written | {f"case.{name}" for name in ACTIONS} <= set(journal_words.ACTIONS)


def test_entry_shows_action_label_and_links_to_its_subject(signed_in: SignedIn) -> None:
    project = a_project(an_agency())
    run = audit()
    case = act(AIGERIM, case_of(project), "claim")
    page = signed_in(Role.AUDITOR, language="ru").get("/journal").text
    assert "Дело взято" in page and "case.claim" in page and "Аудит проведён" in page
    assert f'href="/cases/{case.id}">Дело № {case.id}<' in page
    assert f'href="/audits/{run.id}"' in page and f'href="/projects/{project.number}"' in page


def test_subject_filter_accepts_plain_project_case_and_agency_numbers(signed_in: SignedIn) -> None:
    agency = an_agency()
    project = a_project(agency)
    audit()
    case = act(AIGERIM, case_of(project), "claim")
    visit = signed_in(Role.SUPERVISOR)
    for typed, whole in (
        (project.number.lower(), f"project:{project.number}"),
        (str(case.id), f"case:{case.id}"),
        (agency.bin, f"agency:{agency.bin}"),
    ):
        listed = ROWS.findall(visit.get(f"/journal?subject={typed}").text)
        assert listed and listed == ROWS.findall(visit.get(f"/journal?subject={whole}").text), typed


def test_actions_are_selected_by_label(signed_in: SignedIn) -> None:
    a_project()
    visit = signed_in(Role.AUDITOR)
    page = visit.get("/journal?action=project.registered").text
    assert '<option value="project.registered" selected>Project registered</option>' in page
    assert len(ROWS.findall(page)) == 1
    assert '<option value="of.old" selected>of.old</option>' in visit.get("/journal?action=of.old").text


def test_entry_shows_labelled_details(signed_in: SignedIn) -> None:
    project = a_project()
    audit()
    case = act(AIGERIM, case_of(project), "claim")
    visit = signed_in(Role.AUDITOR)
    link = re.search(r'href="(/journal/\d+)"', visit.get(f"/journal?subject={case.id}&action=case.claim").text)
    entry = visit.get(link[1]).text
    assert "Status after" in entry and "Under review" in entry and "Original entry in the journal" in entry


def test_entry_shows_credential_and_client_request_id(app: Flask, signed_in: SignedIn) -> None:
    agency = an_agency()
    token = a_token(Role.AGENCY_EDITOR, agency)
    sent = {"agency": agency.bin, **project_values()}
    headers = bearer(token, X_Request_ID="ticket-42")
    assert app.test_client().post("/api/v1/projects", json=sent, headers=headers).status_code == 201
    visit = signed_in(Role.SUPERVISOR)
    visit.sign_in("supervisor.web")

    def entry(query: str) -> str:
        link = re.search(r'href="(/journal/\d+)"', visit.get(f"/journal?{query}").text)
        return visit.get(link[1]).text

    by_token = entry("action=project.registered")
    assert f"Token {token.split('_')[1]}" in by_token and "ticket-42" in by_token
    by_session = entry("action=person.signed-in")
    assert re.search(r"Session [0-9a-f]{16}\b", by_session) and "Request ID sent by the caller" not in by_session
    assert "On the server itself" in entry("action=agency.registered")


def test_entry_shows_account_changes_with_labels(signed_in: SignedIn) -> None:
    add_service_account(an_actor(Role.ADMINISTRATOR), "robot", Role.REVIEWER, None)
    visit = signed_in(Role.AUDITOR, language="ru")
    link = re.search(r'href="(/journal/\d+)"', visit.get("/journal?subject=account:robot").text)
    entry = visit.get(link[1]).text
    for text in ("Вид учётной записи", "Служебная учётная запись", "Инспектор", "На подтверждении"):
        assert text in entry
    assert "Вид организации" not in entry


@pytest.mark.parametrize(
    ("details", "rows"),
    [
        (
            {"issuer": "https://login.example.kz", "subject": "p-1"},
            [("Провайдер единого входа", "https://login.example.kz"), ("Идентификатор у провайдера", "p-1")],
        ),
        ({"second_factor": True}, [("Второй фактор", "Да")]),
        (
            {"factor": "totp", "problem": "recovery-code-already-used"},
            [
                ("Второй фактор", "Приложение для одноразовых кодов"),
                ("Причина", "Этот резервный код уже использован. Введите следующий."),
            ],
        ),
        ({"by": "provider"}, [("Кто завершил", "Единый вход")]),
        ({"session": "abc"}, [("Сеанс", "abc")]),
    ],
)
def test_details_of_sign_ins_are_in_the_language_of_the_page(
    app: Flask, details: dict[str, object], rows: list[tuple[str, str]]
) -> None:
    with app.test_request_context("/", headers={"Accept-Language": "ru"}):
        assert journal_words.detail_rows(details) == rows


def test_filter_by_a_person_follows_former_and_present_names(signed_in: SignedIn, client: FlaskClient) -> None:
    account = add_person(ADMINISTRATOR, NewPerson("a.serikova", Role.ADMINISTRATOR), PASSWORD).account
    other = add_person(ADMINISTRATOR, NewPerson("Other, a.serikova", Role.ADMINISTRATOR), PASSWORD).account
    for number, (name, own_id) in enumerate(
        (("a.serikova", account.id), (other.name, other.id), ("a.new", account.id))
    ):
        if name == "a.new":
            edit_account(ADMINISTRATOR, account.id, {"name": "a.new"})
        actor = replace(an_actor(Role.ADMINISTRATOR, name=name), account_id=own_id)
        add_service_account(actor, f"robot {number}", Role.REVIEWER, None)
    visit, token = signed_in(Role.AUDITOR), a_token(Role.AUDITOR)

    for name, robots in (
        ("a.serikova", {"robot 0", "robot 2"}),
        ("a.new", {"robot 0", "robot 2"}),
        ("Other, a.serikova", {"robot 0", "robot 1", "robot 2"}),
        ("nobody", set()),
    ):
        query = {"principal": name, "action": "account.added"}
        page = visit.get(f"/journal?{urlencode(query)}").text
        items = client.get("/api/v1/journal", query_string=query, headers=bearer(token)).get_json()["items"]
        assert {each["subject"] for each in items} == {f"account:{robot}" for robot in robots}, name
        assert len(ROWS.findall(page)) == len(robots), name
