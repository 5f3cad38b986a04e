"""Aitu: the client of its bot API (https://btsdigital.github.io/bot-api-contract), and links between accounts."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import requests
from sqlalchemy import ForeignKey, String, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.attempts import TooManyAttempts, begin_aitu_code, begin_aitu_message
from registry.accounts.factors import require_enrolment_allowed
from registry.accounts.models import AccountsNeedAPerson, Person, account_actor, is_active, own_person
from registry.accounts.roles import Actor
from registry.accounts.sessions import FactorSession
from registry.core.clock import now
from registry.core.database import Instant, Model, db, transaction, violates
from registry.core.errors import Conflict, NotFound
from registry.core.trace_context import outgoing_headers
from registry.journal import service as journal
from registry.notifications.models import ChannelChoice, ChannelUnavailable, NoticeRejected
from registry.notifications.settings import AituBot

# Client of Aitu's bot API: sends messages and reads updates (https://btsdigital.github.io/bot-api-contract/).

# Seconds to connect and to wait for an answer. Updates are read by long polling: silence means that there are none.
TIMEOUT_S: Final = (5, 10)
MAX_REASON_LENGTH: Final = 200
# The contract names no statuses of errors. These say that the whole service is not served now, not this message.
NOT_SERVED: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
)


class AituClient:
    """Calls the API over one session; release it with ``close``. The token is in a header, never in a log."""

    def __init__(self, bot: AituBot) -> None:
        self._bot = bot
        # The slash belongs to the endpoint: without it the API would redirect, and redirects are not followed.
        self._updates = f"{bot.api_url}/updates/"
        self._session = requests.Session()
        self._session.headers["X-BOT-TOKEN"] = bot.token

    def send_message(self, user_id: str, local_id: str, text: str) -> None:
        """Send one text to one user. Raises NoticeRejected and ChannelUnavailable.

        ``local_id`` comes back in the update ``MessageIdAssigned``.
        """
        command = {
            "type": "SendMessage",
            "localId": local_id,
            "recipient": {"type": "USER", "id": user_id},
            "content": text,
        }
        self._call("POST", {"commands": [command]})

    def read_updates(self) -> list[dict[str, Any]]:
        """Take the waiting updates: the API does not give them again. Raises NoticeRejected and ChannelUnavailable."""
        try:
            answer = self._call("GET", None)
        except requests.ReadTimeout:
            return []
        try:
            updates = answer.json()["updates"]
        except (ValueError, KeyError, TypeError) as error:
            raise ChannelUnavailable("the answer holds no updates") from error
        return [each for each in updates if isinstance(each, dict)] if isinstance(updates, list) else []

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _call(self, method: str, body: dict[str, Any] | None) -> requests.Response:
        try:
            answer = self._session.request(
                method, self._updates, json=body, headers=outgoing_headers(), timeout=TIMEOUT_S, allow_redirects=False
            )
        except requests.ReadTimeout as error:
            if method == "GET":
                raise
            raise ChannelUnavailable("no answer in time") from error
        except requests.RequestException as error:
            # Its text may repeat the address only; the cause says enough.
            raise ChannelUnavailable(type(error).__name__) from error
        if answer.status_code == HTTPStatus.OK:
            return answer
        reason = self._reason(answer)
        if answer.status_code in NOT_SERVED or not 400 <= answer.status_code < 500:
            raise ChannelUnavailable(reason)
        raise NoticeRejected(reason, for_good=True)

    def _reason(self, answer: requests.Response) -> str:
        text = "".join(character if character.isprintable() else " " for character in answer.text[:2000])
        plain = " ".join(text.replace(self._bot.token, "…").split())
        return f"{answer.status_code} {plain}"[:MAX_REASON_LENGTH].strip()


# Links between people and their Aitu accounts: one-time codes, linking, unlinking, the choice of channels.

CODE_VALID_FOR: Final = timedelta(minutes=10)
# Digits only: people type the code on a phone, whatever the keyboard. Nobody guesses 10¹² in ten minutes.
CODE_DIGITS: Final = 12
MAX_MESSAGE_LENGTH: Final = 40
LINKED: Final = "account.aitu-linked"
SOURCE: Final = "aitu"
# Of Flask's configuration: the name of the bot, None without one.
AITU_BOT_NAME: Final = "AITU_BOT_NAME"


class AituNotConfigured(NotFound):
    """The service has no bot in Aitu."""


class AituNotLinked(NotFound):
    """The person has linked no Aitu account."""


class AituAccountTaken(Conflict):
    """The Aitu account is linked to another account of the register."""


class AituCodeNotAccepted(Conflict):
    """The message is no code, or the code is unknown, used or expired."""


class TooManyAituCodes(TooManyAttempts):
    """The person asked for too many codes."""


class AituLink(Model):
    """The Aitu account of a person. ``peer_id``: its id in the bot API. ``rejected_at``: when Aitu did not accept the
    last message; None after one that it accepted.
    """

    __tablename__ = "aitu_links"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, autoincrement=False)
    peer_id: Mapped[str] = mapped_column(String(36), unique=True)
    channels: Mapped[str] = mapped_column(String(10))
    linked_at: Mapped[datetime] = mapped_column(Instant)
    rejected_at: Mapped[datetime | None] = mapped_column(Instant)


class AituCode(Model):
    """The valid code of a person, as a SHA-256 hash."""

    __tablename__ = "aitu_codes"

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, autoincrement=False)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)


def own_link(actor: Actor) -> AituLink | None:
    """Return the actor's link, None without one. Raises AccountsNeedAPerson."""
    return db.session.get(AituLink, _own_person(actor).id, populate_existing=True)


def create_code(session: FactorSession) -> str:
    """Create a code for the person of the session, in place of an earlier one; it is displayed once.

    Raises StepUpRequired unless the second factor, or without one the password, was verified recently, so that nobody
    links an Aitu account in a session that was left open; TooManyAituCodes.
    """
    require_enrolment_allowed(session)
    try:
        begin_aitu_code(session.account_id)
    except TooManyAttempts as error:
        raise TooManyAituCodes(**error.params) from error
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    with transaction() as db_session:
        db_session.execute(delete(AituCode).where(AituCode.person_id == session.person_id))
        row = AituCode(person_id=session.person_id, code_hash=_hash(code), expires_at=now() + CODE_VALID_FOR)
        db_session.add(row)
        journal.record(session.actor, "account.aitu-code-created", f"account:{session.actor.principal}")
    return " ".join(code[start : start + 4] for start in range(0, CODE_DIGITS, 4))


def has_valid_code() -> bool:
    """True while anybody may send a code to the bot."""
    db.session.rollback()
    return db.session.scalar(select(AituCode.person_id).where(AituCode.expires_at > now()).limit(1)) is not None


def link_with_code(peer_id: str, text: str) -> str:
    """Link an Aitu account to the person whose code it sent. Return the person's language.

    Raises TooManyAttempts, AituCodeNotAccepted and AituAccountTaken.
    """
    begin_aitu_message(peer_id)
    code = re.sub(r"\s", "", text) if len(text) <= MAX_MESSAGE_LENGTH else ""
    if not (code.isascii() and code.isdecimal() and len(code) == CODE_DIGITS):
        raise AituCodeNotAccepted
    try:
        return _link(peer_id, code)
    except IntegrityError as error:
        if not violates(error, "uq_aitu_links_peer_id"):
            raise
        # Two services read two messages of the same Aitu account concurrently.
        raise AituAccountTaken from error


def _link(peer_id: str, code: str) -> str:
    with transaction() as session:
        valid = (AituCode.code_hash == _hash(code), AituCode.expires_at > now())
        person_id = session.scalar(delete(AituCode).where(*valid).returning(AituCode.person_id))
        active = select(Person).join(Person.account).where(Person.id == person_id, is_active())
        person = None if person_id is None else session.scalar(active.execution_options(populate_existing=True))
        if person is None:
            raise AituCodeNotAccepted
        holder = session.scalar(select(AituLink.person_id).where(AituLink.peer_id == peer_id))
        if holder is not None and holder != person.id:
            raise AituAccountTaken
        session.execute(delete(AituLink).where(AituLink.person_id == person.id))
        session.add(AituLink(person_id=person.id, peer_id=peer_id, channels=ChannelChoice.BOTH, linked_at=now()))
        # The journal does not name the Aitu account: it is personal data, and the link itself says it.
        journal.record(account_actor(person.account, source=SOURCE), LINKED, f"account:{person.name}")
        return person.language


def unlink(actor: Actor) -> None:
    """Remove the actor's link; notices then go by e-mail. Raises AituNotLinked and AccountsNeedAPerson."""
    with transaction() as session:
        removed = delete(AituLink).where(AituLink.person_id == _own_person(actor).id).returning(AituLink.person_id)
        if session.scalar(removed) is None:
            raise AituNotLinked
        journal.record(actor, "account.aitu-unlinked", f"account:{actor.principal}")


def choose_channels(actor: Actor, choice: ChannelChoice) -> None:
    """Choose the channels of the actor's notices. Raises AituNotLinked and AccountsNeedAPerson."""
    with transaction():
        person = own_person(actor, lock=True)
        link = None if person is None else db.session.get(AituLink, person.id, populate_existing=True)
        if link is None:
            raise AituNotLinked
        if link.channels != choice:
            link.channels = choice.value
            details = {"notice_channels": choice.value}
            journal.record(actor, "account.notice-channels-changed", f"account:{actor.principal}", details)


def mark_rejected(person_id: int, *, rejected: bool) -> None:
    """Record whether Aitu rejected the last message to a person."""
    link = db.session.get(AituLink, person_id, populate_existing=True)
    changes = link is not None and rejected != (link.rejected_at is not None)
    db.session.rollback()
    if changes:
        with transaction() as session:
            statement = update(AituLink).where(AituLink.person_id == person_id)
            session.execute(statement.values(rejected_at=now() if rejected else None))


def _own_person(actor: Actor) -> Person:
    person = own_person(actor)
    if person is None:
        raise AccountsNeedAPerson
    return person


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
