"""The policies endpoints: the law's settings, read by oversight."""

from __future__ import annotations

from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.pages import PageSchema
from registry.audits.api.policy_schemas import POLICY, policy_shown
from registry.audits.policies import read_policies, read_policy_of
from registry.core.pagination import Listing
from registry.freeze.rules import RULES

blp = ApiBlueprint("policies", __name__, description="Versions of the freeze.")

RULE_EXAMPLE: Final[dict[str, Any]] = {
    "enabled": True,
    "severity": "high",
    "kk_reviewed": False,
    "title_kk": "Мораторий кезінде басталған жаңа объект",
    "title_ru": "Новый объект, начатый во время моратория",
    "title_en": "New object begun under the moratorium",
    "remedy_kk": "Жұмысты тоқтатып, QazTech платформасына көшуге өтінім беріңіз.",
    "remedy_ru": "Остановите работы и подайте заявку на подключение к QazTech.",
    "remedy_en": "Stop the work and apply for onboarding to QazTech.",
    "clauses": [
        {
            "in_force_from": "2026-01-01",
            "in_force_to": None,
            "act_kk": "2025 жылғы 10 желтоқсандағы Жарлық, 1-тармақ",
            "act_ru": "Указ от 10 декабря 2025 года, пункт 1",
            "act_en": "Decree of 10 December 2025, clause 1",
            "text_kk": "мораторий енгізілген.",
            "text_ru": "введён мораторий.",
            "text_en": "a moratorium applies.",
        }
    ],
}
EXAMPLE: Final[dict[str, Any]] = {
    "version": "2026.1",
    "in_force_from": "2026-01-01",
    "cutoff": "2026-01-01",
    "start_clock": ["contract_signed_on", "work_started_on"],
    "scope": ["central_body", "local_executive"],
    "migration_deadline": "2026-09-30",
    "pilot_limit_months": 12,
    "modification_limit_percent": 20,
    "verification_grace_days": 30,
    "onboarding_limit_months": 6,
    "case_from_severity": "medium",
    "safety_belt_percent": 25,
    "safety_belt_minimum": 50,
    "document_quota_mib": 200,
    "clocks": {"answer": 10, "review": 20, "appeal": 15},
    "rules": dict.fromkeys(RULES, RULE_EXAMPLE),
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


@blp.route("/policies")
class Policies(MethodView):
    """All policies."""

    @blp.requires(Permission.POLICIES_READ)
    @blp.doc(operationId="list_policies")
    @blp.response(200, PageSchema(POLICY), example={"items": [EXAMPLE], "next": None})
    def get(self) -> Any:
        """List policies: the one in force."""
        return Listing([policy_shown(policy) for policy in read_policies(current_actor())], None)


@blp.route("/policies/<version>")
class PolicyByVersion(MethodView):
    """One policy."""

    @blp.requires(Permission.POLICIES_READ)
    @blp.doc(operationId="read_one_policy")
    @blp.etag
    @blp.response(200, POLICY, example=EXAMPLE)
    def get(self, version: str) -> Any:
        """Read a policy: every threshold, and every rule with its texts in Kazakh, Russian and English."""
        policy = read_policy_of(current_actor(), version)
        blp.set_etag(("policy", policy.digest))
        return policy_shown(policy)
