"""Actions by their name: one on a case, and one on several cases, each with the same checks as alone."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from registry.accounts.roles import Actor, Permission
from registry.cases import decisions, service as cases
from registry.cases.models import Case
from registry.cases.queries import find_case_to_change
from registry.cases.text_templates import filled_proposal, require_proposal_of_many
from registry.cases.vocabulary import ActionName
from registry.cases.workflow import ACTIONS
from registry.core.database import transaction
from registry.core.errors import Invalid, Problem, RegistryError, Stale
from registry.signatures.service import SignedAct

MAX_AT_ONCE: Final = 500
Values = Mapping[str, Any]
T = TypeVar("T", int, str)
# Those that can be taken on several cases at once.
ON_SEVERAL: Final = (
    ActionName.CLAIM,
    ActionName.ASSIGN,
    ActionName.ASK,
    ActionName.CONFIRM,
    ActionName.PROPOSE,
    ActionName.APPROVE,
)
WITH_COMMENT: Final[Mapping[str, Callable[[Actor, Case, str | None], Case]]] = {
    ActionName.CLAIM: cases.claim,
    ActionName.RELEASE: cases.release,
    ActionName.ASK: cases.ask,
    ActionName.ANSWER: cases.answer,
    ActionName.RETURN: cases.send_back,
    ActionName.REFER: cases.refer,
    ActionName.CONFIRM: cases.confirm,
    ActionName.WITHDRAW: cases.withdraw,
}


def carry_out(
    actor: Actor, case: Case, action: str, values: Values, *, signed: SignedAct | None = None, is_preview: bool = False
) -> Case:
    """Take the action with validated values on a locked case, with the actor's electronic signature if there is one.

    Raises what its service raises.
    """
    if values.get("note") is not None:
        # Before the action, to whose entry its documents belong.
        cases.say(actor, case, values["note"])
    match action:
        case ActionName.ASSIGN:
            return cases.assign(actor, case, values["assignee"], values.get("comment"))
        case ActionName.PROPOSE:
            return decisions.propose(actor, case, values, signed=signed, is_preview=is_preview)
        case ActionName.APPROVE:
            return decisions.approve(actor, case, values.get("comment"), signed=signed, is_preview=is_preview)
        case ActionName.APPEAL:
            return decisions.appeal(actor, case, values.get("comment"), signed=signed)
        case ActionName.COMMENT:
            return cases.say(actor, case, values["comment"], for_agency=values.get("for_agency") is True)
    return WITH_COMMENT[action](actor, case, values.get("comment"))


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
    actor: Actor,
    action: str,
    ids: Iterable[int],
    values: Values,
    *,
    atomic: bool = False,
    is_as_seen: Callable[[Case], bool] = lambda _case: True,
) -> BulkResult[int]:
    """Run the action on each case, by id, in a transaction of its own. ``atomic``: on all in one, or on none.

    The placeholders of a proposal's texts are filled in for each case. Cases that the actor may not see are refused as
    not found, and as stale those that, locked, are not as they were seen. Raises RoleNotAllowed and StepUpRequired, and
    Invalid for a proposal that no case could have.
    """
    actor.require(ACTIONS[action].needs)
    if action == ActionName.PROPOSE:
        require_proposal_of_many(values)
    # In the order of ids, so that concurrent calls with the same ids do not deadlock.
    subjects = sorted(set(ids))

    def act(case_id: int) -> Case:
        case = find_case_to_change(actor, case_id)
        if not is_as_seen(case):
            raise Stale
        return carry_out(actor, case, action, of_one(case, action, values))

    return _each(subjects, act, atomic=atomic)


def of_one(case: Case, action: str, values: Values) -> Values:
    """Return the values of an action on several cases as they are for one of them. Raises Invalid."""
    return filled_proposal(case, values) if action == ActionName.PROPOSE else values


def open_cases(actor: Actor, numbers: Iterable[str], *, atomic: bool = False) -> BulkResult[str]:
    """Open a case for each project on the watch list, as ``act_on_cases``. Raises RoleNotAllowed."""
    actor.require(Permission.CASES_REVIEW)
    return _each(sorted(set(numbers)), lambda number: cases.open_case(actor, number), atomic=atomic)


def _each(subjects: list[T], act: Callable[[T], Case], *, atomic: bool) -> BulkResult[T]:
    if not atomic:
        return _one_by_one(subjects, act)
    try:
        with transaction():
            result = _one_by_one(subjects, act)
            if result.refused:
                raise _NotAll  # noqa: TRY301 - rolls the transaction back
    except _NotAll:
        return BulkResult([], result.refused)
    return result


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
