"""The jobs that make a checkpoint of the journal each night, give it to the witnesses, and compare rows with acts."""

import logging
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from registry.accounts.roles import SCHEDULE
from registry.core.clock import local_date, local_instant, now
from registry.core.installation import installed_at
from registry.core.translations import OFFICIAL_LANGUAGES, message
from registry.journal.checkpoints import Checkpoint, JournalDiffers, make_checkpoint, newest_checkpoint
from registry.journal.rows import PARTS, RUNBOOK as ROWS_RUNBOOK, reconcile
from registry.journal.verification import RUNBOOK, VERIFIED_AT, WHOLE_EVERY, last_verification, verify_and_save
from registry.journal.witnesses import WitnessFailed, send_checkpoint
from registry.notifications.email import MailServer
from registry.notifications.models import ChannelUnavailable, NoticeRejected
from registry.notifications.settings import Mail
from registry.settings import Settings

log = logging.getLogger(__name__)


def checkpoint_when_due(settings: Settings) -> None:
    """Make the checkpoint of the night, after the journal is verified, and send the newest one to who lacks it."""
    last = newest_checkpoint()
    # A new installation signs its first one in the coming night.
    if (installed_at() if last is None else last.created_at) < _last_due():
        try:
            make_checkpoint(SCHEDULE)
        except JournalDiffers:
            # It is kept as a fault, which ``/readyz`` shows.
            verify_and_save()
            log.exception("no checkpoint was made: the journal differs; see %s", RUNBOOK)
    send_to_witnesses(settings)


def reconcile_when_due() -> None:
    """Compare a slice of the rows with acts if that has not been done since the last 4:00, and once a week all."""
    at, last = now(), last_verification()
    if last.rows_compared_at is not None and last.rows_compared_at >= _last_due():
        return
    # A day of tolerance: nights are not exactly 24 hours apart.
    all_at = None if last.rows_fault else last.all_rows_at
    is_whole = all_at is None or at - all_at > WHOLE_EVERY - timedelta(hours=12)
    differences = reconcile(SCHEDULE, None if is_whole else local_date(at).toordinal() % PARTS)
    if differences:
        log.error("rows differ from what acts wrote: %s (%s); see %s", differences[0], len(differences), ROWS_RUNBOOK)


def _last_due() -> datetime:
    due = local_instant(local_date(now()), VERIFIED_AT)
    return due if due <= now() else due - timedelta(days=1)


def send_to_witnesses(settings: Settings) -> int:
    """Give the newest checkpoint to each witness that is due; returns how many took it."""
    return send_checkpoint(settings.witnesses, lambda to, checkpoint: _send_email(settings.mail, to, checkpoint))


def _send_email(mail: Mail | None, to: str, checkpoint: Checkpoint) -> None:
    """Send the note as a text and as a file. Raises WitnessFailed."""
    if mail is None:
        raise WitnessFailed("REGISTRY_SMTP_URL is not set")
    email = EmailMessage()
    subjects = [message("checkpoint-email", language, {"size": checkpoint.size}) for language in OFFICIAL_LANGUAGES]
    email["From"], email["To"] = Address(mail.sender_name, addr_spec=mail.sender), Address(addr_spec=to)
    email["Subject"], email["Date"] = " / ".join(subjects), format_datetime(checkpoint.created_at)
    email["Auto-Submitted"] = "auto-generated"
    email.set_content(checkpoint.note)
    email.add_attachment(checkpoint.note, filename=f"checkpoint-{checkpoint.size}.txt")
    server = MailServer(mail)
    try:
        server.send(email)
    except (ChannelUnavailable, NoticeRejected) as error:
        raise WitnessFailed(str(error)) from error
    finally:
        server.close()
