"""Parameters and responses of the peer on FastAPI, as pydantic models."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from tests.benchmark.peers import common

SHOWN: dict[str, Any] = {
    **dict.fromkeys((*common.CHOICES, *common.TEXTS, "supplier_bin", "severity"), (str | None, None)),
    **dict.fromkeys((*common.DAYS, *common.CONFIRMED, "started_on"), (date | None, None)),
    **dict.fromkeys((*common.AMOUNTS, "object_class"), (int | None, None)),
    **dict.fromkeys(common.FLAGS_OF_PROJECT, (bool | None, None)),
    **dict.fromkeys((*common.JSON_LISTS, "confirmed_facts"), (list[Any] | None, None)),
    **dict.fromkeys(common.INSTANTS, (datetime, ...)),
    **dict.fromkeys(("number", "freeze_status"), (str, ...)),
    "agency": (str, Field(validation_alias="agency_bin")),
    "version": (int, ...),
    "is_restricted": (bool, ...),
    "withdrawn_at": (datetime | None, None),
}


class FromRow(BaseModel):
    model_config = ConfigDict(from_attributes=True)


Detail = create_model("Detail", __base__=FromRow, **{name: SHOWN[name] for name in common.DETAIL})
Short = create_model("Short", __base__=FromRow, **{name: SHOWN[name] for name in common.SHORT})
KINDS = {"id": int, "observed": dict[str, Any], "opened_on": date, "changed_at": datetime}
MAYBE = {"exemption": int | None, "case": int | None, "last_seen_on": date | None, "cleared_on": date | None}
ShownFlag = create_model("ShownFlag", **{name: ((KINDS | MAYBE).get(name, str), ...) for name in common.FLAG})


class ShortPage(BaseModel):
    items: list[Short]
    next: str | None


class FlagPage(BaseModel):
    items: list[ShownFlag]
    next: str | None


Filters = create_model(
    "Filters",
    sort=(str, "-registered_at"),
    limit=(Annotated[int, Field(ge=1, le=500)], 50),
    cursor=(str | None, None),
    **dict.fromkeys(common.FILTERS, (str | None, None)),
)
