"""The filters of lists of projects by their flags."""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select

from registry.core.bulk import table_of
from registry.core.clock import today
from registry.core.filters import split_values
from registry.core.value_checks import InvalidValue
from registry.flags.audit_runs import last_good_date
from registry.flags.models import FLAGS, IS_ACTIVE
from registry.freeze.current import policy_in_force
from registry.projects.models import Project
from registry.projects.vocabulary import FLAG_AGES, FlagAge

PROJECT: Final = table_of(Project).c


def has_open_flag(value: str) -> ColumnElement[bool]:
    """``flagged``: true or false. Raises InvalidValue."""
    if value not in ("true", "false"):
        raise InvalidValue("expected-true-or-false")
    flagged = _has_flag(FLAGS.c.status == "open")
    return flagged if value == "true" else ~flagged


def has_active_flag_of_rule(value: str) -> ColumnElement[bool]:
    """``rule``: rules of the policy with commas between them. Raises InvalidValue."""
    return _has_flag(FLAGS.c.rule.in_(_rules(value)))


def has_open_flag_of_rule(value: str) -> ColumnElement[bool]:
    """``open_rule``: the same, of flags that are neither exempt nor accepted. Raises InvalidValue."""
    return _has_flag(and_(FLAGS.c.status == "open", FLAGS.c.rule.in_(_rules(value))))


def _rules(value: str) -> list[str]:
    rules = split_values(value)
    for rule in rules:
        if rule not in policy_in_force().rules:
            raise InvalidValue("not-a-choice", options=", ".join(policy_in_force().rules))
    return rules


def has_open_flag_of_age(value: str) -> ColumnElement[bool]:
    """``flag_age``: ages of open flags as of the last audit, each alone or with a severity (``31-high``), with commas
    between them. Raises InvalidValue.
    """
    ages = split_values(value)
    for age in ages:
        if age not in FLAG_AGES:
            raise InvalidValue("not-a-choice", options=", ".join(FLAG_AGES))
    on = last_good_date() or today()
    return _has_flag(and_(FLAGS.c.status == "open", or_(*(_opened(age, on) for age in ages))))


def _opened(value: str, on: date) -> ColumnElement[bool]:
    age, _, severity = value.partition("-")
    first, last = FlagAge(age).opened(on)
    conditions = [FLAGS.c.opened_on <= last]
    if first is not None:
        conditions.append(FLAGS.c.opened_on >= first)
    if severity:
        conditions.append(FLAGS.c.severity == severity)
    return and_(*conditions)


def _has_flag(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    flags = select(FLAGS.c.id).where(FLAGS.c.project_id == PROJECT.id, IS_ACTIVE, condition)
    return flags.correlate_except(FLAGS).exists()
