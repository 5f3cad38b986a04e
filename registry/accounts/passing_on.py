"""Accounts pass to another agency with their roles and tokens; people sign in again, and then act for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, select, update

from registry.accounts.actors import Actor
from registry.accounts.models import Account, Person, role_details
from registry.accounts.sessions import WebSession
from registry.accounts.token_models import Token
from registry.accounts.vocabulary import AccountKind
from registry.core.clock import now
from registry.core.transactions import require_transaction
from registry.journal import service as journal

# SQLAlchemy must not evaluate the conditions in Python: nothing of these tables has been loaded.
IN_SQL: Final[dict[str, Any]] = {"execution_options": {"synchronize_session": False}}


def pass_on_accounts(actor: Actor, former_id: int, to_id: int, details: Mapping[str, Any]) -> dict[str, int]:
    """Give every account of an agency to another one, in the open transaction; returns how many people and services.

    Disabled, pending and invited accounts stay so. Absences and what belongs to an account go with it.
    """
    session = require_transaction()
    statement = select(Account).where(Account.agency_id == former_id).order_by(Account.id).with_for_update(of=Account)
    accounts = list(session.scalars(statement.execution_options(populate_existing=True)))
    before = role_details("", former_id)["agency"]
    for account in accounts:
        account.agency_id, account.changed_at = to_id, now()
        entry = {**details, "previous_agency": before, **role_details(account.role, to_id)}
        journal.record(actor, "account.passed-on", f"account:{account.name}", entry)
    session.flush()
    session.execute(update(Token).where(Token.agency_id == former_id).values(agency_id=to_id), **IN_SQL)
    session.execute(update(Person).where(Person.old_agency_id == former_id).values(old_agency_id=to_id), **IN_SQL)
    passed_on = [account.id for account in accounts]
    for start in range(0, len(passed_on), 1000):
        people = select(Person.id).where(Person.account_id.in_(passed_on[start : start + 1000]))
        session.execute(delete(WebSession).where(WebSession.person_id.in_(people)), **IN_SQL)
    count = sum(account.kind == AccountKind.PERSON for account in accounts)
    return {"people": count, "service_accounts": len(accounts) - count}
