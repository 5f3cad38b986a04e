"""What the kinds of requests share: what they show, and what each says of itself: who asks, decides, what follows.

A kind is a module with a subclass of ``RequestHandler`` (``withdrawal.py``, ``succession.py``), which ``handlers.py``
lists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Final

from registry.accounts.roles import Actor, Permission
from registry.core.database import Event
from registry.core.fields import DAY_SCHEMA, BaseSchema, ReadOnly, Text, Timestamp, nullable
from registry.core.translations import lazy_text
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
