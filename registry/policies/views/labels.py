"""Settings of a policy as pages name and display them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from registry.audits.views.findings import rule_titles
from registry.core.languages import Language
from registry.core.translations import lazy_text
from registry.freeze.policy import NOT_JUDGED, Policy
from registry.freeze.policy_document import policy_document
from registry.freeze.texts import in_language
from registry.policies.settings import as_json
from registry.web.formats import day
from registry.web.labels import choice_label, field_label
from registry.web.translations import gettext

LABELS: Final[Mapping[str, str]] = {
    "cutoff": lazy_text("First day of the moratorium"),
    "start_clock": lazy_text("A project starts on the earliest of"),
    "scope": lazy_text("Agencies that it binds"),
    "migration_deadline": lazy_text("Migration deadline"),
    "pilot_limit_months": lazy_text("Limit of a pilot, months"),
    "modification_limit_percent": lazy_text("Limit of a modification, percent of the original cost"),
    "verification_grace_days": lazy_text("Time to confirm a placement, days"),
    "onboarding_limit_months": lazy_text("Limit of an onboarding, months"),
    "attestation_months": lazy_text("A record is confirmed every, months"),
    "edit_severity": lazy_text("An edit that ends a serious finding leaves severity"),
    "case_from_severity": lazy_text("A case opens from severity"),
    "safety_belt_percent": lazy_text("Change threshold of an audit, percent"),
    "safety_belt_minimum": lazy_text("Change threshold of an audit, projects"),
    "appeal_suspends": lazy_text("An appeal suspends the order"),
    "document_quota_mib": lazy_text("Documents of a project, MiB"),
    "clocks.answer": lazy_text("Time to answer a question, working days"),
    "clocks.review": lazy_text("Time to review a case, working days"),
    "clocks.appeal": lazy_text("Time to appeal, working days"),
}
RULE_LABELS: Final[Mapping[str, str]] = {
    "enabled": lazy_text("in use"),
    "severity": lazy_text("severity"),
    "kk_reviewed": lazy_text("Kazakh texts checked"),
    "title": lazy_text("title"),
    "remedy": lazy_text("what to do"),
    "act": lazy_text("legal act"),
    "text": lazy_text("wording"),
    "in_force_from": lazy_text("in force from"),
    "in_force_to": lazy_text("in force to"),
}
# As registry/freeze/policy_lines.py writes a path.
OF_RULE: Final = re.compile(r'rules\."([^"]+)"\.(.+)')
# A setting of a rule, or of one of its clauses; texts have a language.
PART: Final = re.compile(r"(?:clauses\[(\d+)\]\.)?(\w+?)(?:_(kk|ru|en))?")
DATES: Final = ("cutoff", "migration_deadline")
TARGET: Final = "targets."


def setting_label(setting: str) -> str:
    """The name of a setting; of a rule, its title and which of its settings; else the path in the policy file."""
    if setting.startswith(TARGET):
        return gettext("Share on QazTech on %(day)s, percent") % {"day": day(setting.removeprefix(TARGET))}
    of_rule = OF_RULE.fullmatch(setting)
    if of_rule is not None:
        return f"{rule_titles().get(of_rule[1], of_rule[1])}: {_part(of_rule[2])}"
    return gettext(LABELS[setting]) if setting in LABELS else setting


def _part(name: str) -> str:
    part = PART.fullmatch(name)
    if part is None or part[2] not in RULE_LABELS:
        return name
    clause = [] if part[1] is None else [gettext("clause %(number)s") % {"number": part[1]}]
    language = [] if part[3] is None else [choice_label("language", part[3])]
    return ", ".join([*clause, gettext(RULE_LABELS[part[2]]), *language])


def setting_value(setting: str, value: Any) -> str:
    """The value of a setting as text; empty for None."""
    if setting == "appeal_suspends":
        # Left out of a policy where it is true.
        value = value is not False
    if value is None:
        return ""
    if isinstance(value, bool):
        return choice_label(setting, value)
    if setting in DATES or setting.endswith((".in_force_from", ".in_force_to")):
        return str(day(value))
    if setting == "scope":
        return ", ".join(choice_label("kind", code) for code in value)
    if setting == "start_clock":
        return ", ".join(field_label(name) for name in value)
    if setting == "edit_severity" and value == NOT_JUDGED:
        return gettext("Off")
    if setting in ("edit_severity", "case_from_severity") or setting.endswith(".severity"):
        return choice_label("severity", value)
    return str(value)


def thresholds(policy: Policy) -> list[tuple[str, str]]:
    """Every threshold of a policy with its label, in the order of the file."""
    document = as_json(policy_document(policy))
    clocks = {f"clocks.{name}": number for name, number in document["clocks"].items()}
    values = {"appeal_suspends": policy.appeal_suspends, **document, **clocks}
    targets = [(setting_label(f"{TARGET}{on.isoformat()}"), str(share)) for on, share in policy.targets]
    return [*((gettext(label), setting_value(name, values[name])) for name, label in LABELS.items()), *targets]


def rules_shown(policy: Policy, language: Language) -> list[dict[str, Any]]:
    """Every rule with its texts and all wordings of its clause, in one language."""
    return [
        {
            "name": name,
            "enabled": rule.enabled,
            "severity": rule.severity,
            "title": in_language(rule.title, language),
            "remedy": in_language(rule.remedy, language),
            "wordings": [
                {
                    "act": in_language(wording.act, language),
                    "clause": in_language(wording.text, language),
                    "since": wording.in_force_from,
                    "to": wording.in_force_to,
                }
                for wording in rule.clauses
            ],
        }
        for name, rule in policy.rules.items()
    ]
