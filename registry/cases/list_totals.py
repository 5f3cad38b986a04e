"""How many cases a list has, and where a page of it stands. Counted up to a bound, so that no list costs more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, func, not_, select

from registry.accounts.actors import Actor
from registry.cases.lists import DEFAULT_SORT, matching_cases, sort_key
from registry.cases.models import Case
from registry.core.database import db
from registry.core.pagination import Page, SortKey, after, cursor_after, literal_limit, order_by

MAX_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class ListTotals:
    """``total``: the number of cases, None when there are more than ``MAX_COUNTED``.

    ``before``: how many come before the page, None when these are more than that. ``previous``: the cursor of the
    previous page; None when that is the first one, or unknown.
    """

    total: int | None
    before: int | None
    previous: str | None


def list_totals(actor: Actor, filters: Mapping[str, str], page: Page) -> ListTotals:
    """Count the cases of a list and those before the page. Raises Malformed for an invalid filter, sort or cursor."""
    total = count_matching(actor, filters, most=MAX_COUNTED)
    if page.cursor is None:
        return ListTotals(total, 0, None)
    key, descending = sort_key(page.sort or DEFAULT_SORT)
    rest = after(key, Case.id.expression, descending, page.cursor)
    before = count_matching(actor, filters, not_(rest), most=MAX_COUNTED, sort=key)
    if before is None or before <= page.limit:
        return ListTotals(total, before, None)
    statement = (
        matching_cases(actor, filters, key.column, Case.id, sort=key)
        .order_by(*order_by(key, Case.id.expression, descending))
        .offset(before - page.limit - 1)
        .limit(1)
    )
    value, last = db.session.execute(statement).one()
    return ListTotals(total, before, cursor_after(key, descending, value, last))


def count_matching(
    actor: Actor, filters: Mapping[str, str], *conditions: ColumnElement[bool], most: int, sort: SortKey | None = None
) -> int | None:
    """Count the cases of a list; None for more than ``most``. Raises Malformed for an invalid filter.

    ``sort``: what the conditions compare besides columns of Case.
    """
    statement = matching_cases(actor, filters, Case.id, sort=sort).where(*conditions)
    rows = statement.limit(literal_limit(most + 1)).subquery()
    count = db.session.scalar(select(func.count()).select_from(rows)) or 0
    return None if count > most else count
