"""A flag in responses."""

from __future__ import annotations

from typing import Final

from registry.core.schema_fields import DAY_SCHEMA, Body, Moment, Shown
from registry.flags.vocabulary import FlagStatus
from registry.freeze.vocabulary import Severity
from registry.projects.schemas import DAY_OR_NULL, OBSERVED_SCHEMA


class Flag(Body):
    """One rule's finding on one project."""

    id = Shown("Stays the same from opening to clearing.", {"type": "integer"})
    project = Shown("The project's number.", {"type": "string"})
    rule = Shown("The rule that holds.", {"type": "string"})
    severity = Shown("As of the last audit.", {"type": "string", "enum": list(Severity.codes())})
    status = Shown("Where it stands.", {"type": "string", "enum": list(FlagStatus.codes())})
    title = Shown("The rule in words.", {"type": "string"})
    observed = Shown("The values that the rule looked at.", OBSERVED_SCHEMA)
    required = Shown("What would have to be true.", {"type": "string"})
    remedy = Shown("What to do next.", {"type": "string"})
    clause = Shown("The act and its wording.", {"type": "string"})
    opened_on = Shown("Business date of the audit that opened it.", dict(DAY_SCHEMA))
    last_seen_on = Shown("Business date of the last audit that found it.", DAY_OR_NULL)
    cleared_on = Shown("Business date of the audit that cleared it.", DAY_OR_NULL)
    exemption = Shown("The exemption that takes it out of the queue.", {"type": ["integer", "null"]})
    case = Shown("The case that reviews it.", {"type": ["integer", "null"]})
    changed_at = Moment("When anything shown here last changed; `last_seen_on` of a standing flag does not count.")


FLAG: Final = Flag()
