"""Query parameters of the API, from filters of lists too, and pages of lists with their ``Link`` header."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple

from flask import g
from marshmallow import Schema, fields

from registry.accounts.roles import Actor, Permission
from registry.core import lists
from registry.core.fields import DAY_OR_INSTANT_SCHEMA, DAY_SCHEMA, MAX_AMOUNT, BaseSchema, Bin, InputField
from registry.core.lists import MAX_VALUES, NOT, SEVERAL, WORDS, Filter, ListDeclaration, Listing, Page
from registry.http.requests import COUNT, Parameter, next_link, page_parameters, take_page

# Schemas of query parameters, those of paged lists among them.


class QueryParameter(fields.Field[Any]):
    """A query parameter: text as it was sent, or as ``field`` deserializes it. ``parameter`` documents it."""

    def __init__(self, parameter: Parameter, field: InputField | None = None) -> None:
        super().__init__(metadata={"description": parameter.description})
        self.parameter = parameter
        self.field = field

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return value if self.field is None else self.field.deserialize(value)


class QuerySchema(BaseSchema):
    """The base of query schemas; every field is a QueryParameter."""

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters that are taken, by name."""
        declared = [field.parameter for field in self.fields.values() if isinstance(field, QueryParameter)]
        return {parameter.name: parameter for parameter in declared}

    def load(self, data: Any, **kwargs: Any) -> Any:
        """Return what the parameters say. Where none was sent there is nothing to load: none has a default."""
        return super().load(data, **kwargs) if data else {}


class ListArguments(NamedTuple):
    """The query of a list: the filters that the list itself validates, and the page."""

    filters: Mapping[str, str]
    page: Page


class PagedQuerySchema(QuerySchema):
    """The query of a paged list."""

    def load(self, data: Mapping[str, str], **_kwargs: Any) -> ListArguments:  # type: ignore[override]
        """Limit, cursor, sort and count apart from the filters, which stay text. Raises Malformed for an unusable one.

        Without marshmallow's own, which would look for each of the eighty fields in the query.
        """
        sent = dict(data)
        page = take_page(sent)
        return ListArguments(sent, page)


def filter_query(filters: Iterable[Parameter]) -> QuerySchema:
    """Return the query schema of what can be filtered and is not paged; it loads as a mapping."""
    return _query(QuerySchema, filters)


def list_query(filters: Iterable[Parameter] = (), sorts: Iterable[str] = (), *, counted: bool = False) -> QuerySchema:
    """Return the query schema of a paged list with these filters, sortable by these fields. ``counted``: with
    ``count``.
    """
    count = (COUNT,) if counted else ()
    return _query(PagedQuerySchema, (*filters, *page_parameters(tuple(sorts)), *count))


def _query(base: type[QuerySchema], parameters: Iterable[Parameter]) -> QuerySchema:
    schema = base.from_dict({parameter.name: QueryParameter(parameter) for parameter in parameters}, name="Query")
    return schema()  # type: ignore[return-value] # marshmallow promises no more than a Schema


def parameter_schema(_converter: object, field: fields.Field[Any], **_kwargs: object) -> dict[str, Any]:
    """apispec's attribute function: the JSON Schema of a query parameter."""
    return dict(field.parameter.schema) if isinstance(field, QueryParameter) else {}


def parameter_style(_converter: object, field: fields.Field[Any], **_kwargs: object) -> dict[str, Any]:
    """apispec's parameter attribute function: whether it is required; several values stand in it with commas."""
    if not isinstance(field, QueryParameter):
        return {}
    several = {"style": "form", "explode": False} if field.parameter.takes_several else {}
    return several | ({"required": True} if field.parameter.required else {})


# The query parameters that a list's filters become.

EDGES: Final = {"": "This", "from": "From this", "to": "Up to this"}
# What no field can hold, and so no filter takes; several values stand between commas.
NO_CONTROLS: Final = "[^\\u0000-\\u001f\\u007f-\\u009f\\ufffd]"
NO_CONTROLS_NOR_COMMA: Final = "[^\\u0000-\\u001f\\u007f-\\u009f\\ufffd,]"
TEXT_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": f"^{NO_CONTROLS_NOR_COMMA}*[^\\s,\\u0000-\\u001f\\u007f-\\u009f\\ufffd]{NO_CONTROLS_NOR_COMMA}*$",
}
WORDS_SCHEMA: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "pattern": f"^{NO_CONTROLS}+$"}
MONEY_SCHEMA: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": MAX_AMOUNT}
BIN_SCHEMA: Final = Bin().json_schema


def one_of(options: Iterable[str]) -> dict[str, Any]:
    """Return the schema of one or several fixed words."""
    return several_of({"type": "string", "enum": list(options)})


def several_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of one or several values."""
    return {"type": "array", "minItems": 1, "maxItems": MAX_VALUES, "items": dict(schema)}


def plain_parameters(filters: Mapping[str, Filter]) -> tuple[Parameter, ...]:
    """Return the parameters that filters become."""
    return tuple(Parameter(name, *_described(known)) for name, known in filters.items())


def parameters_of(records: ListDeclaration[Any]) -> tuple[Parameter, ...]:
    """Return the parameters of a list: its filters, and ``not``, which negates those that it names, if it takes
    that.
    """
    given = plain_parameters(records.filters)
    if not records.negatable:
        return given
    names = one_of(each.name for each in given if each.name != WORDS)
    text = f"Filters of this request to negate: what does not fit them, or has no value. {SEVERAL}"
    return (*given, Parameter(NOT, text, names))


def _described(known: Filter) -> tuple[str, dict[str, Any]]:
    kind = lists.kind_of(known)
    described, schema = _of_kind(kind)
    own = known.takes if isinstance(known, lists.CustomFilter) else ""
    return own or kind.takes or described, schema


def _of_kind(known: lists.PlainFilter) -> tuple[str, dict[str, Any]]:
    match known:
        case lists.ChoiceFilter(options=options) | lists.CodesFilter(options=options):
            return SEVERAL, one_of(options)
        case lists.NullFilter(options=options):
            return f"Fields that have no value. {SEVERAL}", one_of(options)
        case lists.BinFilter():
            return SEVERAL, several_of(BIN_SCHEMA)
        case lists.TextFilter() | lists.BeginningFilter():
            return SEVERAL, several_of(TEXT_SCHEMA)
        case lists.BooleanFilter() | lists.PredicateFilter():
            return "true or false.", {"type": "boolean"}
        case lists.DateFilter(end=end):
            return f"{EDGES[end]} date.", dict(DAY_SCHEMA)
        case lists.AmountFilter(end=end):
            return f"{EDGES[end]} amount, in whole tenge.", dict(MONEY_SCHEMA)
        case lists.InstantFilter(end=end):
            return f"{EDGES[end]} day in Almaty, or instant (RFC 3339).", dict(DAY_OR_INSTANT_SCHEMA)
        case _:
            return "", dict(WORDS_SCHEMA)


# Pages of a list: ``{"items": […], "next": …}`` and the ``Link`` header.


class PageSchema(Schema):
    """A page of items of one schema; it dumps a Listing. ``counted``: it may have the number of all items."""

    def __init__(self, item: Schema, *, counted: bool = False) -> None:
        super().__init__()
        self.item = item
        self.counted = counted

    def dump(self, obj: Any, **_kwargs: Any) -> Any:
        """Return the page with each item dumped by its schema."""
        page = {"items": [self.item.dump(item) for item in obj.items], "next": obj.next}
        if obj.count is None:
            return page
        # As ``ApiBlueprint.requires`` found out.
        reader: Actor = g.actor
        return {**page, "count": obj.count, "without_restricted": not reader.may(Permission.RESTRICTED_READ)}

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the page, in place; the item's own becomes a component."""
        count = {"type": "integer", "minimum": 0, "description": "Of all pages; only with the parameter `count`."}
        restricted = {
            "type": "boolean",
            "description": "True when `count` leaves out restricted projects, as the caller may not see them.",
        }
        return {
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": self.item},
                "next": {"type": ["string", "null"]},
                **({"count": count, "without_restricted": restricted} if self.counted else {}),
            },
            "required": ["items", "next"],
        }


def page_response(listing: Listing) -> tuple[Listing, Mapping[str, str]]:
    """Return a page and its ``Link`` header, as a view returns them."""
    return listing, ({} if listing.next is None else {"Link": next_link(listing.next)})
