"""The endpoints of a policy's impact, and of its activation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.audits.impact_report import impact_report
from registry.audits.policy_activation import activate_policy, withdraw_activation
from registry.audits.policy_impact import impact_of
from registry.core.base_schema import BaseSchema
from registry.policies.api.impact_schemas import ACTIVATION, ACTIVATION_EXAMPLE, IMPACT, IMPACT_EXAMPLE
from registry.policies.api.policies import EXAMPLE, etag_data
from registry.policies.queries import record_of
from registry.policies.schemas import POLICY, policy_shown

blp = ApiBlueprint("policy-impact", __name__, description="What a policy would change, and its activation.")
NOTHING: Final = BaseSchema()


@blp.route("/policies/<version>/impact")
class PolicyImpact(MethodView):
    """What a version would change."""

    @blp.requires(Permission.POLICIES_WRITE, Permission.POLICIES_READ)
    @blp.doc(operationId="calculate_policy_impact")
    @blp.arguments(NOTHING, required=False)
    @blp.idempotent(commits_itself=True)
    @blp.response(200, IMPACT, example=IMPACT_EXAMPLE)
    def post(self, _values: Mapping[str, Any], version: str) -> Any:
        """Calculate what an audit of today by this policy would change. Writes nothing.

        The lists are whole: every project that changes, except restricted ones, which are only counted.
        """
        return impact_report(impact_of(current_actor(), version))


@blp.route("/policies/<version>/activation")
class PolicyActivation(MethodView):
    """The activation of a draft."""

    @blp.requires(Permission.POLICIES_ACTIVATE, Permission.POLICIES_READ)
    @blp.doc(operationId="activate_policy")
    @blp.arguments(ACTIVATION, example=ACTIVATION_EXAMPLE)
    @blp.idempotent(commits_itself=True)
    @blp.etag
    @blp.response(200, POLICY, example={**EXAMPLE, "version": "2026.2", "state": "scheduled"})
    def post(self, values: Mapping[str, Any], version: str) -> Any:
        """Put a draft in force from a day, with the digest of the impact that was shown today.

        Another supervisor than those who wrote the draft does it. 409 when the impact is no longer the same, or when
        an expected verdict does not hold.
        """
        record = record_of(activate_policy(current_actor(), version, values["impact_digest"], values["on"]))
        blp.set_etag(etag_data(record))
        return policy_shown(record)

    @blp.requires(Permission.POLICIES_ACTIVATE, Permission.POLICIES_READ)
    @blp.doc(operationId="withdraw_policy_activation")
    @blp.response(204, description="Taken back: the version is a draft again.")
    def delete(self, version: str) -> None:
        """Take back an activation before its day. 409 for a version that is not scheduled for a later day."""
        withdraw_activation(current_actor(), version)
