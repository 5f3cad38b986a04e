"""One pass of notices, for the scheduler and for cron: the digest when it is due, letters, mails."""

from __future__ import annotations

from dataclasses import dataclass

from registry.notices.at_once import hand_on
from registry.notices.digest import write_due_digest
from registry.notices.sending import MOST_A_PASS, Sent, send_waiting
from registry.settings import Settings


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass did: messages of the outbox, letters of a digest (None when none was due), and mails."""

    handed_on: int
    digest: int | None
    mails: Sent


def tell_what_waits(settings: Settings, most: int = MOST_A_PASS) -> Pass:
    """Do all that is due now. Without a mail server the outbox is emptied and nobody is told."""
    mail = settings.mail
    if mail is None:
        return Pass(hand_on(with_mail=False), None, Sent())
    return Pass(hand_on(with_mail=True), write_due_digest(settings.digest_at), send_waiting(mail, most))
