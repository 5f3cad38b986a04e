"""Who gets an e-mail about a request, and the command that carries requests out."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Flask
from sqlalchemy import update

from registry.accounts.roles import Actor, Role
from registry.accounts.service import person_named
from registry.core.clock import today
from registry.core.database import db, transaction
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask, confirm
from tests.factories import an_actor, an_agency
from tests.fixtures.cli import CommandLine
from tests.notifications.readers import create_reader, delete_emails, queued_emails
from tests.present import Present

DAY = date(2026, 9, 30)


def actor_of(name: str) -> Actor:
    person = person_named(name)
    return Actor(name, Role(person.role), None, account_id=person.account_id, is_person=True, credential="session:t")


def test_deciders_who_asked_and_the_successor_get_an_email(app: Flask, present: Present) -> None:
    present.set(DAY)
    create_reader(Role.ADMINISTRATOR, name="first")
    create_reader(Role.SUPERVISOR, name="second")
    create_reader(Role.REVIEWER, name="reviewer")
    former, successor = an_agency(), an_agency(email="office@successor.kz")
    values = {"successor": successor.bin, "on": DAY, "act": "No. 17", "reason": "They merge."}
    request = ask(actor_of("first"), RequestKind.SUCCESSION, former.bin, values)

    assert queued_emails() == [("second@readers.kz", "request-waiting", [request.id])]

    delete_emails()
    confirm(actor_of("second"), RequestKind.SUCCESSION, request.id)
    assert queued_emails() == [
        ("first@readers.kz", "request-decided", [request.id]),
        ("office@successor.kz", "request-carried-out", [request.id]),
    ]


def test_the_command_carries_out_what_is_due_once(own_app: Flask, registry: CommandLine) -> None:
    with own_app.app_context():
        values = {"successor": an_agency().bin, "on": today() + timedelta(days=1), "act": "No. 1", "reason": "So."}
        asker, decider = an_actor(Role.ADMINISTRATOR, name="first"), an_actor(Role.SUPERVISOR, name="second")
        request = ask(asker, RequestKind.SUCCESSION, an_agency().bin, values)
        request_id = confirm(decider, RequestKind.SUCCESSION, request.id).id
        with transaction() as session:
            session.execute(update(Request).values(on=today()))
        db.session.remove()

    first, second = (registry("requests", "carry-out", "--json").json for _ in range(2))

    assert (first, second) == ({"carried_out": [request_id], "failed": []}, {"carried_out": [], "failed": []})
    assert registry("requests", "carry-out").err.strip() == "Requests carried out: 0"
