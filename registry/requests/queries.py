"""Requests that the actor may see: single ones and the paginated list."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, or_, select

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.service import own_agencies
from registry.core import lists
from registry.core.clock import today
from registry.core.database import db, require_transaction, table_of
from registry.core.errors import NotFound
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads
from registry.requests.confirmation import ConfirmationRequest
from registry.requests.kinds import RequestHandler, RequestShown
from registry.requests.models import Request, RequestKind, RequestState
from registry.requests.succession import Succession, Transfer
from registry.requests.withdrawal import Withdrawal

# The handler of each kind of request, in the order of the pages.

HANDLERS: Final[Mapping[RequestKind, RequestHandler]] = {
    handler.kind: handler for handler in (Succession(), Transfer(), Withdrawal(), ConfirmationRequest())
}


SHOWN_OF_PROJECT: Final = 10
PROJECT: Final = table_of(Project).c
SHOWN: Final = [name for name in RequestShown().fields if name != "failed_at"]


class RequestNotFound(NotFound):
    """No request of this kind has this id, or the actor may not see it."""


def show_request(actor: Actor, request: Request) -> dict[str, Any]:
    """Return a single request as its kind's schema shows it, with its kind as ``request_kind`` for pages."""
    return _shown(request) | HANDLERS[RequestKind(request.kind)].more_of_one(actor, request)


def _shown(request: Request) -> dict[str, Any]:
    own = HANDLERS[RequestKind(request.kind)].more(request)
    failed_at = request.details.get("failed_at") if request.is_due else None
    shown = {name: getattr(request, name) for name in SHOWN}
    return {"request_kind": request.kind, **shown, "failed_at": failed_at, **own}


def find_request(actor: Actor, request_id: int, kind: RequestKind | None = None) -> Request:
    """Return the request with that id. Raises RequestNotFound, also for one that the actor may not see."""
    return _request_row(_query(actor, request_id, kind), request_id)


def read_request(actor: Actor, request_id: int, kind: RequestKind | None = None) -> Request:
    """Return the request for display; reading one of a restricted project is journalled. Raises RequestNotFound."""
    request = find_request(actor, request_id, kind)
    project = request.project_record
    if project is None or not project.is_restricted:
        return request
    journal_restricted_reads(actor, [project.number], "request")
    return find_request(actor, request_id, kind)


def find_request_to_change(actor: Actor, kind: RequestKind, request_id: int) -> Request:
    """Return the request, locked until the open transaction ends. Raises RequestNotFound."""
    require_transaction()
    return _request_row(_query(actor, request_id, kind).with_for_update(of=Request), request_id)


def waiting_request(kind: RequestKind, agency_id: int, project_id: int | None) -> int | None:
    """Return the id of the request of that kind that waits for a decision on the project, or on the agency."""
    subject: ColumnElement[bool] = Request.project_id.is_(None) & (Request.agency_id == agency_id)
    if project_id is not None:
        subject = Request.project_id == project_id
    statement = select(Request.id).where(Request.kind == kind.value, Request.state == RequestState.WAITING.value)
    request_id: int | None = db.session.scalar(statement.where(subject))
    return request_id


def due_requests() -> list[int]:
    """Return the ids of confirmed requests whose day has come and that have not taken effect, in the order of their
    turn.
    """
    db.session.rollback()
    confirmed = (Request.state == RequestState.CONFIRMED.value, Request.carried_out_at.is_(None))
    due = select(Request.id).where(*confirmed, Request.on <= today())
    return list(db.session.scalars(due.order_by(Request.on, Request.id)))


def requests_of_project(actor: Actor, project_id: int) -> list[Request]:
    """Return the requests about a project that the actor may see, newest first, at most SHOWN_OF_PROJECT."""
    statement = select(Request).where(Request.project_id == project_id, *visible_requests(actor))
    return list(db.session.scalars(statement.order_by(Request.id.desc()).limit(SHOWN_OF_PROJECT)))


def kinds_to_decide(actor: Actor) -> list[RequestKind]:
    """Return the kinds of requests that the actor has the permission to decide."""
    return [kind for kind, handler in HANDLERS.items() if actor.may(handler.decides)]


def visible_requests(actor: Actor) -> list[ColumnElement[bool]]:
    """Conditions on Request: those about the actor's agencies, and none of a project that the actor may not see.

    An agency sees requests that it asked for, that give it something, and those about the projects that it has now.
    """
    visible: list[ColumnElement[bool]] = []
    own = own_agencies(actor)
    if own is not None:
        projects = select(PROJECT.id).where(PROJECT.agency_id.in_(own))
        visible.append(or_(Request.agency_id.in_(own), Request.to_agency_id.in_(own), Request.project_id.in_(projects)))
    if not actor.may(Permission.RESTRICTED_READ):
        restricted = select(PROJECT.id).where(PROJECT.is_restricted)
        visible.append(or_(Request.project_id.is_(None), Request.project_id.not_in(restricted)))
    return visible


def _listed(actor: Actor, requests: Sequence[Request]) -> list[dict[str, Any]]:
    shown = [_shown(request) for request in requests]
    restricted = [str(each.project) for each in requests if each.project_record and each.project_record.is_restricted]
    journal_restricted_reads(actor, restricted, "requests")
    return shown


def _of_agency(value: str) -> ColumnElement[bool]:
    """Requests about the agency, or that give it something."""
    agencies = select(Agency.id).where(Agency.bin.in_(lists.bin_numbers(value)))
    return or_(Request.agency_id.in_(agencies), Request.to_agency_id.in_(agencies))


REQUEST_LIST: Final = lists.RecordList[Actor](
    name="requests",
    permission=Permission.REQUESTS_READ,
    rows=lambda actor: select(Request).where(*visible_requests(actor)).execution_options(populate_existing=True),
    unique=Request.id.expression,
    shown=_listed,
    filters={
        "state": lists.ChoiceFilter(Request.state.expression, RequestState.codes()),
        "project": lists.TextFilter(select(PROJECT.number).where(PROJECT.id == Request.project_id).scalar_subquery()),
        **lists.date_filters("on", Request.on.expression),
        **lists.instant_filters("asked_at", Request.asked_at.expression),
        "agency": lists.CustomFilter(_of_agency, lists.BinFilter(Agency.bin.expression)),
    },
    sorts=lists.sort_keys(Request.id.expression),
)


def of_kinds(kinds: Iterable[RequestKind]) -> tuple[ColumnElement[bool], ...]:
    """Return the condition on requests of these kinds; none without kinds."""
    codes = [kind.value for kind in kinds]
    return (Request.kind.in_(codes),) if codes else ()


def _query(actor: Actor, request_id: int, kind: RequestKind | None) -> Select[Request]:
    statement = select(Request).where(Request.id == request_id, *visible_requests(actor))
    if kind is not None:
        statement = statement.where(Request.kind == kind.value)
    return statement.execution_options(populate_existing=True)


def _request_row(statement: Select[Any], request_id: int) -> Request:
    request = db.session.scalar(statement)
    if not isinstance(request, Request):
        raise RequestNotFound(id=request_id)
    return request
