"""Access after a restore: a backup brings back sessions, tokens, webhooks and accounts that had been ended since.

All sessions end, and tokens and webhooks wait until somebody has looked at them. An account that the replaced journal
disabled stays disabled. Passwords and second factors are those of the backup.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from registry.accounts.account_changes import end_access
from registry.accounts.actors import local_actor
from registry.accounts.models import Account, account_named
from registry.accounts.roles import Role
from registry.accounts.sessions import WebSession
from registry.accounts.token_models import Token
from registry.cli.app_context import connected
from registry.core.clock import now
from registry.core.database import db, init_database
from registry.core.transactions import require_transaction
from registry.journal import service as journal
from registry.journal.service import JournalEntry
from registry.settings import Settings
from registry.webhooks.models import Webhook
from registry.webhooks.queue import disable
from registry.webhooks.vocabulary import DisabledReason

DISABLED, ENABLED, RENAMED = "account.disabled", "account.enabled", "account.renamed"


def disabled_accounts(settings: Settings) -> list[str] | None:
    """The names, also former ones, of the accounts that the present journal disabled last; None if it is unreadable."""
    app = Flask("registry")
    try:
        init_database(app, settings.database_url, settings.database_limits)
        with connected(app):
            columns = (JournalEntry.subject, JournalEntry.action, JournalEntry.details)
            statement = select(*columns).where(JournalEntry.action.in_((DISABLED, ENABLED, RENAMED)))
            entries = db.session.execute(statement.order_by(JournalEntry.seq)).all()
    except SQLAlchemyError:
        return None
    # The backup may know an account by any of its names.
    names: dict[str, set[str]] = {}
    last: dict[str, str] = {}
    for subject, action, details in entries:
        name = subject.partition(":")[2]
        if action == RENAMED:
            present = json.loads(details)["name"]
            names[present] = names.pop(name, {name}) | {present}
            last[present] = last.pop(name, ENABLED)
        else:
            last[name] = action
    return sorted({each for name, action in last.items() if action == DISABLED for each in names.get(name, {name})})


def end_restored_access(disabled: list[str] | None) -> dict[str, Any]:
    """End what a restore has brought back, in the open transaction. Returns what was ended, for the journal."""
    session = require_transaction()
    still_disabled = []
    for name in disabled or []:
        account = account_named(name)
        if account is not None and account.disabled_at is None:
            _disable(account)
            still_disabled.append(account.name)
    working = (Token.revoked_at.is_(None), Token.pending_since.is_(None))
    tokens = list(session.scalars(update(Token).where(*working).values(pending_since=now()).returning(Token.key_id)))
    webhooks = session.scalars(select(Webhook).where(Webhook.disabled_at.is_(None)).order_by(Webhook.id)).all()
    for webhook in webhooks:
        disable(webhook, DisabledReason.RESTORED)
    session.execute(delete(WebSession))
    return {"disabled": still_disabled, "tokens": len(tokens), "webhooks": len(webhooks)}


def _disable(account: Account) -> None:
    account.disabled_at = now()
    end_access(account)
    actor, details = local_actor(Role.ADMINISTRATOR), {"reason": "disabled in the replaced journal"}
    journal.record(actor, "account.disabled", f"account:{account.name}", details)
