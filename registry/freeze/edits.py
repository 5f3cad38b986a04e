"""Edits and new records that end or lower a serious finding: ``integrity.rewritten`` stays (docs/reference/rules.md).

Both revisions are judged on the day of the edit, so that time is not taken for an edit, by one policy, and as if
nothing were confirmed, so that a confirmation does not hide what was changed under it.
"""

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

from registry.freeze.dates import iso
from registry.freeze.facts import AI_FACTS, AI_RISK_CLASS, CLAIMED, CONTRACT, IS_AI, EarlierRevision, Facts
from registry.freeze.findings import Finding, Observed
from registry.freeze.policy import NOT_JUDGED, Policy
from registry.freeze.rules import (
    AI_RULES,
    DATA_GAP,
    ENDED,
    ENDED_UNCONFIRMED,
    MIGRATION_OVERDUE,
    PLANNED,
    REWRITTEN,
    UNFINISHED,
    Rule,
    claims,
    started_on,
    without_claims,
)
from registry.freeze.vocabulary import FINAL_STAGES, Severity

# What agencies enter, of what the rules compare.
NOT_ENTERED: Final = ("placement", "replaced_on", "confirmed")
VALUES: Final = tuple(field.name for field in fields(EarlierRevision) if field.name not in NOT_ENTERED)
# What has been once does not change by the course of the work, unlike its stage, budget, consent and end.
LASTING: Final = (
    "work_type",
    "contract_signed_on",
    "work_started_on",
    "pilot_started_on",
    "commissioned_on",
    "object_commissioned_on",
    "object_original_cost_kzt",
    IS_AI,
    AI_RISK_CLASS,
)
# Of these only the present values are known.
PRESENT: Final = tuple(name for name in AI_FACTS if name not in VALUES)
_values = attrgetter(*VALUES)
# Below the rank of every severity.
NOT_FOUND: Final = -1
RANK: Final = {severity.value: severity.rank for severity in Severity}
KEPT: Final = ("freeze.", "integrity.", "security.")
EARLIER: Final = "earlier_"
FORMER_RULES: Final = "former_rules"


class EnabledRule(NamedTuple):
    """A rule that the policy enables, with its severity."""

    name: str
    severity: str
    rule: Rule


@lru_cache(maxsize=8)
def enabled_rules(policy: Policy) -> tuple[EnabledRule, ...]:
    """Return the enabled rules for unfinished projects, in the order of the findings."""
    # Cached: 2.4 µs a project, 8 % of an audit of 100,000 projects.
    return tuple(
        EnabledRule(name, policy.rules[name].severity, rule)
        for name, rule in UNFINISHED.items()
        if policy.rules[name].enabled
    )


def table_findings(facts: Facts, started: date | None, policy: Policy, on: date) -> list[Finding]:
    """Return the findings of the rules for unfinished projects, without that of an edit."""
    findings = []
    claimed = claims(facts, policy, on)
    # A claim adds findings, and only a confirmed fact removes one.
    without = without_claims(facts, claimed) if claimed else None
    for name, severity, rule in enabled_rules(policy):
        observed = rule(facts, started, policy, on)
        if observed is None and without is not None:
            observed = _despite_claims(rule, facts, without, claimed, policy, on)
        if observed is not None:
            findings.append(Finding(name, severity, observed))
    return findings


def _despite_claims(
    rule: Rule, facts: Facts, without: Facts, claimed: tuple[str, ...], policy: Policy, on: date
) -> Observed | None:
    """Return what the rule finds ``without`` the claimed facts, with their values and names; None for nothing."""
    started = started_on(without, policy)
    observed = rule(without, started, policy, on)
    if observed is None:
        return None
    moved = "started_on" in observed and started != started_on(facts, policy)
    named = tuple(name for name in claimed if name in observed or (name == CONTRACT and moved))
    return {**observed, **{name: _value(name, facts, policy) for name in named}, CLAIMED: ", ".join(named)}


def ended_findings(facts: Facts, policy: Policy, on: date) -> list[Finding]:
    """Return the findings on a final stage."""
    return [
        Finding(name, policy.rules[name].severity, observed)
        for name, rule in ENDED.items()
        if policy.rules[name].enabled and (observed := rule(facts, policy, on)) is not None
    ]


def edited(facts: Facts, policy: Policy) -> Observed | None:
    """Return what edits ended or lowered that the present values do not give either; None without any.

    ``earlier_rules`` are the rules, in the order of the findings. Of each, every observed value follows as it is now
    and, where it differs, as it was before the first edit that ended it.
    """
    ended: dict[str, tuple[Finding, Facts]] = {}
    if policy.edit_severity == NOT_JUDGED:
        return None
    revisions: tuple[EarlierRevision | Facts, ...] = (*facts.past, facts)
    for place, past in enumerate(facts.past):
        after = revisions[place + 1]
        edited_on = past.replaced_on
        if edited_on is None or edited_on < policy.cutoff or _values(past) == _values(after):
            continue
        before = _with_confirmed(_unconfirmed(past, facts, place), facts)
        findings = _findings(before, policy, edited_on)
        serious = [finding for finding in findings if is_serious(finding)]
        for later in sorted({place + 1, len(facts.past)}):
            values = _unconfirmed(revisions[later], facts, later)
            serious = _ended(serious, findings, before, values, policy, edited_on)
        for finding in serious:
            ended.setdefault(finding.rule, (finding, before))
    return _observed(ended, facts, policy) if ended else None


def earlier_facts(facts: Facts, policy: Policy, on: date) -> Observed | None:
    """Return the facts that earlier revisions had otherwise, where with those of one of them a finding would hold on
    the day of the audit that does not; None without any.

    So a pilot that began again is found on the day on which the first one is too long, whenever the edit was.
    """
    if policy.confirmed_facts is None or policy.edit_severity == NOT_JUDGED:
        return None
    replaced = [
        (place, past, earlier)
        for place, past in enumerate(facts.past)
        if (earlier := _replaced_facts(past, facts, policy))
    ]
    if not replaced:
        return None
    present = _unconfirmed(facts, facts)
    observed: Observed = {}
    is_found = False
    for place, past, earlier in replaced:
        before = replace(present, **earlier, past=facts.past[:place], confirmed=_confirmed_then(past, facts, earlier))
        for name in earlier:
            observed[name] = _value(name, facts, policy)
            observed.setdefault(f"{EARLIER}{name}", _value(name, before, policy))
        findings = _findings(before, policy, on)
        counted = [finding for finding in findings if _counts_today(finding)]
        is_found |= bool(_ended(counted, findings, before, present, policy, on))
    return observed if is_found else None


def _replaced_facts(past: EarlierRevision, facts: Facts, policy: Policy) -> dict[str, Any]:
    """Return the lasting facts of an earlier revision that are others now, and that nobody has confirmed."""
    day = past.replaced_on
    if day is None or day < policy.cutoff:
        return {}
    confirmed = {name for name, _ in facts.confirmed}
    return {
        name: value
        for name in LASTING
        if (value := getattr(past, name)) not in (None, getattr(facts, name))
        # A date that lay ahead when it was replaced was a plan.
        and not (isinstance(value, date) and value > day)
        and name not in confirmed
    }


def _counts_today(finding: Finding) -> bool:
    return finding.rule in (MIGRATION_OVERDUE, *AI_RULES) or (is_serious(finding) and finding.rule != REWRITTEN)


def _with_confirmed(values: Facts, facts: Facts) -> Facts:
    """Return earlier values with those that have been confirmed since."""
    known = {name: getattr(facts, name) for name, _ in facts.confirmed}
    return replace(values, **known, confirmed=_confirmed_then(values, facts, ()))


def _confirmed_then(
    values: Facts | EarlierRevision, facts: Facts, earlier: Collection[str]
) -> tuple[tuple[str, date], ...]:
    """Return the confirmations of earlier values, and the present ones of all but the ``earlier`` values."""
    names = {name for name, _ in values.confirmed} | {name for name, _ in facts.confirmed if name not in earlier}
    return tuple((name, date.min) for name in sorted(names))


def registered_again(facts: Facts, policy: Policy) -> Observed | None:
    """Return what former records of the same work had that the present values do not give; None without any.

    Each revision of a former record is judged on its last day, the present values on the day of their registration
    where that is later. ``former_rules`` are the rules; the values are only those of the present record, because not
    everybody who sees it may see a former one.
    """
    if not facts.former or policy.edit_severity == NOT_JUDGED:
        return None
    present = _unconfirmed(facts, facts)
    observed: dict[str, Observed] = {}
    for past in facts.former:
        of_former = replace(facts, past=past)
        for place, values in enumerate(past):
            day = values.replaced_on
            if day is None or day < policy.cutoff:
                continue
            before = _unconfirmed(values, of_former, place)
            findings = _findings(before, policy, day)
            serious = [finding for finding in findings if is_serious(finding)]
            judged_on = max(day, facts.registered_on or day)
            for finding in _ended(serious, findings, before, present, policy, judged_on):
                observed.setdefault(finding.rule, finding.observed)
    if not observed:
        return None
    rules = [rule for rule in (*UNFINISHED, ENDED_UNCONFIRMED) if rule in observed]
    names = (name for rule in rules for name in observed[rule] if _is_value(name))
    return {FORMER_RULES: ", ".join(rules), **{name: _value(name, facts, policy) for name in names}}


def serious_findings(past: Sequence[EarlierRevision], policy: Policy) -> frozenset[tuple[str, str]]:
    """Rule and severity of each serious finding that a record with these revisions had, each judged on its last day."""
    plain = Facts(agency_kind="", work_type="", stage="", placement="", past=tuple(past))
    return frozenset(
        (finding.rule, finding.severity)
        for place, values in enumerate(past)
        if values.replaced_on is not None and values.replaced_on >= policy.cutoff
        for finding in _findings(_unconfirmed(values, plain, place), policy, values.replaced_on)
        if is_serious(finding)
    )


def is_serious(finding: Finding) -> bool:
    """Return whether a finding may not end through an edit alone."""
    return finding.rule.startswith(KEPT) and finding.rule != DATA_GAP and RANK[finding.severity] >= Severity.MEDIUM.rank


def _unconfirmed(values: Facts | EarlierRevision, facts: Facts, place: int | None = None) -> Facts:
    """Return the values as facts of which no placement and no ending is confirmed; ``place``: how many revisions are
    earlier, None for all.
    """
    return Facts(
        agency_kind=facts.agency_kind,
        placement=values.placement,
        registered_on=facts.registered_on,
        # Confirmed at whatever time: they are judged on the day of an edit.
        confirmed=tuple((name, date.min) for name, _ in values.confirmed),
        past=facts.past[:place],
        siblings=facts.siblings,
        **{name: getattr(values, name) for name in VALUES},
        **{name: getattr(facts, name) for name in PRESENT},
    )


def _findings(facts: Facts, policy: Policy, on: date) -> list[Finding]:
    if facts.stage in FINAL_STAGES:
        return ended_findings(facts, policy, on)
    return table_findings(facts, started_on(facts, policy), policy, on)


def _ended(
    serious: Sequence[Finding], findings: Sequence[Finding], before: Facts, after: Facts, policy: Policy, on: date
) -> list[Finding]:
    """Return those of the serious findings before that the values after end. ``findings``: all before."""
    if not serious:
        return []
    ranks = {finding.rule: RANK[finding.severity] for finding in findings}
    present = _findings(after, policy, on)
    held = {finding.rule: RANK[finding.severity] for finding in present}
    replaced = max(
        (
            held[each.rule]
            for each in present
            if is_serious(each) and each.rule not in (PLANNED, REWRITTEN) and held[each.rule] > ranks.get(each.rule, 0)
        ),
        default=NOT_FOUND,
    )
    return [
        finding
        for finding in serious
        if max(held.get(finding.rule, NOT_FOUND), replaced) < RANK[finding.severity]
        and not _may_end(finding.rule, before, after, policy)
    ]


def _may_end(rule: str, before: Facts, after: Facts, policy: Policy) -> bool:
    started = started_on(after, policy)
    if rule == PLANNED:
        return after.work_type == before.work_type and started is not None and started >= policy.cutoff
    if rule == REWRITTEN:
        return any((each.work_type, started_on(each, policy)) == (after.work_type, started) for each in before.past)
    return False


def _observed(ended: dict[str, tuple[Finding, Facts]], facts: Facts, policy: Policy) -> Observed:
    rules = [rule for rule in (*UNFINISHED, ENDED_UNCONFIRMED) if rule in ended]
    observed: Observed = {"earlier_rules": ", ".join(rules)}
    for finding, before in (ended[rule] for rule in rules):
        for name in finding.observed:
            if not _is_value(name):
                continue
            now, then = _value(name, facts, policy), _value(name, before, policy)
            observed[name] = now
            if now != then:
                observed.setdefault(f"{EARLIER}{name}", then)
    return observed


def _is_value(name: str) -> bool:
    return name in VALUES or name == "started_on"


def _value(name: str, facts: Facts, policy: Policy) -> str | int | None:
    value: str | int | date | None = started_on(facts, policy) if name == "started_on" else getattr(facts, name)
    return iso(value) if isinstance(value, date) else value
