"""A policy as it is shown and sent: named as in the policy file."""

import re
from typing import Any, Final

from registry.core.fields import DAY_SCHEMA, BaseSchema, InputField, ReadOnly, Text, Timestamp, nullable, object_of
from registry.core.values import InvalidValue
from registry.freeze.policy import NOT_JUDGED, SIGNED
from registry.freeze.policy_file import FORMER_NAMES, RESERVED_VERSION, policy_document
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import CLOCK_FIELDS, REQUIRED_LANGUAGES, AgencyKind, Severity
from registry.policies.models import MAX_VERSION_LENGTH, PolicyState
from registry.policies.queries import Comparison, PolicyRecord
from registry.policies.settings import CASE_SCHEMA, FACTS_SCHEMA, RULE_NAMES, VerdictCases, as_json, run_cases

TEXT: Final = {"type": "string"}
WHOLE: Final = {"type": "integer", "minimum": 0}
SEVERITY: Final = {"type": "string", "enum": list(Severity.codes())}
FLAGGING_SEVERITY: Final = {"type": "string", "enum": list(Severity.LOW.and_above())}
EDIT_SEVERITY: Final = {"type": "string", "enum": [NOT_JUDGED, *Severity.LOW.and_above()]}


def _in_languages(*names: str) -> dict[str, Any]:
    return {f"{name}_{language}": TEXT for name in names for language in REQUIRED_LANGUAGES}


DEADLINES: Final = object_of(answer=WHOLE, review=WHOLE, appeal=WHOLE)
CLAUSE: Final = object_of(
    in_force_from=dict(DAY_SCHEMA), in_force_to=nullable(DAY_SCHEMA), **_in_languages("act", "text")
)
RULE: Final = object_of(
    enabled={"type": "boolean"},
    severity=SEVERITY,
    kk_reviewed={"type": "boolean", "description": "Whether a native lawyer has read the Kazakh texts."},
    **_in_languages("title", "remedy"),
    clauses={"type": "array", "items": CLAUSE},
)


SHOWN_CASE: Final = object_of(
    **{**CASE_SCHEMA["properties"], "facts": object_of(**FACTS_SCHEMA["properties"])},
    found=RULE_NAMES,
    passes={"type": "boolean"},
)


CONFIRMED_FACTS: Final[dict[str, Any]] = {"type": "object", "additionalProperties": {"type": ["integer", "string"]}}


class PolicyShown(BaseSchema):
    """A version of the freeze: what is frozen, from when, how strictly, and on which legal basis."""

    version = ReadOnly("Its name.", TEXT)
    state = ReadOnly("Where it stands.", {"type": "string", "enum": list(PolicyState.codes())})
    in_force_from = ReadOnly("Its first day; null for a draft.", nullable(dict(DAY_SCHEMA)))
    based_on = ReadOnly("The version that it was drafted from; null for the policy file.", nullable(TEXT))
    drafted_by = ReadOnly("Who drafted it; null for the policy file.", nullable(TEXT))
    drafted_at = Timestamp("When it was drafted.", nullable=True)
    activated_by = ReadOnly("Who activated it.", nullable(TEXT))
    activated_at = Timestamp("When it was activated.", nullable=True)
    impact_digest = ReadOnly("The digest of the impact with which it was activated.", nullable(TEXT))
    cutoff = ReadOnly("The first day of the freeze.", dict(DAY_SCHEMA))
    start_clock = ReadOnly(
        "A project began on the earliest of these that is set.",
        {"type": "array", "items": {"type": "string", "enum": list(CLOCK_FIELDS)}},
    )
    scope = ReadOnly(
        "The kinds of agency that it binds.",
        {"type": "array", "items": {"type": "string", "enum": sorted(AgencyKind.codes())}},
    )
    migration_deadline = ReadOnly("By when what ran before the cutoff must have moved.", dict(DAY_SCHEMA))
    pilot_limit_months = ReadOnly("How long a pilot may last, in calendar months.", WHOLE)
    modification_limit_percent = ReadOnly("How much of the original cost a modification may cost.", WHOLE)
    verification_grace_days = ReadOnly("How long a new placement may wait for its confirmation.", WHOLE)
    onboarding_limit_months = ReadOnly("How far ahead the end of a move may lie.", WHOLE)
    attestation_months = ReadOnly("How often a record is confirmed, in calendar months; 0 for never.", WHOLE)
    work_before_contract_days = ReadOnly("By how many calendar days work may precede its contract.", WHOLE)
    split_contract_kzt = ReadOnly("Contracts below it may be parts of one that was split.", WHOLE)
    split_contract_days = ReadOnly("The longest time between such contracts, in calendar days.", WHOLE)
    idle_days = ReadOnly("For how many calendar days nothing may be deployed of an object on the platform.", WHOLE)
    edit_severity = ReadOnly(
        "The severity of what an edit leaves that ends a serious finding; `none`: edits are not judged.", EDIT_SEVERITY
    )
    case_from_severity = ReadOnly("Flags of this severity or above open a case.", FLAGGING_SEVERITY)
    change_threshold_percent = ReadOnly("An audit that would change more than this share is held.", WHOLE)
    change_threshold_minimum = ReadOnly("But never one that would change fewer projects than this.", WHOLE)
    safety_belt_percent = ReadOnly("Former name of `change_threshold_percent`.", {**WHOLE, "deprecated": True})
    safety_belt_minimum = ReadOnly("Former name of `change_threshold_minimum`.", {**WHOLE, "deprecated": True})
    document_quota_mib = ReadOnly("How much all documents of one project may take, in MiB.", WHOLE)
    appeal_suspends = ReadOnly(
        "True when an appealed order does not bind until a new decision, else it binds until one replaces it.",
        {"type": "boolean"},
    )
    targets = ReadOnly(
        "The share of projects in scope that should be on QazTech on a date, in percent. No rule depends on it.",
        {"type": "object", "additionalProperties": WHOLE},
    )
    confirmed_facts = ReadOnly(
        "Facts that count only when confirmed, each with the budget in tenge from which on (0: always); "
        "`framework_contract_months`; values unchanged since before `taken_over_before` count. Null: all facts count.",
        nullable(CONFIRMED_FACTS),
    )
    trusted_sources = ReadOnly(
        "State systems whose signed confirmations count without a person, by code, each with its facts.",
        {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}},
    )
    signatures = ReadOnly(
        "What is signed electronically: with `orders`, whoever proposes or approves an order; with `approvals`, "
        "whoever approves what another proposed; with `reports`, whoever approves a report to the Government.",
        object_of(**{name: {"type": "boolean"} for name in SIGNED}),
    )
    deadlines = ReadOnly("Terms of a review, in working days.", DEADLINES)
    clocks = ReadOnly("Former name of `deadlines`.", {**DEADLINES, "deprecated": True})
    rules = ReadOnly(
        "Every rule by its name.", object_of(**{name: {"$ref": "#/components/schemas/Rule"} for name in RULES})
    )
    verdict_cases = ReadOnly(
        "Expected verdicts, each with the rules that flag it by this version.", {"type": "array", "items": SHOWN_CASE}
    )
    digest = ReadOnly("SHA-256 of the policy file; of a version after the first, without its expected verdicts.", TEXT)


class VersionName(Text):
    """The name of a version: part of addresses, so of letters, digits, full stops, hyphens and underscores.

    RESERVED_VERSION is the address of a page.
    """

    SHAPE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text is not None and not self.SHAPE.fullmatch(text):
            raise InvalidValue("policy-version-invalid")
        if text == RESERVED_VERSION:
            raise InvalidValue("policy-version-reserved", version=text)
        return text

    @property
    def json_schema(self) -> dict[str, Any]:
        """A string with the pattern of names."""
        return {"type": "string", "minLength": 1, "maxLength": self.limit, "pattern": f"^{self.SHAPE.pattern}$"}


class Setting(InputField):
    """A setting of a policy, as it was sent: the parser of policy files checks it. Null leaves it out."""

    def __init__(self, json_schema: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self._json_schema = json_schema

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """What the setting accepts."""
        return self._json_schema


class PolicySettings(BaseSchema):
    """The settings of a draft that differ."""

    cutoff = Setting(dict(DAY_SCHEMA))
    start_clock = Setting({"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(CLOCK_FIELDS)}})
    scope = Setting({"type": "array", "minItems": 1, "items": {"type": "string", "enum": sorted(AgencyKind.codes())}})
    migration_deadline = Setting(dict(DAY_SCHEMA))
    pilot_limit_months = Setting(WHOLE)
    modification_limit_percent = Setting(WHOLE)
    verification_grace_days = Setting(WHOLE)
    onboarding_limit_months = Setting(WHOLE)
    attestation_months = Setting(WHOLE)
    work_before_contract_days = Setting(WHOLE)
    split_contract_kzt = Setting(WHOLE)
    split_contract_days = Setting(WHOLE)
    idle_days = Setting(WHOLE)
    edit_severity = Setting(EDIT_SEVERITY)
    case_from_severity = Setting(FLAGGING_SEVERITY)
    change_threshold_percent = Setting(WHOLE)
    change_threshold_minimum = Setting(WHOLE)
    document_quota_mib = Setting(WHOLE)
    appeal_suspends = Setting({"type": "boolean"})
    targets = Setting(
        {"type": "object", "additionalProperties": True},
        description="Percent by date; null for 100 on the migration deadline.",
    )
    confirmed_facts = Setting(
        {"type": "object", "additionalProperties": True},
        description="Facts that count only when confirmed: those that differ; null for none.",
    )
    trusted_sources = Setting(
        {"type": "object", "additionalProperties": True},
        description="State systems whose signed confirmations count without a person: those that differ; null for "
        "none.",
    )
    signatures = Setting(
        {"type": "object", "additionalProperties": True},
        description="What is signed electronically: `orders`, `approvals` and `reports`, true or false; null for "
        "nothing.",
    )
    deadlines = Setting(
        {"type": "object", "additionalProperties": True}, description="`answer`, `review`, `appeal`: those that differ."
    )
    rules = Setting(
        {"type": "object", "additionalProperties": True},
        description="Rules by name, each with what differs; `clauses` as a whole.",
    )
    verdict_cases = VerdictCases(description="Expected verdicts, all of them.")


class PolicyDraft(PolicySettings):
    """A draft to begin."""

    version = VersionName(MAX_VERSION_LENGTH, required=True, description="The name of the new version.")
    based_on = Text(description="The version that it begins from; without it, the one in force.")


class ComparisonShown(BaseSchema):
    """Two versions, setting by setting."""

    version = ReadOnly("The version that is compared.", TEXT)
    compared_with = ReadOnly("The version that it is compared with.", TEXT)
    differences = ReadOnly(
        "The settings that differ, named as in the policy file; null where a version has none.",
        {"type": "array", "items": object_of(setting=TEXT, before={}, after={})},
    )


POLICY: Final = PolicyShown()
POLICY_DRAFT: Final = PolicyDraft()
POLICY_SETTINGS: Final = PolicySettings()
COMPARISON: Final = ComparisonShown()


def policy_shown(record: PolicyRecord) -> dict[str, Any]:
    """Return the version as a mapping of everything that it says."""
    policy, stored = record.policy, record.stored
    names = ("based_on", "drafted_by", "drafted_at", "activated_by", "activated_at", "impact_digest")
    settings = {"appeal_suspends": policy.appeal_suspends, **as_json(policy_document(policy))}
    return {
        **settings,
        **{former: settings[name] for former, name in FORMER_NAMES.items()},
        "targets": {day.isoformat(): share for day, share in policy.targets},
        "appeal_suspends": policy.appeal_suspends,
        "confirmed_facts": settings.get("confirmed_facts"),
        "trusted_sources": settings.get("trusted_sources", {}),
        "signatures": {name: name in policy.signed for name in SIGNED},
        "rules": {name: _rule(rule) for name, rule in settings["rules"].items()},
        **{name: None if stored is None else getattr(stored, name) for name in names},
        "state": record.state,
        "in_force_from": record.in_force_from,
        "verdict_cases": run_cases(record.verdict_cases, policy),
        "digest": policy.digest,
    }


def comparison_shown(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as it is shown."""
    return {
        "version": comparison.after.version,
        "compared_with": comparison.before.version,
        "differences": [
            {"setting": each.setting, "before": each.before, "after": each.after} for each in comparison.differences
        ],
    }


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "clauses": [{"in_force_to": None, **clause} for clause in rule["clauses"]]}
