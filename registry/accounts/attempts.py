"""Attempts with a password or code, and their limits: at signing in, with second factors, at changing the password, and
at linking an Aitu account.

An attempt counts as failed until the password or code was verified, so that parallel guesses count too.
"""

import hashlib
import hmac
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from flask import current_app
from sqlalchemy import Boolean, ColumnElement, Index, String, Text, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH, clean_name, skeleton
from registry.accounts.models import account_signing_in
from registry.accounts.roles import LOCAL, Actor, Permission, Role
from registry.accounts.same_person import every_name_of
from registry.core import lists
from registry.core.clock import now, rfc3339
from registry.core.database import Instant, Model, db, require_transaction, transaction
from registry.core.errors import RegistryError
from registry.core.networks import network_of
from registry.journal import service as journal

WINDOW: Final = timedelta(minutes=15)
MAX_FAILURES_PER_NAME_AND_SOURCE: Final = 5
MAX_FAILURES_PER_NAME: Final = 30
MAX_FAILURES_PER_SOURCE: Final = 30


class TooManyAttempts(RegistryError, status=429):
    """Too many failed attempts of this name or from this address; even a correct password is not checked."""

    retry_after = int(WINDOW.total_seconds())


class SignInAttempt(Model):
    """One attempt. ``source`` is the network, the known device, or the open sessions of the account."""

    __tablename__ = "sign_in_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    source: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    failed: Mapped[bool] = mapped_column(Boolean)

    __table_args__ = (Index(None, "name", "at"), Index(None, "source", "at"), Index(None, "at"))


def begin_sign_in(name: str, source: str, device: str | None) -> int:
    """Count an attempt to sign in; its id. ``device`` is the id of a known device. Raises TooManyAttempts."""
    if device is None:
        return _record_attempt(name, network_of(source), check_totals=True)
    # Others cannot exhaust the limit of a known device, and a stolen cookie allows no more guesses than none.
    return _record_attempt(name, f"device {device}", check_totals=False)


def is_locked(names: Collection[str], source: str, device: str | None) -> bool:
    """Return True when the failures under all names of an account, the present one among them, are over its limits.

    The answer must not show it: it would say that a name and an e-mail address are one account.
    """
    of_names = SignInAttempt.name.in_(names)
    from_source = SignInAttempt.source == (network_of(source) if device is None else f"device {device}")
    if _count_failures(of_names, from_source) > MAX_FAILURES_PER_NAME_AND_SOURCE:
        return True
    return device is None and _count_failures(of_names) > MAX_FAILURES_PER_NAME


def begin_password_link(text: str, source: str) -> None:
    """Count a request for a link to a new password; all count, known or not. Raises TooManyAttempts."""
    asked = hashlib.sha256(skeleton(text).encode("utf-8", "replace")).hexdigest()
    _record_attempt(f"link {asked}", f"links to {network_of(source)}", check_totals=True)


def begin_password_change(account_id: int) -> int:
    """Count an attempt to change the own password; its id. Raises TooManyAttempts.

    The count is the account's own: guesses in a session that was left open lock nobody out of signing in.
    """
    return _record_attempt("", f"account {account_id}", check_totals=False)


def begin_code(account_id: int) -> int:
    """Count an attempt with a code of an authenticator app or a recovery code; its id. Raises TooManyAttempts.

    Only somebody who knows the password gets this far, and passkeys are not counted.
    """
    return _record_attempt("", f"codes of account {account_id}", check_totals=False)


def begin_aitu_code(account_id: int) -> None:
    """Count a code for linking an Aitu account; all count, used or not. Raises TooManyAttempts."""
    _record_attempt("", f"aitu codes of account {account_id}", check_totals=False)


def begin_aitu_message(peer_id: str) -> None:
    """Count a message of an Aitu account to the bot; all count, right or wrong. Raises TooManyAttempts."""
    _record_attempt("", f"aitu {peer_id}", check_totals=False)


def mark_succeeded(attempt_id: int) -> None:
    """The password or code was correct: the attempt no longer counts once the open transaction commits."""
    statement = update(SignInAttempt).where(SignInAttempt.id == attempt_id).values(failed=False)
    require_transaction().execute(statement)


def _record_attempt(name: str, source: str, *, check_totals: bool) -> int:
    with transaction() as session:
        at = now()
        session.execute(delete(SignInAttempt).where(SignInAttempt.at < at - WINDOW))
        of_name, from_source = SignInAttempt.name == name, SignInAttempt.source == source
        too_many = _count_failures(of_name, from_source) >= MAX_FAILURES_PER_NAME_AND_SOURCE
        if check_totals:
            too_many = (
                too_many
                or _count_failures(of_name) >= MAX_FAILURES_PER_NAME
                or _count_failures(from_source) >= MAX_FAILURES_PER_SOURCE
            )
        if too_many:
            raise TooManyAttempts(minutes=int(WINDOW.total_seconds() // 60))
        attempt = SignInAttempt(name=name, source=source, at=at, failed=True)
        session.add(attempt)
        session.flush()
    return attempt.id


def _count_failures(*conditions: ColumnElement[bool]) -> int:
    counted = select(func.count(SignInAttempt.id)).where(SignInAttempt.failed.is_(True), *conditions)
    return db.session.execute(counted).scalar_one()


# Failed and refused sign-ins: a record for 90 days, and an alert when they surge.
#
# They have a table of their own, because the journal is never shortened (docs/security.md); of a surge the journal
# has one entry. The name of an account is stored, any other name as a keyed hash: it may be a password in the wrong
# field.

RETENTION: Final = timedelta(days=90)
# Repetitions within this time are one row with a count, so that a flood does not fill the disk.
MERGED_WITHIN: Final = timedelta(minutes=15)
SURGE_WINDOW: Final = timedelta(minutes=15)
SURGE_FAILURES: Final = 50
SURGE_PAUSE: Final = timedelta(hours=1)
SURGE_ACTION: Final = "sign-in.surged"
HASH_PURPOSE: Final = b"failed sign-in "
# The throttle refuses these whatever the name: they are counted by address alone.
TOO_MANY: Final = "too-many-attempts"

WATCH: Final = Actor("service:sign-in", Role.OPERATOR, source="sign-in", credential=LOCAL)


class FailedSignIn(Model):
    """Failed sign-ins with one name from one address: ``name`` of an account, or else ``name_hash``.

    ``reason`` is the code of the error, ``count`` how many there were from ``at`` to ``last_at``.
    """

    __tablename__ = "failed_sign_ins"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    last_at: Mapped[datetime] = mapped_column(Instant)
    name: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    name_hash: Mapped[str | None] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(String(60))
    request_id: Mapped[str] = mapped_column(Text)
    count: Mapped[int] = mapped_column()

    __table_args__ = (Index(None, "last_at"), Index(None, "source", "last_at"), Index(None, "name", "last_at"))


def record_failure(name: str, source: str, request_id: str, reason: str) -> None:
    """Record a failed sign-in, and report a surge. ``name`` as it was entered; ``reason``: the code of the error."""
    account, name_hash = _identify(name)
    if reason == TOO_MANY:
        name_hash = None
    at = now()
    with transaction() as session:
        same = select(FailedSignIn).where(
            FailedSignIn.source == source,
            FailedSignIn.last_at > at - MERGED_WITHIN,
            FailedSignIn.reason == reason,
            FailedSignIn.name.is_not_distinct_from(account),
            FailedSignIn.name_hash.is_not_distinct_from(name_hash),
        )
        row = session.scalar(same.order_by(FailedSignIn.id.desc()).limit(1).with_for_update())
        if row is None:
            values = {"name": account, "name_hash": name_hash, "source": source, "reason": reason}
            session.add(FailedSignIn(at=at, last_at=at, request_id=request_id, count=1, **values))
        else:
            row.last_at, row.count = at, row.count + 1
        session.flush()
        _report_surge(session, at)


def delete_old_failures() -> None:
    """Delete what is older than 90 days."""
    with transaction() as session:
        session.execute(delete(FailedSignIn).where(FailedSignIn.last_at < now() - RETENTION))


def name_hash_of(name: str) -> str:
    """Return the keyed hash of a name that no account has: without the secret key, names cannot be tried against it."""
    key = str(current_app.secret_key).encode()
    return hmac.new(key, HASH_PURPOSE + name.casefold().encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _identify(name: str) -> tuple[str | None, str | None]:
    """Return the name of the account, or else the hash of the name."""
    name = "".join(letter for letter in name.strip()[:MAX_NAME_LENGTH] if letter.isprintable())
    # The hash in any case: the time must not reveal whether there is such an account.
    named, name_hash = account_signing_in(name), name_hash_of(clean_name(name))
    return (None, name_hash) if named is None else (named[0].name, None)


def _report_surge(session: Session, at: datetime) -> None:
    counted = select(func.sum(FailedSignIn.count)).where(FailedSignIn.last_at > at - SURGE_WINDOW)
    failures = session.execute(counted).scalar_one()
    if failures < SURGE_FAILURES or _reported_lately(session, at):
        return
    # Of two processes that count fifty at the same time, one reports.
    session.execute(journal.SELECT_HEADS_FOR_UPDATE)
    if _reported_lately(session, at):
        return
    journal.record(WATCH, SURGE_ACTION, "sign-ins:failed", {"failures": failures})


def _reported_lately(session: Session, at: datetime) -> bool:
    entry = journal.JournalEntry
    last = select(entry.at).where(entry.action == SURGE_ACTION).order_by(entry.seq.desc()).limit(1)
    reported_at = session.scalar(last)
    return reported_at is not None and reported_at > rfc3339(at - SURGE_PAUSE)


# The list of failed and refused sign-ins of the last 90 days.


def _named(value: str) -> ColumnElement[bool]:
    """Return what was entered. Of an account also its other names, by its address too; a name that no account has is
    looked for by its hash.
    """
    text = value.strip()
    name, named = clean_name(text), account_signing_in(text)
    names = every_name_of({name, text, *(() if named is None else (named[0].name,))})
    return or_(FailedSignIn.name.in_(names), FailedSignIn.name_hash == name_hash_of(name))


COLUMNS: Final = ("last_at", "at", "count", "name", "source", "reason", "request_id")
# ``name`` of a row is None for a name that no account has.
FAILED_SIGN_INS: Final = lists.RecordList[Actor](
    name="failed-sign-ins",
    permission=Permission.JOURNAL_READ,
    rows=lambda _actor: select(*(getattr(FailedSignIn, name) for name in COLUMNS)),
    unique=FailedSignIn.id.expression,
    filters={
        "name": lists.WordsFilter(_named),
        "source": lists.WordsFilter(lambda value: FailedSignIn.source == value.strip()),
    },
    sorts=lists.sort_keys(FailedSignIn.last_at.expression),
    default_sort="-last_at",
)
