"""A flag in responses."""

from typing import ClassVar, Final

from registry.core.fields import DAY_SCHEMA, BaseSchema, ReadOnly, Timestamp
from registry.flags.models import FlagStatus
from registry.freeze.vocabulary import Severity
from registry.projects.schemas import DAY_OR_NULL, OBSERVED_SCHEMA, PROJECT_RECORD, REASON_TEXT, expanded_project


class Flag(BaseSchema):
    """One rule's finding on one project."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({PROJECT_RECORD})

    id = ReadOnly("Stays the same from opening to clearing.", {"type": "integer"})
    project = ReadOnly("The project's number.", {"type": "string"})
    rule = ReadOnly("The rule that holds.", {"type": "string"})
    severity = ReadOnly("As of the last audit.", {"type": "string", "enum": list(Severity.codes())})
    status = ReadOnly("Where it stands.", {"type": "string", "enum": list(FlagStatus.codes())})
    title = ReadOnly("The rule in words.", {"type": "string"})
    reason = ReadOnly(REASON_TEXT, {"type": "string"})
    observed = ReadOnly("The values that the rule looked at.", OBSERVED_SCHEMA)
    required = ReadOnly("What would have to be true.", {"type": "string"})
    remedy = ReadOnly("What to do next.", {"type": "string"})
    clause = ReadOnly("The act and its wording.", {"type": "string"})
    opened_on = ReadOnly("Business date of the audit that opened it.", dict(DAY_SCHEMA))
    last_seen_on = ReadOnly("Business date of the last audit that found it.", DAY_OR_NULL)
    cleared_on = ReadOnly("Business date of the audit that cleared it.", DAY_OR_NULL)
    exemption = ReadOnly("The exemption that takes it out of the queue.", {"type": ["integer", "null"]})
    case = ReadOnly("The case that reviews it; null for leaders, who read no cases.", {"type": ["integer", "null"]})
    changed_at = Timestamp("When the flag itself was last written: by an audit or a decision.")
    project_record = expanded_project()


FLAG: Final = Flag()
