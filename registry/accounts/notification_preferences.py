"""Notification preferences: which e-mails a person gets. Orders, questions and security notices always arrive."""

from __future__ import annotations

from dataclasses import dataclass

from registry.accounts.actors import Actor
from registry.accounts.models import AccountsNeedAPerson, Person, own_person
from registry.core.transactions import transaction
from registry.journal import service as journal


@dataclass(frozen=True, slots=True)
class NotificationPreferences:
    """``immediate``: e-mails at once about own cases. ``digest``: the daily digest. ``weekly_overview``: the overview
    of the week, for those who may read it.
    """

    immediate: bool
    digest: bool
    weekly_overview: bool = False


def notification_preferences(actor: Actor) -> NotificationPreferences | None:
    """The preferences of the actor; None for a service account."""
    person = own_person(actor)
    return None if person is None else _preferences(person)


def change_notification_preferences(actor: Actor, preferences: NotificationPreferences) -> None:
    """Change the preferences of the actor. Raises AccountsNeedAPerson."""
    with transaction():
        person = own_person(actor, lock=True)
        if person is None:
            raise AccountsNeedAPerson
        if _preferences(person) != preferences:
            person.immediate_emails, person.digest_emails = preferences.immediate, preferences.digest
            person.weekly_overview = preferences.weekly_overview
            details = {
                "immediate_emails": preferences.immediate,
                "digest_emails": preferences.digest,
                "weekly_overview": preferences.weekly_overview,
            }
            journal.record(actor, "account.notifications-changed", f"account:{actor.principal}", details)


def _preferences(person: Person) -> NotificationPreferences:
    return NotificationPreferences(person.immediate_emails, person.digest_emails, person.weekly_overview)
