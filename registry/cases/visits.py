"""Visits: up to which entry of its timeline a person has seen a case, so that the page marks what is new since then.

Opening the page changes nothing, as GET must not: links are opened in advance by browsers and mail programs. A visit is
stored by an action on the case, by the button *Mark as seen*, and by the page's script when the page is left. It is not
journalled, for it says what one person has read and changes no record. The inbox marks its entries with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.actors import Actor
from registry.accounts.roles import AGENCY_ROLES, Permission
from registry.cases.models import Case, CaseEvent, case_seen
from registry.core.clock import now
from registry.core.database import Instant, Model, db
from registry.core.dialects import insert_or_ignore
from registry.core.errors import invalid
from registry.core.transactions import transaction


class CaseVisit(Model):
    """The newest entry of the timeline that a person has seen, and when."""

    __tablename__ = "case_visits"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(ForeignKey("principals.id"), primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(ForeignKey("case_events.id"))
    at: Mapped[datetime] = mapped_column(Instant)


@dataclass(frozen=True, slots=True)
class News:
    """``since``: when the person last saw the case, None when never. ``events``: entries of others since then.

    ``until``: the newest entry, when it is not stored yet that the person has seen it.
    """

    since: datetime | None
    events: list[Mapping[str, Any]]
    until: int | None


def news_of(actor: Actor, case: Case, events: Sequence[Mapping[str, Any]]) -> News:
    """Return what is new among the entries that the person may see, oldest first; nothing at the first visit."""
    visit = None if actor.account_id is None else db.session.get(CaseVisit, (case.id, actor.account_id))
    newest = events[-1]["id"] if events else None
    if visit is None:
        return News(None, [], newest)
    later = [event for event in events if event["id"] > visit.event_id and event["by"] != actor.principal]
    return News(visit.at, later, newest if newest is not None and newest > visit.event_id else None)


def record_visit(actor: Actor, case: Case, event_id: int) -> None:
    """Store that the person has seen the timeline up to the entry, and publish it; a visit never moves back.

    Raises RoleNotAllowed, and Invalid for an entry that the person cannot see on this case.
    """
    actor.require(Permission.CASES_READ)
    if actor.account_id is None:
        return
    with transaction() as session:
        event = db.session.get(CaseEvent, event_id)
        is_hidden = event is not None and actor.role in AGENCY_ROLES and not event.tells_agency
        if event is None or event.case_id != case.id or is_hidden:
            raise invalid("/event", "event-not-of-case", id=event_id)
        key = {"case_id": case.id, "account_id": actor.account_id}
        new = insert_or_ignore(CaseVisit).values(**key, event_id=event_id, at=now()).on_conflict_do_nothing()
        session.execute(new)
        # Two windows of one person store their visits one after the other.
        stored = select(CaseVisit).filter_by(**key).with_for_update().execution_options(populate_existing=True)
        visit = session.scalars(stored).one()
        if event_id >= visit.event_id:
            visit.event_id, visit.at = event_id, now()
        case_seen.publish(actor, case.id, event_id)
