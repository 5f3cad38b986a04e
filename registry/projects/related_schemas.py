"""Schemas of likely duplicates and of links between projects."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from registry.core.base_schema import BaseSchema
from registry.core.fields import Choice, Text
from registry.core.response_fields import ReadOnly, Timestamp
from registry.core.translations import lazy_text
from registry.projects.schemas import CHANGES_SCHEMA, FINDING_SCHEMA, TEXT_OR_NULL, Verdict
from registry.projects.similarity.scoring import REASONS
from registry.projects.vocabulary import LinkKind

MAX_NOTE: Final = 500
SIMILAR_ITEMS: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["number", "agency", "name", "score", "reasons"],
        "properties": {
            "number": {"type": "string"},
            "agency": {"type": "string", "description": "BIN of the agency."},
            "name": {"type": "string", "description": "In the language of the request, if it has one."},
            "score": {"type": "integer", "minimum": 65, "maximum": 100},
            "reasons": {
                "type": "array",
                "items": {"type": "string", "enum": list(REASONS)},
                "description": "What is the same or similar.",
            },
        },
    },
}
SIMILAR_TEXT: Final = "Likely duplicates that the caller may read, the most similar first, ten at most."


class SimilarProjects(BaseSchema):
    """The likely duplicates of a project."""

    similar = ReadOnly(SIMILAR_TEXT, SIMILAR_ITEMS)


class CheckedProject(Verdict):
    """The verdict on a project that is only checked, and its likely duplicates."""

    former_records = ReadOnly(
        "Numbers of the withdrawn and ended projects of the same work that the caller may see.",
        {"type": "array", "items": {"type": "string"}},
    )
    is_reason_required = ReadOnly(
        "True when a registration needs a `change_reason`, because it registers a former record again.",
        {"type": "boolean"},
    )
    similar = ReadOnly(SIMILAR_TEXT, SIMILAR_ITEMS)


class CheckedChange(Verdict):
    """The verdict on a project as an edit would leave it, and what the edit changes."""

    changes = ReadOnly("What would change, as the history will show it.", CHANGES_SCHEMA)
    opened = ReadOnly("Those of the findings that the edit opens.", {"type": "array", "items": FINDING_SCHEMA})
    ended = ReadOnly("The findings of today that the edit ends.", {"type": "array", "items": FINDING_SCHEMA})
    is_reason_required = ReadOnly(
        "True when pages ask for a reason, because a date, the kind of work or the stage changes that rules read.",
        {"type": "boolean"},
    )


class LinkToAdd(BaseSchema):
    """A link to add."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "project", "added_at", "added_by"})

    kind = Choice(
        LinkKind.codes(),
        required=True,
        label=lazy_text("Kind of link"),
        description="What the project is to the target. `exchanges_data_with` has no direction.",
    )
    target = Text(
        required=True,
        label=lazy_text("Number of the other project"),
        hint=lazy_text("For example QT-2026-0000001-5."),
        description="The other project's number.",
    )
    note = Text(MAX_NOTE, label=lazy_text("Note"), hint=lazy_text("Why, in up to 500 characters."), description="Why.")


class ProjectLink(BaseSchema):
    """A link between two projects."""

    id = ReadOnly("Its id.", {"type": "integer"})
    kind = ReadOnly("What `project` is to `target`.", {"type": "string", "enum": list(LinkKind.codes())})
    project = ReadOnly("The number of the project that the link leads from.", {"type": "string"})
    target = ReadOnly("The number of the project that it leads to.", {"type": "string"})
    note = ReadOnly("Why.", TEXT_OR_NULL)
    added_at = Timestamp("When it was added.")
    added_by = ReadOnly("By whom.", {"type": "string"})


SIMILAR_PROJECTS: Final = SimilarProjects()
CHECKED_CHANGE: Final = CheckedChange()
CHECKED_PROJECT: Final = CheckedProject()
LINK_BODY: Final = LinkToAdd()
PROJECT_LINK: Final = ProjectLink()
