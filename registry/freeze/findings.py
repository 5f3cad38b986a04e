"""Findings of rules, and their explanation in a language."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256

from registry.freeze.dates import format_date
from registry.freeze.policy import Policy, Wording
from registry.freeze.reasons import claimed_in, reason_text
from registry.freeze.required import remedy_of_claims, required_claims, required_text
from registry.freeze.texts import Translate, in_language, lazy_text

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
