"""An audit as it is asked for and shown."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from registry.core.field_types import AnyDay, Text, YesNo
from registry.core.schema_fields import DAY_SCHEMA, Accepted, Body, Moment, Shown
from registry.flags.vocabulary import AuditStatus, FlagChange, Trigger
from registry.freeze.vocabulary import Severity

COUNT: Final = {"type": "integer", "minimum": 0}
CHANGE_MEANS: Final = (
    "What became of the flag since the last good audit. `reopened`: the audit found it open again. `exempted`: an "
    "exemption covers it now. `accepted`: a decision accepts it, or its exemption ended and the acceptance stands. "
    "`unaccepted`: an approved order opened a flag that was accepted."
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
        "judged_by_last_audit": {**COUNT, "description": "Projects in scope that the last good audit judged."},
    },
}
LONGEST_REASON: Final = 5000
LONGEST_INSTANT: Final = 40
VOIDING_PROPERTIES: Final[dict[str, Any]] = {
    "reason": {"type": "string"},
    "proposed_by": {"type": "string"},
    "proposed_role": {"type": "string", "enum": ["operator", "supervisor"]},
    "proposed_at": {"type": "string", "format": "date-time"},
    "confirmed_by": {"type": ["string", "null"], "description": "Null while the other one has not confirmed."},
    "confirmed_at": {"type": ["string", "null"], "format": "date-time"},
}
VOIDING_SCHEMA: Final[dict[str, Any]] = {
    "type": ["object", "null"],
    "required": list(VOIDING_PROPERTIES),
    "properties": VOIDING_PROPERTIES,
}


class AuditOrder(Body):
    """An audit to run."""

    on = Accepted(AnyDay(), "The business date, today without it. For good: from the last audited date to today.")
    dry_run = Accepted(YesNo(), "Change nothing, only tell what would change.")


class Confirmation(Body):
    """Nothing need be said."""


class VoidingProposal(Body):
    """Why an audit is to be voided."""

    reason = Accepted(Text(LONGEST_REASON), "Why; what was wrong with the clock.", required=True)


class VoidingConfirmation(Body):
    """Which proposal is confirmed."""

    proposed_at = Accepted(
        Text(LONGEST_INSTANT),
        "`voiding.proposed_at` of the proposal that was read; 409 when another one has replaced it.",
        required=True,
    )


class Audit(Body):
    """One run of the policy over every project for one business date."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset()

    id = Shown("Its id.", {"type": "integer"})
    on = Shown("The business date.", dict(DAY_SCHEMA))
    trigger = Shown("What started it.", {"type": "string", "enum": list(Trigger.codes())})
    status = Shown(
        "`held`: stopped by the change threshold until a supervisor confirms. `missed`: a date that was never judged. "
        "`voided`: taken out by people, as a wrong clock had dated it in the future; it does not count.",
        {"type": "string", "enum": list(AuditStatus.codes())},
    )
    dry_run = Shown("True when it wrote no flag.", {"type": "boolean"})
    policy_version = Shown("The policy judged by.", {"type": "string"})
    started_at = Moment("When it began.")
    finished_at = Moment("When it ended.", nullable=True)
    projects_judged = Shown("Projects in scope.", COUNT)
    projects_out_of_scope = Shown("Projects out of scope.", COUNT)
    projects_flagged = Shown("Projects with at least one open flag.", COUNT)
    projects_exempt = Shown("Projects whose flags are exempt, none open.", COUNT)
    flags_opened = Shown("Flags that it opened.", COUNT)
    flags_kept = Shown("Flags that stood and stand.", COUNT)
    flags_reopened = Shown(
        "Flags that are open again: accepted ones whose values changed, exempt ones whose exemption ended.",
        COUNT,
    )
    flags_cleared = Shown("Flags that it cleared.", COUNT)
    input_digest = Shown(
        "SHA-256 of everything that it judged: equal input, equal result.", {"type": ["string", "null"]}
    )
    held_because = Shown(
        "Why the change threshold held it; of a dry run, why it would hold the same one for good.", HELD_SCHEMA
    )
    failure = Shown("The kind of fault that ended it; the service's log has more.", {"type": ["string", "null"]})
    voiding = Shown("Who proposed to void it and why, and who confirmed that.", VOIDING_SCHEMA)


class Change(Body):
    """What an audit did, or would do, to one project's flag."""

    project = Shown("The project's number.", CHANGE_PROPERTIES["project"])
    rule = Shown("The rule.", CHANGE_PROPERTIES["rule"])
    severity = Shown("Its severity.", CHANGE_PROPERTIES["severity"])
    change = Shown("What became of the flag.", CHANGE_PROPERTIES["change"])


class AuditJustRun(Audit):
    """An audit just run; a dry one tells at once what it would change."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({"changes"})

    changes = Shown(
        "Of a dry run only.",
        {
            "type": "array",
            "items": {"type": "object", "required": list(CHANGE_PROPERTIES), "properties": CHANGE_PROPERTIES},
        },
    )


AUDIT: Final = Audit()
AUDIT_JUST_RUN: Final = AuditJustRun()
AUDIT_ORDER: Final = AuditOrder()
CONFIRMATION: Final = Confirmation()
VOIDING_PROPOSAL: Final = VoidingProposal()
VOIDING_CONFIRMATION: Final = VoidingConfirmation()
CHANGE: Final = Change()
CHANGE_EXAMPLE: Final[dict[str, Any]] = {
    "project": "QT-2026-0000001-5",
    "rule": "freeze.creation",
    "severity": "high",
    "change": "opened",
}
AUDIT_EXAMPLE: Final[dict[str, Any]] = {
    "id": 12,
    "on": "2026-03-03",
    "trigger": "manual",
    "status": "succeeded",
    "dry_run": False,
    "policy_version": "2026.1",
    "started_at": "2026-03-02T21:00:00.000000Z",
    "finished_at": "2026-03-02T21:00:01.204511Z",
    "projects_judged": 4120,
    "projects_out_of_scope": 35,
    "projects_flagged": 1207,
    "projects_exempt": 14,
    "flags_opened": 3,
    "flags_kept": 1493,
    "flags_reopened": 0,
    "flags_cleared": 9,
    "input_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "held_because": None,
    "failure": None,
    "voiding": None,
}
VOIDING_EXAMPLE: Final[dict[str, Any]] = {
    "reason": "The machine's clock was 400 days ahead.",
    "proposed_by": "o.serikov",
    "proposed_role": "operator",
    "proposed_at": "2026-03-03T05:10:00.000000Z",
    "confirmed_by": None,
    "confirmed_at": None,
}
