"""The record of a project as the register knew it at an earlier moment: its values, and where it stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from registry.agencies.queries import kinds_known_at
from registry.audits.repeatable import policy_known_at, policy_of_run, run_known_at
from registry.core.bulk import table_of
from registry.core.database import db
from registry.flags.freeze_status import STATUS_OF_RANK, STATUS_RANK
from registry.flags.known_flags import flags_known_at
from registry.flags.models import SEVERITY_RANK
from registry.freeze.facts import EarlierRevision
from registry.freeze.started import started_on
from registry.projects.fields import FIELDS
from registry.projects.known_projects import KnownProject, projects_known_at
from registry.projects.revisions import LAW_LOOKS_AT, Revision
from registry.projects.service import ProjectNotFound
from registry.projects.vocabulary import FreezeStatus

# The columns whose changes are in revisions.
IN_REVISIONS: Final = (
    *FIELDS,
    "placement_verified_on",
    "onboarding_confirmed_on",
    "ending_confirmed_on",
    "attested_on",
    "is_restricted",
)
REVISION: Final = table_of(Revision).c


class KnownStatus(NamedTuple):
    """Where a project stood: its freeze status, the severity of its highest active flag."""

    freeze_status: str
    severity: str | None


class _Flag(NamedTuple):
    """A flag as it was at the moment."""

    status: str
    severity: str
    changed_at: datetime


def values_known_at(present: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return the values of a project as known ``at`` a moment, with its version and the times of its changes.

    ``present``: the record of now (``read_whole``). Raises ProjectNotFound for one that was registered later.
    """
    return _values(present, _known(present, at))


def status_known_at(present: Mapping[str, Any], at: datetime) -> KnownStatus:
    """Return where a project stood at the moment by the last audit, decision or other kind of its agency.

    Raises ProjectNotFound, FlagsNotKnown before former states of flags were kept, and AuditPolicyMissing.
    """
    return _status(_known(present, at), _flags(present["id"], at), at)


def record_known_at(present: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return everything that the record showed at the moment, and the moment as ``known_at``.

    ``changed_at`` is when the record or a flag of it had last changed. Raises as ``status_known_at``.
    """
    known, flags = _known(present, at), _flags(present["id"], at)
    values, status = _values(present, known), _status(known, flags, at)
    began = started_on(EarlierRevision(**{name: values[name] for name in LAW_LOOKS_AT}), policy_known_at(at))
    changed = present["changed_at"]
    if changed > at:
        changed = max([values["updated_at"], *(flag.changed_at for flag in flags)])
    return {**values, "started_on": began, **status._asdict(), "changed_at": changed, "known_at": at}


def _known(present: Mapping[str, Any], at: datetime) -> KnownProject:
    if present["registered_at"] > at:
        raise ProjectNotFound(number=present["number"])
    (known,) = projects_known_at(at, IN_REVISIONS, present["id"] - 1, present["id"])
    return known


def _values(present: Mapping[str, Any], known: KnownProject) -> dict[str, Any]:
    edited, withdrawn = _edited_at(known)
    return {
        "number": present["number"],
        "agency": known.agency,
        **known.values,
        "withdrawn_at": withdrawn,
        "version": known.version,
        "registered_at": known.registered_at,
        "updated_at": edited,
    }


def _edited_at(known: KnownProject) -> tuple[datetime, datetime | None]:
    """When the version was written, and when the project was withdrawn if it was then."""
    revisions = db.session.execute(
        select(REVISION.at, REVISION.changes)
        .where(REVISION.project_id == known.id, REVISION.version <= known.version)
        .order_by(REVISION.version.desc())
        .limit(None if known.is_withdrawn else 1)
    ).all()
    withdrawn = next(
        (row.at for row in revisions if any(change["field"] == "freeze_status" for change in row.changes)), None
    )
    return revisions[0].at, withdrawn if known.is_withdrawn else None


def _flags(project_id: int, at: datetime) -> list[_Flag]:
    """The flags of the project that existed at the moment."""
    then = flags_known_at(at)
    columns = (then.c.status, then.c.severity, then.c.changed_at)
    return [_Flag(*row) for row in db.session.execute(select(*columns).where(then.c.project_id == project_id))]


def _status(known: KnownProject, flags: Sequence[_Flag], at: datetime) -> KnownStatus:
    active, run = [flag for flag in flags if flag.status in STATUS_RANK], run_known_at(at)
    severity = max((flag.severity for flag in active), key=SEVERITY_RANK.__getitem__, default=None)
    if known.is_withdrawn:
        return KnownStatus(FreezeStatus.WITHDRAWN.value, severity)
    policy = policy_known_at(at) if run is None else policy_of_run(run)
    if kinds_known_at(at)[known.agency] not in policy.scope:
        return KnownStatus(FreezeStatus.OUT_OF_SCOPE.value, severity)
    if run is None or known.id > run.judged_up_to:
        return KnownStatus(FreezeStatus.UNAUDITED.value, severity)
    worst = max((STATUS_RANK[flag.status] for flag in active), default=None)
    return KnownStatus(FreezeStatus.CLEAR.value if worst is None else STATUS_OF_RANK[worst], severity)
