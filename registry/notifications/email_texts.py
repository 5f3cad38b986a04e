"""E-mail texts: greeting, kind of event, numbers and links, of the overview sums. Never findings, names or reasons.

An invitation names the account of its reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final

from registry.accounts.invitations import invitation_key
from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.languages import OFFICIAL_LANGUAGES, Language
from registry.core.messages import message
from registry.core.translations import translate
from registry.notifications.kinds import KINDS, PAGES
from registry.notifications.mail_settings import Mail
from registry.notifications.recipients import Recipient
from registry.notifications.weekly_overview import figure_lines

MessageParams = Sequence[Mapping[str, Any]]
INVITATION: Final = "invitation"
# Types of references that say nothing in a subject: the time of an event, the key of a link.
NOT_IN_SUBJECTS: Final = frozenset({"account", "invitations"})
BETWEEN_LANGUAGES: Final = "\n\n----------\n\n"


def render_email(
    mail: Mail,
    key: str,
    to: Recipient,
    entries: MessageParams,
    written_at: datetime,
    *,
    is_digest: bool,
    fell_back: bool = False,
) -> EmailMessage:
    """Render an e-mail, identically at each attempt. Raises ValueError for an address that no header can carry.

    ``fell_back``: says that it comes in place of a message that Aitu did not deliver.
    """
    if to.address is None:
        raise ValueError("the recipient has no e-mail address")
    email = EmailMessage(policy=SMTP)
    email["From"] = Address(mail.sender_name, addr_spec=mail.sender)
    try:
        email["To"] = Address(addr_spec=to_bytes(to.address))
    except HeaderParseError as error:
        raise ValueError(str(error)) from error
    email["Subject"] = " / ".join(notice_subject(entries, language, is_digest) for language in to.languages)
    email["Date"] = format_datetime(written_at)
    email["Message-ID"] = f"<{key}@{mail.sender.rpartition('@')[2]}>"
    # Prevents automatic replies (RFC 3834).
    email["Auto-Submitted"] = "auto-generated"
    texts = (_text(mail, to, entries, language, is_digest, fell_back) for language in to.languages)
    email.set_content(BETWEEN_LANGUAGES.join(texts) + "\n")
    email["Content-Language"] = ", ".join(to.languages)
    return email


def to_bytes(address: str) -> str:
    """Return the address with its domain in DNS form. Raises ValueError when there is none."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode('ascii')}"


def link_to(public_url: str, of: str, reference: int | str) -> str:
    """Return the URL of a page: of a case, letter, project or audit, of an invitation, or where the reader goes on."""
    if of == "invitations":
        return f"{public_url}/invitation?key={invitation_key(int(reference))}"
    return f"{public_url}/{PAGES[of]}" if of in PAGES else f"{public_url}/{of}/{reference}"


def notice_subject(entries: MessageParams, language: Language, is_digest: bool) -> str:
    """Return what the notice is about, in one line."""
    if is_digest:
        return message("notice-subject-digest", language, {"count": sum(each["count"] for each in entries)})
    first = entries[0]
    if first["kind"] == INVITATION:
        return message("notice-subject-invitation", language)
    what = message(f"notice-{first['kind']}", language)
    if first["count"] == 1 and KINDS[first["kind"]] in NOT_IN_SUBJECTS:
        return what
    number = first["references"][0] if first["count"] == 1 else first["count"]
    code = f"notice-number-{KINDS[first['kind']]}" if first["count"] == 1 else "notice-subject-several"
    return f"{what}: {message(code, language, {'number': number})}"


def _text(
    mail: Mail, to: Recipient, entries: MessageParams, language: Language, is_digest: bool, fell_back: bool
) -> str:
    greeting = (
        message("notice-greeting", language)
        if to.name is None
        else message("notice-greeting-name", language, {"name": to.name})
    )
    kinds = {each["kind"] for each in entries}
    concerns_account = any(KINDS[kind] == "account" for kind in kinds)
    parts = [greeting]
    if is_digest:
        parts.append(message("notice-digest", language))
    parts += [notice_part(mail.public_url, each, language) for each in entries]
    if fell_back:
        parts.append(message("notice-fell-back", language, {"link": f"{mail.public_url}/account/aitu"}))
    if concerns_account:
        parts.append(message("notice-not-you", language))
    if INVITATION in kinds:
        parts.append(_invited_account(to, language))
    if mail.support_contact and (INVITATION in kinds or concerns_account):
        parts.append(message("notice-questions", language, {"contact": mail.support_contact}))
    elif INVITATION in kinds:
        parts.append(message("notice-questions-administrator", language))
    ending = "notice-ending-invitation" if kinds == {INVITATION} else "notice-ending"
    return "\n\n".join([*parts, message(ending, language)])


def _invited_account(to: Recipient, language: Language) -> str:
    """Return the name for signing in, the role and the agency of the invited person."""
    role = translate(Role(to.actor.role).label, language)
    text = message("notice-invited-account", language, {"name": to.name, "role": role})
    agency = None if to.actor.agency_id is None else db.session.get(Agency, to.actor.agency_id)
    if agency is None:
        return text
    names = (getattr(agency, f"name_{each}") for each in (language, *reversed(OFFICIAL_LANGUAGES), "en"))
    name = next((name for name in names if name), agency.bin)
    return f"{text}\n{message('notice-invited-agency', language, {'agency': name})}"


def notice_part(public_url: str, each: Mapping[str, Any], language: Language) -> str:
    """Return one kind of event with its numbers and links."""
    of = KINDS[each["kind"]]
    lines = [message(f"notice-{each['kind']}", language) + ":"]
    for reference in each["references"]:
        number = message(f"notice-number-{of}", language, {"number": reference})
        lines.append(f"  {number} – {link_to(public_url, of, reference)}")
        letter = each.get("letters", {}).get(str(reference))
        if letter is not None:
            number = message("notice-number-letters", language, {"number": letter})
            lines.append(f"  {number} – {link_to(public_url, 'letters', letter)}")
    if "figures" in each:
        lines += [f"  {line}" for line in figure_lines(each["figures"], language)]
    more = each["count"] - len(each["references"])
    if more:
        lines.append(f"  {message('notice-more', language, {'count': more})} – {public_url}/{PAGES.get(of, of)}")
    return "\n".join(lines)
