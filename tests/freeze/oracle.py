"""An independent, literal implementation of the freeze rules in docs/reference/rules.md and fields.md.

It is slow and repetitive on purpose: it follows the contract sentence by sentence, with each sentence quoted above
the lines that implement it, so that it can be verified by reading. It shares no code with the service. Comments note
the interpretation of ambiguous sentences.
"""

# The nesting follows the sentences, not the shortest way to write them.
# ruff: noqa: SIM102, SIM114, SIM300

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from registry.freeze.facts import Facts
from tests.freeze.oracle_dates import calendar_months_later, started

PLACEMENT_RULES = (
    "platform.unverified",
    "platform.onboarding",
    "platform.onboarding-overdue",
    "platform.onboarding-unconfirmed",
    "platform.idle",
)
TABLE_RULES = (
    "freeze.creation",
    "freeze.planned",
    "freeze.transitional",
    "freeze.development",
    "freeze.misclassified",
    "freeze.modification-limit",
    "freeze.modification-sum",
    "freeze.pilot-limit",
    "freeze.data-gap",
    "migration.overdue",
    "migration.order-overdue",
    "order.overdue",
    "security.untested",
    "integrity.backdated",
    "integrity.rewritten",
    "integrity.contradiction",
    "integrity.split-contract",
    "integrity.ended-unconfirmed",
    "freeze.legacy",
    "integrity.unattested",
    "ai.incomplete",
    "ai.contradiction",
    "ai.outdated",
    "contract.signed-later",
    "contract.sum-above-budget",
    "contract.raised-after-cutoff",
    "contract.split",
)
ALL_RULES = PLACEMENT_RULES + TABLE_RULES
# "and the final stages `terminated`, `archived`, `written_off`"
FINAL = ("terminated", "archived", "written_off")
ONE_DAY = timedelta(days=1)


def expected(facts: Facts, policy: Any, on: date) -> set[tuple[str, str]]:
    """The expected rules with their severities."""
    # "`D`: the audit's business date in `Asia/Almaty`. `C`: the cutoff, 2026-01-01."
    D = on
    C = policy.cutoff

    started_on = started(facts, policy.start_clock)

    # "*in operation since*: `object_commissioned_on`; for a creation `commissioned_on`."
    in_operation_since = facts.object_commissioned_on
    if facts.work_type == "creation":
        in_operation_since = facts.commissioned_on

    # "*on the platform*: placement `on_platform`, verified on or before `D`"
    # "Every confirmation counts from its own date on."
    on_the_platform = False
    if facts.placement == "on_platform":
        if facts.placement_verified_on is not None:
            if facts.placement_verified_on <= D:
                on_the_platform = True

    # "Nothing is flagged before `C` or out of scope"
    if D < C:
        return set()
    if facts.agency_kind not in policy.scope:
        return set()
    # "A confirmed placement on the platform counts even when the stage is final."
    if on_the_platform and facts.stage in FINAL:
        return set()

    # "`security.untested` and `ai.…` do not ask where an object is hosted: they are judged on the platform too, and
    # where the placement keeps the other rules away."
    def wherever_hosted() -> set[tuple[str, str]]:
        outside = replace(facts, placement="off_platform")
        they = {rule for rule in policy.rules if rule == "security.untested" or rule.startswith("ai.")}
        rules = {rule: each if rule in they else replace(each, enabled=False) for rule, each in policy.rules.items()}
        theirs = replace(policy, rules=rules)
        wherever = expected(outside, theirs, D)
        # "and `integrity.rewritten` of what ends their findings, but for its first row"
        if policy.rules["integrity.rewritten"].enabled and policy.edit_severity != "none":
            if (
                an_edit_ended_a_serious_finding(outside, theirs)
                or a_former_record_had_a_serious_finding(outside, theirs)
                or earlier_facts_would_be_flagged(outside, theirs, D)
            ):
                wherever = wherever | {("integrity.rewritten", policy.edit_severity)}
        return wherever

    if on_the_platform:
        # `platform.idle`: "on the platform, the last inventory reports deployments of its key, and D is later than the
        # day of the last one (without one: of the confirmation) + `idle_days` (90) calendar days"
        idle: set[tuple[str, str]] = set()
        if policy.rules["platform.idle"].enabled and facts.deployments_reported is True:
            last = facts.last_deployed_on
            if last is None:
                last = facts.placement_verified_on
            if (D - last).days > policy.idle_days:
                idle = {("platform.idle", policy.rules["platform.idle"].severity)}
        return idle | wherever_hosted()

    # "Every confirmation counts from its own date on."
    facts = replace(facts, confirmed=tuple(each for each in facts.confirmed if each[1] <= D))

    findings: set[tuple[str, str]] = set()

    def add_finding(rule: str, severity: str | None = None) -> None:
        # "The policy can disable each rule or give it another severity."
        # A disabled rule has no finding, and that is all. Whether the other rules are judged is for the
        # facts to decide: "alone" keeps the others away although the rule itself is off.
        if policy.rules[rule].enabled:
            findings.add((rule, policy.rules[rule].severity if severity is None else severity))

    # "Placement first: for stages that are not final:"
    final = facts.stage in FINAL
    if not final:
        # "1. Placement `on_platform`, not verified: `platform.unverified`."
        if facts.placement == "on_platform":
            # "Within the grace period (30 days from the project's registration),"
            # The thirtieth day after it is still within. Facts: None counts as registered on the day judged.
            registered_on = D if facts.registered_on is None else facts.registered_on
            within_the_grace = False
            day = registered_on
            for _ in range(policy.verification_grace_days + 1):
                if day == D:
                    within_the_grace = True
                day = day + ONE_DAY
            # "A date before the registration is within the grace period"
            if D < registered_on:
                within_the_grace = True
            # "and only if every revision of it was `on_platform`:"
            always_on_platform = True
            for revision in facts.past:
                if revision.placement != "on_platform":
                    always_on_platform = False
            # "the flag is low and the only one."
            # "The severity that a policy sets for this rule is the one after the grace period."
            if within_the_grace and always_on_platform:
                add_finding("platform.unverified", "low")
                return findings | wherever_hosted()
            # "Otherwise it is medium, and the other rules are judged too."
            add_finding("platform.unverified")

        # "2. Placement `onboarding`:"
        if facts.placement == "onboarding":
            confirmed = False
            if facts.onboarding_confirmed_on is not None:
                if facts.onboarding_confirmed_on <= D:
                    confirmed = True
            if confirmed and facts.onboarding_due_on is not None:
                # "confirmed on or before D, `onboarding_due_on` ≥ D: `platform.onboarding`, low; not judged"
                if facts.onboarding_due_on >= D:
                    add_finding("platform.onboarding")
                    return findings | wherever_hosted()
                # "confirmed, but past due: `platform.onboarding-overdue`, medium; judged too"
                if facts.onboarding_due_on < D:
                    add_finding("platform.onboarding-overdue")
            # "not confirmed: `platform.onboarding-unconfirmed`, low; judged too"
            if not confirmed:
                add_finding("platform.onboarding-unconfirmed")

        # "3. Otherwise only the other rules. A claim adds a finding; only a confirmed fact removes one."

    # Of the table, what holds, and is on.
    holding: set[str] = set()

    def holds(rule: str) -> None:
        if policy.rules[rule].enabled:
            holding.add(rule)

    # "Each rule of the table ... is judged with the facts as entered and, where that does not hold, as if the claimed
    # ones were missing (the original cost: 0)."
    without = without_claims(facts, policy, D)
    if not final and without != facts:
        entered = replace(policy, confirmed_facts=None, edit_severity="none")
        placement = "unknown" if facts.placement == "unknown" else "off_platform"
        for rule, _ in expected(replace(without, placement=placement), entered, D):
            if rule in TABLE_RULES and rule not in ("freeze.legacy", "integrity.unattested"):
                holds(rule)

    # "C ≤ `started_on` ≤ D", in four rows
    started_between = False
    if started_on is not None and C <= started_on and started_on <= D:
        started_between = True

    # `freeze.creation`: "creation, C ≤ `started_on` ≤ D"
    if facts.work_type == "creation" and started_between:
        holds("freeze.creation")

    # `freeze.planned`: "any work but maintenance, and `started_on` > D, or stage planning with `started_on` empty"
    # Read so: never maintenance, whichever of the two.
    if facts.work_type != "maintenance":
        if started_on is not None and started_on > D:
            holds("freeze.planned")
        if facts.stage == "planning" and started_on is None:
            holds("freeze.planned")

    # `freeze.transitional`: "creation, `started_on` < C, `commissioned_on` empty or ≥ C"
    if facts.work_type == "creation":
        if started_on is not None and started_on < C:
            if facts.commissioned_on is None:
                holds("freeze.transitional")
            elif facts.commissioned_on >= C:
                holds("freeze.transitional")

    # `freeze.development`: "development, `object_commissioned_on` set, C ≤ `started_on` ≤ D"
    if facts.work_type == "development" and facts.object_commissioned_on is not None and started_between:
        holds("freeze.development")

    # `freeze.misclassified`: "development or modification, `object_commissioned_on` empty, C ≤ `started_on` ≤ D"
    if facts.work_type == "development" or facts.work_type == "modification":
        if facts.object_commissioned_on is None and started_between:
            holds("freeze.misclassified")

    # `freeze.modification-limit`: "modification, C ≤ `started_on` ≤ D, and `budget_kzt` > 20 % of
    # `object_original_cost_kzt` (both set), or `consent_number` empty"
    # Read so: a modification started between, and one of the two. "A budget or cost of 0 is a value."
    if facts.work_type == "modification" and started_between:
        if facts.budget_kzt is not None and facts.object_original_cost_kzt is not None:
            limit = facts.object_original_cost_kzt * Fraction(str(policy.modification_limit_percent)) / 100
            if facts.budget_kzt > limit:
                holds("freeze.modification-limit")
        if facts.consent_number is None or facts.consent_number.strip() == "":
            holds("freeze.modification-limit")

    # `freeze.modification-sum`: "modification, C ≤ `started_on` ≤ D, and its budget, together with those of the other
    # modifications of its object of which the same is true, > 20 % of the least `object_original_cost_kzt` of any"
    if facts.work_type == "modification" and started_between:
        together = 0
        others = 0
        costs = []
        for each in (facts, *facts.siblings):
            budgets = []
            # "What edits under the freeze replaced counts too"
            for values in (each,) if each is facts else (each, *each.earlier):
                began = started(values, policy.start_clock)
                if values.work_type == "modification" and began is not None and C <= began and began <= D:
                    # "a missing budget counts as 0"
                    budgets.append(0 if values.budget_kzt is None else values.budget_kzt)
                    if values.object_original_cost_kzt is not None:
                        costs.append(values.object_original_cost_kzt)
            if budgets:
                others = others + (0 if each is facts else 1)
                together = together + sorted(budgets)[-1]
        if others > 0 and costs:
            if together > sorted(costs)[0] * Fraction(str(policy.modification_limit_percent)) / 100:
                holds("freeze.modification-sum")

    # `freeze.pilot-limit`: "stage pilot, and D is later than `pilot_started_on` + 12 calendar months"
    if facts.stage == "pilot" and facts.pilot_started_on is not None:
        if D > calendar_months_later(facts.pilot_started_on, policy.pilot_limit_months):
            holds("freeze.pilot-limit")

    # `freeze.data-gap`: "placement unknown;"
    if facts.placement == "unknown":
        holds("freeze.data-gap")
    # "or stage not planning, work not maintenance, `started_on` empty;"
    if facts.stage != "planning" and facts.work_type != "maintenance" and started_on is None:
        holds("freeze.data-gap")
    # "or stage pilot, `pilot_started_on` empty;"
    if facts.stage == "pilot" and facts.pilot_started_on is None:
        holds("freeze.data-gap")
    # "or maintenance or migration, `object_commissioned_on` empty;"
    if facts.work_type == "maintenance" and facts.object_commissioned_on is None:
        holds("freeze.data-gap")
    if facts.work_type == "migration" and facts.object_commissioned_on is None:
        holds("freeze.data-gap")
    # "or modification with `budget_kzt` or `object_original_cost_kzt` empty"
    if facts.work_type == "modification" and facts.budget_kzt is None:
        holds("freeze.data-gap")
    if facts.work_type == "modification" and facts.object_original_cost_kzt is None:
        holds("freeze.data-gap")

    # `migration.overdue`: "in operation since before C, and D > the policy's `migration_deadline`"
    if in_operation_since is not None and in_operation_since < C:
        if D > policy.migration_deadline:
            holds("migration.overdue")

    # `migration.order-overdue`: "an order `migrate_by` is in force, its due date < D, and it is not so that the stage
    # is final and the ending confirmed"
    ordered_to_move = facts.order_migrate_by is not None and facts.order_migrate_by < D
    if ordered_to_move:
        holds("migration.order-overdue")

    # `order.overdue`: "an order `stop` or `write_off` is in force, its due date < D, and it is not so that the stage is
    # final and the ending confirmed"
    ordered_to_end = facts.order_end_by is not None and facts.order_end_by < D
    if ordered_to_end:
        holds("order.overdue")

    # `security.untested`: "stage operation, and one of: `security_conclusion_number` or `security_conclusion_on` is
    # empty; `security_conclusion_on` > D"
    if facts.stage == "operation":
        if facts.security_conclusion_number is None or facts.security_conclusion_on is None:
            holds("security.untested")
        elif facts.security_conclusion_on > D:
            holds("security.untested")

    # `integrity.backdated`: "`work_started_on` < C and `contract_signed_on` ≥ C"
    # Whatever the clock: the row names the two fields.
    if facts.work_started_on is not None and facts.work_started_on < C:
        if facts.contract_signed_on is not None and facts.contract_signed_on >= C:
            holds("integrity.backdated")

    # `integrity.rewritten`: "an earlier revision had `started_on` ≥ C, and now it is < C;"
    # "`integrity.rewritten` looks at every earlier revision, with the policy's present `start_clock`."
    for revision in facts.past:
        started_then = started(revision, policy.start_clock)
        if started_then is not None and started_then >= C:
            if started_on is not None and started_on < C:
                holds("integrity.rewritten")
    # "or an earlier revision was a creation, now it is not, and `started_on` ≥ C"
    # Read so: the present `started_on`; D plays no part, so one in the future counts.
    for revision in facts.past:
        if revision.work_type == "creation" and facts.work_type != "creation":
            if started_on is not None and started_on >= C:
                holds("integrity.rewritten")

    # `integrity.contradiction`: "a line of the table of contradictions holds"
    if contradicts_itself(facts, policy, D):
        holds("integrity.contradiction")

    # `integrity.split-contract`: "C ≤ `contract_signed_on` ≤ D, `budget_kzt` < `split_contract_kzt`, and together with
    # the budgets of the contracts of its agency with the same supplier on its object, of which the same is true and
    # which were signed at most `split_contract_days` calendar days before or after it, ≥ `split_contract_kzt`"
    def may_be_a_part(values: Any) -> bool:
        if values.contract_signed_on is None or values.budget_kzt is None:
            return False
        if values.contract_signed_on < C or values.contract_signed_on > D:
            return False
        return values.budget_kzt < policy.split_contract_kzt

    if may_be_a_part(facts):
        parts = []
        for each in facts.siblings:
            budgets = []
            for values in (each, *each.earlier):
                if values.has_same_supplier and may_be_a_part(values):
                    if abs((values.contract_signed_on - facts.contract_signed_on).days) <= policy.split_contract_days:
                        budgets.append(values.budget_kzt)
            if budgets:
                parts.append(sorted(budgets)[-1])
        if parts and facts.budget_kzt + sum(parts) >= policy.split_contract_kzt:
            holds("integrity.split-contract")

    # `integrity.rewritten`, of an edit: "the row above does not hold, and an edit ended or lowered a serious finding"
    # "A policy without `edit_severity`, or with `none`, has only the first row."
    by_edit = False
    if not final and policy.edit_severity != "none" and "integrity.rewritten" not in holding:
        if policy.rules["integrity.rewritten"].enabled and an_edit_ended_a_serious_finding(facts, policy):
            by_edit = True
            holding.add("integrity.rewritten")
    # `integrity.rewritten`, of a new record: "neither row above holds, and a former record had a serious finding"
    if not final and policy.edit_severity != "none" and "integrity.rewritten" not in holding:
        if policy.rules["integrity.rewritten"].enabled and a_former_record_had_a_serious_finding(facts, policy):
            by_edit = True
            holding.add("integrity.rewritten")

    # `integrity.rewritten`, of earlier facts: "no row above holds, and with the facts of an earlier revision there
    # would be a finding on D"
    if not final and policy.edit_severity != "none" and "integrity.rewritten" not in holding:
        if policy.rules["integrity.rewritten"].enabled and earlier_facts_would_be_flagged(facts, policy, D):
            by_edit = True
            holding.add("integrity.rewritten")

    # `ai.incomplete`, `ai.contradiction`, `ai.outdated`: "`is_ai`, not final, and ..."
    if facts.is_ai is True:
        if something_is_missing_of_ai(facts):
            holds("ai.incomplete")
        if its_ai_contradicts_itself(facts, D):
            holds("ai.contradiction")
        # "D is later than `ai_reviewed_on` + 12 calendar months"
        if facts.ai_reviewed_on is not None and D > calendar_months_later(facts.ai_reviewed_on, 12):
            holds("ai.outdated")

    # `contract.…`: "also in final stages until the ending is confirmed"
    if not final:
        for rule in what_contracts_contradict(facts, policy, D):
            holds(rule)

    # `freeze.legacy`: "not final, and no other rule of this table holds. The rules on placement and on AI systems do
    # not count here; a rule that is disabled counts as not holding"
    if not final and not {rule for rule in holding if not rule.startswith("ai.")}:
        holds("freeze.legacy")

    # `integrity.unattested`: "not final, and D is later than the day of the last attestation, or of the registration
    # without one, + `attestation_months` calendar months; 0 months: never. It does not count for `freeze.legacy`"
    # Facts: without a registration it counts as registered on the day judged.
    if not final and policy.attestation_months > 0:
        attested_on = facts.attested_on
        if attested_on is None:
            attested_on = facts.registered_on
        if attested_on is None:
            attested_on = D
        if D > calendar_months_later(attested_on, policy.attestation_months):
            holds("integrity.unattested")

    # `integrity.ended-unconfirmed`: "stage final, ending not confirmed, and one of: `ended_on` is empty or ≥ C; an
    # earlier revision was not final; an earlier revision had `ended_on` empty or ≥ C"
    # It stands above `freeze.legacy` in the table, but the two never meet.
    if final:
        holding.clear()
        ending_confirmed = False
        if facts.ending_confirmed_on is not None and facts.ending_confirmed_on <= D:
            ending_confirmed = True
        if not ending_confirmed:
            if ordered_to_move:
                holds("migration.order-overdue")
            if ordered_to_end:
                holds("order.overdue")
            for rule in what_contracts_contradict(facts, policy, D):
                holds(rule)
            # "final, and the ending is not confirmed": the second half of the table of contradictions
            if its_ending_contradicts(facts, policy):
                holds("integrity.contradiction")
            if facts.ended_on is None:
                holds("integrity.ended-unconfirmed")
            elif facts.ended_on >= C:
                holds("integrity.ended-unconfirmed")
            for revision in facts.past:
                if revision.stage not in FINAL:
                    holds("integrity.ended-unconfirmed")
                # "an earlier revision had `ended_on` empty or ≥ C": no edit by the agency alone clears it.
                if revision.ended_on is None or revision.ended_on >= C:
                    holds("integrity.ended-unconfirmed")
            # "`ended_on` is only claimed"
            if states(facts, policy, D).get("ended_on") == "claimed":
                holds("integrity.ended-unconfirmed")
            # "or a former record had a serious finding that these values do not give"
            if policy.edit_severity != "none" and a_former_record_had_a_serious_finding(facts, policy):
                holds("integrity.ended-unconfirmed")

    for rule in sorted(holding):
        # "medium (the policy's `edit_severity`)"
        if rule == "integrity.rewritten" and by_edit:
            add_finding(rule, policy.edit_severity)
        else:
            add_finding(rule)
    return findings


def contradicts_itself(facts: Facts, policy: Any, on: date) -> bool:
    """The table "Contradictions", lines of work."""
    # "the work began: `work_started_on`, without it `contract_signed_on`"
    began = facts.work_started_on
    if began is None:
        began = facts.contract_signed_on
    # "maintenance or modification, `object_commissioned_on` > D"
    # "maintenance or modification, `object_commissioned_on` ≤ D and after the work began"
    if facts.work_type in ("maintenance", "modification") and facts.object_commissioned_on is not None:
        if facts.object_commissioned_on > on:
            return True
        if began is not None and began < facts.object_commissioned_on:
            return True
    # "maintenance, stage creation or testing"
    if facts.work_type == "maintenance" and facts.stage in ("creation", "testing"):
        return True
    # "migration, and stage operation, or D is later than the day on which the work began + `onboarding_limit_months`
    # calendar months; whatever placement is claimed"
    if facts.work_type == "migration":
        if facts.stage == "operation":
            return True
        if began is not None and on > calendar_months_later(began, policy.onboarding_limit_months):
            return True
    # "`commissioned_on` ≤ D, stage planning, creation, testing or pilot"
    if facts.stage in ("planning", "creation", "testing", "pilot"):
        if facts.commissioned_on is not None and facts.commissioned_on <= on:
            return True
    # "`work_started_on` more than `work_before_contract_days` (30) calendar days before `contract_signed_on`"
    if facts.work_started_on is not None and facts.contract_signed_on is not None:
        if facts.work_started_on + ONE_DAY * policy.work_before_contract_days < facts.contract_signed_on:
            return True
    # "maintenance, `budget_kzt` > `object_original_cost_kzt` (both set)"
    if facts.work_type == "maintenance":
        if facts.budget_kzt is not None and facts.object_original_cost_kzt is not None:
            return facts.budget_kzt > facts.object_original_cost_kzt
    return False


def something_is_missing_of_ai(facts: Facts) -> bool:
    # "one of these is empty: `ai_purpose`, ..."
    needed = (
        *(facts.ai_purpose, facts.ai_model, facts.ai_supplier, facts.ai_data, facts.ai_personal_data),
        *(facts.ai_risk_class, facts.ai_notice, facts.ai_office, facts.ai_reviewed_on),
    )
    return None in needed


def its_ai_contradicts_itself(facts: Facts, on: date) -> bool:
    """The table "Contradictions", lines of AI systems."""
    # "`ai_risk_class` high, `ai_overseer` empty", "`ai_risk_class` high, stage pilot or operation, `ai_tests` empty"
    if facts.ai_risk_class == "high":
        if facts.ai_overseer is None:
            return True
        if facts.ai_tests is None and facts.stage in ("pilot", "operation"):
            return True
    # "`ai_personal_data` yes, `ai_objection` empty"
    if facts.ai_personal_data is True and facts.ai_objection is None:
        return True
    # "`ai_personal_data` yes and `holds_personal_data` no, or the other way round"
    if facts.ai_personal_data is True and facts.holds_personal_data is False:
        return True
    if facts.ai_personal_data is False and facts.holds_personal_data is True:
        return True
    # "`ai_reviewed_on` > D"
    return facts.ai_reviewed_on is not None and facts.ai_reviewed_on > on


def its_ending_contradicts(facts: Facts, policy: Any) -> bool:
    """The table "Contradictions", lines of endings."""
    if facts.ended_on is None:
        return False
    # "`ended_on` < `contract_signed_on`", "< `commissioned_on`", "< `object_commissioned_on`"
    for other in (facts.contract_signed_on, facts.commissioned_on, facts.object_commissioned_on):
        if other is not None and facts.ended_on < other:
            return True
    # "`ended_on` < C, and the first revision was final"
    first = facts.past[0] if facts.past else facts
    return first.stage in FINAL and facts.ended_on < policy.cutoff


RANKS = {"plan": 0, "low": 1, "medium": 2, "high": 3}
# "A value that the rules read", of those that an agency enters and a revision has; where it is hosted plays no part,
# because a finding on the placement is not of `freeze.*` or `integrity.*`.
EDITED = (
    "work_type",
    "stage",
    "contract_signed_on",
    "work_started_on",
    "pilot_started_on",
    "commissioned_on",
    "object_commissioned_on",
    "ended_on",
    "budget_kzt",
    "object_original_cost_kzt",
    "consent_number",
    "security_conclusion_number",
    "security_conclusion_on",
    "is_ai",
    "ai_risk_class",
)


def an_edit_ended_a_serious_finding(facts: Facts, policy: Any) -> bool:
    """The section "Edits that end a serious finding"."""
    revisions = [*facts.past, facts]
    for number in range(len(revisions) - 1):
        E = facts.past[number].replaced_on
        # "An *edit* is a revision that changes a value that the rules read"
        changed = [name for name in EDITED if getattr(revisions[number], name) != getattr(revisions[number + 1], name)]
        if E is None or not changed:
            continue
        # "They are found as if nothing were confirmed, and without rule *of an edit*."
        # "values that have been confirmed by now take the place of those before"
        before = found_unconfirmed(
            [*revisions[:number], with_confirmed(revisions[number], facts)], number, facts, policy, E
        )
        after = found_unconfirmed(revisions, number + 1, facts, policy, E)
        now = found_unconfirmed(revisions, len(revisions) - 1, facts, policy, E)
        for rule, severity in before.items():
            if not serious(rule, severity):
                continue
            # "The rule holds when the values after the edit end a finding, and the present values end it too."
            if not ends(rule, severity, before, after):
                continue
            if not ends(rule, severity, before, now):
                continue
            # "Not counted is ...": what was planned has begun, or was put back; of the one and of the other values
            if not_counted(rule, revisions, number, revisions[number + 1], policy):
                continue
            if not_counted(rule, revisions, number, facts, policy):
                continue
            return True
    return False


def a_former_record_had_a_serious_finding(facts: Facts, policy: Any) -> bool:
    """The section "Records that are registered again"."""
    for record in facts.former:
        for number, revision in enumerate(record):
            # "Each of its revisions is judged on the day on which it was replaced, ..., from `C` on,"
            E = revision.replaced_on
            if E is None or E < policy.cutoff:
                continue
            # "the new record on the day of its registration, or on that day if it is later."
            registered_on = E if facts.registered_on is None else facts.registered_on
            of_former = replace(facts, past=record)
            before = found_unconfirmed(list(record), number, of_former, policy, E)
            present = [*facts.past, facts]
            now = found_unconfirmed(present, len(present) - 1, facts, policy, max(E, registered_on))
            for rule, severity in before.items():
                if not serious(rule, severity):
                    continue
                if ends(rule, severity, before, now) and not not_counted(rule, list(record), number, facts, policy):
                    return True
    return False


def serious(rule: str, severity: str) -> bool:
    # "findings of at least medium severity of `freeze.*`, `integrity.*` and `security.*`, without ..."
    if rule in ("freeze.data-gap", "freeze.legacy", "integrity.unattested"):
        return False
    return rule.split(".")[0] in ("freeze", "integrity", "security") and RANKS[severity] >= 2


def found_unconfirmed(revisions: list[Any], number: int, facts: Facts, policy: Any, on: date) -> dict[str, str]:
    values = {name: getattr(revisions[number], name) for name in EDITED}
    # "Of an entry on an AI system only the degree of risk is compared; the rest is that of now."
    entry = ("holds_personal_data", *(name for name in Facts.__dataclass_fields__ if name.startswith("ai_")))
    values |= {name: getattr(facts, name) for name in entry if name != "ai_risk_class"}
    # "The other projects on its object are those of now."
    unconfirmed = Facts(
        agency_kind=facts.agency_kind,
        placement="off_platform",
        registered_on=facts.registered_on,
        # "Facts count as confirmed where they were at the end of that revision"
        confirmed=tuple((name, date.min) for name, _ in revisions[number].confirmed),
        past=tuple(facts.past[:number]),
        siblings=facts.siblings,
        **values,
    )
    return dict(expected(unconfirmed, replace(policy, edit_severity="none"), on))


def ends(rule: str, severity: str, before: dict[str, str], values: dict[str, str]) -> bool:
    # "give neither its rule with at least its severity,"
    if rule in values and RANKS[values[rule]] >= RANKS[severity]:
        return False
    # "nor another serious finding of at least its severity which the values before gave not at all or with a lower one"
    for other, its_severity in values.items():
        # "`integrity.rewritten` and `freeze.planned`, which may end by 4, replace nothing."
        if other in ("integrity.rewritten", "freeze.planned") or not serious(other, its_severity):
            continue
        if RANKS[its_severity] >= RANKS[severity]:
            if other not in before or RANKS[before[other]] < RANKS[its_severity]:
                return False
    return True


def not_counted(rule: str, revisions: list[Any], number: int, values: Any, policy: Any) -> bool:
    started_on = started(values, policy.start_clock)
    # "`freeze.planned` where the kind of work is the same and `started_on` ≥ C now"
    if rule == "freeze.planned" and values.work_type == revisions[number].work_type:
        if started_on is not None and started_on >= policy.cutoff:
            return True
    # "`integrity.rewritten` where the start and the kind of work are those of a revision before it"
    if rule == "integrity.rewritten":
        for revision in revisions[:number]:
            if revision.work_type == values.work_type and started(revision, policy.start_clock) == started_on:
                return True
    return False


def is_framework_contract(facts: Facts, policy: Any) -> bool:
    # "before `C`, `work_started_on` ≥ `C` and later than the contract + `framework_contract_months`"
    if facts.contract_signed_on is None or facts.work_started_on is None:
        return False
    if facts.contract_signed_on >= policy.cutoff or facts.work_started_on < policy.cutoff:
        return False
    months = policy.confirmed_facts.framework_contract_months
    return facts.work_started_on > calendar_months_later(facts.contract_signed_on, months)


def states(facts: Facts, policy: Any, on: date) -> dict[str, str]:
    """The section "Facts that count when confirmed"."""
    state_of: dict[str, str] = {}
    # "By a policy without the table all facts count as entered."
    if policy.confirmed_facts is None:
        return state_of
    started_on = started(facts, policy.start_clock)
    # "*New work* has no `started_on`, has it ≥ `C`, or has a framework contract."
    new_work = started_on is None or started_on >= policy.cutoff or is_framework_contract(facts, policy)
    needs = {
        "object_commissioned_on": new_work and facts.work_type != "creation",
        "object_original_cost_kzt": new_work and facts.work_type == "modification",
        "consent_number": new_work and facts.work_type == "modification",
        "contract_signed_on": is_framework_contract(facts, policy),
        "commissioned_on": facts.work_type == "creation",
        "ended_on": facts.stage in FINAL,
        "security_conclusion_number": facts.stage == "operation" and policy.rules["security.untested"].enabled,
        # "of a project with `is_ai`: when revisions have stated several"
        "ai_risk_class": facts.is_ai is True and len(stated_risks(facts)) > 1,
    }
    for name, sum_kzt in policy.confirmed_facts.from_kzt:
        value = getattr(facts, name)
        if value is None or not needs[name]:
            continue
        # "the budget from which on it needs a confirmation (0: every project, also one without a budget)"
        if sum_kzt > 0 and (facts.budget_kzt is None or facts.budget_kzt < sum_kzt):
            continue
        confirmed_on = [day for confirmed, day in facts.confirmed if confirmed == name]
        if name == "ended_on" and facts.ending_confirmed_on is not None:
            confirmed_on.append(facts.ending_confirmed_on)
        state_of[name] = "claimed"
        # "since the last revision with another value was replaced, or without one since the registration"
        since = facts.registered_on
        for revision in facts.past:
            if getattr(revision, name) != value:
                since = revision.replaced_on
        before = policy.confirmed_facts.taken_over_before
        if since is not None and before is not None and since < before:
            state_of[name] = "taken_over"
            # "The first attestation from that day on makes it `confirmed`."
            if facts.attested_on is not None and before <= facts.attested_on <= on:
                state_of[name] = "confirmed"
        if any(day <= on for day in confirmed_on):
            state_of[name] = "confirmed"
    return state_of


def without_claims(facts: Facts, policy: Any, on: date) -> Facts:
    missing: dict[str, Any] = {}
    for name, state in states(facts, policy, on).items():
        if state == "claimed":
            missing[name] = 0 if name == "object_original_cost_kzt" else None
            if name == "ai_risk_class":
                # "the highest that was stated"
                missing[name] = next(risk for risk in ("high", "medium", "minimal") if risk in stated_risks(facts))
    return replace(facts, **missing)


def stated_risks(facts: Facts) -> set[str | None]:
    return {revision.ai_risk_class for revision in (*facts.past, facts)} - {None}


def with_confirmed(revision: Any, facts: Facts) -> Any:
    values = {name: getattr(facts, name) for name, _ in facts.confirmed}
    names = {name for name, _ in (*facts.confirmed, *revision.confirmed)}
    return replace(revision, **values, confirmed=tuple((name, date.min) for name in names))


def earlier_facts_would_be_flagged(facts: Facts, policy: Any, on: date) -> bool:
    """The section "Facts that were replaced"."""
    if policy.confirmed_facts is None:
        return False
    lasting = (
        "work_type",
        "contract_signed_on",
        "work_started_on",
        "pilot_started_on",
        "commissioned_on",
        "object_commissioned_on",
        "object_original_cost_kzt",
        "is_ai",
        "ai_risk_class",
    )
    present = [*facts.past, facts]
    confirmed = [name for name, _ in facts.confirmed]
    for number, revision in enumerate(facts.past):
        day = revision.replaced_on
        # "of a revision replaced on or after `C`"
        if day is None or day < policy.cutoff:
            continue
        replaced: dict[str, Any] = {}
        for name in lasting:
            value = getattr(revision, name)
            # "that were not empty, are others or empty now, and are not confirmed"
            if value is None or value == getattr(facts, name) or name in confirmed:
                continue
            # "A date after the day on which it was replaced was a plan"
            if isinstance(value, date) and value > day:
                continue
            replaced[name] = value
        if not replaced:
            continue
        kept = {name for name in confirmed if name not in replaced} | {name for name, _ in revision.confirmed}
        hybrid = replace(facts, **replaced, confirmed=tuple((name, date.min) for name in kept))
        before = found_unconfirmed([*facts.past[:number], hybrid], number, facts, policy, on)
        now = found_unconfirmed(present, len(facts.past), facts, policy, on)
        for rule, severity in before.items():
            # "a serious finding but `integrity.rewritten`, `migration.overdue`, or one of `ai.*`"
            counts = serious(rule, severity) and rule != "integrity.rewritten"
            if not counts and rule != "migration.overdue" and not rule.startswith("ai."):
                continue
            if ends(rule, severity, before, now) and not not_counted(
                rule, [*facts.past[:number], hybrid], number, facts, policy
            ):
                return True
    return False


def what_contracts_contradict(facts: Facts, policy: Any, on: date) -> list[str]:
    """The rules on the contracts of a project that hold on the day."""
    D = on
    rules = []

    # What the record stated, each with the days on which it was entered and replaced; those of before the registration
    # and of now have none.
    stated: list[tuple[Any, date | None, date | None]] = []
    entered = facts.registered_on
    for revision in facts.past:
        if revision.replaced_on is not None:
            stated.append((revision, entered, revision.replaced_on))
            entered = revision.replaced_on
    stated.append((facts, entered, None))
    # "or a former record of the same work"
    for record in facts.former:
        entered = None
        for revision in record:
            if revision.replaced_on is not None:
                stated.append((revision, entered, revision.replaced_on))
                entered = revision.replaced_on

    # "`contract.signed-later`: a contract was signed by D, later than a `contract_signed_on` that was stated after that
    # day and is not of another contract"
    for contract in facts.contracts:
        if contract.signed_on is None or contract.signed_on > D:
            continue
        for values, _, replaced_on in stated:
            if replaced_on is not None and replaced_on <= contract.signed_on:
                continue
            day = values.contract_signed_on
            if day is None or day >= contract.signed_on:
                continue
            # "of another contract: one that a person confirmed, or that was matched no later, was signed on that day,
            # or, where the record never had the number of the contract in question, by that day"
            of_another = False
            for other in facts.contracts:
                if other.is_confirmed or other.matched_at <= contract.matched_at:
                    if other.signed_on == day:
                        of_another = True
                    if other.signed_on is not None and other.signed_on <= day and not contract.is_named:
                        of_another = True
            if not of_another:
                rules.append("contract.signed-later")

    # "`contract.sum-above-budget`: the sums that were agreed by a day, by D, are together above a `budget_kzt` that was
    # stated after that day and before the next one on which a contract was signed or amended"
    changes = set()
    for contract in facts.contracts:
        if contract.signed_on is not None and contract.signed_on <= D:
            changes.add(contract.signed_on)
        for amended_on, _ in contract.amendments:
            if amended_on <= D:
                changes.add(amended_on)
    for day in changes:
        later = [other for other in changes if other > day]
        together = 0
        for contract in facts.contracts:
            total = None
            if contract.signed_on is None or contract.signed_on <= day:
                total = contract.sum_kzt
            for amended_on, new in contract.amendments:
                if new is not None and amended_on <= day:
                    total = new
            together += total or 0
        for values, entered, replaced_on in stated:
            if values.budget_kzt is None or together <= values.budget_kzt:
                continue
            if replaced_on is not None and replaced_on <= day:
                continue
            if later and entered is not None and entered >= min(later):
                continue
            rules.append("contract.sum-above-budget")

    # "`contract.raised-after-cutoff`: an amendment of C or later, by D, has a larger sum than all that were agreed
    # before it"
    for contract in facts.contracts:
        agreed = [] if contract.sum_kzt is None else [contract.sum_kzt]
        for amended_on, new in contract.amendments:
            if new is not None and amended_on <= D:
                if agreed and new > max(agreed) and amended_on >= policy.cutoff:
                    rules.append("contract.raised-after-cutoff")
                agreed.append(new)

    # "`contract.split`: contracts with one supplier, each signed from C to D for a sum below `split_contract_kzt`, at
    # most `split_contract_days` calendar days before or after one of them, are together ≥ `split_contract_kzt`"
    def is_small(contract: Any) -> bool:
        if contract.signed_on is None or contract.sum_kzt is None:
            return False
        return policy.cutoff <= contract.signed_on <= D and contract.sum_kzt < policy.split_contract_kzt

    for one in facts.contracts:
        if one.supplier_bin is not None and is_small(one):
            others = [
                other
                for other in facts.contracts
                if other is not one
                and other.supplier_bin == one.supplier_bin
                and is_small(other)
                and abs((other.signed_on - one.signed_on).days) <= policy.split_contract_days
            ]
            if others and one.sum_kzt + sum(other.sum_kzt for other in others) >= policy.split_contract_kzt:
                rules.append("contract.split")
    return rules
