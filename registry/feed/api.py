"""The change feed endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import g

from registry.accounts.roles import Actor, Permission
from registry.api.blueprint import ERROR_NAMES, ApiBlueprint, current_actor
from registry.api.parameters import TEXT_SCHEMA, filter_query, one_of, several_of
from registry.changes.models import ChangeKind, ChangeType
from registry.changes.service import deleted_up_to, newest_seq
from registry.core.errors import Malformed, Problem
from registry.core.lists import SEVERAL, choices, split_values
from registry.core.values import InvalidValue
from registry.feed.queries import MAX_WAIT_S, Change, ChangesRead, record_reads, wait_for_changes
from registry.feed.schemas import CHANGE, CHANGES
from registry.http.requests import LIMIT, Parameter, take_page
from registry.http.security import authenticate_again

MAX_SEQ: Final = 2**63 - 1
AFTER: Final = Parameter(
    "after",
    "The number to go on after: `after` of the answer before. Without it and `start`, as with `start=now`.",
    {"type": "integer", "minimum": 0, "maximum": MAX_SEQ},
)
STARTS: Final = ("now", "kept")
START: Final = Parameter(
    "start",
    "Where to begin, in place of `after`: `now` answers without items and with the number of the last change: read the "
    "lists then, and follow the feed from there on. `kept` answers with the first changes that are kept.",
    {"type": "string", "enum": list(STARTS)},
)
WAIT: Final = Parameter(
    "wait",
    "So many seconds to wait for the next change when there is none. The service lets few requests wait at a time, of "
    "one account one, and answers the others at once.",
    {"type": "integer", "minimum": 0, "maximum": MAX_WAIT_S, "default": 0},
)
ALWAYS: Final = "That a project came into view or left it comes whatever is asked for."
TYPES: Final = Parameter("type", f"{ALWAYS} {SEVERAL}", one_of(ChangeType))
SUBJECTS: Final = Parameter(
    "subject", f"As items have it, such as `project:QT-2026-0000001-5`. {ALWAYS} {SEVERAL}", several_of(TEXT_SCHEMA)
)
blp = ApiBlueprint(
    "changes", __name__, description="What changed, in the order in which it was committed.", integrator=True
)


@blp.route("/changes", methods=["GET"])
@blp.requires(Permission.PROJECTS_READ, operation="follow_changes")
@blp.doc(responses={410: ERROR_NAMES[410]})
@blp.arguments(filter_query((AFTER, START, TYPES, SUBJECTS, LIMIT, WAIT)), location="query")
@blp.response(200, CHANGES)
def follow_changes(sent: Mapping[str, str]) -> Any:
    """Follow what changes: projects, flags, cases, exemptions, agencies, audits and imports, oldest first."""
    actor, parameters = current_actor(), dict(sent)
    limit = take_page(parameters).limit
    after, wait = _number(parameters, "after", MAX_SEQ), _number(parameters, "wait", MAX_WAIT_S)
    start, fits = parameters.get(START.name), _asked_for(parameters)
    if start is not None and start not in STARTS:
        raise Malformed([Problem(START.name, "not-a-choice", {"options": ", ".join(STARTS)})])
    if start is not None and after is not None:
        raise Malformed([Problem(START.name, "start-or-after")])
    if start == "kept":
        after = deleted_up_to()
    if after is None:
        return {"items": [], "after": newest_seq(), "has_more": False}
    return _shown(wait_for_changes(actor, after, limit, wait or 0, renewed=_renewed, fits=fits))


def _renewed() -> Actor:
    """Return the caller as they are now. Raises TokenNotAccepted and Forbidden."""
    g.actor = authenticate_again()
    current_actor().require(Permission.PROJECTS_READ)
    return current_actor()


def _shown(read: ChangesRead) -> dict[str, Any]:
    record_reads(current_actor(), read.changes)
    items = [CHANGE.dump(change) for change in read.changes]
    return {"items": items, "after": read.read_up_to, "has_more": read.has_more}


def _asked_for(sent: Mapping[str, str]) -> Callable[[Change], bool]:
    """Return which changes are asked for. Raises Malformed."""
    types = _values(sent, TYPES.name, lambda text: choices(text, tuple(ChangeType)))
    subjects = _values(sent, SUBJECTS.name, split_values)

    def fits(change: Change) -> bool:
        # Whoever follows a part must not keep what they may not see any more.
        return change.kind is ChangeKind.VIEW or (
            (types is None or change.type in types) and (subjects is None or change.subject in subjects)
        )

    return fits


def _values(sent: Mapping[str, str], name: str, parse: Callable[[str], list[str]]) -> frozenset[str] | None:
    """Return the values of a parameter; None without it. Raises Malformed."""
    if name not in sent:
        return None
    try:
        return frozenset(parse(sent[name]))
    except InvalidValue as error:
        raise Malformed([Problem(name, error.code, error.params)]) from error


def _number(sent: Mapping[str, str], name: str, largest: int) -> int | None:
    """Return the whole number of a parameter; None without it. Raises Malformed."""
    text = sent.get(name)
    if text is None:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not 0 <= number <= largest:
        raise Malformed([Problem(name, "number-out-of-range", {"smallest": 0, "largest": largest})])
    return number
