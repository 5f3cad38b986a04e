"""The rules of the freeze, one function each (docs/reference/rules.md).

Each takes the project's facts, the day its work started, the policy and the day of the audit. It returns the project's
values because of which the rule holds, or None. The caller computes ``started`` once, because most rules need it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from typing import Any, Final, NamedTuple

from registry.freeze.contract_differences import CONTRACT_RULES
from registry.freeze.contradictions import ai_contradiction, contradiction, ending_contradiction
from registry.freeze.dates import add_months, iso
from registry.freeze.facts import (
    AI_ENTRY,
    AI_REVIEW_MONTHS,
    AI_RISK_CLASS,
    CLAIMED,
    COMMISSIONED,
    CONFIRMABLE,
    CONTRACT,
    ENDED_ON,
    OBJECT_COMMISSIONED,
    ORIGINAL_COST,
    SECURITY_CONCLUSION,
    EarlierRevision,
    Facts,
    Sibling,
)
from registry.freeze.findings import Finding, Observed
from registry.freeze.policy import ConfirmedFacts, Policy
from registry.freeze.vocabulary import FINAL_STAGES, AiRisk, Choices, Placement, Severity, Stage, WorkType, lazy_text

# The start date of a project's work, by the policy's ``start_clock`` (docs/reference/rules.md).


def started_on(values: Facts | EarlierRevision | Sibling, policy: Policy) -> date | None:
    """Return the earliest date set among the policy's ``start_clock``, or None when none is set."""
    earliest: date | None = None
    for field in policy.start_clock:
        day: date | None = getattr(values, field)
        if day is not None and (earliest is None or day < earliest):
            earliest = day
    return earliest


# Facts that count only when confirmed (docs/reference/rules.md, "Facts that count when confirmed").

# A fact that is only claimed is judged as if it were missing; the cost as 0, of which no share is within the limit. The
# degree of risk as the highest that the record has stated.
MISSING: Final[Mapping[str, int | None]] = {**dict.fromkeys(CONFIRMABLE), ORIGINAL_COST: 0}


class FactState(Choices, field="fact_state"):
    """Whether a fact that needs a confirmation counts."""

    CLAIMED = "claimed", lazy_text("Claimed, not confirmed")
    TAKEN_OVER = "taken_over", lazy_text("Taken over")
    CONFIRMED = "confirmed", lazy_text("Confirmed")


def fact_states(facts: Facts, policy: Policy, on: date) -> dict[str, FactState]:
    """Return the state of each fact of the project that needs a confirmation by the policy."""
    asked = policy.confirmed_facts
    if asked is None:
        return {}
    return {
        name: _state_of(name, facts, asked, on)
        for name, from_kzt in asked.from_kzt
        if getattr(facts, name) is not None
        and (from_kzt == 0 or (facts.budget_kzt or 0) >= from_kzt)
        and _lifts_a_finding(name, facts, policy, asked)
    }


def claims(facts: Facts, policy: Policy, on: date) -> tuple[str, ...]:
    """Return the facts that do not count because they are only claimed."""
    if policy.confirmed_facts is None:
        return ()
    return tuple(name for name, state in fact_states(facts, policy, on).items() if state is FactState.CLAIMED)


def without_claims(facts: Facts, claimed: tuple[str, ...]) -> Facts:
    """Return the facts as if those that are only claimed were missing."""
    missing: dict[str, Any] = {name: MISSING[name] for name in claimed}
    if AI_RISK_CLASS in missing:
        missing[AI_RISK_CLASS] = max(_stated_risks(facts), key=AiRisk.codes().index)
    return replace(facts, **missing)


def _stated_risks(facts: Facts) -> set[str]:
    stated = (facts.ai_risk_class, *(past.ai_risk_class for past in facts.past))
    return {risk for risk in stated if risk is not None}


def _state_of(name: str, facts: Facts, asked: ConfirmedFacts, on: date) -> FactState:
    if any(confirmed == name and day <= on for confirmed, day in facts.confirmed):
        return FactState.CONFIRMED
    if name == ENDED_ON and ending_confirmed(facts, on):
        return FactState.CONFIRMED
    since, before = _stood_since(name, facts), asked.taken_over_before
    if since is None or before is None or since >= before:
        return FactState.CLAIMED
    attested = facts.attested_on is not None and before <= facts.attested_on <= on
    return FactState.CONFIRMED if attested else FactState.TAKEN_OVER


def _stood_since(name: str, facts: Facts) -> date | None:
    """Return the day from which on the value has been as it is; None when it is unknown."""
    value = getattr(facts, name)
    for past in reversed(facts.past):
        if getattr(past, name) != value:
            return past.replaced_on
    return facts.registered_on


def _lifts_a_finding(name: str, facts: Facts, policy: Policy, asked: ConfirmedFacts) -> bool:
    """Return whether the fact could end or lower a finding on this project."""
    if name == ENDED_ON:
        return facts.stage in FINAL_STAGES
    if name == SECURITY_CONCLUSION:
        return policy.rules[UNTESTED].enabled and facts.stage == OPERATION
    if name == CONTRACT:
        return is_framework(facts, policy, asked)
    if name == AI_RISK_CLASS:
        # Whichever way it changed.
        return facts.is_ai is True and len(_stated_risks(facts)) > 1
    started = started_on(facts, policy)
    if name == COMMISSIONED:
        return facts.work_type == CREATION
    # Work from before the freeze is no new work, whatever its object is.
    new = started is None or started >= policy.cutoff or is_framework(facts, policy, asked)
    if name == OBJECT_COMMISSIONED:
        return new and facts.work_type != CREATION
    return new and facts.work_type == MODIFICATION


def is_framework(facts: Facts, policy: Policy, asked: ConfirmedFacts) -> bool:
    """Return whether the work began under the freeze, long after its contract, which is from before it."""
    contract, began = facts.contract_signed_on, facts.work_started_on
    if contract is None or began is None or not contract < policy.cutoff <= began:
        return False
    return began > add_months(contract, asked.framework_contract_months)


# Attestation: until when a record counts as confirmed by its agency.

A_DAY: Final = timedelta(days=1)


def attestation_due(attested_on: date, policy: Policy) -> date | None:
    """Return the last day on which the next attestation is in time; None when the policy asks for none."""
    return add_months(attested_on, policy.attestation_months) if policy.attestation_months else None


def attested_before(due_before: date, policy: Policy) -> date | None:
    """Return the latest attestation whose next one is due before the day; None when the policy asks for none."""
    return latest_before(due_before, policy.attestation_months) if policy.attestation_months else None


def latest_before(due_before: date, months: int) -> date:
    """Return the latest day from which so many calendar months end before the day.

    For comparisons in a database, which cannot add calendar months alike.
    """
    day = add_months(due_before, -months)
    return day - A_DAY if add_months(day, months) == due_before else day


# Findings on a placement that is claimed but not confirmed (docs/reference/rules.md).
#
# Legal basis: the decree of 10 December 2025, clause 1, and the Digital Code, Art. 82(4).

# Plain strings, which compare faster than members (see rules.py).
ON_PLATFORM: Final = Placement.ON_PLATFORM.value
AT_ONBOARDING: Final = Placement.ONBOARDING.value
UNVERIFIED: Final = "platform.unverified"
ONBOARDING: Final = "platform.onboarding"
OVERDUE: Final = "platform.onboarding-overdue"
UNCONFIRMED: Final = "platform.onboarding-unconfirmed"
IDLE: Final = "platform.idle"
# The order of findings.
PLACEMENT_RULES: Final = (UNVERIFIED, ONBOARDING, OVERDUE, UNCONFIRMED, IDLE)


class PlacementFinding(NamedTuple):
    """A finding on the placement. If it is ``exclusive``, the other rules are not evaluated."""

    finding: Finding
    exclusive: bool


def on_platform(facts: Facts, on: date) -> bool:
    """Return True when the object is on the platform and this was verified on or before the day."""
    verified = facts.placement_verified_on
    return facts.placement == ON_PLATFORM and verified is not None and verified <= on


def placement_finding(facts: Facts, policy: Policy, on: date) -> PlacementFinding | None:
    """Return the finding on the placement; None for a project that claims neither placement nor onboarding.

    Must not be called for projects that are confirmed on the platform.
    """
    if facts.placement == ON_PLATFORM:
        return _unverified(facts, policy, on)
    if facts.placement == AT_ONBOARDING:
        return _onboarding(facts, policy, on)
    return None


def _unverified(facts: Facts, policy: Policy, on: date) -> PlacementFinding:
    earlier = next((past.placement for past in facts.past if past.placement != ON_PLATFORM), None)
    grace = earlier is None and _within_grace(facts, policy, on)
    severity = Severity.LOW.value if grace else policy.rules[UNVERIFIED].severity
    observed: Observed = {
        "placement": facts.placement,
        "registered_on": iso(facts.registered_on),
        "earlier_placement": earlier,
    }
    return PlacementFinding(Finding(UNVERIFIED, severity, observed), grace)


def _within_grace(facts: Facts, policy: Policy, on: date) -> bool:
    # An unregistered project that is only checked counts as registered on the day.
    registered = facts.registered_on or on
    return on <= registered + timedelta(days=policy.verification_grace_days)


def _onboarding(facts: Facts, policy: Policy, on: date) -> PlacementFinding:
    confirmed = facts.onboarding_confirmed_on is not None and facts.onboarding_confirmed_on <= on
    due = facts.onboarding_due_on
    if not confirmed:
        rule = UNCONFIRMED
    elif due is None or due < on:
        rule = OVERDUE
    else:
        rule = ONBOARDING
    observed: Observed = {"placement": facts.placement, "onboarding_due_on": iso(due)}
    return PlacementFinding(Finding(rule, policy.rules[rule].severity, observed), rule == ONBOARDING)


def idle(facts: Facts, policy: Policy, on: date) -> Finding | None:
    """Return the finding on an object of which nothing is deployed; only for projects confirmed on the platform.

    A deployment in any environment counts: what is tested there is worked on there.
    """
    since = facts.last_deployed_on or facts.placement_verified_on
    if not (policy.rules[IDLE].enabled and facts.deployments_reported) or since is None:
        return None
    if on <= since + timedelta(days=policy.idle_days):
        return None
    observed: Observed = {"last_deployed_on": iso(facts.last_deployed_on)}
    if facts.last_deployed_on is None:
        observed["placement_verified_on"] = iso(since)
    return Finding(IDLE, policy.rules[IDLE].severity, observed)


Rule = Callable[[Facts, date | None, Policy, date], Observed | None]
# Plain strings: with members of an enumeration an evaluation takes a seventh longer (2.5 µs instead of 2.2 µs).
CREATION: Final = WorkType.CREATION.value
MAINTENANCE: Final = WorkType.MAINTENANCE.value
DEVELOPMENT: Final = WorkType.DEVELOPMENT.value
MODIFICATION: Final = WorkType.MODIFICATION.value
MIGRATION: Final = WorkType.MIGRATION.value
PLANNING: Final = Stage.PLANNING.value
PILOT: Final = Stage.PILOT.value
OPERATION: Final = Stage.OPERATION.value
UNKNOWN: Final = Placement.UNKNOWN.value
# The rule for final stages, and the rule that holds where no other one does.
ENDED_UNCONFIRMED: Final = "integrity.ended-unconfirmed"
LEGACY: Final = "freeze.legacy"
# What stays when facts were changed so that a finding ends.
REWRITTEN: Final = "integrity.rewritten"
MODIFICATION_SUM: Final = "freeze.modification-sum"
SPLIT_CONTRACT: Final = "integrity.split-contract"
CONTRADICTION: Final = "integrity.contradiction"
DATA_GAP: Final = "freeze.data-gap"
PLANNED: Final = "freeze.planned"
MIGRATION_OVERDUE: Final = "migration.overdue"
MIGRATION_ORDER_OVERDUE: Final = "migration.order-overdue"
ORDER_OVERDUE: Final = "order.overdue"
UNTESTED: Final = "security.untested"
AI_INCOMPLETE: Final = "ai.incomplete"
AI_CONTRADICTION: Final = "ai.contradiction"
AI_OUTDATED: Final = "ai.outdated"
# The rules that hold beside the others and never keep ``freeze.legacy`` away.
AI_RULES: Final = (AI_INCOMPLETE, AI_CONTRADICTION, AI_OUTDATED)
# The rules that do not ask where an object is hosted: the platform's own software is tested too (Order No. 111/НҚ).
WHEREVER_HOSTED: Final = (UNTESTED, *AI_RULES)
UNATTESTED: Final = "integrity.unattested"


def creation(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """New work that started under the freeze (decree of 10 December 2025, clause 1)."""
    if facts.work_type == CREATION and started is not None and policy.cutoff <= started <= on:
        return {"work_type": facts.work_type, "started_on": iso(started)}
    return None


def planned(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Work other than maintenance that has not started yet (decree, clause 1)."""
    if facts.work_type == MAINTENANCE:
        return None
    if facts.stage == PLANNING if started is None else started > on:
        return {"work_type": facts.work_type, "stage": facts.stage, "started_on": iso(started)}
    return None


def transitional(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Return a creation that started before the freeze and was not in operation by then; the decree does not cover
    it.
    """
    if facts.work_type != CREATION or started is None or started >= policy.cutoff:
        return None
    if facts.commissioned_on is None or facts.commissioned_on >= policy.cutoff:
        return {"work_type": facts.work_type, "started_on": iso(started), "commissioned_on": iso(facts.commissioned_on)}
    return None


def development(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """New functions of an object in operation, started under the freeze (Law 418-V, Art. 1; Digital Code, 82(4))."""
    if facts.work_type != DEVELOPMENT or facts.object_commissioned_on is None:
        return None
    if started is not None and policy.cutoff <= started <= on:
        return {
            "work_type": facts.work_type,
            "object_commissioned_on": iso(facts.object_commissioned_on),
            "started_on": iso(started),
        }
    return None


def misclassified(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Misclassified new work: only an object in operation can be developed or modified (Law 418-V, Art. 1)."""
    if facts.work_type not in (DEVELOPMENT, MODIFICATION) or facts.object_commissioned_on is not None:
        return None
    if started is not None and policy.cutoff <= started <= on:
        return {"work_type": facts.work_type, "object_commissioned_on": None, "started_on": iso(started)}
    return None


def modification_limit(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Return a modification above the limit of the object's cost, or without consent (Digital Code, Art. 88)."""
    if facts.work_type != MODIFICATION or started is None or not policy.cutoff <= started <= on:
        return None
    if not facts.consent_number or _above_limit(facts, policy):
        return {
            "work_type": facts.work_type,
            "started_on": iso(started),
            "budget_kzt": facts.budget_kzt,
            "object_original_cost_kzt": facts.object_original_cost_kzt,
            "consent_number": facts.consent_number,
        }
    return None


def _above_limit(facts: Facts, policy: Policy) -> bool:
    if facts.budget_kzt is None or facts.object_original_cost_kzt is None:
        return False
    # Integers on both sides: a float would lose a tenge at 10^15.
    return facts.budget_kzt * 100 > facts.object_original_cost_kzt * policy.modification_limit_percent


def modification_sum(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Modifications of one object that together are above the limit of its cost (Digital Code, Art. 88).

    The least cost that any of them states counts, so that raising one does not raise the limit, and the highest budget
    of each, so that an edit of one ends no finding of another. What those of other agencies cost is not stated: from a
    sum the project's own agency could work it out.
    """
    if facts.work_type != MODIFICATION or started is None or not policy.cutoff <= started <= on:
        return None
    stated = _that_count(facts, lambda each: each.work_type == MODIFICATION and _under_freeze(each, policy, on))
    counted = list(map(_with_highest_budget, stated))
    every_cost = (facts.object_original_cost_kzt, *(each.object_original_cost_kzt for each in chain(*stated)))
    costs = [cost for cost in every_cost if cost is not None]
    total = (facts.budget_kzt or 0) + sum(each.budget_kzt or 0 for each in counted)
    if not counted or not costs or total * 100 <= min(costs) * policy.modification_limit_percent:
        return None
    return {
        "work_type": facts.work_type,
        "started_on": iso(started),
        "budget_kzt": facts.budget_kzt,
        **_counted(counted),
        **({"total_kzt": total, "least_cost_kzt": min(costs)} if all(each.number for each in counted) else {}),
    }


def _that_count(facts: Facts, counts: Callable[[Sibling], bool]) -> list[list[Sibling]]:
    """Return, of each other project that counts, its values that do: the present ones and those of before edits."""
    stated = ([each for each in (sibling, *sibling.earlier) if counts(each)] for sibling in facts.siblings)
    return [values for values in stated if values]


def _with_highest_budget(stated: Sequence[Sibling]) -> Sibling:
    return max(stated, key=lambda each: each.budget_kzt or 0)


def _under_freeze(sibling: Sibling, policy: Policy, on: date) -> bool:
    started = started_on(sibling, policy)
    return started is not None and policy.cutoff <= started <= on


def _counted(siblings: Sequence[Sibling]) -> Observed:
    """Return the numbers of those of the same agency, and how many are of others."""
    numbers = sorted(each.number for each in siblings if each.number is not None)
    return {"counted_with": ", ".join(numbers) or None, "counted_elsewhere": len(siblings) - len(numbers)}


def pilot_limit(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Return a pilot that lasts longer than the law allows (Law 418-V, Art. 39)."""
    if facts.stage != PILOT or facts.pilot_started_on is None:
        return None
    if on > add_months(facts.pilot_started_on, policy.pilot_limit_months):
        return {"stage": facts.stage, "pilot_started_on": iso(facts.pilot_started_on)}
    return None


def data_gap(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Missing values that the other rules need (Digital Code, Art. 71(2): the duty to register)."""
    work_type = facts.work_type
    unstarted = started is None and facts.stage != PLANNING and work_type != MAINTENANCE
    undated_pilot = facts.stage == PILOT and facts.pilot_started_on is None
    undated_object = facts.object_commissioned_on is None and work_type in (MAINTENANCE, MIGRATION)
    unpriced = work_type == MODIFICATION and (facts.budget_kzt is None or facts.object_original_cost_kzt is None)
    unplaced = facts.placement == UNKNOWN
    if not (unstarted or undated_pilot or undated_object or unpriced or unplaced):
        return None
    # Only the missing values and the reason why they are needed, so that filling one gap changes the fingerprint.
    observed: Observed = {"work_type": work_type, "stage": facts.stage}
    if unplaced:
        observed["placement"] = facts.placement
    if unstarted:
        observed["started_on"] = None
    if undated_pilot:
        observed["pilot_started_on"] = None
    if undated_object:
        observed["object_commissioned_on"] = None
    if unpriced:
        observed["budget_kzt"] = facts.budget_kzt
        observed["object_original_cost_kzt"] = facts.object_original_cost_kzt
    return observed


def migration_overdue(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """In operation since before the freeze and not migrated by the deadline (Government, January 2026)."""
    # The result of a creation is the object itself; any other work concerns an object that existed before.
    field = "commissioned_on" if facts.work_type == CREATION else "object_commissioned_on"
    since: date | None = getattr(facts, field)
    if since is not None and since < policy.cutoff and on > policy.migration_deadline:
        return {"work_type": facts.work_type, field: iso(since)}
    return None


def migration_order_overdue(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """An order to migrate is in force, its due date has passed, and nobody has confirmed an ending instead."""
    return _order_overdue("order_migrate_by", facts, on)


def order_overdue(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """An order to stop or to write off is in force, its due date has passed, and nobody has confirmed the ending."""
    return _order_overdue("order_end_by", facts, on)


def _order_overdue(name: str, facts: Facts, on: date) -> Observed | None:
    due: date | None = getattr(facts, name)
    # Only a final stage can be confirmed as ended (Digital Code, Art. 89).
    if due is None or not due < on or (facts.stage in FINAL_STAGES and ending_confirmed(facts, on)):
        return None
    return {name: iso(due)}


def untested(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """In operation without a positive conclusion of security tests by the day (Order No. 111/НҚ of 3 June 2019)."""
    concluded = facts.security_conclusion_on
    if facts.stage != OPERATION:
        return None
    if facts.security_conclusion_number and concluded is not None and concluded <= on:
        return None
    return {
        "stage": facts.stage,
        "security_conclusion_number": facts.security_conclusion_number,
        "security_conclusion_on": iso(concluded),
    }


def backdated(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Work dated before the freeze under a contract signed after the freeze began."""
    if facts.work_started_on is None or facts.contract_signed_on is None:
        return None
    if facts.work_started_on < policy.cutoff <= facts.contract_signed_on:
        return {"work_started_on": iso(facts.work_started_on), "contract_signed_on": iso(facts.contract_signed_on)}
    return None


def rewritten(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Return a start date moved from under the freeze to before it, or a creation under the freeze that was
    reclassified.

    Compares with the oldest revision that differs, so that later edits do not change the observed values.
    """
    if started is None:
        return None
    if started < policy.cutoff:
        for past in facts.past:
            earlier = started_on(past, policy)
            if earlier is not None and earlier >= policy.cutoff:
                return {"started_on": iso(started), "earlier_started_on": iso(earlier)}
    elif facts.work_type != CREATION and any(past.work_type == CREATION for past in facts.past):
        return {"work_type": facts.work_type, "earlier_work_type": "creation", "started_on": iso(started)}
    return None


def ended_unconfirmed(facts: Facts, policy: Policy, on: date) -> Observed | None:
    """Return an unconfirmed final stage (Digital Code, Art. 89). The caller has checked that the stage is final.

    The rule keeps holding when an end date was once missing or under the freeze: editing the date must not clear it.
    """
    if ending_confirmed(facts, on):
        return None
    earlier = next((past.stage for past in facts.past if past.stage not in FINAL_STAGES), None)
    if earlier is not None or _not_ended_before_cutoff(facts.ended_on, policy):
        return {"stage": facts.stage, "ended_on": iso(facts.ended_on), "earlier_stage": earlier}
    for past in facts.past:
        if _not_ended_before_cutoff(past.ended_on, policy):
            return {"stage": facts.stage, "ended_on": iso(facts.ended_on), "earlier_ended_on": iso(past.ended_on)}
    if ENDED_ON in claims(facts, policy, on):
        return {"stage": facts.stage, "ended_on": iso(facts.ended_on), CLAIMED: ENDED_ON}
    return None


def ending_confirmed(facts: Facts, on: date) -> bool:
    """Return whether the ending was confirmed by the day."""
    return facts.ending_confirmed_on is not None and facts.ending_confirmed_on <= on


def _not_ended_before_cutoff(ended_on: date | None, policy: Policy) -> bool:
    return ended_on is None or ended_on >= policy.cutoff


def legacy(facts: Facts, started: date | None) -> Observed:
    """Not on the platform, without another finding. The caller has checked that no other rule holds."""
    return {
        "placement": facts.placement,
        "work_type": facts.work_type,
        "stage": facts.stage,
        "started_on": iso(started),
    }


def unattested(facts: Facts, policy: Policy, on: date) -> Observed | None:
    """Return a record that nobody confirmed as still true in time (Digital Code, Art. 71(2); the period is the
    policy's).
    """
    attested = facts.attested_on or facts.registered_on or on
    due = attestation_due(attested, policy)
    return {"attested_on": iso(attested)} if due is not None and due < on else None


def split_contract(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Contracts below the policy's sum with one supplier for work on one object that together reach it."""
    signed, budget = facts.contract_signed_on, facts.budget_kzt
    if signed is None or budget is None or not _is_part(facts, policy, on):
        return None
    near = timedelta(days=policy.split_contract_days)
    stated = _that_count(
        facts,
        lambda each: (
            each.has_same_supplier
            and each.contract_signed_on is not None
            and abs(each.contract_signed_on - signed) <= near
            and _is_part(each, policy, on)
        ),
    )
    counted = list(map(_with_highest_budget, stated))
    total = budget + sum(each.budget_kzt or 0 for each in counted)
    if not counted or total < policy.split_contract_kzt:
        return None
    return {"contract_signed_on": iso(signed), "budget_kzt": budget, **_counted(counted), "total_kzt": total}


# What every entry on an AI system needs; the others depend on the degree of risk and on the data (contradictions.py).
REQUIRED_OF_AI: Final = tuple(name for name in AI_ENTRY if name not in ("ai_overseer", "ai_tests", "ai_objection"))


def ai_incomplete(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Return what is missing of the entry on an AI system (Law on Artificial Intelligence of 17 November 2025)."""
    missing: Observed = {name: None for name in REQUIRED_OF_AI if getattr(facts, name) is None}
    return (missing or None) if facts.is_ai else None


def ai_outdated(facts: Facts, started: date | None, policy: Policy, on: date) -> Observed | None:
    """Return an entry on an AI system that nobody has checked for a year."""
    reviewed = facts.ai_reviewed_on
    if not facts.is_ai or reviewed is None or on <= add_months(reviewed, AI_REVIEW_MONTHS):
        return None
    return {"ai_reviewed_on": iso(reviewed)}


def _is_part(values: Facts | Sibling, policy: Policy, on: date) -> bool:
    signed, budget = values.contract_signed_on, values.budget_kzt
    is_small = budget is not None and budget < policy.split_contract_kzt
    return is_small and signed is not None and policy.cutoff <= signed <= on


# The rules for unfinished projects, in the order of the findings. A table and not decorators: mutmut skips decorated
# functions.
UNFINISHED: Final[Mapping[str, Rule]] = {
    "freeze.creation": creation,
    PLANNED: planned,
    "freeze.transitional": transitional,
    "freeze.development": development,
    "freeze.misclassified": misclassified,
    "freeze.modification-limit": modification_limit,
    MODIFICATION_SUM: modification_sum,
    "freeze.pilot-limit": pilot_limit,
    DATA_GAP: data_gap,
    MIGRATION_OVERDUE: migration_overdue,
    MIGRATION_ORDER_OVERDUE: migration_order_overdue,
    ORDER_OVERDUE: order_overdue,
    UNTESTED: untested,
    "integrity.backdated": backdated,
    CONTRADICTION: contradiction,
    SPLIT_CONTRACT: split_contract,
    AI_INCOMPLETE: ai_incomplete,
    AI_CONTRADICTION: ai_contradiction,
    AI_OUTDATED: ai_outdated,
    REWRITTEN: rewritten,
}
# The rules for final stages, which the caller has checked, in the order of the findings.
ENDED: Final[Mapping[str, Callable[[Facts, Policy, date], Observed | None]]] = {
    MIGRATION_ORDER_OVERDUE: lambda facts, policy, on: migration_order_overdue(facts, None, policy, on),
    ORDER_OVERDUE: lambda facts, policy, on: order_overdue(facts, None, policy, on),
    CONTRADICTION: lambda facts, policy, on: (
        None if ending_confirmed(facts, on) else ending_contradiction(facts, policy, on)
    ),
    ENDED_UNCONFIRMED: ended_unconfirmed,
}
# Every rule, in the order of the findings.
RULES: Final = (*PLACEMENT_RULES, *UNFINISHED, ENDED_UNCONFIRMED, LEGACY, UNATTESTED, *CONTRACT_RULES)
# What they read are also other projects on the same object.
OF_SIBLINGS: Final = (MODIFICATION_SUM, SPLIT_CONTRACT)


def reads_ai_systems(policy: Policy) -> bool:
    """Return whether a rule on AI systems is in use."""
    return any(policy.rules[rule].enabled for rule in AI_RULES)


def reads_deployments(policy: Policy) -> bool:
    """Return whether the rule on objects of which nothing is deployed is in use."""
    return policy.rules[IDLE].enabled


def judges_platform(policy: Policy) -> bool:
    """Return whether a rule is in use that holds for every project confirmed on the platform too."""
    return any(policy.rules[rule].enabled for rule in WHEREVER_HOSTED)


def reads_siblings(policy: Policy) -> bool:
    """Return whether a rule that counts projects together is in use."""
    return any(policy.rules[rule].enabled for rule in OF_SIBLINGS)
