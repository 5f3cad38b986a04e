"""A test e-mail to oneself: it takes the way of every other one, through the queue, the worker and the mail server."""

from __future__ import annotations

from flask import current_app

from registry.accounts.actors import Actor
from registry.accounts.invitations import BY_EMAIL
from registry.accounts.models import AccountsNeedAPerson, own_person
from registry.accounts.roles import Permission
from registry.core.clock import ALMATY, now
from registry.core.errors import Conflict
from registry.core.transactions import transaction
from registry.journal import service as journal
from registry.notifications.recipients import recipient_now
from registry.notifications.service import queue_email

KIND = "test-email"


class MailNotConfigured(Conflict):
    """The service has no mail server, so that nothing can be sent."""


class NoOwnAddress(Conflict):
    """The actor's account has no e-mail address."""


def sends_email() -> bool:
    """True when the service has a mail server."""
    return bool(current_app.config.get(BY_EMAIL))


def queue_test_email(actor: Actor) -> str:
    """Queue a test e-mail to the actor and return the address.

    Raises RoleNotAllowed, AccountsNeedAPerson, MailNotConfigured and NoOwnAddress.
    """
    actor.require(Permission.AGENCIES_WRITE)
    if not sends_email():
        raise MailNotConfigured
    with transaction():
        person = own_person(actor)
        if person is None:
            raise AccountsNeedAPerson
        recipient = recipient_now(person.id, None)
        if recipient is None or recipient.address is None:
            raise NoOwnAddress
        timestamp = now()
        queue_email(recipient, {KIND: [timestamp.astimezone(ALMATY).strftime("%d.%m.%Y %H:%M")]}, timestamp)
        journal.record(actor, "account.test-email-queued", f"account:{actor.principal}")
    return recipient.address
