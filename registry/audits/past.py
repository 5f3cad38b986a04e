"""The past: which audits can be repeated"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import and_, or_, select

from registry.agencies.queries import kinds_known_at
from registry.audits.candidates import Candidate, Part, facts_of_row, pasts_of
from registry.audits.policy_texts import policy_of_digest
from registry.audits.verdicts import PROJECT_FACTS, represent_verdict
from registry.cases.queries import migrate_by_known_at
from registry.core.bulk import table_of
from registry.core.clock import local_date, rfc3339
from registry.core.database import db
from registry.core.errors import Conflict
from registry.core.translations import Language
from registry.exemptions.queries import exemptions_known_at
from registry.flags.former_flags import flags_known_at
from registry.flags.freeze_status import STATUS_OF_RANK, STATUS_RANK
from registry.flags.models import SEVERITY_RANK, AuditRun
from registry.freeze.current import first_policy, policy_in_force
from registry.freeze.facts import EarlierRevision
from registry.freeze.policy import NOT_JUDGED, Policy
from registry.freeze.rules import started_on
from registry.policies.queries import version_known_at
from registry.projects.fields import FIELDS
from registry.projects.former_records import Pasts, former_pasts_known_at
from registry.projects.models import Project
from registry.projects.revisions import LAW_LOOKS_AT, KnownProject, Revision, projects_known_at
from registry.projects.service import ProjectNotFound
from registry.projects.vocabulary import FreezeStatus

# Which past audits can be repeated, and the policy of an audit.

NOT_FINISHED: Final = frozenset({"failed", "missed"})


class AuditNotRepeatable(Conflict):
    """The audit cannot be repeated; the subclass says why."""


class AuditNotFinished(AuditNotRepeatable):
    """The run is no finished audit: it runs, failed, or is a missed date."""


class AuditTooOld(AuditNotRepeatable):
    """The run is older than the records that repeating needs."""


class AuditPolicyMissing(AuditNotRepeatable):
    """The text of the run's policy is not stored."""


def policy_of_run(run: AuditRun) -> Policy:
    """Return the policy that the audit used. Raises AuditPolicyMissing."""
    policy = policy_of_digest(run.policy_digest)
    if policy is None and run.policy_digest == policy_in_force().digest:
        return policy_in_force()
    if policy is None:
        raise AuditPolicyMissing(id=run.id, version=run.policy_version)
    return policy


def require_repeatable(run: AuditRun) -> Policy:
    """Return the policy that the audit used. Raises AuditNotFinished, AuditTooOld and AuditPolicyMissing."""
    if run.status in NOT_FINISHED or run.input_digest is None:
        raise AuditNotFinished(id=run.id, status=run.status)
    if run.known_at is None:
        raise AuditTooOld(id=run.id)
    return policy_of_run(run)


def run_known_at(at: datetime, until: date | None = None) -> AuditRun | None:
    """Return the audit that was the last good one at the moment, also when it was voided later.

    ``until``: of those that judged this day or an earlier one.
    """
    voided_later = and_(AuditRun.status == "voided", AuditRun.voiding["confirmed_at"].as_string() > rfc3339(at))
    good = (or_(AuditRun.status == "succeeded", voided_later), AuditRun.dry_run.is_(False), AuditRun.finished_at <= at)
    of_days = () if until is None else (AuditRun.on <= until,)
    run: AuditRun | None = db.session.scalar(
        select(AuditRun).where(*good, *of_days).order_by(AuditRun.finished_at.desc(), AuditRun.id.desc()).limit(1)
    )
    return run


def policy_known_at(at: datetime, on: date | None = None) -> Policy:
    """Return the policy in force on a day (default: that of ``at``) by what was known at the moment.

    It is the last version for that day or an earlier one that had been activated. Before the first one it is the policy
    file, as the last good audit of that day or an earlier one used it; without one, as it is now. Raises
    AuditPolicyMissing.
    """
    day = local_date(at) if on is None else on
    version = version_known_at(at, day)
    if version is not None:
        return version
    run = run_known_at(at, day)
    return first_policy() if run is None else policy_of_run(run)


# Facts as the register knew them at an earlier moment: the input of a past audit, read again.
#
# Where each comes from: projects and their earlier values from revisions, kinds of agencies from the journal,
# exemptions and orders from their own dates.

READ = (*PROJECT_FACTS, "is_restricted")


@dataclass(slots=True)
class KnownPart:
    """Candidates of a part at a moment, and how many of its present projects were in and out of scope."""

    candidates: list[Candidate] = field(default_factory=list)
    restricted_ids: set[int] = field(default_factory=set)
    in_scope: int = 0
    out_of_scope: int = 0


class KnownRegister:
    """The register as known ``at`` a moment."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.kinds = kinds_known_at(at)

    def part(self, policy: Policy, on: date, part: Part, digest: Any) -> KnownPart:
        """Return what an audit would have read of the part at the moment, and update ``digest`` as it did."""
        known = KnownPart()
        present = [each for each in projects_known_at(self.at, READ, *part) if not each.is_withdrawn]
        known.restricted_ids = {each.id for each in present if each.values["is_restricted"]}
        inside = [each for each in present if self.kinds[each.agency] in policy.scope]
        known.in_scope, known.out_of_scope = len(inside), len(present) - len(inside)
        judged = [each for each in inside if not _is_verified(each, on)]
        known.candidates = list(self._candidates(judged, policy, on, part, digest))
        return known

    def project(self, project_id: int, policy: Policy, on: date) -> tuple[Candidate, KnownProject]:
        """Return one project, in whatever scope and placement, with its exemption in force on the date."""
        part = Part(project_id - 1, project_id)
        (project,) = projects_known_at(self.at, READ, *part)
        (candidate,) = self._candidates([project], policy, on, part, sha256())
        return candidate, project

    def _candidates(
        self, projects: list[KnownProject], policy: Policy, on: date, part: Part, digest: Any
    ) -> Iterator[Candidate]:
        exemptions = exemptions_known_at(self.at, on, *part)
        orders = migrate_by_known_at(self.at, *part)
        for each in projects:
            values = (each.values[name] for name in PROJECT_FACTS)
            read = (each.id, each.version, each.registered_at, *values, self.kinds[each.agency])
            digest.update(repr((*read, orders.get(each.id), exemptions.get(each.id))).encode())
        former: Pasts = {}
        if policy.edit_severity != NOT_JUDGED:
            former = former_pasts_known_at(self.at, *part)
        past = pasts_of({each.id: (each.version, each.values) for each in projects}, former, policy, digest)
        for each in projects:
            kind, due = self.kinds[each.agency], orders.get(each.id)
            of_past = past.get(each.id, ()), former.get(each.id, ())
            facts = facts_of_row(each.values, kind, each.registered_at, due, *of_past)
            yield Candidate(each.id, facts, exemptions.get(each.id))


def _is_verified(project: KnownProject, on: date) -> bool:
    verified_on = project.values["placement_verified_on"]
    return project.values["placement"] == "on_platform" and verified_on is not None and verified_on <= on


# The verdict on a project from what the register knew at an earlier moment.


def verdict_known_at(project: Project, on: date | None, at: datetime, language: Language) -> dict[str, Any]:
    """Return the verdict on a date (default: the day of ``at``) from what was known ``at`` a moment.

    The policy is that of ``policy_known_at``. Raises ProjectNotFound for a project that was registered
    later, and AuditPolicyMissing.
    """
    if project.registered_at > at:
        raise ProjectNotFound(number=project.number)
    day, policy = on or local_date(at), policy_known_at(at, on)
    candidate, _ = KnownRegister(at).project(project.id, policy, day)
    exempt = candidate.exemption_id is not None
    return represent_verdict(project.number, candidate.facts, day, language, policy, exempt=exempt)


# The record of a project as the register knew it at an earlier moment: its values, and where it stood.

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
