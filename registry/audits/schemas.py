"""An audit as it is asked for and shown."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from registry.accounts.roles import PERMISSIONS, Permission, Role
from registry.audits.past import SEVERITY_COUNTS, Verification
from registry.audits.policy_activation import ALL_KINDS
from registry.audits.queries import COUNTS
from registry.core.fields import DAY_SCHEMA, AnyDay, BaseSchema, Boolean, ReadOnly, Text, Timestamp, shown_object
from registry.flags.models import AuditStatus, FlagChange, HeldCause, HeldDecisionKind, Trigger
from registry.freeze.vocabulary import Severity
from registry.projects.schemas import without_restricted_field

COUNT: Final = {"type": "integer", "minimum": 0}
CHANGE_MEANS: Final = (
    "What became of the flag since the last good audit. `reopened`: the audit found it open again. `exempted`: an "
    "exemption covers it now. `accepted`: a decision accepts it, or its exemption ended and the acceptance stands. "
    "`unaccepted`: an approved order opened a flag that was accepted. `raised`, `lowered`: its severity alone changed."
)
CHANGE_PROPERTIES: Final[dict[str, Any]] = {
    "project": {"type": "string", "description": "The project's number."},
    "rule": {"type": "string"},
    "severity": {"type": "string", "enum": list(Severity.codes())},
    "change": {"type": "string", "enum": list(FlagChange.codes()), "description": CHANGE_MEANS},
}
HELD_SCHEMA: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "required": ["newly_flagged", "newly_clear", "judged_by_last_audit"],
    "properties": {
        "newly_flagged": {**COUNT, "description": "Projects that it would flag and the last audit did not."},
        "newly_clear": {**COUNT, "description": "Projects that it would clear of every flag."},
        "severity_raised": {**COUNT, "description": "Projects with flags whose highest severity it would raise."},
        "severity_lowered": {**COUNT, "description": "Projects with flags whose highest severity it would lower."},
        "judged_by_last_audit": {**COUNT, "description": "Projects in scope that the last good audit judged."},
    },
}
CAUSE_COUNTS: Final[dict[str, Any]] = {
    "newly_flagged": {**COUNT, "description": "Projects that it would newly flag."},
    "newly_clear": {**COUNT, "description": "Projects that it would newly clear."},
    "severity_raised": {**COUNT, "description": "Projects whose highest severity it would raise."},
    "severity_lowered": {**COUNT, "description": "Projects whose highest severity it would lower."},
}
NOT_COUNTED: Final = {"type": ["integer", "null"], "minimum": 0}


def _cause_rows(key: str, about: dict[str, Any]) -> dict[str, Any]:
    properties = {key: about, **CAUSE_COUNTS}
    return {"type": "array", "items": {"type": "object", "required": list(properties), "properties": properties}}


CAUSES_PROPERTIES: Final[dict[str, Any]] = {
    "causes": _cause_rows("cause", {"type": "string", "enum": list(HeldCause.codes())}),
    "rules": _cause_rows("rule", {"type": "string"}),
    "agencies": _cause_rows("agency", {"type": "string", "description": "The agency's BIN."}),
    "other_agencies": {**COUNT, "description": "Further agencies, beyond the 20 with most projects."},
}
CAUSES_SCHEMA: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "required": list(CAUSES_PROPERTIES),
    "properties": CAUSES_PROPERTIES,
}
DECISION_PROPERTIES: Final[dict[str, Any]] = {
    "decision": {"type": "string", "enum": list(HeldDecisionKind.codes())},
    "reason": {"type": "string"},
    "by": {"type": "string"},
    "at": {"type": "string", "format": "date-time"},
}
DECISION_SCHEMA: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "required": list(DECISION_PROPERTIES),
    "properties": DECISION_PROPERTIES,
}
PROMISE_COUNTS: Final[dict[str, Any]] = {
    "type": "object",
    "required": list(ALL_KINDS),
    "properties": dict.fromkeys(ALL_KINDS, COUNT),
}
PROMISE_PROPERTIES: Final[dict[str, Any]] = {
    "version": {"type": "string", "description": "The version of the policy."},
    "as_promised": {"type": "boolean"},
    "missing": {**PROMISE_COUNTS, "description": "Projects that the impact showed and the audit did not change so."},
    "unexpected": {**PROMISE_COUNTS, "description": "Projects that the audit changed and the impact did not show so."},
}
PROMISE_SCHEMA: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "required": list(PROMISE_PROPERTIES),
    "properties": PROMISE_PROPERTIES,
}
MAX_REASON_LENGTH: Final = 5000
MAX_INSTANT_LENGTH: Final = 40
VOIDING_ROLES: Final = sorted(role.value for role in Role if Permission.AUDITS_VOID in PERMISSIONS[role])
VOIDING_PROPERTIES: Final[dict[str, Any]] = {
    "reason": {"type": "string"},
    "proposed_by": {"type": "string"},
    "proposed_role": {"type": "string", "enum": VOIDING_ROLES},
    "proposed_at": {"type": "string", "format": "date-time"},
    "confirmed_by": {"type": ["string", "null"], "description": "Null while the other one has not confirmed."},
    "confirmed_at": {"type": ["string", "null"], "format": "date-time"},
}
VOIDING_SCHEMA: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "required": list(VOIDING_PROPERTIES),
    "properties": VOIDING_PROPERTIES,
}


class AuditOrder(BaseSchema):
    """An audit to run."""

    on = AnyDay(description="The business date, today without it. For good: from the last audited date to today.")
    dry_run = Boolean(description="Change nothing, only tell what would change.")
    full = Boolean(description="Judge also the projects of which nothing has changed since the last audit.")


class HeldDecision(BaseSchema):
    """Why a held audit is confirmed or rejected."""

    reason = Text(MAX_REASON_LENGTH, description="Why: what was checked, and what it showed.", required=True)


class VoidingProposal(BaseSchema):
    """Why an audit is to be voided."""

    reason = Text(MAX_REASON_LENGTH, description="Why; what was wrong with the clock.", required=True)


class VoidingConfirmation(BaseSchema):
    """Which proposal is confirmed."""

    proposed_at = Text(
        MAX_INSTANT_LENGTH,
        description="`voiding.proposed_at` of the proposal that was read; 409 when another one has replaced it.",
        required=True,
    )


class Audit(BaseSchema):
    """One run of the policy over every project for one business date."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset()

    id = ReadOnly("Its id.", {"type": "integer"})
    on = ReadOnly("The business date.", dict(DAY_SCHEMA))
    trigger = ReadOnly("What started it.", {"type": "string", "enum": list(Trigger.codes())})
    status = ReadOnly(
        "`held`: stopped by the change threshold until a supervisor decides. `rejected`: a supervisor found a mistake "
        "behind its changes; it does not count. `missed`: a date that was never judged. "
        "`voided`: taken out by people, as a wrong clock had dated it in the future; it does not count.",
        {"type": "string", "enum": list(AuditStatus.codes())},
    )
    dry_run = ReadOnly("True when it wrote no flag.", {"type": "boolean"})
    policy_version = ReadOnly("The policy judged by.", {"type": "string"})
    started_at = Timestamp("When it began.")
    finished_at = Timestamp("When it ended.", nullable=True)
    projects_judged = ReadOnly("Projects in scope.", COUNT)
    projects_out_of_scope = ReadOnly("Projects out of scope.", COUNT)
    projects_flagged = ReadOnly("Projects with at least one open flag, not counting those of the plan.", COUNT)
    projects_to_migrate = ReadOnly(
        "Projects whose only open flags are of the severity `plan`; null where it was not counted.", NOT_COUNTED
    )
    projects_exempt = ReadOnly("Projects whose flags are exempt, none open.", COUNT)
    flags_opened = ReadOnly("Flags that it opened.", COUNT)
    flags_kept = ReadOnly("Flags that stood and stand.", COUNT)
    flags_reopened = ReadOnly(
        "Flags that are open again: accepted ones whose values changed, exempt ones whose exemption ended.", COUNT
    )
    flags_cleared = ReadOnly("Flags that it cleared.", COUNT)
    severity_raised = ReadOnly(
        "Projects that had and have active flags, and whose highest severity rose; null where it was not counted.",
        NOT_COUNTED,
    )
    severity_lowered = ReadOnly("The same, whose highest severity fell.", NOT_COUNTED)
    cases_opened = ReadOnly("Cases that it opened, or would open; null where it was not counted.", NOT_COUNTED)
    input_digest = ReadOnly(
        "SHA-256 of everything that it judged: equal input, equal result.", {"type": ["string", "null"]}
    )
    continues = ReadOnly(
        "The id of the audit that it continues: it judged only what had changed or was due since the last audit. Null "
        "for one that judged every project, as an audit does every week.",
        {"type": ["integer", "null"]},
    )
    unexplained = ReadOnly(
        "Of an audit that judged every project, how many it changed that one which continues the last audit would have "
        "left: 0 unless the service has a fault; null where nothing was compared.",
        NOT_COUNTED,
    )
    held_because = ReadOnly(
        "Why the change threshold held it; of a dry run, why it would hold the same one for good.", HELD_SCHEMA
    )
    held_causes = ReadOnly(
        "What changed for the projects that the change threshold counts. A project has one cause and one agency, and "
        "counts under each of its rules. It stays after the decision.",
        CAUSES_SCHEMA,
    )
    held_decision = ReadOnly("Who confirmed or rejected the held audit, and why.", DECISION_SCHEMA)
    promise_check = ReadOnly(
        "Of the first audit by an activated policy: whether it changed what the impact showed at the activation, and "
        "the number of projects of each kind that it did not change as shown, or changed without being shown.",
        PROMISE_SCHEMA,
    )
    failure = ReadOnly("The kind of fault that ended it; the service's log has more.", {"type": ["string", "null"]})
    voiding = ReadOnly("Who proposed to void it and why, and who confirmed that.", VOIDING_SCHEMA)
    without_restricted = without_restricted_field()


class Change(BaseSchema):
    """What an audit did, or would do, to one project's flag."""

    project = ReadOnly("The project's number.", CHANGE_PROPERTIES["project"])
    rule = ReadOnly("The rule.", CHANGE_PROPERTIES["rule"])
    severity = ReadOnly("Its severity.", CHANGE_PROPERTIES["severity"])
    change = ReadOnly("What became of the flag.", CHANGE_PROPERTIES["change"])


class AuditJustRun(Audit):
    """An audit that was just run; a dry run includes the changes."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({"changes"})

    changes = ReadOnly(
        "Of a dry run only.",
        {
            "type": "array",
            "items": {"type": "object", "required": list(CHANGE_PROPERTIES), "properties": CHANGE_PROPERTIES},
        },
    )


AUDIT: Final = Audit()
AUDIT_JUST_RUN: Final = AuditJustRun()
AUDIT_ORDER: Final = AuditOrder()
HELD_DECISION: Final = HeldDecision()
VOIDING_PROPOSAL: Final = VoidingProposal()
VOIDING_CONFIRMATION: Final = VoidingConfirmation()
CHANGE: Final = Change()


# A verified audit as it is shown.

TEXT: Final = {"type": "string"}
TEXT_OR_NULL: Final = {"type": ["string", "null"]}
NUMBER: Final = {"type": "integer", "minimum": 0}


class VerificationOfAudit(BaseSchema):
    """What repeating an audit shows."""

    audit = ReadOnly("The audit's id.", {"type": "integer"})
    matches = ReadOnly("True when nothing differs, also on projects that the caller may not see.", {"type": "boolean"})
    input_digest = ReadOnly(
        "The digest of all that the audit read.", shown_object({"recorded": TEXT, "repeated": TEXT})
    )
    counts = ReadOnly(
        "All counts; empty for those who may not see restricted projects.",
        {
            "type": "array",
            "items": shown_object(
                {"name": {**TEXT, "enum": [*COUNTS, *SEVERITY_COUNTS]}, "recorded": NUMBER, "repeated": NUMBER}
            ),
        },
    )
    differences = ReadOnly(
        "What differs on projects that the caller may see: changes that the audit listed (`change`) and active flags "
        "after it (`flag`); null where there is none.",
        {
            "type": "array",
            "items": shown_object(
                {
                    "project": TEXT,
                    "rule": TEXT,
                    "what": {**TEXT, "enum": ["change", "flag"]},
                    "recorded": TEXT_OR_NULL,
                    "repeated": TEXT_OR_NULL,
                }
            ),
        },
    )


VERIFICATION: Final = VerificationOfAudit()


def verification_shown(verification: Verification) -> dict[str, Any]:
    """Return the verification as a mapping, JSON-serialisable."""
    return {
        "audit": verification.audit_id,
        "matches": verification.matches,
        "input_digest": {"recorded": verification.digest.recorded, "repeated": verification.digest.repeated},
        "counts": [each._asdict() for each in verification.counts],
        "differences": [each._asdict() for each in verification.differences],
    }
