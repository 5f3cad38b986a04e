"""Schemas of query parameters, those of paged lists among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from marshmallow import fields

from registry.core.base_schema import BaseSchema
from registry.core.fields import InputField
from registry.core.pagination import Page
from registry.http.query_parameters import COUNT, Parameter, page_parameters, take_page


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

    def load(self, data: Mapping[str, str], **kwargs: Any) -> Any:  # type: ignore[override]
        """What the parameters say. Where none was sent there is nothing to load: none has a default."""
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
    """The query schema of what can be filtered and is not paged; it loads as a mapping."""
    return _query(QuerySchema, filters)


def list_query(filters: Iterable[Parameter] = (), sorts: Iterable[str] = (), *, counted: bool = False) -> QuerySchema:
    """The query schema of a paged list with these filters, sortable by these fields. ``counted``: with ``count``."""
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
