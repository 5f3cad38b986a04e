"""One action on several cases: each by its own service, with the same checks as alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.cases import service as cases
from registry.cases.models import Case
from registry.cases.queries import find_case_to_change, open_case
from registry.cases.vocabulary import ActionName
from registry.cases.workflow import ACTIONS
from registry.core.errors import Invalid, Problem, RegistryError
from registry.core.transactions import transaction

MAX_AT_ONCE: Final = 500
Values = Mapping[str, Any]
T = TypeVar("T", int, str)
SERVICES: Final[Mapping[str, Callable[[Actor, Case, Values], Case]]] = {
    ActionName.CLAIM: lambda actor, case, values: cases.claim(actor, case, values.get("comment")),
    ActionName.ASSIGN: lambda actor, case, values: cases.assign(actor, case, values["assignee"], values.get("comment")),
    ActionName.ASK: lambda actor, case, values: cases.ask(actor, case, values.get("comment")),
    ActionName.CONFIRM: lambda actor, case, values: cases.confirm(actor, case, values.get("comment")),
}


@dataclass(frozen=True, slots=True)
class BulkResult(Generic[T]):
    """``done``: ids of the cases; ``refused``: what was asked for and could not be done, with the problem.

    Of invalid values it is the first problem: all cases have the same values.
    """

    done: list[int]
    refused: list[tuple[T, Problem]]


class _NotAll(Exception):
    """Rolls back what was done, because not all could be."""


def act_on_cases(
    actor: Actor, action: str, ids: Iterable[int], values: Values, *, atomic: bool = False
) -> BulkResult[int]:
    """Run the action on each case, by id, in a transaction of its own. ``atomic``: on all in one, or on none.

    Cases that the actor may not see are refused as not found. Raises RoleNotAllowed and StepUpRequired.
    """
    actor.require(ACTIONS[action].needs)
    act = SERVICES[action]
    # In the order of ids, so that concurrent calls with the same ids do not deadlock.
    subjects = sorted(set(ids))
    return _each(subjects, lambda case_id: act(actor, find_case_to_change(actor, case_id), values), atomic=atomic)


def open_cases(actor: Actor, numbers: Iterable[str], *, atomic: bool = False) -> BulkResult[str]:
    """Open a case for each project on the watch list, as ``act_on_cases``. Raises RoleNotAllowed."""
    actor.require(Permission.CASES_REVIEW)
    return _each(sorted(set(numbers)), lambda number: open_case(actor, number), atomic=atomic)


def _each(subjects: list[T], act: Callable[[T], Case], *, atomic: bool) -> BulkResult[T]:
    if not atomic:
        return _one_by_one(subjects, act)
    try:
        with transaction():
            result = _one_by_one(subjects, act)
            _require_all(result)
    except _NotAll:
        return BulkResult([], result.refused)
    return result


def _require_all(result: BulkResult[T]) -> None:
    if result.refused:
        raise _NotAll


def _one_by_one(subjects: list[T], act: Callable[[T], Case]) -> BulkResult[T]:
    result: BulkResult[T] = BulkResult([], [])
    for subject in subjects:
        try:
            with transaction():
                result.done.append(act(subject).id)
        except RegistryError as error:
            result.refused.append((subject, _problem_of(error)))
    return result


def _problem_of(error: RegistryError) -> Problem:
    return error.problems[0] if isinstance(error, Invalid) else Problem("", error.code, error.params)
