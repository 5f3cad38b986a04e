"""Confirmations from other state systems as a reader sees them, beside what the records say."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import contains_eager

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.service import own_agencies
from registry.core import lists
from registry.core.database import db, table_of
from registry.core.errors import NotFound
from registry.platform.schemas import FACTS
from registry.procurement.models import MatchState
from registry.projects.edits import GIVEN_WITH, confirmed_facts
from registry.projects.models import Project
from registry.projects.visibility import journal_restricted_reads, leaves_out_restricted
from registry.state_systems.models import EXTERNAL, ExternalConfirmation, ExternalKind, ExternalState

PROJECT: Final = table_of(Project).c
# What a source may say of a record.
STATED: Final = tuple(dict.fromkeys((*FACTS, *GIVEN_WITH.values())))
SHOWN: Final = (
    *("id", "source", "reference", "kind", "sequence", "issued_at", "sha256", "agency_bin", "project_number"),
    *("platform_key", "name_kk", "name_ru", "document_number", "document_on", "match_state", "decided_at", "remark"),
    "changed_at",
)
DECIDED: Final = ("match_state", "decided_at", "remark")


class ExternalConfirmationNotFound(NotFound):
    """No confirmation has that id, or the actor may not see it."""


def recorded(project: Project, name: str) -> str | None:
    """Return the value of a fact of a record as text."""
    value = getattr(project, name)
    return None if value is None else str(value)


def _rows(actor: Actor) -> Select[Any]:
    """Return the query of the confirmations that the actor may see, without hidden projects.

    Whoever imports confirmations knows them from the file: to them one of a hidden project is without a project, or
    what is missing would say that there is one.
    """
    hides = leaves_out_restricted(actor)
    of_row = ExternalConfirmation.project
    statement = (
        select(ExternalConfirmation)
        .join(ExternalConfirmation.agency)
        .outerjoin(of_row.and_(PROJECT.is_restricted.is_(False)) if hides else of_row)
        .options(contains_eager(ExternalConfirmation.agency), contains_eager(ExternalConfirmation.project))
        .execution_options(populate_existing=True)
    )
    own = own_agencies(actor)
    if own is not None:
        of_own = or_(PROJECT.id.is_(None), PROJECT.agency_id.in_(own))
        statement = statement.where(ExternalConfirmation.agency_id.in_(own), of_own)
    if hides and not actor.has_role_permission(Permission.PLACEMENTS_CONFIRM):
        # Without its project it would say that there is none, or that it is restricted.
        statement = statement.where(or_(EXTERNAL.c.project_id.is_(None), PROJECT.id.is_not(None)))
    return statement


def _stated(name: str) -> ColumnElement[str]:
    stated: ColumnElement[str] = EXTERNAL.c.facts[name].as_string()
    return stated


def _differs(name: str) -> ColumnElement[bool]:
    return and_(_stated(name).is_not(None), _stated(name).is_distinct_from(cast(PROJECT[name], Text)))


def _unconfirmed(name: str) -> ColumnElement[bool]:
    entries = literal(";").concat(func.replace(func.coalesce(cast(PROJECT.confirmed_facts, Text), ""), " ", ";"))
    return and_(_stated(name).is_not(None), ~entries.contains(f";{name};", autoescape=True))


def _state() -> ColumnElement[str]:
    """Return the state of a confirmation beside its record."""
    return case(
        (EXTERNAL.c.is_revoked, ExternalState.REVOKED.value),
        (or_(PROJECT.id.is_(None), PROJECT.withdrawn_at.is_not(None)), ExternalState.UNMATCHED.value),
        (EXTERNAL.c.match_state == MatchState.TO_CHECK.value, ExternalState.TO_CHECK.value),
        (or_(*map(_differs, STATED)), ExternalState.DIFFERS.value),
        (or_(*map(_unconfirmed, FACTS)), ExternalState.TO_CONFIRM.value),
        else_=ExternalState.CONFIRMED.value,
    )


def _rows_with_state(actor: Actor) -> Select[Any]:
    return _rows(actor).add_columns(_state().label("external_state"))


def shown(actor: Actor, rows: Sequence[Mapping[Any, Any]]) -> list[dict[str, Any]]:
    """Return confirmations with each fact beside the record's; restricted projects are journalled as read."""
    result, restricted = [], []
    for read in rows:
        row: ExternalConfirmation = read["ExternalConfirmation"]
        if row.project is not None and row.project.is_restricted:
            restricted.append(row.project.number)
        project = row.project if row.project is not None and row.project.withdrawn_at is None else None
        days = {} if project is None else confirmed_facts(project.confirmed_facts)
        facts = [
            {
                "fact": name,
                "value": row.facts[name],
                "recorded": None if project is None else recorded(project, name),
                "confirmed_on": days.get(name),
            }
            for name in STATED
            if name in row.facts
        ]
        # What people decided of a hidden project would say that there is one.
        decided = dict.fromkeys(DECIDED) if row.project is None and row.project_id is not None else {}
        result.append(
            {name: getattr(row, name) for name in SHOWN}
            | decided
            | {"agency": row.agency, "record": project, "revoked": row.is_revoked, "facts": facts}
            | {"project": None if project is None else project.number, "external_state": read["external_state"]}
        )
    journal_restricted_reads(actor, restricted, "external-confirmations")
    return result


EXTERNAL_LIST: Final = lists.RecordList(
    name="confirmations",
    permission=Permission.PROJECTS_READ,
    rows=_rows_with_state,
    unique=ExternalConfirmation.id.expression,
    shown=shown,
    filters={
        "agency": lists.BinFilter(Agency.bin.expression),
        "source": lists.TextFilter(EXTERNAL.c.source),
        "reference": lists.TextFilter(EXTERNAL.c.reference),
        "document_number": lists.TextFilter(EXTERNAL.c.document_number),
        "project": lists.TextFilter(PROJECT.number),
        "kind": lists.ChoiceFilter(EXTERNAL.c.kind, ExternalKind.codes()),
        "external_state": lists.ChoiceFilter(_state, ExternalState.codes()),
        **lists.date_filters("document_on", EXTERNAL.c.document_on),
    },
    sorts=lists.sort_keys(EXTERNAL.c.id, EXTERNAL.c.document_on),
    default_sort="-id",
)


def find_external_confirmation(actor: Actor, confirmation_id: int) -> ExternalConfirmation:
    """Return the confirmation with that id. Raises RoleNotAllowed and ExternalConfirmationNotFound."""
    actor.require(Permission.PROJECTS_READ)
    row: ExternalConfirmation | None = db.session.scalar(_rows(actor).where(ExternalConfirmation.id == confirmation_id))
    if row is None:
        raise ExternalConfirmationNotFound(id=confirmation_id)
    return row


def read_external_confirmation(actor: Actor, confirmation_id: int) -> dict[str, Any]:
    """Return a confirmation beside the record. Raises RoleNotAllowed and ExternalConfirmationNotFound."""
    actor.require(Permission.PROJECTS_READ)
    statement = _rows_with_state(actor).where(ExternalConfirmation.id == confirmation_id)
    rows = db.session.execute(statement).mappings().all()
    if not rows:
        raise ExternalConfirmationNotFound(id=confirmation_id)
    return shown(actor, rows)[0]
