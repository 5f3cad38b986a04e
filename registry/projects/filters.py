"""Filters of project lists: named as the fields, comma-separated values, ranges for dates and amounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, false, or_, select

from registry.accounts.agency_tree import subtree
from registry.accounts.roles import Actor
from registry.agencies.models import Agency
from registry.core.database import db, table_of
from registry.core.dialects import least
from registry.core.errors import Malformed, Problem
from registry.core.fields import MAX_AMOUNT, Boolean, Choice, Day, InputField, WholeNumber
from registry.core.lists import (
    MAX_VALUE_LENGTH,
    NOT,
    ChoiceFilter,
    bin_numbers,
    choices,
    conditions,
    negate,
    parse_range_edge,
    split_values,
)
from registry.core.search import matches_words, words_of
from registry.core.values import InvalidValue, control_character, exact_day
from registry.freeze.current import policy_in_force
from registry.freeze.policy import Policy
from registry.freeze.vocabulary import AgencyKind, Severity
from registry.projects.attestations import attestation_condition
from registry.projects.fields import FIELDS, FILTERED_TEXTS, READ_ONLY, REQUIRED
from registry.projects.models import HAS_RARE_STATUS, RARE_STATUSES, Project
from registry.projects.visibility import NOT_WITHDRAWN, visible_projects, withdrawn_condition
from registry.projects.vocabulary import (
    FLAG_AGES,
    AttestationState,
    FreezeStatus,
    ObjectClass,
    WithdrawnProjects,
)

# When a project started, as SQL. ``freeze/rules.py`` says the same in Python.

PROJECT: Final = table_of(Project).c


def started_on(policy: Policy) -> ColumnElement[Any]:
    """The earliest date set among the policy's start clock, NULL for none."""
    columns: list[ColumnElement[Any]] = [PROJECT[name] for name in policy.start_clock]
    return columns[0] if len(columns) == 1 else least(*columns)


# Filters that only pages have: with the agencies below the chosen one, and of projects the kind of agency.

AGENCY: Final = "agency"
BELOW: Final = "below"
KIND: Final = "kind"
YES: Final = "true"


def split_agency_filters(filters: Mapping[str, str]) -> tuple[dict[str, str], list[ColumnElement[bool]]]:
    """Split off the page-only filters: returns the other filters, and the conditions of the page-only ones.

    Raises Malformed.
    """
    shared, clauses = split_below({name: value for name, value in filters.items() if name != KIND})
    kinds = {name: value for name, value in filters.items() if name == KIND}
    return shared, [*conditions({KIND: ChoiceFilter(Agency.kind.expression, AgencyKind.codes())}, kinds), *clauses]


def split_below(filters: Mapping[str, str]) -> tuple[dict[str, str], list[ColumnElement[bool]]]:
    """Split off ``below`` with its agency: returns the other filters, and the condition on Project.

    Raises Malformed.
    """
    shared = {name: value for name, value in filters.items() if name != BELOW}
    if filters.get(BELOW) != YES or AGENCY not in shared:
        return shared, []
    try:
        numbers = bin_numbers(shared.pop(AGENCY))
    except InvalidValue as error:
        raise Malformed([Problem(AGENCY, error.code, error.params)]) from error
    roots = db.session.scalars(select(Agency.id).where(Agency.bin.in_(numbers)))
    return shared, [or_(false(), *(Project.agency_id.in_(select(subtree(root).c.id)) for root in roots))]


# Filters of projects by what slices above know of them, such as their flags. ``registry/hooks.py`` attaches them.

Condition = Callable[[str], ColumnElement[bool]]
_conditions: Final[dict[str, Condition]] = {}


def link_filter(name: str, condition: Condition) -> None:
    """Let the filter of that name be this condition on the table of projects, made of the parameter's value."""
    _conditions[name] = condition


def linked_condition(name: str, value: str) -> ColumnElement[bool]:
    """The condition of a filter. Raises InvalidValue for a value that the filter does not take."""
    return _conditions[name](value)


def _fields_of(kind: type[InputField]) -> tuple[str, ...]:
    return tuple(name for name, field in FIELDS.items() if isinstance(field, kind))


CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: field.options for name, field in FIELDS.items() if isinstance(field, Choice)},
    "object_class": ObjectClass.codes(),
    "freeze_status": FreezeStatus.codes(),
    "severity": Severity.codes(),
    "attestation": AttestationState.codes(),
    "withdrawn": WithdrawnProjects.codes(),
}
TEXTS: Final = ("number", "agency", *FILTERED_TEXTS)
BOOLEANS: Final = (*_fields_of(Boolean), "is_restricted", "flagged", "has_security_conclusion")
READ_ONLY_DAYS: Final = tuple(name for name in READ_ONLY if name.endswith("_on"))
DAYS: Final = (*_fields_of(Day), *READ_ONLY_DAYS)
INSTANTS: Final = ("registered_at", "updated_at", "changed_at")
NULLABLE: Final = (*(name for name in FIELDS if name not in REQUIRED), *READ_ONLY_DAYS, "severity")
AMOUNTS: Final = tuple(name for name in _fields_of(WholeNumber) if name not in CHOICES)


@dataclass(frozen=True, slots=True)
class Filter:
    """A query parameter: a description of its values, the function that builds its condition, and fixed options."""

    takes: str
    condition: Callable[[str, str], ColumnElement[bool]]
    options: tuple[str, ...] = ()


def project_conditions(actor: Actor, raw: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """The conditions of a list of projects: visibility for the actor, and the filters.

    Withdrawn projects are left out unless the filter ``withdrawn`` or ``freeze_status`` names them. The statement must
    join Agency. Raises Malformed with a problem for each unknown filter or invalid value.
    """
    return [*visible_projects(actor), *filter_conditions(raw)]


def filter_conditions(raw: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """The conditions of ``project_conditions`` without those of visibility."""
    conditions: list[ColumnElement[bool]] = []
    if "withdrawn" not in raw and FreezeStatus.WITHDRAWN not in raw.get("freeze_status", "").split(","):
        conditions.append(NOT_WITHDRAWN)
    problems = []
    named: dict[str, ColumnElement[bool]] = {}
    for name, value in raw.items():
        known = FILTERS.get(name)
        if name == NOT:
            continue
        if known is None:
            problems.append(Problem(name, "unknown-parameter", {"name": name}))
            continue
        try:
            named[name] = known.condition(name, value)
        except InvalidValue as error:
            problems.append(Problem(name, error.code, error.params))
    return [*conditions, *negate(named, raw, problems).values()]


def _column(name: str) -> ColumnElement[Any]:
    if name == "agency":
        return table_of(Agency).c.bin
    if name == "started_on":
        return started_on(policy_in_force())
    return PROJECT[name]


def _choice(name: str, value: str) -> ColumnElement[bool]:
    values = choices(value, CHOICES[name])
    if name == "withdrawn":
        return withdrawn_condition(values)
    if name == "attestation":
        return attestation_condition(*(AttestationState(code) for code in values))
    if name == "freeze_status":
        # SQLite reads a partial index only for a statement that repeats its condition.
        rare = (HAS_RARE_STATUS,) if set(values) <= set(RARE_STATUSES) else ()
        return and_(_column(name).in_(values), *rare)
    return _column(name).in_([int(code) for code in values] if name == "object_class" else values)


def _text(name: str, value: str) -> ColumnElement[bool]:
    values = bin_numbers(value) if name in ("agency", "supplier_bin") else split_values(value)
    return _column(name).in_(values)


def _boolean(name: str, value: str) -> ColumnElement[bool]:
    if value not in ("true", "false"):
        raise InvalidValue("expected-true-or-false")
    return _column(name).is_(value == "true")


def _has_conclusion(_name: str, value: str) -> ColumnElement[bool]:
    if value not in ("true", "false"):
        raise InvalidValue("expected-true-or-false")
    is_known = or_(PROJECT.security_conclusion_number.is_not(None), PROJECT.security_conclusion_on.is_not(None))
    return is_known if value == "true" else ~is_known


def _beginning(name: str, value: str) -> ColumnElement[bool]:
    """Texts that begin so: the code of a budget programme stands before its subprogramme and its name."""
    return or_(*(PROJECT[name].startswith(text, autoescape=True) for text in split_values(value)))


def _date_range(name: str, value: str) -> ColumnElement[bool]:
    field, _, end = name.rpartition("_")
    column, day = _column(field), exact_day(value)
    return column >= day if end == "from" else column <= day


def _instant_range(name: str, value: str) -> ColumnElement[bool]:
    field, _, end = name.rpartition("_")
    column = _column(field)
    edge, included = parse_range_edge(value, end)
    if end == "from":
        return column >= edge
    return column <= edge if included else column < edge


def _amount_range(name: str, value: str) -> ColumnElement[bool]:
    field, _, end = name.rpartition("_")
    if not (value.isascii() and value.isdigit() and len(value) <= 16) or int(value) > MAX_AMOUNT:
        raise InvalidValue("expected-whole-number")
    column = _column(field)
    return column >= int(value) if end == "from" else column <= int(value)


def _is_null(_name: str, value: str) -> ColumnElement[bool]:
    return and_(*(_column(name).is_(None) for name in choices(value, NULLABLE)))


def _search(_name: str, value: str) -> ColumnElement[bool]:
    """Full-text search with word prefixes in names, purpose and number; matches nothing without a word."""
    if len(value) > MAX_VALUE_LENGTH or control_character(value) is not None:
        raise InvalidValue("not-usable")
    if not value:
        raise InvalidValue("value-missing")
    words = words_of(value)
    return matches_words(PROJECT.words, words) if words else false()


FILTERS: Final[Mapping[str, Filter]] = {
    "q": Filter("words in names, purpose and number", _search),
    **{name: Filter("codes", _choice, options) for name, options in CHOICES.items()},
    **{name: Filter("texts", _text) for name in TEXTS},
    **{name: Filter("true or false", _boolean) for name in BOOLEANS},
    "is_null": Filter("names of fields without a value", _is_null, NULLABLE),
    "flagged": Filter("true or false", linked_condition),
    "has_security_conclusion": Filter("true or false", _has_conclusion),
    "budget_programme": Filter("beginnings of texts", _beginning),
    "rule": Filter("rules of active flags", linked_condition),
    "open_rule": Filter("rules of open flags", linked_condition),
    "flag_age": Filter("ages of open flags: least days", linked_condition, FLAG_AGES),
    **{f"{name}_{end}": Filter("date", _date_range) for name in DAYS for end in ("from", "to")},
    **{f"{name}_{end}": Filter("date or instant", _instant_range) for name in INSTANTS for end in ("from", "to")},
    **{f"{name}_{end}": Filter("whole tenge", _amount_range) for name in AMOUNTS for end in ("from", "to")},
}
