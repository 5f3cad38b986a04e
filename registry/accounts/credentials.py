"""Whether the session or token of an actor still works, asked inside the transaction of a change.

A new password, another role, a reset or disabling ends every session and token of an account. A request that was
authenticated before and waits meanwhile must not leave a new way in behind.
"""

from __future__ import annotations

from sqlalchemy import and_, exists, select

from registry.accounts.actors import SESSION_PREFIX, Actor
from registry.accounts.models import Account, Person, is_active
from registry.accounts.sessions import SessionEnded, WebSession
from registry.accounts.token_models import Token
from registry.core.database import db


def require_credential(actor: Actor) -> None:
    """Raise SessionEnded when the account, the session or the token of the actor has ended.

    The caller has locked the account, so that none of them ends before the open transaction does.
    """
    account_id = actor.account_id
    works = [exists().where(Account.id == account_id, is_active())]
    if actor.is_session:
        begins = WebSession.secret_hash.startswith(actor.credential.removeprefix(SESSION_PREFIX), autoescape=True)
        works.append(exists().where(WebSession.person_id == Person.id, Person.account_id == account_id, begins))
    elif actor.token_key_id is not None:
        unrevoked = Token.revoked_at.is_(None)
        works.append(exists().where(Token.account_id == account_id, Token.key_id == actor.token_key_id, unrevoked))
    if not db.session.scalar(select(and_(*works))):
        raise SessionEnded
