"""The facts of one project that the rules evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Final

# The facts that a policy can let count only when confirmed.
CONTRACT: Final = "contract_signed_on"
ENDED_ON: Final = "ended_on"
COMMISSIONED: Final = "commissioned_on"
OBJECT_COMMISSIONED: Final = "object_commissioned_on"
ORIGINAL_COST: Final = "object_original_cost_kzt"
CONSENT: Final = "consent_number"
AI_RISK_CLASS: Final = "ai_risk_class"
SECURITY_CONCLUSION: Final = "security_conclusion_number"
CONFIRMABLE: Final = (
    OBJECT_COMMISSIONED,
    ORIGINAL_COST,
    CONSENT,
    CONTRACT,
    COMMISSIONED,
    ENDED_ON,
    SECURITY_CONCLUSION,
    AI_RISK_CLASS,
)
# What the register holds of an AI system (Law on Artificial Intelligence), beside that the project uses AI.
AI_ENTRY: Final = (
    "ai_purpose",
    "ai_model",
    "ai_supplier",
    "ai_data",
    "ai_personal_data",
    AI_RISK_CLASS,
    "ai_overseer",
    "ai_tests",
    "ai_notice",
    "ai_objection",
    "ai_office",
    "ai_reviewed_on",
)
# How long the check of an entry counts, in calendar months.
AI_REVIEW_MONTHS: Final = 12
IS_AI: Final = "is_ai"
AI_FACTS: Final = (IS_AI, "holds_personal_data", *AI_ENTRY)
# The observed value that names those of a finding that are only claimed.
CLAIMED: Final = "claimed"
# What the platform's inventory reports of an object.
DEPLOYMENT_FACTS: Final = ("deployments_reported", "last_deployed_on")
# Facts that a second party has confirmed with a document, each with the day from which the confirmation counts.
Confirmed = tuple[tuple[str, date], ...]


@dataclass(frozen=True, slots=True)
class EarlierRevision:
    """The values of an earlier revision of the project, in the fields that the rules compare.

    ``replaced_on``: the day of the edit that made the next revision; None where it plays no part.
    """

    work_type: str
    stage: str
    placement: str
    contract_signed_on: date | None = None
    work_started_on: date | None = None
    ended_on: date | None = None
    pilot_started_on: date | None = None
    commissioned_on: date | None = None
    object_commissioned_on: date | None = None
    budget_kzt: int | None = None
    object_original_cost_kzt: int | None = None
    consent_number: str | None = None
    security_conclusion_number: str | None = None
    security_conclusion_on: date | None = None
    is_ai: bool | None = None
    ai_risk_class: str | None = None
    replaced_on: date | None = None
    confirmed: Confirmed = ()


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another project on the same object. ``number`` is None for another agency's, which not everybody may see who sees
    the project; ``has_same_supplier``: as the project, of the same agency. ``earlier``: with the values that edits
    under the freeze replaced, the newest first, as far as nobody has confirmed other ones.
    """

    number: str | None
    has_same_supplier: bool
    work_type: str
    contract_signed_on: date | None = None
    work_started_on: date | None = None
    budget_kzt: int | None = None
    object_original_cost_kzt: int | None = None
    earlier: tuple[Sibling, ...] = ()


ALWAYS: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """The terms of a procurement contract, as the state portal has them; sums are in whole tenge.

    ``amendments``: the day and the new sum of each, in their order. ``number`` is the portal's. Of its match with the
    project: ``is_named``: the record states or stated its number; ``is_confirmed``: by a person; ``matched_at``: since
    when it has stood.
    """

    signed_on: date | None
    sum_kzt: int | None
    amendments: tuple[tuple[date, int | None], ...] = ()
    number: str = ""
    supplier_bin: str | None = None
    is_named: bool = True
    is_confirmed: bool = False
    matched_at: datetime = ALWAYS

    @property
    def days(self) -> tuple[date, ...]:
        """The days on which it was signed and amended, as far as they are known."""
        return (*([] if self.signed_on is None else [self.signed_on]), *(day for day, _ in self.amendments))

    def sum_by(self, day: date) -> int | None:
        """Return the sum that was agreed by a day; None while none is known."""
        known = (total for agreed_on, total in reversed(self.amendments) if total is not None and agreed_on <= day)
        is_signed = self.signed_on is None or self.signed_on <= day
        return next(known, self.sum_kzt if is_signed else None)


@dataclass(frozen=True, slots=True)
class Facts:
    """The current values of one project. Money is in whole tenge; dates are local dates of Asia/Almaty.

    ``past`` contains every earlier revision, oldest first, without the current one. ``registered_on`` is None for a
    project that is only checked and not registered: it counts as registered on the day of evaluation.
    ``attested_on``: when the agency last confirmed that the record is true; None counts as the registration.
    ``deployments_reported``: the platform's inventory lists its key and reports deployments; ``last_deployed_on``: the
    last one it reports, in whatever environment.
    ``order_migrate_by``, ``order_end_by``: the due date of the newest order in force, where it is one to migrate, and
    where it is one to stop or to write off.
    ``former``: for each withdrawn or ended record of the same work, its revisions while it was neither withdrawn nor
    ended (of a withdrawn one also those of final stages), oldest first.
    ``siblings``: other projects on the same object, those that may count together with it, by their registration.
    ``contracts``: those on the procurement portal that are matched with it, or with a former record, by number or by
    a person.
    """

    agency_kind: str
    work_type: str
    stage: str
    placement: str
    registered_on: date | None = None
    onboarding_due_on: date | None = None
    contract_signed_on: date | None = None
    work_started_on: date | None = None
    pilot_started_on: date | None = None
    commissioned_on: date | None = None
    object_commissioned_on: date | None = None
    ended_on: date | None = None
    budget_kzt: int | None = None
    object_original_cost_kzt: int | None = None
    consent_number: str | None = None
    security_conclusion_number: str | None = None
    security_conclusion_on: date | None = None
    is_ai: bool | None = None
    holds_personal_data: bool | None = None
    ai_purpose: str | None = None
    ai_model: str | None = None
    ai_supplier: str | None = None
    ai_data: str | None = None
    ai_personal_data: bool | None = None
    ai_risk_class: str | None = None
    ai_overseer: str | None = None
    ai_tests: str | None = None
    ai_notice: str | None = None
    ai_objection: str | None = None
    ai_office: str | None = None
    ai_reviewed_on: date | None = None
    placement_verified_on: date | None = None
    onboarding_confirmed_on: date | None = None
    ending_confirmed_on: date | None = None
    attested_on: date | None = None
    deployments_reported: bool | None = None
    last_deployed_on: date | None = None
    order_migrate_by: date | None = None
    order_end_by: date | None = None
    confirmed: Confirmed = ()
    past: tuple[EarlierRevision, ...] = ()
    former: tuple[tuple[EarlierRevision, ...], ...] = ()
    siblings: tuple[Sibling, ...] = ()
    contracts: tuple[ContractTerms, ...] = ()


# The types of the facts that may be None, by their names.
TYPES_OF_FACTS: Final[Mapping[str, str]] = {
    each.name: each.type.removesuffix(" | None") for each in fields(Facts) if each.type.endswith(" | None")
}
