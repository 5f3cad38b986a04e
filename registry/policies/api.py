"""The policies endpoints: versions of the law's settings, their impact, and their activation."""

from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, CONTENT_DISPOSITION, LOCATION, ApiBlueprint, current_actor
from registry.api.parameters import PageSchema, filter_query
from registry.audits.policy_activation import ALL_KINDS, activate_policy, impact_of, impact_report, withdraw_activation
from registry.core.database import transaction
from registry.core.fields import DAY_SCHEMA, AnyDay, BaseSchema, ReadOnly, Text, nullable, shown_object
from registry.core.lists import Listing
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import Severity
from registry.http.requests import Parameter
from registry.http.responses import make_tag, require_fresh_if_named
from registry.policies.queries import PolicyRecord, compare, find_policy, list_policies, record_of
from registry.policies.schemas import COMPARISON, POLICY, POLICY_DRAFT, POLICY_SETTINGS, comparison_shown, policy_shown
from registry.policies.service import change_draft, delete_draft, draft_policy, draft_to_change

# An impact as it is shown, and an activation as it is asked for.

TEXT: Final = {"type": "string"}
COUNT: Final = {"type": "integer", "minimum": 0}
SEVERITY: Final = nullable({"type": "string", "enum": list(Severity.codes())})
PROJECT: Final[dict[str, Any]] = {
    "project": TEXT,
    "agency": {**TEXT, "description": "BIN of the agency."},
    "region": nullable(TEXT),
    "budget_kzt": nullable(COUNT),
}
CHANGE: Final[dict[str, Any]] = {
    **PROJECT,
    "severity_before": SEVERITY,
    "severity": SEVERITY,
    "rules": {"type": "array", "items": {"type": "string", "enum": list(RULES)}},
    "because": {
        "type": "string",
        "enum": ["policy", "facts"],
        "description": "`facts`: the policy in force has the same verdict, so the next audit changes this anyway.",
    },
}
COUNTS: Final[dict[str, Any]] = dict.fromkeys(ALL_KINDS, COUNT)


def _list(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": shown_object(properties)}


class ImpactShown(BaseSchema):
    """What an audit of today by a policy would change."""

    version = ReadOnly("The version.", TEXT)
    compared_with = ReadOnly("The version in force, by which `because` is told.", TEXT)
    as_of = ReadOnly("The day on which projects are judged.", dict(DAY_SCHEMA))
    digest = ReadOnly("SHA-256 of what the policy asks, the day, and exactly these changes.", TEXT)
    newly_flagged = ReadOnly("Projects without a flag that get one.", _list(CHANGE))
    cleared = ReadOnly("Projects that lose their last flag.", _list(CHANGE))
    changed_severity = ReadOnly("Projects with flags of another highest severity.", _list(CHANGE))
    changed_rules = ReadOnly("Projects with flags of other rules, of the same highest severity.", _list(CHANGE))
    cases_opened = ReadOnly("Projects for which a case opens.", _list(PROJECT))
    by_agency = ReadOnly("Numbers of projects by agency.", _list({"agency": TEXT, **COUNTS}))
    by_region = ReadOnly("The same by region; null for none.", _list({"region": nullable(TEXT), **COUNTS}))
    sums = ReadOnly(
        "Budgets of the projects of each list, in whole tenge.",
        shown_object({f"{kind}_kzt": COUNT for kind in ALL_KINDS}),
    )
    restricted = ReadOnly("Numbers of restricted projects, which no list, group or sum has.", shown_object(COUNTS))


class Activation(BaseSchema):
    """An activation to ask for."""

    impact_digest = Text(64, required=True, description="`digest` of the impact that was read.")
    on = AnyDay(required=True, description="The first day, today or later.")


IMPACT: Final = ImpactShown()
ACTIVATION: Final = Activation()


# The policies endpoints: versions of the law's settings, read by oversight, drafted by supervisors.

blp = ApiBlueprint("policies", __name__, description="Versions of the freeze.")


WITH: Final = Parameter("with", "The version to compare with; without it, the one it is based on.", {"type": "string"})
TOML: Final = "application/toml"


def etag_data(record: PolicyRecord) -> tuple[object, ...]:
    """Return what the entity tag of a version is made from."""
    revision = 0 if record.stored is None else record.stored.revision
    return "policy", record.version, record.policy.digest, revision, record.state


@blp.route("/policies")
class Policies(MethodView):
    """All versions."""

    @blp.requires(Permission.POLICIES_READ, operation="list_policies")
    @blp.response(200, PageSchema(POLICY))
    def get(self) -> Any:
        """List policies: the one in force, former and scheduled ones, and for supervisors drafts; newest first."""
        return Listing([policy_shown(record) for record in list_policies(current_actor())], None)

    @blp.requires(Permission.POLICIES_WRITE, Permission.POLICIES_READ, operation="create_policy")
    @blp.arguments(POLICY_DRAFT)
    @blp.idempotent
    @blp.etag
    @blp.response(201, POLICY, description="Drafted.", headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Draft a policy from another version, with the settings that differ."""
        record = record_of(draft_policy(current_actor(), values))
        blp.set_etag(etag_data(record))
        return policy_shown(record), {"Location": f"{API_PREFIX}/policies/{record.version}"}


@blp.route("/policies/<version>")
class PolicyByVersion(MethodView):
    """One version."""

    @blp.requires(Permission.POLICIES_READ, operation="read_one_policy")
    @blp.etag
    @blp.response(200, POLICY)
    def get(self, version: str) -> Any:
        """Read a policy: every threshold, and every rule with its texts in Kazakh, Russian and English."""
        record = find_policy(current_actor(), version)
        blp.set_etag(etag_data(record))
        return policy_shown(record)

    @blp.requires(Permission.POLICIES_WRITE, Permission.POLICIES_READ, operation="patch_policy")
    @blp.etag
    @blp.arguments(POLICY_SETTINGS, location="merge_patch")
    @blp.idempotent
    @blp.response(200, POLICY)
    def patch(self, values: Mapping[str, Any], version: str) -> Any:
        """Change a draft. Tables are merged; lists, such as the clauses of a rule, are replaced."""
        with transaction():
            draft = draft_to_change(current_actor(), version)
            blp.check_etag(etag_data(record_of(draft)))
            change_draft(current_actor(), draft, values)
            record = record_of(draft)
            blp.set_etag(etag_data(record))
        return policy_shown(record)

    @blp.requires(Permission.POLICIES_WRITE, Permission.POLICIES_READ, operation="delete_policy")
    @blp.honours("IfMatch")
    @blp.response(204, description="Deleted.")
    def delete(self, version: str) -> None:
        """Delete a draft. With `If-Match`, only in the state that was read."""
        with transaction():
            draft = draft_to_change(current_actor(), version)
            require_fresh_if_named(make_tag(*etag_data(record_of(draft))))
            delete_draft(current_actor(), draft)


@blp.route("/policies/<version>/comparison", methods=["GET"])
@blp.requires(Permission.POLICIES_READ, operation="compare_policies")
@blp.arguments(filter_query((WITH,)), location="query")
@blp.response(200, COMPARISON)
def compare_policies(query: Mapping[str, str], version: str) -> Any:
    """Compare a policy with another one, setting by setting."""
    return comparison_shown(compare(current_actor(), version, query.get("with")))


@blp.route("/policies/<version>/file", methods=["GET"])
@blp.requires(Permission.POLICIES_READ, operation="export_policy")
@blp.response(200, {}, content_type=TOML, description="The policy file.", headers=CONTENT_DISPOSITION)
def export_policy(version: str) -> Response:
    """Export a policy in the format of the policy file: TOML in UTF-8."""
    record = find_policy(current_actor(), version)
    response = Response(record.text, content_type=f"{TOML}; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="freeze_policy.toml"'
    return response


# The endpoints of a policy's impact, and of its activation.

impact_blp = ApiBlueprint("policy-impact", __name__, description="What a policy would change, and its activation.")
NOTHING: Final = BaseSchema()


@impact_blp.route("/policies/<version>/impact", methods=["POST"])
@impact_blp.requires(Permission.POLICIES_WRITE, Permission.POLICIES_READ, operation="calculate_policy_impact")
@impact_blp.arguments(NOTHING, required=False)
@impact_blp.idempotent(commits_itself=True)
@impact_blp.response(200, IMPACT)
def calculate_policy_impact(_values: Mapping[str, Any], version: str) -> Any:
    """Calculate what an audit of today by this policy would change. Writes nothing.

    The lists are whole: every project that changes, except restricted ones, which are only counted.
    """
    return impact_report(impact_of(current_actor(), version))


@impact_blp.route("/policies/<version>/activation")
class PolicyActivation(MethodView):
    """The activation of a draft."""

    @impact_blp.requires(Permission.POLICIES_ACTIVATE, Permission.POLICIES_READ, operation="activate_policy")
    @impact_blp.arguments(ACTIVATION)
    @impact_blp.idempotent(commits_itself=True)
    @impact_blp.etag
    @impact_blp.response(200, POLICY)
    def post(self, values: Mapping[str, Any], version: str) -> Any:
        """Put a draft in force from a day, with the digest of the impact that was shown today.

        Another supervisor than those who wrote the draft does it. 409 when the impact is no longer the same, or when
        an expected verdict does not hold.
        """
        record = record_of(activate_policy(current_actor(), version, values["impact_digest"], values["on"]))
        impact_blp.set_etag(etag_data(record))
        return policy_shown(record)

    @impact_blp.requires(Permission.POLICIES_ACTIVATE, Permission.POLICIES_READ, operation="withdraw_policy_activation")
    @impact_blp.response(204, description="Taken back: the version is a draft again.")
    def delete(self, version: str) -> None:
        """Take back an activation before its day. 409 for a version that is not scheduled for a later day."""
        withdraw_activation(current_actor(), version)
