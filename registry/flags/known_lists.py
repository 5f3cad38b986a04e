"""The list of a project's flags as they were at an earlier moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from registry.accounts.actors import Actor
from registry.core.database import db
from registry.core.languages import Language
from registry.core.pagination import Listing, Page, SortKey, after, build_page, order_by
from registry.flags.known_flags import flags_known_at
from registry.flags.models import rank
from registry.flags.queries import DEFAULT_SORT, flag_representation, flag_rows, require_sort
from registry.freeze.policy import Policy
from registry.projects.visibility import journal_restricted_reads, visible_projects

KINDS: Final[Mapping[str, type]] = {"id": int, "opened_on": date, "severity": int, "changed_at": datetime}


def flags_of_then(
    actor: Actor, project_id: int, at: datetime, page: Page, language: Language, policy: Policy, last_on: date | None
) -> Listing:
    """A page of one project's flags as they were ``at`` a moment, with the texts of the policy of then.

    ``last_on``: the date of the last good audit at the moment. The case is the one of today. Raises Malformed for a bad
    sort or cursor, and FlagsNotKnown.
    """
    sort = page.sort or DEFAULT_SORT
    name, descending = require_sort(sort), sort.startswith("-")
    then = flags_known_at(at)
    column: Any = rank(then.c.severity) if name == "severity" else then.c[name]
    key = SortKey(name, column, KINDS[name])
    statement = flag_rows(column, visible_projects(actor), then).where(then.c.project_id == project_id)
    if page.cursor is not None:
        statement = statement.where(after(key, then.c.id, descending, page.cursor))
    ordered = statement.order_by(*order_by(key, then.c.id, descending)).limit(page.limit + 1)
    listing = build_page(db.session.execute(ordered).mappings().all(), page, key, descending)
    shown = [flag_representation(actor, row, policy, last_on, language) for row in listing.items]
    journal_restricted_reads(actor, (row["project"] for row in listing.items if row["_restricted"]), "flags")
    return Listing(shown, listing.next)
