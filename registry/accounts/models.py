"""Accounts: people, who sign in with a password, and service accounts, which have tokens alone. One role each.

An account of a role that decides, or that manages accounts, is pending after an administrator made it, gave it that
role, enabled it or gave it a password: until a second person confirms it, it can neither sign in nor use a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    column,
    false,
    select,
    table,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.accounts.account_names import LONGEST_NAME, skeleton
from registry.accounts.actors import Actor
from registry.accounts.roles import AGENCY_ROLES, Permission, Role
from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.errors import Conflict, NotAllowed, NotFound, Problem
from registry.core.transactions import require_transaction

LONGEST_EMAIL: Final = 200
# Agencies belong to a package above this one.
AGENCIES: Final = table("agencies", column("id"), column("bin"))


class Kind(StrEnum):
    """A person signs in and may approve; a service account has tokens only."""

    PERSON = "person"
    SERVICE = "service"


class AccountNotFound(NotFound):
    """There is no account of that id or name."""


class AccountNameTaken(Conflict):
    """An account has that name, or one that a reader can take for it."""


class AccountsNeedAPerson(NotAllowed):
    """Accounts and tokens are managed by people, never by a service account."""


class Account(Model):
    """``asked_by``: the administrators who changed it since it was last confirmed; none of them confirms it."""

    __tablename__ = "principals"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME), unique=True)
    name_skeleton: Mapped[str] = mapped_column(Text, server_default="-")
    kind: Mapped[str] = mapped_column(String(10), server_default=Kind.SERVICE.value)
    role: Mapped[str] = mapped_column(String(20), server_default="-")
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    pending_since: Mapped[datetime | None] = mapped_column(Instant)
    asked_by: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    confirmed_by: Mapped[str | None] = mapped_column(String(LONGEST_NAME))

    # The defaults are those of the migration. A process of the version before, which gives no role, can add no account.
    __table_args__ = (
        Index(None, "name_skeleton", unique=True),
        Index(None, "agency_id"),
        CheckConstraint("role <> '-'", name="role_given"),
    )

    @property
    def is_person(self) -> bool:
        """True for somebody who signs in."""
        return self.kind == Kind.PERSON

    @property
    def status(self) -> str:
        """``disabled``, ``pending`` while a second person has to confirm the account, else ``active``."""
        if self.disabled_at is not None:
            return "disabled"
        return "active" if self.pending_since is None else "pending"


class Person(Model):
    """What a person has beside the account. ``language`` is for pages and notices."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column("principal_id", ForeignKey("principals.id"), unique=True)
    email: Mapped[str | None] = mapped_column(String(LONGEST_EMAIL))
    language: Mapped[str] = mapped_column(String(2))
    password_hash: Mapped[str] = mapped_column(Text)
    password_must_change: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[datetime] = mapped_column(Instant)
    password_set_at: Mapped[datetime] = mapped_column(Instant)
    # Copies for processes of the version before, which go on while the schema is brought up. Nothing else reads them.
    old_role: Mapped[str] = mapped_column("role", String(20))
    old_agency_id: Mapped[int | None] = mapped_column("agency_id", ForeignKey("agencies.id"), index=True)

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)

    @property
    def name(self) -> str:
        """What the person signs in with; the journal's word for them."""
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
        """True when neither password nor tokens of the person are accepted."""
        return self.account.disabled_at is not None

    @property
    def is_pending(self) -> bool:
        """True while a second person has to confirm the account."""
        return self.account.pending_since is not None


def is_active() -> ColumnElement[bool]:
    """The condition that an account can come in: neither disabled nor pending."""
    return Account.disabled_at.is_(None) & Account.pending_since.is_(None)


def require_account_manager(actor: Actor) -> None:
    """Raise RoleNotAllowed unless the role manages accounts, AccountsNeedAPerson for a service account."""
    actor.require(Permission.PEOPLE_MANAGE)
    require_person(actor)


def require_person(actor: Actor) -> None:
    """Raise AccountsNeedAPerson unless a person acts, or the command line."""
    if not (actor.is_person or actor.is_local):
        raise AccountsNeedAPerson


def role_problems(role: Role, agency_id: int | None) -> list[Problem]:
    """What is wrong between a role and an agency: the two agency roles need one, the others take none."""
    if role in AGENCY_ROLES and agency_id is None:
        return [Problem("/agency", "role-needs-agency", {"role": role.value})]
    if role not in AGENCY_ROLES and agency_id is not None:
        return [Problem("/agency", "role-takes-no-agency", {"role": role.value})]
    return []


def new_account(actor: Actor, name: str, kind: Kind, role: Role, agency_id: int | None) -> Account:
    """Make an account of a cleaned name inside the open transaction. Raises AccountNameTaken."""
    session = require_transaction()
    alike = skeleton(name)
    taken = db.session.scalar(select(Account.name).where(Account.name_skeleton == alike))
    if taken is not None:
        raise AccountNameTaken(name=name, taken=taken)
    account = Account(
        name=name,
        name_skeleton=alike,
        kind=kind.value,
        role=role.value,
        agency_id=agency_id,
        created_at=now(),
    )
    ask_for_confirmation(actor, account)
    session.add(account)
    try:
        session.flush()
    except IntegrityError as error:
        raise AccountNameTaken(name=name, taken=name) from error
    return account


def ask_for_confirmation(actor: Actor, account: Account) -> None:
    """Note who changed the account, and make it pending when its role needs two people.

    The command line acts at once. It leaves an account pending that was so before.
    """
    if actor.is_local:
        return
    account.asked_by = sorted({*(account.asked_by or ()), actor.principal})
    account.pending_since = (account.pending_since or now()) if Role(account.role).needs_two_people else None


def account_named(name: str) -> Account | None:
    """The account of exactly that name; None for what no name ever was, which PostgreSQL would not even look for."""
    if not name.isprintable():
        return None
    found = select(Account).where(Account.name == name).execution_options(populate_existing=True)
    return db.session.scalar(found)


def find_account(account_id: int, *, lock: bool = False) -> Account:
    """The account, as it is now. Raises AccountNotFound."""
    statement = select(Account).where(Account.id == account_id).execution_options(populate_existing=True)
    found = db.session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise AccountNotFound(id=account_id)
    return found


def rights_of(role: str, agency_id: int | None) -> dict[str, Any]:
    """A role and its agency as the journal tells them: the agency by its BIN."""
    number = select(AGENCIES.c.bin).where(AGENCIES.c.id == agency_id)
    return {"role": role, "agency": None if agency_id is None else db.session.scalar(number)}


def account_details(account: Account) -> Mapping[str, Any]:
    """What the journal tells of an account."""
    rights = rights_of(account.role, account.agency_id)
    return {"kind": account.kind, **rights, "pending": account.pending_since is not None}
