"""The policies endpoints: versions of the law's settings, read by oversight, drafted by supervisors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, ApiBlueprint, current_actor
from registry.api.operation_docs import CONTENT_DISPOSITION, LOCATION
from registry.api.pages import PageSchema
from registry.api.query_schemas import filter_query
from registry.core.pagination import Listing
from registry.core.transactions import transaction
from registry.freeze.rules import RULES
from registry.http.etag import make_tag, require_fresh_if_named
from registry.http.query_parameters import Parameter
from registry.policies.queries import PolicyRecord, compare, find_policy, list_policies, record_of
from registry.policies.schemas import (
    COMPARISON,
    POLICY,
    POLICY_DRAFT,
    POLICY_SETTINGS,
    comparison_shown,
    policy_shown,
)
from registry.policies.service import change_draft, delete_draft, draft_policy, draft_to_change

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
    "state": "in_force",
    "in_force_from": "2026-01-01",
    "based_on": None,
    "drafted_by": None,
    "drafted_at": None,
    "activated_by": None,
    "activated_at": None,
    "impact_digest": None,
    "cutoff": "2026-01-01",
    "start_clock": ["contract_signed_on", "work_started_on"],
    "scope": ["central_body", "local_executive"],
    "migration_deadline": "2026-09-30",
    "pilot_limit_months": 12,
    "modification_limit_percent": 20,
    "verification_grace_days": 30,
    "onboarding_limit_months": 6,
    "attestation_months": 6,
    "edit_severity": "medium",
    "case_from_severity": "medium",
    "safety_belt_percent": 25,
    "safety_belt_minimum": 50,
    "document_quota_mib": 200,
    "appeal_suspends": True,
    "targets": {"2026-12-31": 100},
    "clocks": {"answer": 10, "review": 20, "appeal": 15},
    "rules": dict.fromkeys(RULES, RULE_EXAMPLE),
    "verdict_cases": [],
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


DRAFT_EXAMPLE: Final[dict[str, Any]] = {
    **EXAMPLE,
    "version": "2026.2",
    "state": "draft",
    "in_force_from": None,
    "based_on": "2026.1",
    "drafted_by": "a.omarova",
    "drafted_at": "2026-11-26T05:00:00.000000Z",
    "verification_grace_days": 14,
}
SENT_EXAMPLE: Final[dict[str, Any]] = {"version": "2026.2", "based_on": "2026.1", "verification_grace_days": 14}
COMPARISON_EXAMPLE: Final[dict[str, Any]] = {
    "version": "2026.2",
    "compared_with": "2026.1",
    "differences": [{"setting": "verification_grace_days", "before": 30, "after": 14}],
}
WITH: Final = Parameter("with", "The version to compare with; without it, the one it is based on.", {"type": "string"})
TOML: Final = "application/toml"


def etag_data(record: PolicyRecord) -> tuple[object, ...]:
    """What the entity tag of a version is made from."""
    revision = 0 if record.stored is None else record.stored.revision
    return "policy", record.version, record.policy.digest, revision, record.state


@blp.route("/policies")
class Policies(MethodView):
    """All versions."""

    @blp.requires(Permission.POLICIES_READ)
    @blp.doc(operationId="list_policies")
    @blp.response(200, PageSchema(POLICY), example={"items": [EXAMPLE], "next": None})
    def get(self) -> Any:
        """List policies: the one in force, former and scheduled ones, and for supervisors drafts; newest first."""
        return Listing([policy_shown(record) for record in list_policies(current_actor())], None)

    @blp.requires(Permission.POLICIES_WRITE, Permission.POLICIES_READ)
    @blp.doc(operationId="create_policy")
    @blp.arguments(POLICY_DRAFT, example=SENT_EXAMPLE)
    @blp.idempotent
    @blp.etag
    @blp.response(201, POLICY, description="Drafted.", example=DRAFT_EXAMPLE, headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Draft a policy from another version, with the settings that differ."""
        record = record_of(draft_policy(current_actor(), values))
        blp.set_etag(etag_data(record))
        return policy_shown(record), {"Location": f"{API_PREFIX}/policies/{record.version}"}


@blp.route("/policies/<version>")
class PolicyByVersion(MethodView):
    """One version."""

    @blp.requires(Permission.POLICIES_READ)
    @blp.doc(operationId="read_one_policy")
    @blp.etag
    @blp.response(200, POLICY, example=EXAMPLE)
    def get(self, version: str) -> Any:
        """Read a policy: every threshold, and every rule with its texts in Kazakh, Russian and English."""
        record = find_policy(current_actor(), version)
        blp.set_etag(etag_data(record))
        return policy_shown(record)

    @blp.requires(Permission.POLICIES_WRITE, Permission.POLICIES_READ)
    @blp.doc(operationId="patch_policy")
    @blp.etag
    @blp.arguments(POLICY_SETTINGS, location="merge_patch", example={"verification_grace_days": 14})
    @blp.idempotent
    @blp.response(200, POLICY, example=DRAFT_EXAMPLE)
    def patch(self, values: Mapping[str, Any], version: str) -> Any:
        """Change a draft. Tables are merged; lists, such as the clauses of a rule, are replaced."""
        with transaction():
            draft = draft_to_change(current_actor(), version)
            blp.check_etag(etag_data(record_of(draft)))
            change_draft(current_actor(), draft, values)
            record = record_of(draft)
            blp.set_etag(etag_data(record))
        return policy_shown(record)

    @blp.requires(Permission.POLICIES_WRITE, Permission.POLICIES_READ)
    @blp.doc(operationId="delete_policy")
    @blp.honours("IfMatch")
    @blp.response(204, description="Deleted.")
    def delete(self, version: str) -> None:
        """Delete a draft. With `If-Match`, only in the state that was read."""
        with transaction():
            draft = draft_to_change(current_actor(), version)
            require_fresh_if_named(make_tag(*etag_data(record_of(draft))))
            delete_draft(current_actor(), draft)


@blp.route("/policies/<version>/comparison")
class PolicyComparison(MethodView):
    """A version beside another one."""

    @blp.requires(Permission.POLICIES_READ)
    @blp.doc(operationId="compare_policies")
    @blp.arguments(filter_query((WITH,)), location="query")
    @blp.response(200, COMPARISON, example=COMPARISON_EXAMPLE)
    def get(self, query: Mapping[str, str], version: str) -> Any:
        """Compare a policy with another one, setting by setting."""
        return comparison_shown(compare(current_actor(), version, query.get("with")))


@blp.route("/policies/<version>/file")
class PolicyFile(MethodView):
    """A version as a policy file."""

    @blp.requires(Permission.POLICIES_READ)
    @blp.doc(operationId="export_policy")
    @blp.response(200, {}, content_type=TOML, description="The policy file.", headers=CONTENT_DISPOSITION)
    def get(self, version: str) -> Response:
        """Export a policy in the format of the policy file: TOML in UTF-8."""
        record = find_policy(current_actor(), version)
        response = Response(record.text, content_type=f"{TOML}; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="freeze_policy.toml"'
        return response
