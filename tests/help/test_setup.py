"""The setup checklist: facts make tasks done; each administrator may hide it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.models import Person
from registry.accounts.passwords import BY_EMAIL
from registry.accounts.roles import AGENCY_ROLES, Actor, Role
from registry.accounts.service import NewPerson, add_person, edit_account, person_named
from registry.audits.service import run_audit
from registry.core.database import db, transaction
from registry.core.errors import NotAllowed
from registry.help.setup import hide_setup, setup_facts, setup_to_show
from registry.journal import service as journal
from registry.journal.service import JournalEntry
from registry.notifications.email import MailNotConfigured, NoOwnAddress, queue_test_email
from registry.notifications.models import OutboundEmail
from registry.notifications.service import delete_old_emails
from tests.factories import ADMINISTRATOR, an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import PASSWORD, SignedIn
from tests.present import Present


@pytest.fixture
def with_mail(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to give the service a mail server, which it has not before."""
    monkeypatch.setitem(app.config, BY_EMAIL, False)
    return lambda: monkeypatch.setitem(app.config, BY_EMAIL, True)


def an_administrator(name: str = "Қанат Оспанов", email: str | None = "kanat@registry.example.kz") -> Actor:
    person = add_person(ADMINISTRATOR, NewPerson(name, Role.ADMINISTRATOR, email=email), PASSWORD)
    return Actor(name, Role.ADMINISTRATOR, None, "web", account_id=person.account_id, is_person=True)


def done(actor: Actor) -> set[str]:
    return {name for name, is_done in setup_facts(actor).tasks.items() if is_done}


def set_email_state(state: str, error: str | None = None) -> None:
    with transaction() as session:
        for email in session.scalars(select(OutboundEmail)):
            email.state, email.error = state, error


def test_empty_register_has_only_its_policy(app: Flask) -> None:
    administrator = an_administrator()
    assert list(setup_facts(administrator).tasks) == ["agencies", "people", "policy", "mail", "backup", "audit"]
    assert done(administrator) == {"policy"}


def test_each_task_is_done_by_its_fact(with_mail: Callable[[], None]) -> None:
    administrator = an_administrator()
    an_agency()
    assert done(administrator) == {"policy", "agencies"}
    add_person(ADMINISTRATOR, NewPerson("Second", Role.ADMINISTRATOR), PASSWORD)
    assert "people" not in done(administrator)
    add_person(ADMINISTRATOR, NewPerson("Supervisor", Role.SUPERVISOR), PASSWORD)
    assert "people" in done(administrator)
    with transaction():
        journal.record(an_actor(Role.OPERATOR), "database.backup-failed", "database:registry", {"file": "x"})
    assert "backup" not in done(administrator)
    with transaction():
        journal.record(an_actor(Role.OPERATOR), "database.backup-started", "database:registry", {"file": "x"})
    assert "backup" in done(administrator)
    run_audit(an_actor(Role.OPERATOR), dry_run=True)
    assert "audit" not in done(administrator)
    run_audit(an_actor(Role.OPERATOR))
    with_mail()
    queue_test_email(administrator)
    set_email_state("sent")
    facts = setup_facts(administrator)
    assert facts.is_complete and setup_to_show(administrator) is None


def test_one_administrator_and_a_supervisor_are_not_enough_people(app: Flask) -> None:
    administrator = an_administrator()
    add_person(ADMINISTRATOR, NewPerson("Supervisor", Role.SUPERVISOR), PASSWORD)
    assert "people" not in done(administrator)


def test_pending_supervisor_does_not_count(app: Flask) -> None:
    administrator = an_administrator()
    for name, role in (("Second", Role.ADMINISTRATOR), ("Pending", Role.SUPERVISOR)):
        add_person(administrator, NewPerson(name, role), PASSWORD)
    facts = setup_facts(administrator)
    assert (facts.administrators, facts.supervisors) == (1, 0)


def test_mail_is_done_only_when_an_email_was_sent(with_mail: Callable[[], None]) -> None:
    administrator = an_administrator()
    with pytest.raises(MailNotConfigured):
        queue_test_email(administrator)
    with_mail()
    assert "mail" not in done(administrator)
    assert queue_test_email(administrator) == "kanat@registry.example.kz"
    assert "mail" not in done(administrator) and setup_facts(administrator).email == "waiting"
    set_email_state("failed", "550 no such user")
    facts = setup_facts(administrator)
    assert (facts.tasks["mail"], facts.email, facts.email_error) == (False, "failed", "550 no such user")
    set_email_state("sent")
    assert "mail" in done(administrator)
    entry = db.session.scalars(select(JournalEntry).order_by(-JournalEntry.seq).limit(1)).one()
    assert (entry.action, entry.subject) == ("account.test-email-queued", "account:Қанат Оспанов")


def test_test_email_needs_an_own_address(with_mail: Callable[[], None]) -> None:
    with_mail()
    with pytest.raises(NoOwnAddress):
        queue_test_email(an_administrator(email=None))
    assert db.session.scalars(select(OutboundEmail)).all() == []


def test_last_sent_email_outlives_the_others(with_mail: Callable[[], None], present: Present) -> None:
    administrator = an_administrator()
    with_mail()
    queue_test_email(administrator)
    queue_test_email(administrator)
    set_email_state("sent")
    present.move(timedelta(days=31))
    delete_old_emails()
    assert len(db.session.scalars(select(OutboundEmail.id)).all()) == 1
    assert "mail" in done(administrator)


def test_hidden_checklist_is_hidden_for_that_person_only(app: Flask) -> None:
    first, second = an_administrator(), an_administrator("Айгерім Сарсенова", "a@registry.example.kz")
    hide_setup(first)
    hide_setup(first)
    assert setup_to_show(first) is None and setup_to_show(second) is not None
    statement = select(JournalEntry.principal).where(JournalEntry.action == "account.setup-hidden")
    assert db.session.scalars(statement).all() == ["Қанат Оспанов"]


def test_checklist_stays_hidden_from_a_renamed_person(app: Flask) -> None:
    administrator = an_administrator()
    hide_setup(administrator)
    assert administrator.account_id is not None
    edit_account(ADMINISTRATOR, administrator.account_id, {"name": "Қанат Серікұлы"})
    assert setup_to_show(replace(administrator, principal="Қанат Серікұлы")) is None


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_only_administrators_have_a_checklist(signed_in: SignedIn, role: Role) -> None:
    visit = signed_in(role)
    assert "Set up the register" not in visit.get("/home").text
    assert visit.client.get("/setup").status_code == 403
    assert visit.send("/setup/hidden", "/home").status_code == 403
    assert visit.send("/setup/test-email", "/home").status_code == 403
    with pytest.raises(NotAllowed):
        setup_facts(an_actor(role, an_agency() if role in AGENCY_ROLES else None))


def test_new_register_shows_its_administrator_the_checklist_and_no_other_task(signed_in: SignedIn) -> None:
    page = signed_in(Role.ADMINISTRATOR).get("/home").text
    assert "1 of 6 tasks are completed." in page and page.count("Incomplete") == 5
    assert 'href="/imports?kind=agencies"' in page
    assert page.count("<h2") == 1 and "Nothing waits for you." not in page


def test_checklist_is_hidden_by_its_button_and_stays_on_its_page(signed_in: SignedIn) -> None:
    visit = signed_in(Role.ADMINISTRATOR)
    page = visit.send("/setup/hidden", "/home").text
    assert "The list is no longer on Work." in page and "tasks are completed" not in page
    assert "1 of 6 tasks are completed." in visit.get("/setup").text
    assert 'href="/setup"' in visit.get("/help").text


def test_test_email_is_sent_from_the_page(with_mail: Callable[[], None], signed_in: SignedIn) -> None:
    with_mail()
    visit = signed_in(Role.ADMINISTRATOR)
    assert "Your account has no e-mail address to try it with." in visit.get("/setup").text
    answer = visit.send("/setup/test-email", "/home")
    assert answer.status_code == 409 and "Your account has no e-mail address." in answer.text
    person = person_named("administrator.web")
    with transaction() as session:
        session.get_one(Person, person.id).email = "administrator@registry.example.kz"
    assert "Send it to administrator@registry.example.kz" in visit.get("/setup").text
    page = visit.send("/setup/test-email", "/setup").text
    assert "A test e-mail to administrator@registry.example.kz is on its way." in page
    assert "The last e-mail has not been sent yet." in page


def test_agencies_are_chosen_on_the_import_page_that_the_checklist_leads_to(signed_in: SignedIn) -> None:
    page = signed_in(Role.ADMINISTRATOR).get("/imports?kind=agencies").text
    assert 'value="agencies" checked' in page
    assert 'value="projects" checked' in signed_in(Role.ADMINISTRATOR, name="Another").get("/imports?kind=x").text


def test_it_says_what_is_done(own_app: Flask, registry: CommandLine) -> None:
    with own_app.app_context():
        an_agency()

    listed = registry("setup", "--json").json

    assert listed == {
        "is_complete": False,
        "tasks": {
            "agencies": True,
            "people": False,
            "policy": True,
            "mail": False,
            "backup": False,
            "audit": False,
        },
    }
    assert registry("setup").out.splitlines()[0].split() == ["agencies", "true"]
