"""Confirmed requests whose day is still to come, and what they allow to ask for beside them."""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, select

from registry.agencies.models import Agency
from registry.agencies.service import closed_problem
from registry.core.clock import today
from registry.core.database import db
from registry.core.errors import Conflict, Problem
from registry.projects.models import Project
from registry.requests.models import Request
from registry.requests.vocabulary import RequestKind, RequestState, SuccessionKind

PLANNED: Final[tuple[ColumnElement[bool], ...]] = (
    Request.state == RequestState.CONFIRMED.value,
    Request.carried_out_at.is_(None),
)
IS_SUCCESSION: Final = Request.kind == RequestKind.SUCCESSION.value
IS_DIVISION: Final = Request.details["kind"].as_string() == SuccessionKind.DIVISION.value


class SuccessionPlanned(Conflict):
    """Another succession of the agency is confirmed for a later day."""


class TransferPlanned(Conflict):
    """Another transfer of the project is confirmed for a later day."""


def day_problems(day: date) -> list[Problem]:
    """The problem of a day on which something is to take effect: one before today."""
    return [Problem("/on", "date-before-today", {"today": today().isoformat()})] if day < today() else []


def successor_problems(agency: Agency, number: str, pointer: str) -> tuple[Agency | None, list[Problem]]:
    """The agency that gets something from another one, and why it cannot: unknown, closed, or the same one."""
    other = db.session.scalar(select(Agency).where(Agency.bin == number).execution_options(populate_existing=True))
    if other is None:
        return None, [Problem(pointer, "agency-unknown", {"bin": number})]
    if other.id == agency.id:
        return other, [Problem(pointer, "successor-is-itself", {"bin": number})]
    problem = closed_problem(other, pointer)
    return other, [] if problem is None else [problem]


def require_no_whole_succession(agency: Agency) -> None:
    """Raise SuccessionPlanned when everything that the agency has is to pass on."""
    planned = select(Request.on).where(*PLANNED, IS_SUCCESSION, ~IS_DIVISION, Request.agency_id == agency.id)
    day = db.session.scalar(planned.limit(1))
    if day is not None:
        raise SuccessionPlanned(bin=agency.bin, on=day.isoformat())


def planned_projects(agency_id: int) -> dict[str, date]:
    """The numbers of the projects that pass on in planned divisions of the agency, each with its day."""
    planned = select(Request).where(*PLANNED, IS_SUCCESSION, IS_DIVISION, Request.agency_id == agency_id)
    return {
        number: request.on
        for request in db.session.scalars(planned.order_by(Request.on, Request.id))
        for number in request.details["projects"]
        if request.on is not None
    }


def leads_back(successor_id: int, agency_id: int) -> bool:
    """True when successions that took effect or are planned lead from the successor to the agency."""
    planned = select(Request.agency_id, Request.to_agency_id).where(*PLANNED, IS_SUCCESSION, ~IS_DIVISION)
    done = select(Agency.id, Agency.successor_id).where(Agency.successor_id.is_not(None))
    following = {former: to for statement in (planned, done) for former, to in db.session.execute(statement).all()}
    current: int | None = successor_id
    seen: set[int] = set()
    while current is not None and current not in seen:
        if current == agency_id:
            return True
        seen.add(current)
        current = following.get(current)
    return False


def require_no_planned_transfer(project: Project) -> None:
    """Raise TransferPlanned when the project is to pass to another agency."""
    transfers = (Request.kind == RequestKind.TRANSFER.value, Request.project_id == project.id)
    day = db.session.scalar(select(Request.on).where(*PLANNED, *transfers).limit(1))
    if day is not None:
        raise TransferPlanned(number=project.number, on=day.isoformat())
