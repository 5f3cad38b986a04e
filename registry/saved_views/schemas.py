"""A saved view in requests and responses."""

from typing import Any, ClassVar, Final

from registry.core.fields import BaseSchema, Boolean, Choice, InputField, ReadOnly, Text, Timestamp, nullable
from registry.core.lists import MAX_VALUE_LENGTH
from registry.core.translations import lazy_text
from registry.core.values import InvalidValue
from registry.saved_views.models import MAX_NAME_LENGTH, ViewList

MAX_FILTERS: Final = 50
PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["pointer", "code", "message"],
    "properties": {name: {"type": "string"} for name in ("pointer", "code", "message")},
}


class Query(InputField):
    """Filters and the sort of a list, as its query string has them; several values of one stand between commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, str]:  # noqa: ARG002 - marshmallow's
        if (
            not isinstance(value, dict)
            or not 0 < len(value) <= MAX_FILTERS
            or not all(isinstance(each, str) and len(each) <= MAX_VALUE_LENGTH for each in value.values())
        ):
            raise InvalidValue("expected-query", largest=MAX_FILTERS)
        return dict(value)

    @property
    def json_schema(self) -> dict[str, Any]:
        """An object of texts."""
        return {
            "type": "object",
            "minProperties": 1,
            "maxProperties": MAX_FILTERS,
            "additionalProperties": {"type": "string", "maxLength": MAX_VALUE_LENGTH},
        }


class ViewBody(BaseSchema):
    """A view to save."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "owner", "is_own", "count", "problem", "created_at"})

    name = Text(MAX_NAME_LENGTH, description="Each name once an owner.", required=True, label=lazy_text("Name"))
    list = Choice(ViewList, description="The list.", required=True)
    query = Query(
        description="The filters and `sort`, named as in the list’s query string; pages have also `below` and `kind`.",
        required=True,
    )
    shared = Boolean(
        description="True: everybody of the same side sees it, oversight or the same agency.", nullable=False
    )


class View(ViewBody):
    """A view in responses."""

    id = ReadOnly("Its id.", {"type": "integer"})
    owner = ReadOnly("The name of the account; null when the owner has left the agency.", nullable({"type": "string"}))
    is_own = ReadOnly("Whether it is the caller’s.", {"type": "boolean"})
    count = ReadOnly(
        "How many records match for the caller, 1001 for more than 1000; null with a problem, and after the first ten.",
        nullable({"type": "integer", "minimum": 0, "maximum": 1001}),
    )
    problem = ReadOnly("Why the list refuses the query today; null when it does not.", nullable(PROBLEM_SCHEMA))
    created_at = Timestamp("When it was saved.")


VIEW_BODY: Final = ViewBody()
