"""The condition that each rule requires, with the policy's values.

In translations, too, numbers stand where no word ending depends on them, so that the texts are correct for any policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from registry.freeze.dates import format_date, grouped
from registry.freeze.facts import COMMISSIONED, CONSENT, CONTRACT, ENDED_ON, OBJECT_COMMISSIONED, ORIGINAL_COST
from registry.freeze.policy import Policy
from registry.freeze.reasons import FACT_NAMES
from registry.freeze.texts import Translate, lazy_text

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
    "freeze.legacy": lazy_text("The object is confirmed on QazTech."),
}
_CONFIRMED: Final = lazy_text("What is claimed is confirmed: {facts}.")
_UPLOAD: Final = lazy_text("Attach to the project and ask for a confirmation: {documents}.")
_DOCUMENTS: Final[Mapping[str, str]] = {
    OBJECT_COMMISSIONED: lazy_text("act of commissioning of the object"),
    ORIGINAL_COST: lazy_text("contract or acts that show the original cost"),
    CONSENT: lazy_text("letter of consent of the authorised body"),
    CONTRACT: lazy_text("framework contract"),
    COMMISSIONED: lazy_text("act of commissioning of the result"),
    ENDED_ON: lazy_text("decision on the ending, with the consent of the authorised body"),
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
        clock=", ".join(translate(_CLOCK[field]) for field in policy.start_clock),
    )
