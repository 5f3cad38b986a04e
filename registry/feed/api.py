"""The change feed endpoint."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from flask import g
from marshmallow import Schema

from registry.accounts.roles import Actor, Permission
from registry.agencies.fields import AGENCY
from registry.agencies.models import Agency
from registry.agencies.queries import AGENCY_LIST
from registry.api.blueprint import ERROR_NAMES, ApiBlueprint, current_actor
from registry.api.expand import expand_parameter, split_expand
from registry.api.parameters import TEXT_SCHEMA, filter_query, one_of, several_of
from registry.audits.queries import AUDIT_LIST
from registry.audits.schemas import AUDIT
from registry.cases.lists import list_cases
from registry.cases.models import Case
from registry.cases.schemas import CASE_SUMMARY
from registry.changes.models import ChangeKind, ChangeType
from registry.changes.service import deleted_up_to, newest_seq
from registry.core.errors import Malformed, NotAllowed, Problem
from registry.core.lists import MAX_LIMIT, SEVERAL, Page, RecordList, choices, split_values
from registry.core.values import InvalidValue, plain_number
from registry.exemptions.queries import EXEMPTION_LIST
from registry.exemptions.schemas import EXEMPTION
from registry.feed.queries import MAX_WAIT_S, Change, record_reads, wait_for_changes
from registry.feed.schemas import CHANGE, RECORD, ChangesShown
from registry.flags.models import Flag
from registry.flags.queries import list_flags
from registry.flags.schemas import FLAG
from registry.http.requests import LIMIT, Parameter, request_locale, take_page
from registry.http.security import authenticate_again
from registry.imports.api import IMPORT
from registry.imports.queries import IMPORT_LIST
from registry.projects.queries import read_several
from registry.projects.schemas import PROJECT

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
@blp.arguments(filter_query((AFTER, START, TYPES, SUBJECTS, LIMIT, WAIT, expand_parameter(RECORD))), location="query")
@blp.response(200, ChangesShown)
def follow_changes(sent: Mapping[str, str]) -> Any:
    """Follow what changes: projects, flags, cases, exemptions, agencies, audits and imports, oldest first."""
    actor, (parameters, expand) = current_actor(), split_expand(sent, RECORD)
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
    read = wait_for_changes(actor, after, limit, wait or 0, renewed=_renewed, fits=fits)
    record_reads(current_actor(), read.changes)
    items = [CHANGE.dump(change) for change in read.changes]
    if expand:
        records = _records(current_actor(), read.changes)
        items = [{**item, RECORD: records.get(item["subject"])} for item in items]
    return {"items": items, "after": read.read_up_to, "has_more": read.has_more}


def _renewed() -> Actor:
    """Return the caller as they are now. Raises TokenNotAccepted and Forbidden."""
    g.actor = authenticate_again()
    current_actor().require(Permission.PROJECTS_READ)
    return current_actor()


class Records(NamedTuple):
    """The records of a kind: their schema, the name of their key, and how those with some keys are read."""

    schema: Schema
    key: str
    read: Callable[[Actor, Collection[Any]], Sequence[Any]]


def _by_id(records: RecordList[Actor]) -> Callable[[Actor, Collection[Any]], Sequence[Any]]:
    return lambda actor, ids: records.read(actor, {}, ALL, only=(records.unique.in_(ids),)).items


def _agencies(actor: Actor, bins: Collection[Any]) -> Sequence[Any]:
    return AGENCY_LIST.read(actor, {}, ALL, only=(Agency.bin.in_(bins),)).items


def _flags(actor: Actor, ids: Collection[Any]) -> Sequence[Any]:
    return list_flags(actor, {}, ALL, request_locale(), only=(Flag.id.in_(ids),)).items


def _cases(actor: Actor, ids: Collection[Any]) -> Sequence[Any]:
    return list_cases(actor, {}, ALL, request_locale(), only=(Case.id.in_(ids),)).items


ALL: Final = Page(MAX_LIMIT)
RECORDS: Final[Mapping[str, Records]] = {
    ChangeKind.AGENCY: Records(AGENCY, "bin", _agencies),
    ChangeKind.PROJECT: Records(PROJECT, "number", lambda actor, numbers: read_several(actor, numbers, "changes")),
    ChangeKind.FLAG: Records(FLAG, "id", _flags),
    ChangeKind.CASE: Records(CASE_SUMMARY, "id", _cases),
    ChangeKind.EXEMPTION: Records(EXEMPTION, "id", _by_id(EXEMPTION_LIST)),
    ChangeKind.IMPORT: Records(IMPORT, "id", _by_id(IMPORT_LIST)),
    ChangeKind.AUDIT: Records(AUDIT, "id", _by_id(AUDIT_LIST)),
}


def _records(actor: Actor, changes: Sequence[Change]) -> dict[str, Any]:
    """Return the present records that changes are about and the actor may see, by subject."""
    keys: dict[str, set[Any]] = {}
    for change in changes:
        kind, _, key = change.subject.partition(":")
        keys.setdefault(kind, set()).add(int(key) if RECORDS[kind].key == "id" else key)
    records = {}
    for kind, some in keys.items():
        schema, name, read = RECORDS[kind]
        # The own imports are in the feed of those, too, who may not import any more, or not with this token.
        with suppress(NotAllowed):
            for shown in map(schema.dump, read(actor, sorted(some))):
                records[f"{kind}:{shown[name]}"] = shown
    return records


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
    number = plain_number(text, 19)
    if number is None or number > largest:
        raise Malformed([Problem(name, "number-out-of-range", {"smallest": 0, "largest": largest})])
    return number
