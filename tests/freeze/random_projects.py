"""Random projects, dates and policies, drawn so that every rule is often just met and often just missed.

The same seed gives the same project. No state is kept: what a test prints on failure can be built again with
``project(seed, policy)``.
"""

from __future__ import annotations

import calendar
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from registry.freeze.facts import CONFIRMABLE, Confirmed, ContractTerms, EarlierRevision, Facts, Sibling
from registry.freeze.policy import ConfirmedFacts

IN_SCOPE = (
    "central_body",
    "local_executive",
    "state_legal_entity",
    "quasi_public",
    "subsidiary",
    "other_performer",
)
AGENCY_KINDS = (*IN_SCOPE, "national_security", "private")
WORK_TYPES = ("creation", "development", "modification", "maintenance", "migration")
ONGOING_STAGES = ("planning", "creation", "testing", "pilot", "operation")
FINAL_STAGES = ("terminated", "archived", "written_off")
STAGES = ONGOING_STAGES + FINAL_STAGES
PLACEMENTS = ("on_platform", "onboarding", "off_platform", "unknown")
SEVERITIES = ("low", "medium", "high")
LEAP_DAYS = (date(2024, 2, 29), date(2028, 2, 29))
AI_RISKS = (None, "minimal", "medium", "high")
CONSENTS = (None, "12-3/456", "№ 7")
# Every text that a project may have.
TEXTS = ("consent_number", "security_conclusion_number")


def days(number: int) -> timedelta:
    return timedelta(days=number)


def months_before(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 - months
    year, month = divmod(count, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def business_date(rng: Random, policy: Any) -> date:
    """D: mostly after the cutoff, often next to a day on which something changes."""
    cutoff: date = policy.cutoff
    deadline: date = policy.migration_deadline
    kind = rng.randrange(12)
    if kind == 0:
        return cutoff + days(rng.randint(-2, 2))
    if kind <= 2:
        return deadline + days(rng.randint(-2, 2))
    if kind == 3:
        return rng.choice((date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1), date(2029, 2, 28), date(2029, 3, 1)))
    if kind == 4:
        return date(rng.randint(2026, 2029), rng.randint(1, 12), rng.choice((1, 27, 28)))
    return cutoff + days(rng.randint(0, 900))


def some_date(rng: Random, policy: Any, on: date, missing: float = 0.25) -> date | None:
    """Any date of a project: around the cutoff, the deadline, D, the pilot's limit, a leap day, or none."""
    if rng.random() < missing:
        return None
    cutoff: date = policy.cutoff
    kind = rng.randrange(10)
    if kind <= 1:
        return cutoff + days(rng.randint(-1, 1))
    if kind <= 3:
        return on + days(rng.randint(-1, 1))
    if kind == 4:
        return months_before(on, policy.pilot_limit_months) + days(rng.randint(-2, 2))
    if kind == 5:
        return rng.choice((policy.migration_deadline + days(rng.randint(-1, 1)), *LEAP_DAYS))
    if kind <= 7:
        return cutoff - days(rng.randint(1, 4000))
    if kind == 8 and on > cutoff:
        return cutoff + days(rng.randint(0, (on - cutoff).days))
    return on + days(rng.randint(1, 700))


def pilot_date(rng: Random, policy: Any, on: date) -> date | None:
    """Mostly within two days of the limit, where the length of the months and the leap days matter."""
    if rng.random() < 0.7:
        return months_before(on, policy.pilot_limit_months) + days(rng.randint(-2, 2))
    return some_date(rng, policy, on)


def attested_date(rng: Random, policy: Any, on: date) -> date:
    """A day on which the attestation is just due, just overdue, or any other."""
    return months_before(on, policy.attestation_months) + days(rng.choice((-1, 0, 1, rng.randint(-400, 400))))


def confirmed_date(rng: Random, on: date) -> date | None:
    """Before, on or after D, or not at all."""
    kind = rng.randrange(5)
    if kind == 0:
        return None
    if kind == 1:
        return on - days(rng.randint(2, 300))
    return on + days(kind - 3)


def money(rng: Random, policy: Any) -> tuple[int | None, int | None]:
    """Budget and original cost: the first around the limit of the second, 0 or missing."""
    cost = rng.choice((0, 1, 5, 99, 100, 101, 1_000_003, 250_000_000, 10**15))
    at_the_limit = int(cost * policy.modification_limit_percent) // 100
    budget = rng.choice((0, 1, at_the_limit - 1, at_the_limit, at_the_limit, at_the_limit + 1, cost))
    return (
        None if rng.random() < 0.15 else max(budget, 0),
        None if rng.random() < 0.15 else cost,
    )


def a_stage(rng: Random) -> str:
    if rng.random() < 0.2:
        return rng.choice(FINAL_STAGES)
    return rng.choice((*ONGOING_STAGES, "pilot", "operation"))


def earlier(rng: Random, policy: Any, on: date, facts: Facts) -> tuple[EarlierRevision, ...]:
    """Up to three earlier revisions, each differing from the next in few fields; oldest first."""
    revision = as_past(facts)
    revisions: list[EarlierRevision] = []
    replaced_on = on
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3))):
        for _ in range(rng.choice((0, 1, 1, 2))):
            field = rng.choice(
                (
                    *("work_type", "stage", "placement", "contract_signed_on", "work_started_on"),
                    *(
                        "pilot_started_on",
                        "commissioned_on",
                        "object_commissioned_on",
                        "security_conclusion_on",
                        *TEXTS,
                    ),
                    *("budget_kzt", "object_original_cost_kzt", "is_ai", "ai_risk_class"),
                )
            )
            value: Any
            if field == "work_type":
                value = rng.choice((*WORK_TYPES, "creation"))
            elif field == "stage":
                value = a_stage(rng)
            elif field == "placement":
                value = rng.choice(PLACEMENTS)
            elif field in TEXTS:
                value = rng.choice(CONSENTS)
            elif field == "is_ai":
                value = rng.choice((True, False, None))
            elif field == "ai_risk_class":
                value = rng.choice(AI_RISKS)
            elif field in ("budget_kzt", "object_original_cost_kzt"):
                value = money(rng, policy)[field == "object_original_cost_kzt"]
            elif field == "pilot_started_on":
                value = pilot_date(rng, policy, on)
            else:
                value = some_date(rng, policy, on)
            revision = replace(revision, **{field: value})
        if rng.random() < 0.3:
            revision = replace(revision, confirmed=confirmed_facts(rng, replaced_on))
        replaced_on -= days(rng.choice((0, 0, 1, rng.randint(0, 500))))
        revisions.insert(0, replace(revision, replaced_on=replaced_on))
    return tuple(revisions)


def as_past(facts: Facts) -> EarlierRevision:
    """The current revision as an earlier one after the next edit, on an unknown day."""
    names = [field for field in EarlierRevision.__dataclass_fields__ if field != "replaced_on"]
    return EarlierRevision(**{field: getattr(facts, field) for field in names})


def project(seed: int, policy: Any) -> tuple[Facts, date]:
    """The project for this seed and policy, and the evaluation date."""
    rng = Random(seed)
    on = business_date(rng, policy)
    placement = rng.choice((*PLACEMENTS, "off_platform"))
    stage = a_stage(rng)
    budget, cost = money(rng, policy)
    onboarding_due_on = rng.choice((None, on + days(rng.randint(-1, 1)), on + days(rng.randint(-200, 180))))
    onboarding_confirmed_on = confirmed_date(rng, on)
    if onboarding_due_on is None:
        # A confirmation sets the date, and ends when the date is edited: never one without the other.
        onboarding_confirmed_on = None
    facts = Facts(
        agency_kind=rng.choice(AGENCY_KINDS if rng.random() < 0.3 else IN_SCOPE),
        work_type=rng.choice(WORK_TYPES),
        stage=stage,
        placement=placement,
        registered_on=rng.choice(
            (
                None,
                on - days(policy.verification_grace_days + rng.randint(-1, 1)),
                on - days(rng.randint(0, 2 * policy.verification_grace_days + 1)),
                on + days(rng.randint(-1, 3)),
                some_date(rng, policy, on),
            )
        ),
        onboarding_due_on=onboarding_due_on,
        contract_signed_on=some_date(rng, policy, on, missing=0.4),
        work_started_on=some_date(rng, policy, on, missing=0.4),
        pilot_started_on=pilot_date(rng, policy, on),
        commissioned_on=some_date(rng, policy, on),
        object_commissioned_on=some_date(rng, policy, on),
        ended_on=some_date(rng, policy, on),
        budget_kzt=budget,
        object_original_cost_kzt=cost,
        consent_number=rng.choice(CONSENTS),
        security_conclusion_number=rng.choice(CONSENTS),
        security_conclusion_on=some_date(rng, policy, on),
        placement_verified_on=confirmed_date(rng, on) if rng.random() < 0.6 else None,
        onboarding_confirmed_on=onboarding_confirmed_on,
        ending_confirmed_on=confirmed_date(rng, on) if rng.random() < 0.6 else None,
        attested_on=attested_date(rng, policy, on) if rng.random() < 0.7 else None,
        **an_order(rng, policy, on),
    )
    if facts.placement == "on_platform":
        facts = replace(facts, **deployments(Random(f"deployments {seed}"), policy, on))
    facts = replace(facts, confirmed=confirmed_facts(rng, on), **ai_system(Random(f"AI {seed}"), on))
    facts = replace(facts, past=earlier(rng, policy, on, facts), siblings=siblings(rng, policy, on, facts))
    return replace(facts, contracts=contracts(Random(f"contracts {seed}"), policy, on, facts)), on


def contracts(rng: Random, policy: Any, on: date, facts: Facts) -> tuple[ContractTerms, ...]:
    """Every twelfth project has up to three, near to what the record states or stated, and to the limits of a split."""
    if rng.random() < 0.92:
        return ()
    records = (facts, *facts.past)
    signed = [each.contract_signed_on for each in records if each.contract_signed_on is not None]
    edits = [each.replaced_on for each in facts.past if each.replaced_on is not None]
    budgets = [each.budget_kzt for each in records if each.budget_kzt is not None]
    dates = [*signed, *edits, *filter(None, [facts.registered_on]), on, policy.cutoff]
    near = days(policy.split_contract_days)
    are_parts = rng.random() < 0.5

    def a_day() -> date:
        if are_parts and on > policy.cutoff:
            return policy.cutoff + days(rng.randint(0, (on - policy.cutoff).days))
        return rng.choice(dates) + days(rng.choice((-1, 0, 0, 1, rng.randint(-300, 300))))

    def a_sum() -> int:
        total = policy.split_contract_kzt // 2 if are_parts else rng.choice((*budgets, 10**9))
        return max(0, total + rng.choice((-1, 0, 0, 1)))

    drawn: list[ContractTerms] = []
    for number in range(rng.choice((2, 3) if are_parts else (1, 1, 2, 3))):
        last = drawn[-1].signed_on if drawn else None
        day = last + rng.choice((near, near + days(1), -near)) if last and rng.random() < 0.8 else a_day()
        amendments = sorted(a_day() for _ in range(rng.choice((0, 0, 1, 2))))
        terms = ContractTerms(
            signed_on=None if rng.random() < 0.1 else day,
            sum_kzt=None if rng.random() < 0.1 else a_sum(),
            amendments=tuple((each, None if rng.random() < 0.1 else a_sum()) for each in amendments),
            number=f"070240006286/{number}",
            supplier_bin="a" if rng.random() < 0.9 else rng.choice((None, "b")),
            is_named=rng.random() < 0.7,
            is_confirmed=rng.random() < 0.3,
            matched_at=datetime(2026, 6, rng.randint(1, 3), tzinfo=UTC),
        )
        drawn.append(terms)
    return tuple(drawn)


def an_order(rng: Random, policy: Any, on: date) -> dict[str, date | None]:
    """At most one, often just due or just overdue."""
    due_on = rng.choice((on + days(rng.randint(-1, 1)), some_date(rng, policy, on)))
    return rng.choice(({}, {"order_migrate_by": due_on}, {"order_end_by": due_on}))


def deployments(rng: Random, policy: Any, on: date) -> dict[str, Any]:
    """Mostly reported, and often just within the time without one."""
    near = on - days(policy.idle_days + rng.randint(-1, 1))
    return {
        "deployments_reported": rng.choice((None, False, True, True, True)),
        "last_deployed_on": rng.choice((None, near, near, some_date(rng, policy, on))),
    }


def ai_system(rng: Random, on: date) -> dict[str, Any]:
    """Half of the projects use AI, with an entry in which little is missing."""
    if rng.random() < 0.5:
        return {"is_ai": rng.choice((None, False))}
    texts = ("purpose", "model", "supplier", "data", "overseer", "tests", "notice", "objection", "office")
    reviewed_on = rng.choice((None, on, months_before(on, 12), on - days(rng.randint(0, 800))))
    return {
        "is_ai": True,
        "holds_personal_data": rng.choice((None, True, False)),
        **{f"ai_{name}": None if rng.random() < 0.15 else "x" for name in texts},
        "ai_personal_data": rng.choice((None, True, False, False)),
        "ai_risk_class": rng.choice(AI_RISKS),
        "ai_reviewed_on": reviewed_on and reviewed_on + days(rng.choice((-1, 0, 0, 1))),
    }


def siblings(rng: Random, policy: Any, on: date, facts: Facts) -> tuple[Sibling, ...]:
    """Up to three other projects on its object, mostly like it: often just within the limits together."""
    others = []
    for number in range(rng.choice((0, 0, 1, 2, 3))):
        budget, cost = money(rng, policy)
        rest = policy.split_contract_kzt - (facts.budget_kzt or 0)
        near = days(policy.split_contract_days + rng.choice((0, 1)))
        near_contract = facts.contract_signed_on and facts.contract_signed_on + rng.choice((-1, 1)) * near
        others.append(
            Sibling(
                number=rng.choice((None, f"QT-{number + 1}", f"QT-{number + 1}")),
                has_same_supplier=rng.random() < 0.7,
                work_type=facts.work_type if rng.random() < 0.8 else rng.choice(WORK_TYPES),
                contract_signed_on=rng.choice(
                    (facts.contract_signed_on, near_contract, some_date(rng, policy, on, missing=0.4))
                ),
                work_started_on=rng.choice((facts.work_started_on, some_date(rng, policy, on, missing=0.4))),
                budget_kzt=rng.choice((facts.budget_kzt, budget, max(0, rest), max(0, rest - 1))),
                object_original_cost_kzt=rng.choice((facts.object_original_cost_kzt, cost)),
            )
        )
    # What edits replaced: of each as if it had been another one of them.
    return tuple(
        replace(each, earlier=tuple(rng.sample(others, rng.choice((0, 0, 1, min(2, len(others))))))) for each in others
    )


def confirmed_facts(rng: Random, on: date) -> Confirmed:
    """Some facts that somebody else has confirmed, mostly by D."""
    if rng.random() < 0.4:
        return ()
    return tuple((name, on + days(rng.choice((-1, 0, 1, -100)))) for name in CONFIRMABLE if rng.random() < 0.4)


def registered_again(seed: int, facts: Facts, policy: Any, on: date) -> Facts:
    """The project with one or two former records, each like it with a few other values."""
    rng = Random(seed)
    former = []
    for _ in range(rng.choice((1, 1, 2))):
        record: tuple[EarlierRevision, ...] = ()
        while not record:
            record = earlier(rng, policy, on, facts)
        former.append(record)
    return replace(facts, former=tuple(former))


def another_policy(seed: int, shipped: Any, *, all_rules_on: bool = False) -> Any:
    """The shipped policy with other thresholds, dates, clock and scope, and rules disabled or with other severities."""
    rng = Random(seed)
    share_off = 0.0 if all_rules_on else rng.choice((0.0, 0.1, 0.3, 0.6))
    rules = {
        name: replace(
            rule,
            enabled=rng.random() >= share_off,
            severity=rng.choice(("plan", *SEVERITIES)) if rng.random() < 0.4 else rule.severity,
        )
        for name, rule in shipped.rules.items()
    }
    kinds = IN_SCOPE if rng.random() < 0.5 else rng.sample(AGENCY_KINDS, rng.randint(4, 8))
    cutoff = rng.choice((shipped.cutoff, shipped.cutoff, date(2026, 3, 1), date(2028, 2, 29), date(2025, 7, 15)))
    deadline = rng.choice((shipped.migration_deadline, cutoff, cutoff + days(rng.randint(1, 600)), date(2028, 2, 29)))
    return replace(
        shipped,
        rules=rules,
        scope=type(shipped.scope)(kinds),
        cutoff=cutoff,
        migration_deadline=deadline,
        start_clock=rng.choice(
            (
                ("contract_signed_on", "work_started_on"),
                ("work_started_on", "contract_signed_on"),
                ("contract_signed_on",),
                ("work_started_on",),
            )
        ),
        pilot_limit_months=rng.choice((12, 12, 1, 6, 18, 24)),
        modification_limit_percent=rng.choice((20, 20, 0, 10, 29, 33, 57, 100)),
        verification_grace_days=rng.choice((30, 30, 0, 1, 10, 45)),
        attestation_months=rng.choice((6, 6, 0, 1, 12)),
        onboarding_limit_months=rng.choice((6, 6, 1, 12)),
        split_contract_kzt=rng.choice((100_000_000, 150, 250_000_001, 1_500_000_000)),
        idle_days=rng.choice((90, 90, 1, 30, 400)),
        split_contract_days=rng.choice((30, 30, 0, 1, 400)),
        work_before_contract_days=rng.choice((30, 30, 0, 1, 400)),
        edit_severity=rng.choice(("medium", "medium", "medium", "none", "low", "high")),
        confirmed_facts=asked_facts(rng, cutoff),
    )


def asked_facts(rng: Random, cutoff: date) -> ConfirmedFacts | None:
    """Which facts count when confirmed, mostly whatever the budget."""
    if rng.random() < 0.2:
        return None
    return ConfirmedFacts(
        from_kzt=tuple((name, rng.choice((0, 0, 0, 1, 100))) for name in CONFIRMABLE if rng.random() < 0.8),
        framework_contract_months=rng.choice((12, 12, 0, 1, 24)),
        taken_over_before=rng.choice((None, cutoff + days(rng.randint(-10, 500)))),
    )
