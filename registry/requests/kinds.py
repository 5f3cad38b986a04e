"""What the kinds of requests share: what they show, and what each says of itself: who asks, decides, what follows.

A kind is a module with a subclass of ``RequestHandler`` (``withdrawal.py``, ``succession.py``), which ``queries.py``
lists.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, Final

from sqlalchemy import select

from registry.accounts import same_person
from registry.accounts.roles import SCHEDULE, Actor, Permission
from registry.approvals.models import Approval
from registry.approvals.service import end_outdated
from registry.core.clock import local_date, now, rfc3339, today
from registry.core.database import Event, require_transaction, transaction
from registry.core.errors import NotAllowed
from registry.core.fields import DAY_SCHEMA, BaseSchema, ReadOnly, Text, Timestamp, nullable
from registry.core.translations import lazy_text
from registry.journal import service as journal
from registry.requests.models import MAX_TEXT_LENGTH, Request, RequestKind, RequestState

# Fields of requests.

TEXT: Final[dict[str, Any]] = {"type": "string"}
REASON_LABEL: Final = lazy_text("Reason")
REASON: Final = Text(MAX_TEXT_LENGTH, description="Why.", label=REASON_LABEL, required=True)
ACT: Final = Text(
    500,
    description="The act that orders it: its number and date.",
    label=lazy_text("Act"),
    hint=lazy_text("The number and date of the act that orders it."),
    required=True,
)


class RequestShown(BaseSchema):
    """What every request shows."""

    id = ReadOnly("Its id.", {"type": "integer"})
    state = ReadOnly("Where it stands.", {"type": "string", "enum": list(RequestState.codes())})
    agency = ReadOnly("BIN of the agency that it is about, as it was when it was asked.", TEXT)
    project = ReadOnly("Number of the project that it is about; null for an agency.", nullable(TEXT))
    on = ReadOnly("The day from which it takes effect; null: with the confirmation.", nullable(dict(DAY_SCHEMA)))
    act = ReadOnly("The act that it rests on.", nullable(TEXT))
    reason = ReadOnly("Why it was asked.", TEXT)
    asked_by = ReadOnly("By whom.", TEXT)
    asked_at = Timestamp("When.")
    first_decided_by = ReadOnly("The first of two people who confirm it; null where one does.", nullable(TEXT))
    first_decided_at = Timestamp("When the first of two people confirmed it.", nullable=True)
    decided_by = ReadOnly("Who confirmed, refused or cancelled it.", nullable(TEXT))
    decided_at = Timestamp("When.", nullable=True)
    decision_reason = ReadOnly("Why it was decided so.", nullable(TEXT))
    carried_out_at = Timestamp("When it took effect.", nullable=True)
    failed_at = Timestamp(
        "When it first failed on the last day on which it could not take effect, though it is due; tried each minute.",
        nullable=True,
    )


# Events of requests, published inside the transaction of the change.

agency_succeeded: Final[Event[[int, int]]] = Event("agency_succeeded")
"""The ids of the former agency and of its successor, which has everything by now but what handlers pass on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request, before it is stored: the columns of ``Request`` that the kind fills."""

    agency_id: int
    reason: str
    project_id: int | None = None
    to_agency_id: int | None = None
    on: date | None = None
    act: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


class RequestHandler:
    """A kind of request. Instances have no state of their own.

    ``collection``: its path in the API, also in the journal and on pages. ``body``: the schema of what is asked;
    ``shown``: the schema of a request in responses. ``asker_is_person``: service accounts cannot ask, because
    administrators have the tokens of all of them and one person would pass for two. ``excludes_reviewers``: nobody acts
    on cases meanwhile, because it locks projects before their cases, and actions on cases lock these first.
    """

    kind: ClassVar[RequestKind]
    collection: ClassVar[str]
    asks: ClassVar[Permission]
    decides: ClassVar[Permission]
    body: ClassVar[BaseSchema]
    shown: ClassVar[BaseSchema]
    asker_is_person: ClassVar[bool] = True
    excludes_reviewers: ClassVar[bool] = False

    def check(self, actor: Actor, subject: str, values: dict[str, Any]) -> Asked:
        """Check validated values about the subject (a BIN or a project's number) in the open transaction.

        Raises NotFound for an unknown subject, Invalid with every problem, Conflict.
        """
        raise NotImplementedError

    def lock(self, request: Request) -> None:
        """Lock, in the open transaction, what determines how many people confirm it."""

    def people_who_decide(self, request: Request) -> int:  # noqa: ARG002 - for subclasses
        """Return how many people, besides the one who asked, confirm it: 1 or 2."""
        return 1

    def require_decider(self, actor: Actor, request: Request) -> None:
        """Raise NotAllowed when the actor, who has the permission, may not give the last confirmation."""

    def check_again(self, request: Request) -> None:
        """Raise Conflict when what was asked is no longer possible at the confirmation."""

    def propose(self, actor: Actor, request: Request) -> bool:  # noqa: ARG002 - for subclasses
        """Make the last confirmation a proposal, where its effect takes an approval; true when it has become one."""
        return False

    def carry_out(self, actor: Actor, request: Request) -> dict[str, Any]:
        """Let a confirmed request take effect, in the open transaction; returns what to journal.

        It runs on the day ``request.on``, or with the confirmation when the kind has no day or the day has come.
        """
        raise NotImplementedError

    def more(self, request: Request) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Return the values of ``shown`` that only this kind has, in lists too."""
        return {}

    def more_of_one(self, actor: Actor, request: Request) -> dict[str, Any]:  # noqa: ARG002 - for subclasses
        """Return the values of ``shown`` that only a single request has (SOMETIMES in its schema), because they cost
        more.
        """
        return {}


# Decisions of requests: another person than who asked, state, journal entry and notice

# Journal entries of requests: what was asked, decided and carried out, with the subject ``request:<id>``.


def record(actor: Actor, action: str, request: Request, details: dict[str, Any] | None = None) -> None:
    """Write the entry ``request.<action>`` in the open transaction."""
    subject: dict[str, Any] = {
        "request_kind": request.kind,
        "agency": request.agency,
        "project": request.project,
        "to_agency": request.to_agency,
        "on": None if request.on is None else request.on.isoformat(),
    }
    record_row(actor, action, request.id, {**subject, **(details or {})})


def record_row(actor: Actor, action: str, request_id: int, details: dict[str, Any]) -> None:
    """The same for a request that was written by a bulk insert."""
    entry = {name: value for name, value in details.items() if value is not None}
    journal.record(actor, f"request.{action}", f"request:{request_id}", entry)


# A request is decided: its state, who decided and when, and the journal entry.


def decide(actor: Actor, request: Request, state: RequestState, reason: str | None) -> None:
    """Decide a request that the open transaction has locked."""
    request.state, request.decision_reason = state.value, reason
    request.decided_by, request.decided_account_id = actor.principal, actor.account_id
    request.decided_at = now()
    require_transaction().flush()
    record(actor, state.value, request, {"decision_reason": reason})
    if "approval" in request.details:
        end_outdated(actor, Approval.id.expression == request.details["approval"])


def cancel_other_requests(actor: Actor, request: Request) -> None:
    """Cancel the other requests about the project that wait, in the open transaction.

    One that somebody decides at this moment is passed over: whoever decides it gets ProjectWithdrawn.
    """
    others = (Request.project_id == request.project_id, Request.id != request.id)
    waiting = select(Request).where(*others, Request.state == RequestState.WAITING.value).order_by(Request.id)
    for other in require_transaction().scalars(waiting.with_for_update(of=Request, skip_locked=True)).all():
        decide(actor, other, RequestState.CANCELLED, request.reason)


# Whether who decides a request is another person than who asked, and than who decided first.


class RequestNeedsAPerson(NotAllowed):
    """A service account neither asks nor decides where two people are required."""


class RequestNeedsAnotherPerson(NotAllowed):
    """Who asked, or decided first, is the person who wants to confirm."""


def require_another_person(actor: Actor, request: Request) -> None:
    """Raise RequestNeedsAPerson for service accounts, RequestNeedsAnotherPerson for who asked or decided first."""
    if not actor.is_person:
        raise RequestNeedsAPerson(id=request.id)
    if not is_another_person(actor, request):
        raise RequestNeedsAnotherPerson(id=request.id)


def is_another_person(actor: Actor, request: Request) -> bool:
    """Return True when the actor neither asked nor decided first, under any name and by no service account."""
    earlier = [request.asked_account_id or request.asked_by]
    if request.first_decided_by is not None:
        earlier.append(request.first_decided_account_id or request.first_decided_by)
    return same_person.is_another_person(actor, earlier, request.asked_at)


# Confirmed requests that could not take effect: saved once a day, for a notice and for the page of the request.


def save_failure(request_id: int) -> None:
    """Save that a due request failed now, unless that was saved today or it has been decided otherwise meanwhile."""
    with transaction() as session:
        statement = select(Request).where(Request.id == request_id).with_for_update(of=Request)
        request = session.scalars(statement.execution_options(populate_existing=True)).one()
        if not request.is_due or _failed_on(request) == today():
            return
        request.details = {**request.details, "failed_at": rfc3339(now())}
        record(SCHEDULE, "failed", request)


def _failed_on(request: Request) -> date | None:
    at = request.details.get("failed_at")
    return None if at is None else local_date(datetime.fromisoformat(at))
