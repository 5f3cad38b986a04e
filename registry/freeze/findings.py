"""Findings of rules, and their explanation: the reason in numbers, what the rule requires, and the clause."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Final

from registry.freeze import facts
from registry.freeze.contradictions import CONTRADICTIONS, LINES
from registry.freeze.dates import add_months, format_date, grouped
from registry.freeze.policy import Policy, Wording
from registry.freeze.vocabulary import AiRisk, Translate, in_language, lazy_text

# The project's own values, ready for JSON: dates as YYYY-MM-DD, money in whole tenge, None for what is not set.
Observed = dict[str, str | int | None]

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode

_SINCE = lazy_text("This wording has been in force since {begin}.")
_BETWEEN = lazy_text("This wording is in force from {begin} to {end}.")


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that holds for a project. ``observed`` depends on the day of the audit only in what counts by then."""

    rule: str
    severity: str
    observed: Observed

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the rule and the observed values; an acceptance is valid while it is unchanged."""
        return _fingerprint(self.rule, *self.observed.items())


@lru_cache(maxsize=1 << 14)
def _fingerprint(rule: str, *observed: tuple[str, str | int | None]) -> str:
    # Cached: 2 µs a finding, 6 % of an audit of 100,000 projects. Most observed values are common.
    return sha256(_canonical([rule, dict(observed)]).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class FindingTexts:
    """The texts of a finding in one language: title, reason in numbers, required condition, remedy and legal clause."""

    title: str
    reason: str
    required: str
    remedy: str
    clause: str


def explain(finding: Finding, policy: Policy, on: date, language: str, translate: Translate) -> FindingTexts:
    """Return the finding's texts in ``language``, with the wording of the clause in force on ``on``.

    ``translate`` translates the texts of this package into ``language``; the policy brings its own texts.
    """
    rule = policy.rules[finding.rule]
    claimed = claimed_in(finding)
    required = required_text(finding.rule, policy, language, translate), required_claims(claimed, translate)
    remedy = in_language(rule.remedy, language), remedy_of_claims(claimed, translate)
    return FindingTexts(
        title=in_language(rule.title, language),
        reason=reason_text(finding, policy, on, language, translate),
        required=" ".join(filter(None, required)),
        remedy=" ".join(filter(None, reversed(remedy))),
        clause=_clause(rule.wording_on(on), language, translate),
    )


def _clause(wording: Wording, language: str, translate: Translate) -> str:
    begin = format_date(wording.in_force_from, language)
    if wording.in_force_to is None:
        period = translate(_SINCE).format(begin=begin)
    else:
        period = translate(_BETWEEN).format(begin=begin, end=format_date(wording.in_force_to, language))
    return f"{in_language(wording.act, language)}: {in_language(wording.text, language)} {period}"


# The reason of a finding in numbers: the values that its rule read against the limits of the policy.
#
# In translations, too, numbers stand where no word ending depends on them.

_SINCE_REGISTRATION: Final = lazy_text("Days since the registration: {days}, limit {limit}.")
_ONBOARDING: Final = lazy_text("Onboarding is due on {due}; days left: {days}.")
_ONBOARDING_LATE: Final = lazy_text("Onboarding was due on {due}; days late: {days}.")
_ONBOARDING_UNCONFIRMED: Final = lazy_text("Onboarding is due on {due}, which nobody has confirmed.")
_ONBOARDING_UNDATED: Final = lazy_text("The onboarding has no due date.")
_IDLE: Final = lazy_text("Last deployed on {deployed}; days since then: {days}, limit {limit}.")
_NEVER_DEPLOYED: Final = lazy_text(
    "Nothing deployed since the confirmation of {confirmed}; days since then: {days}, limit {limit}."
)
_STARTED: Final = lazy_text("Start on {started}; days after the freeze began: {days}.")
_STARTED_ON_NOTHING: Final = lazy_text("Start on {started}; no date since when the object is in operation.")
_PLANNED: Final = lazy_text("Planned, without a date of the start.")
_COMMISSIONED_LATE: Final = lazy_text(
    "Start on {started}; in operation since {commissioned}, days after the freeze began: {days}."
)
_NOT_COMMISSIONED: Final = lazy_text("Start on {started}; not in operation by {cutoff}.")
_SHARE: Final = lazy_text("{percent}% of the original cost, limit {limit}%.")
_SUM: Final = lazy_text(
    "Modifications of the object since the freeze began: {count}, together {percent}% of its original cost, "
    "limit {limit}%."
)
_SUM_ELSEWHERE: Final = lazy_text(
    "Modifications of the object since the freeze began: {count}, together above {limit}% of its original cost."
)
_COUNTED_WITH: Final = lazy_text("Counted with: {numbers}.")
_ELSEWHERE: Final = lazy_text("Of other agencies: {count}.")
_SPLIT: Final = lazy_text(
    "Contracts with one supplier on one object: {count}, each below {limit} ₸, together {total} ₸; longest time "
    "between them, in days: {days}."
)
_SIGNED_LATER: Final = lazy_text(
    "Signed on {signed} by the portal, on {recorded} by the record; days between them: {days}."
)
_SUM_ABOVE: Final = lazy_text("Sum by the portal: {sum} ₸, budget by the record: {budget} ₸.")
_RAISED: Final = lazy_text("An amendment of {day} raised the sum; agreed before: {before} ₸, since then: {sum} ₸.")
_ON_PORTAL: Final = lazy_text("On the procurement portal: {numbers}.")
_ZERO_COST: Final = lazy_text("The original cost of the object is given as 0.")
_NO_CONSENT: Final = lazy_text("The number of the consent is missing.")
_PILOT: Final = lazy_text("In pilot since {since}; limit in months: {limit}, days beyond it: {days}.")
_MISSING: Final = lazy_text("Missing values: {count}.")
_MIGRATION_LATE: Final = lazy_text("In operation since {since}; days after the deadline of {deadline}: {days}.")
_ORDER_LATE: Final = lazy_text("Ordered to move by {due}; days late: {days}.")
_ENDING_LATE: Final = lazy_text("Ordered to end by {due}; days late: {days}.")
_UNTESTED: Final = lazy_text("No positive conclusion of security tests is given.")
_UNTESTED_UNDATED: Final = lazy_text("The conclusion of security tests has no date.")
_TESTED_LATER: Final = lazy_text("The conclusion of security tests is dated {concluded}; days until then: {days}.")
_BACKDATED: Final = lazy_text("Start on {started}, contract of {contract}; days between them: {days}.")
_START_MOVED: Final = lazy_text("The start was {earlier}, now it is {started}.")
_WAS_CREATION: Final = lazy_text("The work was registered as a creation.")
_EDIT_ENDED: Final = lazy_text("An edit ended: {rules}.")
_FORMER_HAD: Final = lazy_text("The former record had: {rules}.")
_ENDED: Final = lazy_text("Ended on {ended}, which nobody has confirmed.")
_ENDED_UNDATED: Final = lazy_text("The ending has no date.")
_UNATTESTED: Final = lazy_text("Last confirmed on {attested}; days after the next confirmation was due: {days}.")
_AI_OUTDATED: Final = lazy_text("Last checked on {reviewed}; days after the next check was due: {days}.")
_EARLIER: Final = lazy_text("Earlier values, with which there would be another finding: {facts}.")
_CLAIMED: Final = lazy_text("Claimed, not confirmed: {facts}.")
FACT_NAMES: Final = {
    facts.OBJECT_COMMISSIONED: lazy_text("date the object went into operation"),
    facts.ORIGINAL_COST: lazy_text("original cost of the object"),
    facts.CONSENT: lazy_text("number of the authorised body's consent"),
    facts.CONTRACT: lazy_text("date the contract was signed"),
    facts.COMMISSIONED: lazy_text("date the result went into operation"),
    facts.ENDED_ON: lazy_text("date of the ending"),
    facts.SECURITY_CONCLUSION: lazy_text("number of the conclusion of security tests"),
    "work_started_on": lazy_text("date work started"),
    "pilot_started_on": lazy_text("start of the pilot"),
    "work_type": lazy_text("kind of work"),
    facts.IS_AI: lazy_text("use of artificial intelligence"),
    facts.AI_RISK_CLASS: lazy_text("degree of risk of the AI system"),
}
# Codes, which are named without their value.
UNSHOWN: Final = ("work_type", facts.IS_AI)


def claimed_in(finding: Finding) -> list[str]:
    """Return the facts without whose confirmation the finding stays."""
    named = finding.observed.get(facts.CLAIMED)
    return str(named).split(", ") if named else []


def reason_text(finding: Finding, policy: Policy, on: date, language: str, translate: Translate) -> str:
    """Return the reason in ``language``, as of a day; empty for a rule without numbers."""
    reason = _Reason(finding, policy, on, language, translate)
    return " ".join(filter(None, (reason.text(), reason.claimed())))


class _Reason:
    def __init__(self, finding: Finding, policy: Policy, on: date, language: str, translate: Translate) -> None:
        self.observed, self.rule, self.policy, self.on = finding.observed, finding.rule, policy, on
        self.language, self.translate = language, translate
        self.claims = claimed_in(finding)

    def claimed(self) -> str:
        """Return the facts that are only claimed, with their values."""
        named = (f"{self.translate(FACT_NAMES[name])} – {self._shown(name)}" for name in self.claims)
        return self._format(_CLAIMED, self.claims or None, facts="; ".join(named))

    def _earlier(self) -> str:
        named = [self._named(name, text) for name, text in FACT_NAMES.items() if f"earlier_{name}" in self.observed]
        return self._format(_EARLIER, named or None, facts="; ".join(named))

    def _named(self, name: str, text: str) -> str:
        return self.translate(text) + ("" if name in UNSHOWN else f" – {self._shown(f'earlier_{name}')}")

    def _shown(self, name: str) -> object:
        value = self.observed[name]
        if name.endswith(facts.AI_RISK_CLASS):
            return self.translate(AiRisk(str(value)).label)
        if name.endswith(facts.ORIGINAL_COST) and isinstance(value, int):
            return f"{grouped(value, self.language)} ₸"
        day = self._day(name) if name.endswith("_on") else None
        return value if day is None else format_date(day, self.language)

    def text(self) -> str:
        observed, policy, cutoff = self.observed, self.policy, self.policy.cutoff
        due, started = self._day("onboarding_due_on"), self._day("started_on")
        match self.rule:
            case "platform.unverified":
                registered = self._day("registered_on")
                limit = self.policy.verification_grace_days
                return self._format(_SINCE_REGISTRATION, registered, days=_days(registered, self.on), limit=limit)
            case "platform.onboarding":
                return self._format(_ONBOARDING, due, due=due, days=_days(self.on, due))
            case "platform.onboarding-overdue":
                return self._format(_ONBOARDING_LATE, due, due=due, days=_days(due, self.on)) or self._format(
                    _ONBOARDING_UNDATED
                )
            case "platform.onboarding-unconfirmed":
                return self._format(_ONBOARDING_UNCONFIRMED, due, due=due) or self._format(_ONBOARDING_UNDATED)
            case "platform.idle":
                return self._idle()
            case "freeze.creation" | "freeze.development":
                return self._format(_STARTED, started, started=started, days=_days(cutoff, started))
            case "freeze.planned":
                days = _days(cutoff, started)
                return self._format(_STARTED, started, started=started, days=days) or self._format(_PLANNED)
            case "freeze.misclassified" if facts.OBJECT_COMMISSIONED in self.claims:
                return self._format(_STARTED, started, started=started, days=_days(cutoff, started))
            case "freeze.misclassified":
                return self._format(_STARTED_ON_NOTHING, started, started=started)
            case "freeze.transitional" if facts.COMMISSIONED in self.claims:
                return ""
            case "freeze.transitional":
                commissioned = self._day("commissioned_on")
                days = _days(cutoff, commissioned)
                late = self._format(
                    _COMMISSIONED_LATE, commissioned, started=started, commissioned=commissioned, days=days
                )
                return late or self._format(_NOT_COMMISSIONED, started, started=started, cutoff=cutoff)
            case "freeze.modification-limit":
                return " ".join(filter(None, (self._share(), self._consent())))
            case "freeze.modification-sum":
                return " ".join(filter(None, (self._sum(), *self._counted())))
            case "freeze.pilot-limit":
                since, limit = self._day("pilot_started_on"), self.policy.pilot_limit_months
                beyond = None if since is None else _days(add_months(since, limit), self.on)
                return self._format(_PILOT, since, since=since, limit=limit, days=beyond)
            case "freeze.data-gap":
                missing = [name for name, value in observed.items() if value is None or (name, value) == UNPLACED]
                return self._format(_MISSING, missing or None, count=len(missing))
            case "migration.overdue":
                since = self._day("object_commissioned_on") or self._day("commissioned_on")
                deadline = self.policy.migration_deadline
                return self._format(
                    _MIGRATION_LATE, since, since=since, deadline=deadline, days=_days(deadline, self.on)
                )
            case "migration.order-overdue":
                ordered = self._day("order_migrate_by")
                return self._format(_ORDER_LATE, ordered, due=ordered, days=_days(ordered, self.on))
            case "order.overdue":
                ordered = self._day("order_end_by")
                return self._format(_ENDING_LATE, ordered, due=ordered, days=_days(ordered, self.on))
            case "security.untested" if not self.claims:
                return self._untested()
            case "integrity.backdated":
                began, contract = self._day("work_started_on"), self._day("contract_signed_on")
                return self._format(_BACKDATED, began, started=began, contract=contract, days=_days(began, contract))
            case "integrity.rewritten":
                return self._rewritten(started)
            case "integrity.contradiction" | "ai.contradiction":
                codes = str(observed.get(CONTRADICTIONS) or "").split(", ")
                return " ".join(self._contradiction(LINES[code].text) for code in codes if code in LINES)
            case "integrity.split-contract":
                return " ".join(filter(None, (self._split(), *self._counted())))
            case "contract.signed-later":
                signed, recorded = self._day("portal_signed_on"), self._day("contract_signed_on")
                days = _days(recorded, signed)
                return self._of_contracts(_SIGNED_LATER, signed=signed, recorded=recorded, days=days)
            case "contract.sum-above-budget":
                return self._of_contracts(
                    _SUM_ABOVE, sum=self._money("portal_sum_kzt"), budget=self._money("budget_kzt")
                )
            case "contract.raised-after-cutoff":
                sums = {"before": self._money("portal_sum_before_kzt"), "sum": self._money("portal_sum_kzt")}
                return self._of_contracts(_RAISED, day=self._day("amended_on"), **sums)
            case "contract.split":
                count = len(str(observed.get("portal_contracts")).split(", "))
                below, together = grouped(policy.split_contract_kzt, self.language), self._money("total_kzt")
                return self._of_contracts(
                    _SPLIT, count=count, limit=below, total=together, days=policy.split_contract_days
                )
            case "integrity.ended-unconfirmed":
                ended = self._day("ended_on")
                return self._format(_ENDED, ended, ended=ended) or self._format(_ENDED_UNDATED)
            case "ai.incomplete":
                return self._format(_MISSING, count=len(observed))
            case "ai.outdated":
                reviewed = self._day("ai_reviewed_on")
                due = None if reviewed is None else add_months(reviewed, facts.AI_REVIEW_MONTHS)
                return self._format(_AI_OUTDATED, reviewed, reviewed=reviewed, days=_days(due, self.on))
            case "integrity.unattested":
                attested = self._day("attested_on")
                due = None if attested is None else add_months(attested, self.policy.attestation_months)
                return self._format(_UNATTESTED, attested, attested=attested, days=_days(due, self.on))
        return ""

    def _idle(self) -> str:
        deployed, confirmed = self._day("last_deployed_on"), self._day("placement_verified_on")
        limit, days = self.policy.idle_days, _days(deployed or confirmed, self.on)
        return self._format(_IDLE, deployed, deployed=deployed, days=days, limit=limit) or self._format(
            _NEVER_DEPLOYED, confirmed, confirmed=confirmed, days=days, limit=limit
        )

    def _of_contracts(self, text: str, **values: object) -> str:
        numbers = self.observed.get("portal_contracts")
        parts = self._format(text, numbers, **values), self._format(_ON_PORTAL, numbers, numbers=numbers)
        return " ".join(filter(None, parts))

    def _money(self, name: str) -> str:
        return grouped(int(self.observed.get(name) or 0), self.language)

    def _untested(self) -> str:
        if self.observed.get("security_conclusion_number") is None:
            return self._format(_UNTESTED)
        concluded = self._day("security_conclusion_on")
        later = self._format(_TESTED_LATER, concluded, concluded=concluded, days=_days(self.on, concluded))
        return later or self._format(_UNTESTED_UNDATED)

    def _share(self) -> str:
        budget, cost = self.observed.get("budget_kzt"), self.observed.get("object_original_cost_kzt")
        if not isinstance(budget, int) or not isinstance(cost, int):
            return ""
        if not cost:
            return self._format(_ZERO_COST)
        return self._format(_SHARE, percent=self._percent(budget, cost), limit=self.policy.modification_limit_percent)

    def _sum(self) -> str:
        total, cost = self.observed.get("total_kzt"), self.observed.get("least_cost_kzt")
        limit, count = self.policy.modification_limit_percent, self._count() + 1
        if self.observed.get("counted_elsewhere"):
            return self._format(_SUM_ELSEWHERE, count=count, limit=limit)
        if not isinstance(total, int) or not isinstance(cost, int):
            return ""
        if not cost:
            return self._format(_ZERO_COST)
        return self._format(_SUM, count=count, percent=self._percent(total, cost), limit=limit)

    def _split(self) -> str:
        total = self.observed.get("total_kzt")
        if not isinstance(total, int):
            return ""
        limit, days = grouped(self.policy.split_contract_kzt, self.language), self.policy.split_contract_days
        return self._format(
            _SPLIT, count=self._count() + 1, limit=limit, total=grouped(total, self.language), days=days
        )

    def _count(self) -> int:
        numbers, elsewhere = self.observed.get("counted_with"), self.observed.get("counted_elsewhere")
        return (len(str(numbers).split(", ")) if numbers else 0) + int(elsewhere or 0)

    def _counted(self) -> tuple[str, str]:
        numbers, elsewhere = self.observed.get("counted_with"), self.observed.get("counted_elsewhere")
        return (
            self._format(_COUNTED_WITH, numbers, numbers=numbers),
            self._format(_ELSEWHERE, elsewhere or None, count=elsewhere),
        )

    def _percent(self, amount: int, of: int) -> str:
        # Rounded up to a tenth, so that what is above the limit never looks like the limit.
        tenths = -(-amount * 1000 // of)
        return str(tenths // 10) if tenths % 10 == 0 else f"{tenths // 10}{self._decimal_mark()}{tenths % 10}"

    def _contradiction(self, text: str) -> str:
        days = {name: self._day(name) for name in self.observed if name.endswith("_on")}
        budget, cost = self.observed.get("budget_kzt"), self.observed.get("object_original_cost_kzt")
        limits: dict[str, int | str] = {
            "months": self.policy.onboarding_limit_months,
            "days": self.policy.work_before_contract_days,
        }
        if isinstance(budget, int) and isinstance(cost, int):
            if not cost:
                return self._format(_ZERO_COST)
            limits["percent"] = self._percent(budget, cost)
        return self._format(text, **days, **limits)

    def _consent(self) -> str:
        return self._format(_NO_CONSENT) if self.observed.get("consent_number", "given") is None else ""

    def _decimal_mark(self) -> str:
        return "." if self.language == "en" else ","

    def _rewritten(self, started: date | None) -> str:
        for name, text in (("earlier_rules", _EDIT_ENDED), ("former_rules", _FORMER_HAD)):
            if rules := self.observed.get(name):
                titles = [in_language(self.policy.rules[rule].title, self.language) for rule in str(rules).split(", ")]
                return self._format(text, rules="; ".join(titles))
        if earlier := self._day("earlier_started_on"):
            return self._format(_START_MOVED, started, earlier=earlier, started=started)
        if {name for name in self.observed if name.startswith("earlier_")} == {"earlier_work_type"}:
            return self._format(_WAS_CREATION) if self.observed["earlier_work_type"] == "creation" else self._earlier()
        return self._earlier()

    def _day(self, name: str) -> date | None:
        value = self.observed.get(name)
        return date.fromisoformat(value) if isinstance(value, str) else None

    def _format(self, text: str, known: object = True, **values: object) -> str:
        """Return the text with its values; empty when ``known``, which it needs, is None."""
        if known is None:
            return ""
        shown = {
            name: format_date(value, self.language) if isinstance(value, date) else value
            for name, value in values.items()
        }
        return self.translate(text).format(**shown)


UNPLACED: Final = ("placement", "unknown")


def _days(begin: date | None, end: date | None) -> int | None:
    return None if begin is None or end is None else (end - begin).days


# The condition that each rule requires, with the policy's values.
#
# In translations, too, numbers stand where no word ending depends on them, so that the texts are correct for any
# policy.

_CLOCK: Mapping[str, str] = {
    "contract_signed_on": lazy_text("date the contract was signed"),
    "work_started_on": lazy_text("date work started"),
}

_REQUIRED: Mapping[str, str] = {
    "platform.unverified": lazy_text(
        "The object's placement on QazTech is confirmed; days allowed for that after registration: {grace}."
    ),
    "platform.onboarding": lazy_text(
        "The object has moved to the platform and this is confirmed; longest onboarding allowed, in months: "
        "{onboarding}."
    ),
    "platform.onboarding-overdue": lazy_text(
        "The object is on the platform, or a reviewer has extended the onboarding; longest extension in months: "
        "{onboarding}."
    ),
    "platform.onboarding-unconfirmed": lazy_text(
        "The onboarding and its due date are confirmed; longest term in months: {onboarding}."
    ),
    "platform.idle": lazy_text(
        "Something of the object is deployed to QazTech, in whatever environment; longest time without a deployment, "
        "in days: {idle}."
    ),
    "freeze.creation": lazy_text(
        "The creation began before {cutoff} (what counts: {clock}), or the object is confirmed on QazTech."
    ),
    "freeze.planned": lazy_text(
        "From {cutoff} no new work is planned outside QazTech: the object is confirmed on the platform, or the work is "
        "stopped."
    ),
    "freeze.transitional": lazy_text(
        "The result of the creation was in operation before {cutoff}, or the object is confirmed on QazTech."
    ),
    "freeze.development": lazy_text(
        "The development began before {cutoff} (what counts: {clock}), or the object is confirmed on QazTech."
    ),
    "freeze.misclassified": lazy_text(
        "An object developed or modified since {cutoff} was in operation before this work, and the date is given."
    ),
    "freeze.modification-limit": lazy_text(
        "The modification costs no more than {percent}% of the object's original cost, and the number of the "
        "authorised body's consent is given."
    ),
    "freeze.modification-sum": lazy_text(
        "The modifications of one object that began on or after {cutoff} cost together no more than {percent}% of its "
        "original cost."
    ),
    "freeze.pilot-limit": lazy_text("The pilot stays within its {months}-month limit."),
    "freeze.data-gap": lazy_text(
        "Everything that the rules need is given: the placement, the start ({clock}), the start of a pilot, the date "
        "the object went into operation, for a modification its budget and the object's original cost."
    ),
    "migration.overdue": lazy_text("An object in operation since before {cutoff} has moved to QazTech by {deadline}."),
    "migration.order-overdue": lazy_text("The object has moved to the platform by the date that the order sets."),
    "order.overdue": lazy_text(
        "The work is stopped or the object written off by the date that the order sets, and the ending is confirmed."
    ),
    "security.untested": lazy_text(
        "An object in operation has a positive conclusion of security tests, and its number and date are given."
    ),
    "integrity.backdated": lazy_text(
        "Work did not begin before its contract: under a contract signed on or after {cutoff} no earlier start is "
        "given."
    ),
    "integrity.rewritten": lazy_text(
        "The start ({clock}) was not moved to before {cutoff}, a creation was not renamed as other work, and no edit "
        "without confirmation and no new registration ended a finding of medium or high severity."
    ),
    "integrity.contradiction": lazy_text(
        "What the record states can be true together: work follows its contract (days allowed before it: "
        "{before_contract}) and concerns an object that exists, the stage fits the dates, a migration leads to "
        "QazTech, and the end follows the contract and the operation."
    ),
    "integrity.split-contract": lazy_text(
        "Contracts of one agency with one supplier for work on one object stay below {split} ₸ together, or more days "
        "lie between them than {split_days}."
    ),
    "integrity.ended-unconfirmed": lazy_text(
        "The ending is confirmed with the authorised body's agreement, or the object ended before {cutoff} and was "
        "registered as ended from the start, without a former record that had a finding of medium or high severity."
    ),
    "integrity.unattested": lazy_text(
        "The agency has confirmed in time that the record is still true; longest time between two confirmations, in "
        "months: {attestation}."
    ),
    "ai.incomplete": lazy_text(
        "The entry on the AI system says its purpose, model, supplier and data, whether these are personal, the "
        "degree of risk, how people are informed, the responsible unit and when it was last checked."
    ),
    "ai.contradiction": lazy_text(
        "What the entry on the AI system states can be true together: people can object where personal data are used, "
        "and a system of high risk is overseen by somebody who may stop it, and is tested before it is used."
    ),
    "ai.outdated": lazy_text("The entry on the AI system was checked within the last 12 months."),
    "freeze.legacy": lazy_text("The object is confirmed on QazTech."),
    "contract.signed-later": lazy_text(
        "From the day on which the contract was signed, the record states that day, as the procurement portal has it."
    ),
    "contract.sum-above-budget": lazy_text(
        "The contracts of the project on the procurement portal cost no more together than the budget that the record "
        "states."
    ),
    "contract.raised-after-cutoff": lazy_text("No amendment signed on or after {cutoff} raises the sum of a contract."),
    "contract.split": lazy_text(
        "Contracts on the procurement portal of one agency with one supplier for one project stay below {split} ₸ "
        "together, or more days lie between them than {split_days}."
    ),
}
_CONFIRMED: Final = lazy_text("What is claimed is confirmed: {facts}.")
_UPLOAD: Final = lazy_text("Attach to the project and ask for a confirmation: {documents}.")
_DOCUMENTS: Final[Mapping[str, str]] = {
    facts.OBJECT_COMMISSIONED: lazy_text("act of commissioning of the object"),
    facts.ORIGINAL_COST: lazy_text("contract or acts that show the original cost"),
    facts.CONSENT: lazy_text("letter of consent of the authorised body"),
    facts.CONTRACT: lazy_text("framework contract"),
    facts.COMMISSIONED: lazy_text("act of commissioning of the result"),
    facts.AI_RISK_CLASS: lazy_text("document by which the degree of risk was determined"),
    facts.ENDED_ON: lazy_text("decision on the ending, with the consent of the authorised body"),
    facts.SECURITY_CONCLUSION: lazy_text("positive conclusion of security tests"),
}


def required_claims(claimed: Sequence[str], translate: Translate) -> str:
    """Return that the claimed facts must be confirmed, as a sentence; empty without any."""
    names = "; ".join(translate(FACT_NAMES[name]) for name in claimed)
    return translate(_CONFIRMED).format(facts=names) if claimed else ""


def remedy_of_claims(claimed: Sequence[str], translate: Translate) -> str:
    """Return which documents to attach, as a sentence; empty without any claim."""
    documents = "; ".join(translate(_DOCUMENTS[name]) for name in claimed)
    return translate(_UPLOAD).format(documents=documents) if claimed else ""


def required_text(rule: str, policy: Policy, language: str, translate: Translate) -> str:
    """Return the condition that the rule requires, as a sentence in ``language``, into which ``translate``
    translates.
    """
    return translate(_REQUIRED[rule]).format(
        cutoff=format_date(policy.cutoff, language),
        deadline=format_date(policy.migration_deadline, language),
        months=policy.pilot_limit_months,
        percent=policy.modification_limit_percent,
        grace=policy.verification_grace_days,
        onboarding=policy.onboarding_limit_months,
        attestation=policy.attestation_months,
        before_contract=policy.work_before_contract_days,
        split=grouped(policy.split_contract_kzt, language),
        split_days=policy.split_contract_days,
        idle=policy.idle_days,
        clock=", ".join(translate(_CLOCK[field]) for field in policy.start_clock),
    )
