"""The e-mail transport: one e-mail through the mail server for one notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.message import EmailMessage
from typing import Any

from registry.core.pdf import DocumentNotMade
from registry.notifications.channels import Channel
from registry.notifications.email_texts import render_email
from registry.notifications.mail_settings import Mail
from registry.notifications.overview_document import overview_pdf
from registry.notifications.recipients import Recipient
from registry.notifications.smtp import MailServer
from registry.notifications.transport import LeasedNotice


class EmailTransport:
    """Sends notices by e-mail over one connection; release it with ``close``."""

    channel = Channel.EMAIL

    def __init__(self, mail: Mail) -> None:
        self._mail = mail
        self._server = MailServer(mail)

    def reaches(self, to: Recipient) -> bool:
        """True when the recipient has an e-mail address."""
        return to.address is not None

    def send(self, notice: LeasedNotice, to: Recipient, entries: Sequence[Mapping[str, Any]]) -> None:
        """Send one e-mail. Raises EmailRejected, MailServerUnavailable, and ValueError for an unusable address."""
        email = render_email(
            self._mail,
            notice.key,
            to,
            entries,
            notice.created_at,
            is_digest=notice.is_digest,
            fell_back=notice.fell_back,
        )
        attach_overview(email, entries)
        self._server.send(email)

    def close(self) -> None:
        """Close the connection, if any."""
        self._server.close()


def attach_overview(email: EmailMessage, entries: Sequence[Mapping[str, Any]]) -> None:
    """Attach the document of the overview of the week. The e-mail has its main figures also without it."""
    for document in (each["figures"].get("document") for each in entries if "figures" in each):
        if document is not None:
            with suppress(DocumentNotMade):
                name = f"overview-{document['date']}.pdf"
                email.add_attachment(overview_pdf(document), maintype="application", subtype="pdf", filename=name)
