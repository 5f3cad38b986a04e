"""The query parameters of the lists of projects, exports among them."""

from __future__ import annotations

from typing import Final

from registry.api.parameters import (
    BIN_SCHEMA,
    EDGES,
    MONEY_SCHEMA,
    SEVERAL,
    TEXT_SCHEMA,
    WORDS_SCHEMA,
    moment_parameter,
    negatable,
    one_of,
    several_of,
)
from registry.core.fields import DAY_SCHEMA
from registry.freeze.rules import RULES
from registry.http.parameters import Parameter
from registry.projects.filters import AMOUNTS, BOOLEANS, CHOICES, DAYS, FILTERS, INSTANTS, NULLABLE
from registry.projects.vocabulary import FLAG_AGES


def _parameter(name: str) -> Parameter:
    if name == "q":
        return Parameter(name, "Words, or their beginnings, in names, purpose and number.", WORDS_SCHEMA)
    if name in ("rule", "open_rule"):
        flags = "active flags" if name == "rule" else "open flags, neither exempt nor accepted"
        return Parameter(name, f"Rules of {flags}. {SEVERAL}", one_of(RULES))
    if name == "flag_age":
        return Parameter(
            name,
            f"How many days open flags are open, at least; `31-high`: of this severity only. {SEVERAL}",
            one_of(FLAG_AGES),
        )
    if name == "budget_programme":
        return Parameter(name, f"How it begins: `047` is also `047-100`. {SEVERAL}", several_of(TEXT_SCHEMA))
    if name == "is_null":
        return Parameter(name, f"Fields that have no value. {SEVERAL}", one_of(NULLABLE))
    if name in CHOICES:
        return Parameter(name, SEVERAL, one_of(CHOICES[name]))
    if name in BOOLEANS:
        return Parameter(name, "true or false.", {"type": "boolean"})
    field, _, end = name.rpartition("_")
    if field in DAYS:
        return Parameter(name, f"{EDGES[end]} date.", dict(DAY_SCHEMA))
    if field in INSTANTS:
        return moment_parameter(name, end)
    if field in AMOUNTS:
        return Parameter(name, f"{EDGES[end]} amount, in whole tenge.", MONEY_SCHEMA)
    return Parameter(name, SEVERAL, several_of(BIN_SCHEMA if name in ("agency", "supplier_bin") else TEXT_SCHEMA))


PROJECT_PARAMETERS: Final = negatable(map(_parameter, FILTERS))
