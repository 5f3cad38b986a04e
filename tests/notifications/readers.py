"""People with e-mail addresses, and the e-mails to them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from registry.accounts.models import Person
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.notifications.immediate import process_outbox
from registry.notifications.models import OutboundEmail
from registry.notifications.recipients import recipient_now, recipient_of
from registry.notifications.service import queue_email
from registry.projects.models import Project
from tests.factories import ADMINISTRATOR, an_agency

PASSWORD = "correct horse battery staple"


def create_reader(
    role: Role | str, agency: Agency | None = None, name: str | None = None, language: str = "en", **values: Any
) -> Person:
    """Create an account with the address ``name@readers.kz`` by default."""
    name = name or str(role)
    person = NewPerson(
        name, Role(role), agency.id if agency else None, values.get("email", f"{name}@readers.kz"), language
    )
    return add_person(ADMINISTRATOR, person, PASSWORD)


def queue_one_email(address: str = "office@agency.kz") -> None:
    """Queue an e-mail to an agency about something that needs no permission."""
    agency = an_agency(email=address)
    with transaction():
        to = recipient_now(None, agency.id)
        assert to is not None
        queue_email(to, {"audit-held": [1]}, now())


def queued_emails() -> list[tuple[str, str, list[int | str]]]:
    """Process the outbox. Return (address, kind, references) of every e-mail in the database, sorted."""
    process_outbox(with_mail=True)
    return sorted(summaries_of(db.session.scalars(select(OutboundEmail).order_by(OutboundEmail.id)).all()))


def summaries_of(letters: Any) -> list[tuple[str, str, list[int | str]]]:
    """Return (address, kind, references) of e-mails."""
    summaries = []
    for letter in letters:
        to = recipient_of(letter)
        address = "nobody" if to is None else to.address
        summaries += [(address, each["kind"], each["references"]) for each in letter.events]
    return summaries


def letters_of_emails() -> list[tuple[str, str, dict[str, str]]]:
    """Process the outbox. Return (address, kind, letters by reference) of every notice that has letters, sorted."""
    process_outbox(with_mail=True)
    named = []
    for email in db.session.scalars(select(OutboundEmail).order_by(OutboundEmail.id)):
        to = recipient_now(email.person_id, email.agency_id)
        address = "nobody" if to is None else to.address
        named += [(address, each["kind"], each["letters"]) for each in email.events if "letters" in each]
    return sorted(named)


def last_days_of_emails() -> list[tuple[str, dict[str, str]]]:
    """Return (kind, last days by reference) of every notice that has last days, sorted."""
    events = [event for email in db.session.scalars(select(OutboundEmail)) for event in email.events]
    return sorted((event["kind"], event["due_on"]) for event in events if "due_on" in event)


def delete_emails() -> None:
    """Delete all e-mails so far."""
    process_outbox(with_mail=True)
    db.session.query(OutboundEmail).delete()
    db.session.commit()


def restrict(project: Project) -> None:
    """Hide a project from those without the permission."""
    with transaction() as session:
        session.execute(update(Project).where(Project.id == project.id).values(is_restricted=True))
