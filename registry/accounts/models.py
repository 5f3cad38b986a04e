"""Tables of accounts, people, second factors and identities, and what follows from their rows.

An account with an oversight role becomes pending when an administrator creates it, gives it the role, enables it or
sets its password. Until a second person confirms it, it can neither sign in nor use tokens.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.accounts.account_names import MAX_NAME_LENGTH, clean_name, former_name_like, skeleton
from registry.accounts.agency_tree import AGENCIES, closed_agency, is_in_subtree, require_open_agency
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission, Role, is_admitted
from registry.core.clock import now
from registry.core.database import Event, Instant, Model, db, require_transaction, table_of, violates
from registry.core.errors import Conflict, NotAllowed, NotFound, Problem, invalid
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices
from registry.journal import service as journal

if TYPE_CHECKING:
    from registry.accounts.handover import HandOver


# Closed vocabularies of accounts and tokens. The roles are in ``roles.py``, beside their permissions.


class AccountKind(Choices, field="account_kind"):
    """Kinds of accounts. A person can sign in and approve; a service account only has tokens."""

    PERSON = "person", lazy_text("Person")
    SERVICE = "service", lazy_text("Service account")


class AccountStatus(Choices, field="account_status"):
    """Statuses of an account."""

    ACTIVE = "active", lazy_text("Active")
    INVITED = "invited", lazy_text("Invited")
    PENDING = "pending", lazy_text("Waiting for confirmation")
    DISABLED = "disabled", lazy_text("Disabled")


class TokenStatus(Choices, field="token_status"):
    """Statuses of a token."""

    VALID = "valid", lazy_text("Valid")
    PENDING = "pending", lazy_text("Waiting for confirmation")
    EXPIRED = "expired", lazy_text("Expired")
    REVOKED = "revoked", lazy_text("Revoked")
    DISABLED = "disabled", lazy_text("Its account is disabled")


MAX_EMAIL_LENGTH: Final = 200
MAX_SUBJECT_LENGTH: Final = 255
NOT_USABLE: Final = {"to": "receiver-not-usable", "owner": "owner-not-usable"}
NAME_UNIQUE: Final = ("uq_accounts_name", "ix_accounts_name_skeleton")


class AccountNotFound(NotFound):
    """No account has that id or name."""


class AccountNameUnknown(NotFound):
    """No account has the name that a command was given."""


class AccountNameTaken(Conflict):
    """Another account has, or had, that name or a confusable one."""


class AccountsNeedAPerson(NotAllowed):
    """Only people may manage accounts and tokens, not service accounts."""


class Account(Model):
    """An account. ``asked_by``: the accounts of the administrators who changed it since its last confirmation and
    cannot confirm it, ``Actor.who`` of each. ``confirmed_account_id``: None also where a command confirmed it.

    ``owner_account_id``: the person who answers for a service account; None for people and for accounts of earlier
    versions and of the command line. ``invited_at``: when a person who has not set a password yet was invited.
    ``restricted_admitted_at``, ``_account_id``: since when, and by whom, an account of an agency reads restricted
    projects.
    """

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(MAX_NAME_LENGTH), unique=True)
    name_skeleton: Mapped[str] = mapped_column(sa.Text)
    kind: Mapped[str] = mapped_column(sa.String(10))
    role: Mapped[str] = mapped_column(sa.String(20))
    agency_id: Mapped[int | None] = mapped_column(sa.ForeignKey("agencies.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    pending_since: Mapped[datetime | None] = mapped_column(Instant)
    asked_by: Mapped[list[int | str] | None] = mapped_column(sa.JSON(none_as_null=True))
    confirmed_account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("accounts.id"))
    owner_account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("accounts.id"))
    invited_at: Mapped[datetime | None] = mapped_column(Instant)
    restricted_admitted_at: Mapped[datetime | None] = mapped_column(Instant)
    restricted_admitted_account_id: Mapped[int | None] = mapped_column(sa.ForeignKey("accounts.id"))
    # With every change of this table; None in accounts that earlier versions changed last.
    changed_at: Mapped[datetime | None] = mapped_column(Instant, onupdate=now)

    __table_args__ = (
        sa.Index(None, "name_skeleton", unique=True),
        sa.Index(None, "agency_id"),
        sa.Index(None, "owner_account_id"),
    )

    @property
    def is_person(self) -> bool:
        """True for a person, False for a service account."""
        return self.kind == AccountKind.PERSON

    @property
    def is_admitted(self) -> bool:
        """False for an account of an agency that is not admitted to restricted projects."""
        return is_admitted(self.role, self.restricted_admitted_at)

    @property
    def askers(self) -> list[str]:
        """The present names of who is in ``asked_by``."""
        people = self.asked_by or ()
        return [each if isinstance(each, str) else db.session.get_one(Account, each).name for each in people]

    @property
    def status(self) -> str:
        """``disabled``, ``pending`` (waits for a second person), ``invited`` (has no password yet) or ``active``."""
        if self.disabled_at is not None:
            return AccountStatus.DISABLED.value
        if self.pending_since is not None:
            return AccountStatus.PENDING.value
        return (AccountStatus.ACTIVE if self.invited_at is None else AccountStatus.INVITED).value


class Person(Model):
    """The data of a person besides the account. ``language`` is for pages and notifications.

    ``first_half``: of a new password, encrypted, until it is displayed (``passwords.py``).
    """

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), unique=True)
    email: Mapped[str | None] = mapped_column(sa.String(MAX_EMAIL_LENGTH))
    language: Mapped[str] = mapped_column(sa.String(2))
    password_hash: Mapped[str] = mapped_column(sa.Text)
    password_must_change: Mapped[bool] = mapped_column(server_default=sa.false())
    first_half: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    password_set_at: Mapped[datetime] = mapped_column(Instant)
    last_signed_in_at: Mapped[datetime | None] = mapped_column(Instant)
    immediate_emails: Mapped[bool] = mapped_column(server_default=sa.true())
    digest_emails: Mapped[bool] = mapped_column(server_default=sa.true())
    weekly_overview: Mapped[bool] = mapped_column(server_default=sa.false())

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)

    @property
    def name(self) -> str:
        """The account's name, for signing in and in the journal."""
        return self.account.name

    @property
    def role(self) -> str:
        """The account's role."""
        return self.account.role

    @property
    def agency_id(self) -> int | None:
        """The account's agency."""
        return self.account.agency_id

    @property
    def is_disabled(self) -> bool:
        """True when the account is disabled."""
        return self.account.disabled_at is not None

    @property
    def is_pending(self) -> bool:
        """True while the account waits for a second person's confirmation."""
        return self.account.pending_since is not None


class OidcIdentity(Model):
    """A person at the provider, and the account here. ``created_at`` is the account's when the account came from it."""

    __tablename__ = "oidc_identities"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    issuer: Mapped[str] = mapped_column(sa.Text)
    subject: Mapped[str] = mapped_column(sa.String(MAX_SUBJECT_LENGTH))
    created_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (sa.UniqueConstraint("issuer", "subject"),)


def own_person(actor: Actor, *, lock: bool = False) -> Person | None:
    """Return the actor's person, locked for an update on request; None for a service account."""
    if not actor.is_person:
        return None
    statement = sa.select(Person).where(Person.account_id == actor.account_id).execution_options(populate_existing=True)
    return db.session.scalar(statement.with_for_update(of=Person) if lock else statement)


def require_own_person(actor: Actor, *, lock: bool = False) -> Person:
    """Return the actor's person. Raises AccountsNeedAPerson for a service account."""
    person = own_person(actor, lock=lock)
    if person is None:
        raise AccountsNeedAPerson
    return person


def is_active() -> sa.ColumnElement[bool]:
    """Return the SQL condition for accounts that are neither disabled nor pending nor invited."""
    # Columns of the table: a condition on mapped attributes makes any statement one of the ORM.
    account = table_of(Account).c
    return account.disabled_at.is_(None) & account.pending_since.is_(None) & account.invited_at.is_(None)


def require_person(actor: Actor) -> None:
    """Raise AccountsNeedAPerson unless the actor is a person or the command line."""
    if not (actor.is_person or actor.is_local):
        raise AccountsNeedAPerson


def role_problems(role: Role, agency_id: int | None) -> list[Problem]:
    """Return the problems of a role and agency: agency roles require an open agency, the others have none."""
    if role in AGENCY_ROLES and agency_id is None:
        return [Problem("/agency", "role-needs-agency", {"role": role.value})]
    if role not in AGENCY_ROLES and agency_id is not None:
        return [Problem("/agency", "role-takes-no-agency", {"role": role.value})]
    closed = closed_agency(agency_id)
    if closed is not None:
        return [Problem("/agency", "agency-closed", {**closed})]
    return []


def new_account(
    actor: Actor, name: str, kind: AccountKind, role: Role, agency_id: int | None, owner_account_id: int | None = None
) -> Account:
    """Create an account with a normalised name in the open transaction. Raises AccountNameTaken and Invalid."""
    session = require_transaction()
    require_open_agency(agency_id)
    name_skeleton = skeleton(name)
    require_free_name(name)
    at = now()
    account = Account(
        name=name,
        name_skeleton=name_skeleton,
        kind=kind.value,
        role=role.value,
        agency_id=agency_id,
        owner_account_id=owner_account_id,
        created_at=at,
        changed_at=at,
    )
    require_confirmation(actor, account)
    _admit_or_not(actor, account)
    session.add(account)
    try:
        session.flush()
    except IntegrityError as error:
        if not violates(error, *NAME_UNIQUE):
            raise
        raise AccountNameTaken(name=name, taken=name) from error
    # Again: since the first look the name may have been taken and given up.
    require_free_name(name, account.id)
    _say_not_admitted(actor, account)
    return account


def require_free_name(name: str, account_id: int | None = None) -> None:
    """Raise AccountNameTaken when an account other than ``account_id`` has or had the name or a confusable one."""
    taken = taken_name(name, account_id)
    if taken is not None:
        raise AccountNameTaken(name=name, taken=taken)


def taken_name(name: str, account_id: int | None = None) -> str | None:
    """Return the name, or a confusable one, that an account other than ``account_id`` has or had; None without one."""
    name_skeleton = skeleton(name)
    statement = sa.select(Account.name).where(Account.name_skeleton == name_skeleton)
    if account_id is not None:
        statement = statement.where(Account.id != account_id)
    return db.session.scalar(statement) or former_name_like(name_skeleton, account_id)


def account_actor(
    account: Account, credential: str = "", source: str = "", request_id: str = "", client_request_id: str = ""
) -> Actor:
    """Return the account as the actor of what was authenticated, or is done for it."""
    return Actor(
        account.name,
        Role(account.role),
        account.agency_id,
        source,
        request_id,
        account_id=account.id,
        is_person=account.is_person,
        credential=credential,
        client_request_id=client_request_id,
        is_admitted=account.is_admitted,
    )


def mark_signed_in(person_id: int) -> None:
    """Record in the open transaction that a person signed in completely, with a second factor where one is needed."""
    require_transaction().execute(sa.update(Person).where(Person.id == person_id).values(last_signed_in_at=now()))


def require_confirmation(actor: Actor, account: Account) -> None:
    """Record who changed the account, and make it pending when its role requires two people.

    Changes by the command line need none while the register has fewer than two people of oversight, but leave a pending
    account pending.
    """
    if actor.acts_alone:
        return
    account.asked_by = list(dict.fromkeys((*(account.asked_by or ()), actor.who)))
    account.pending_since = (account.pending_since or now()) if Role(account.role).needs_two_people else None


def may_admit(actor: Actor, account: Account) -> bool:
    """Return True when the account of an agency reads restricted projects as soon as the actor makes it.

    So it is for another account, an administrator of its agency, or of one above, who reads them too; for a supervisor;
    and for commands while the register has nobody else who could be the second person.
    """
    if actor.is_local:
        return actor.is_admitted
    is_own = actor.account_id is not None and actor.account_id == account.id
    if not actor.is_person or is_own or not actor.has_role_permission(Permission.RESTRICTED_ADMIT):
        return False
    if actor.agency_id is None:
        return True
    return account.agency_id is not None and is_in_subtree(account.agency_id, actor.agency_id)


def settle_admission(actor: Actor, account: Account) -> None:
    """Admit the account to restricted projects, or let it wait for a second person, in the open transaction.

    Called with every change of who somebody is: a new account, another role or agency, an account that works again.
    """
    was_admitted = account.restricted_admitted_at is not None
    _admit_or_not(actor, account)
    require_transaction().flush()
    _say_not_admitted(actor, account)
    if account.restricted_admitted_at is not None and not was_admitted:
        admitted.publish(account.id)


def _admit_or_not(actor: Actor, account: Account) -> None:
    admits = Role(account.role) in AGENCY_ROLES and may_admit(actor, account)
    account.restricted_admitted_at = now() if admits else None
    account.restricted_admitted_account_id = actor.account_id if admits else None


def _say_not_admitted(actor: Actor, account: Account) -> None:
    # Accounts from the OpenID Connect provider are settled by whoever confirms them.
    if not account.is_admitted and (actor.is_person or actor.is_local):
        not_admitted.publish(actor, account.id)


def end_admission(actor: Actor, account: Account) -> None:
    """Let the account wait for a second person again after the actor, who may not admit it, has a new way in.

    A new password, another e-mail address, no second factor, a new token: all of them could be the actor's.
    """
    if account.restricted_admitted_at is not None and not may_admit(actor, account):
        settle_admission(actor, account)
        journal.record(actor, "account.admission-ended", f"account:{account.name}")


def account_signing_in(text: str) -> tuple[Account, Person | None] | None:
    """Return the account with that name, and its person, else the only account in use with that e-mail address.

    The name as entered, else normalised, else one that looks the same in whatever case: no two accounts have such names
    (``account_names.py``). An address that several accounts have leads to none of them.
    """
    # One statement whether there is one or not: the time of a failed sign-in must not reveal who has an account.
    entered, cleaned = text.strip(), clean_name(text)
    has_name = sa.or_(Account.name.in_((entered, cleaned)), Account.name_skeleton == skeleton(text))
    has_address = sa.and_(sa.func.lower(Person.email) == entered.lower(), Account.disabled_at.is_(None))
    statement = sa.select(Account, Person).outerjoin(Person, Person.account_id == Account.id)
    rows = db.session.execute(statement.add_columns(has_name).where(sa.or_(has_name, has_address))).all()
    named: dict[str, tuple[Account, Person | None]] = {row[0].name: (row[0], row[1]) for row in rows if row[2]}
    if named:
        return named.get(entered) or named.get(cleaned) or next(iter(named.values()))
    return (rows[0][0], rows[0][1]) if len(rows) == 1 else None


def account_named(name: str) -> Account | None:
    """Return the account with exactly that name, None without one."""
    # PostgreSQL rejects NUL, and no name has unprintable characters.
    if not name.isprintable():
        return None
    statement = sa.select(Account).where(Account.name == name).execution_options(populate_existing=True)
    return db.session.scalar(statement)


def account_id_in(field: str, name: str | None) -> int:
    """Return the id of the account that a request names in a field, ``to`` or ``owner``. Raises Invalid at the
    field.
    """
    account = None if name is None else account_named(name)
    if account is None:
        raise invalid(f"/{field}", NOT_USABLE[field])
    return account.id


def find_account(account_id: int, *, lock: bool = False) -> Account:
    """Return the account, reloaded from the database. Raises AccountNotFound."""
    statement = sa.select(Account).where(Account.id == account_id).execution_options(populate_existing=True)
    account = db.session.scalar(statement.with_for_update() if lock else statement)
    if account is None:
        raise AccountNotFound(id=account_id)
    return account


def role_details(role: str, agency_id: int | None) -> dict[str, Any]:
    """Return a role and its agency's BIN, as journal details."""
    number = sa.select(AGENCIES.c.bin).where(AGENCIES.c.id == agency_id)
    return {"role": role, "agency": None if agency_id is None else db.session.scalar(number)}


def account_details(account: Account) -> Mapping[str, Any]:
    """Return the journal details of an account."""
    role = role_details(account.role, account.agency_id)
    return {"kind": account.kind, **role, "pending": account.pending_since is not None}


# Tables of second factors. None holds a secret in clear text.

MAX_FACTOR_NAME_LENGTH: Final = 100


class FactorKind(Choices, field="factor_kind"):
    """What a session was verified with."""

    TOTP = "totp", lazy_text("Authenticator app")
    PASSKEY = "passkey", lazy_text("Passkey")
    RECOVERY_CODE = "recovery_code", lazy_text("Recovery code")
    OIDC = "oidc", lazy_text("Single sign-on")


class CeremonyKind(StrEnum):
    """An exchange with the person's device that has begun."""

    TOTP_ENROLMENT = "totp-enrolment"
    PASSKEY_REGISTRATION = "passkey-registration"
    PASSKEY_VERIFICATION = "passkey-verification"


class TotpFactor(Model):
    """The authenticator app of a person. ``last_used_step``: its code, and every earlier one, is used up."""

    __tablename__ = "totp_factors"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("people.id"), unique=True)
    encrypted_secret: Mapped[str] = mapped_column(sa.Text)
    last_used_step: Mapped[int] = mapped_column(sa.BigInteger)
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime] = mapped_column(Instant)


class Passkey(Model):
    """A passkey of a person. ``sign_count`` of the last use, 0 for passkeys that do not count."""

    __tablename__ = "passkeys"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("people.id"), index=True)
    credential_id: Mapped[str] = mapped_column(sa.Text, unique=True)
    public_key: Mapped[bytes] = mapped_column(sa.LargeBinary)
    sign_count: Mapped[int] = mapped_column(sa.BigInteger)
    name: Mapped[str] = mapped_column(sa.String(MAX_FACTOR_NAME_LENGTH))
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)


class RecoveryCode(Model):
    """One of a person's ten recovery codes."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("people.id"), index=True)
    code_hash: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class FactorCeremony(Model):
    """An enrolment or verification that began in a session: an encrypted TOTP secret or a WebAuthn challenge."""

    __tablename__ = "factor_ceremonies"

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(sa.ForeignKey("web_sessions.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(30))
    value: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(Instant, index=True)


def factor_kinds(account_ids: Collection[int]) -> dict[int, list[str]]:
    """Return which kinds of factors each of these accounts has, by the id of the account; accounts without any are
    missing.
    """
    kinds: dict[int, list[str]] = {}
    for kind, table in ((FactorKind.TOTP, TotpFactor), (FactorKind.PASSKEY, Passkey)):
        enrolled = sa.select(Person.account_id).join(table, table.person_id == Person.id).distinct()
        for account_id in db.session.scalars(enrolled.where(Person.account_id.in_(account_ids))):
            kinds.setdefault(account_id, []).append(kind.value)
    return kinds


def has_factor() -> sa.ColumnElement[bool]:
    """Return the SQL condition for people with an authenticator app or a passkey."""
    has_totp = sa.exists(sa.select(TotpFactor.id).where(TotpFactor.person_id == Person.id))
    return has_totp | sa.exists(sa.select(Passkey.id).where(Passkey.person_id == Person.id))


# What the settings say: which roles must have a second factor, and at which address people use passkeys.

# Keys of Flask's configuration.
SECOND_FACTOR_ROLES: Final = "SECOND_FACTOR_ROLES"
"""The codes of the roles that must have a second factor, None for ``off``."""
PUBLIC_URL: Final = "PUBLIC_URL"
"""The address that people use, or None."""


def is_required_of(role: str) -> bool:
    """Return True when accounts with the role must have a second factor."""
    return role in (current_app.config.get(SECOND_FACTOR_ROLES) or ())


def step_up_applies(role: str, *, has_factor: bool) -> bool:
    """Return True when sensitive actions require a step-up: not with ``off``, and not without a factor that is
    required.
    """
    return current_app.config.get(SECOND_FACTOR_ROLES) is not None and (has_factor or is_required_of(role))


def public_url() -> str | None:
    """Return the address that people use, None when it is not set."""
    url: str | None = current_app.config.get(PUBLIC_URL)
    return url


# Events of accounts, published inside the transaction of the change. Most have the account's id.

agency_changed_of_account: Final[Event[[int]]] = Event("agency_changed_of_account")
"""The account has another agency, or has one now, or none any more."""
not_admitted: Final[Event[[Actor, int]]] = Event("not_admitted")
"""By whom an account of an agency was made or changed so that it waits for its admission to restricted projects."""
admitted: Final[Event[[int]]] = Event("admitted")
"""An account that was not admitted to restricted projects is from now on."""
# Handlers give the receiver what the giver has, and add to ``counts`` how much it was.
work_handed_over: Final[Event[[HandOver]]] = Event("work_handed_over")
drafts_handed_over: Final[Event[[HandOver]]] = Event("drafts_handed_over")
"""Only the drafts: of a person who goes on in another agency."""
