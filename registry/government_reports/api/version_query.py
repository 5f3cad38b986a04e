"""Which version of a report a request reads."""

from __future__ import annotations

from typing import Any, Final

from registry.api.query_schemas import QueryParameter, QuerySchema
from registry.core.fields import WholeNumber
from registry.core.values.numbers import read_whole_number
from registry.http.query_parameters import Parameter

LARGEST: Final = 2**31 - 1
VERSION: Final = Parameter(
    "version", "An earlier version; the newest by default.", {"type": "integer", "minimum": 1, "maximum": LARGEST}
)


class VersionNumber(WholeNumber):
    """A whole number as a query parameter."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        return super()._deserialize(read_whole_number(str(value)), attr, data, **kwargs)


class VersionQuery(QuerySchema):
    """Which version is read."""

    version = QueryParameter(VERSION, VersionNumber(1, LARGEST))
