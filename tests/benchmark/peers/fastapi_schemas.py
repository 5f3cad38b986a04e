"""Requests and responses of the peer on FastAPI, as pydantic models."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from tests.benchmark.peers import common


def optional(kind: Any, **limits: Any) -> Any:
    return (Annotated[kind, Field(**limits)] | None, None)


CHOICE = {name: Literal[codes] for name, codes in common.CHOICES.items()}
BIN = r"^[0-9]{12}$"
WRITABLE = {
    **{name: (kind, ...) if name in common.REQUIRED else optional(kind) for name, kind in CHOICE.items()},
    **{name: optional(str, max_length=length) for name, length in common.TEXTS.items()},
    **{name: optional(date) for name in common.DAYS},
    **{name: optional(int, ge=0, le=common.MAX_AMOUNT) for name in common.AMOUNTS},
    **{name: optional(bool) for name in common.FLAGS_OF_PROJECT},
    "cost_by_year": optional(list[dict[str, int]]),
    "integrations": optional(list[str]),
    "supplier_bin": optional(str, pattern=BIN),
    "object_class": optional(Literal[1, 2, 3]),
}


class HasName(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def has_a_name(self) -> HasName:
        if not (self.name_kk or self.name_ru):
            raise ValueError("a name in Kazakh or Russian is required")
        return self


NewProject = create_model("NewProject", __base__=HasName, agency=(Annotated[str, Field(pattern=BIN)], ...), **WRITABLE)
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
