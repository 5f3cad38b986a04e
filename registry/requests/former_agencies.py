"""An agency is succeeded: everything that it has passes to the successor, and it is closed."""

from __future__ import annotations

from typing import Any

from registry.accounts.actors import Actor
from registry.accounts.passing_on import pass_on_accounts
from registry.agencies.models import Agency
from registry.agencies.service import close_agency
from registry.core.clock import today
from registry.projects.drafts import pass_on_drafts
from registry.requests.events import agency_succeeded
from registry.requests.models import Request
from registry.requests.passing_on import pass_projects


def close_and_pass_on(actor: Actor, request: Request, former: Agency, successor: Agency) -> dict[str, Any]:
    """Pass everything on and close the agency, in the open transaction; returns the counts for the journal.

    Locks agencies, projects, flags, cases and accounts, in this order.
    """
    details = {"request": request.id, "act": request.act}
    below = close_agency(actor, former, successor, request.on or today(), details)
    counts = pass_projects(actor, request, former, successor, numbers=None)
    drafts = pass_on_drafts(former.bin, successor.bin)
    accounts = pass_on_accounts(actor, former.id, successor.id, details)
    agency_succeeded.publish(former.id, successor.id)
    return {**counts, "agencies_below": below, "drafts": drafts, **accounts}
