"""The endpoint that returns what is signed of an act: its signature then goes with the request of the act."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, ClassVar, Final, NamedTuple

from registry.accounts.roles import Actor, Permission
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.approvals import service as approvals
from registry.approvals.schemas import REMARK
from registry.cases.decisions import read_act_to_sign as read_case_action
from registry.cases.schemas import CASE_COMMENT, CASE_PROPOSAL
from registry.core.clock import now, rfc3339
from registry.core.errors import Invalid, invalid
from registry.core.fields import BaseSchema, Choice, InputField, ReadOnly, Text, Timestamp
from registry.core.values import InvalidValue, plain_number
from registry.government_reports import service as government_reports
from registry.government_reports.schemas import NoDetails
from registry.projects import service as projects
from registry.projects.schemas import PROJECT_BODY
from registry.signatures.models import SignableAct
from registry.signatures.service import ActToSign, content_to_sign, require_ready_to_sign

blp = ApiBlueprint("signatures", __name__, description="What is signed electronically.", integrator=True)


class ActRequest(NamedTuple):
    """What the subject of an act begins with, the body of its request, and how what is signed is read."""

    prefix: str
    schema: BaseSchema
    read: Callable[[Actor, str, Mapping[str, Any]], ActToSign]


def _of_case(action: str, actor: Actor, case_id: str, values: Mapping[str, Any]) -> ActToSign:
    return read_case_action(actor, _id(case_id), action, values)


def _of_approval(actor: Actor, approval_id: str, values: Mapping[str, Any]) -> ActToSign:
    return approvals.read_act_to_sign(actor, _id(approval_id), values.get("reason"))


def _of_report(actor: Actor, number: str, _values: Mapping[str, Any]) -> ActToSign:
    return government_reports.read_act_to_sign(actor, number)


def _of_registration(actor: Actor, agency: str, values: Mapping[str, Any]) -> ActToSign:
    given = dict(values)
    reason = given.pop("change_reason", None)
    if given.pop("agency", agency) != agency:
        raise invalid("/subject", "signed-subject")
    projects.check_project(actor, agency, given, ())
    return projects.registration_to_sign(agency, given, reason)


ACTS: Final[Mapping[str, ActRequest]] = {
    SignableAct.PROPOSAL: ActRequest("case:", CASE_PROPOSAL, partial(_of_case, "propose")),
    SignableAct.DECISION: ActRequest("case:", CASE_COMMENT, partial(_of_case, "approve")),
    SignableAct.APPEAL: ActRequest("case:", CASE_COMMENT, partial(_of_case, "appeal")),
    SignableAct.APPROVAL: ActRequest("approval:", REMARK, _of_approval),
    SignableAct.REPORT: ActRequest("government-report:", NoDetails(), _of_report),
    SignableAct.REGISTRATION: ActRequest("agency:", PROJECT_BODY, _of_registration),
}


class Values(InputField):
    """A JSON object."""

    json_schema: ClassVar[dict[str, Any]] = {"type": "object", "additionalProperties": True}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, dict):
            raise InvalidValue("expected-object")
        return value


class ActBody(BaseSchema):
    """The act that is to be signed."""

    act = Choice(SignableAct.codes(), description="What is done.", required=True)
    subject = Text(
        description="As in the journal: `case:12`, `approval:12`, `government-report:2026-1`, and of a registration "
        "`agency:050340004478`.",
        required=True,
    )
    values = Values(description="The body of the request of the act, without `signature`.")


class ContentToSign(BaseSchema):
    """What is signed, for half an hour."""

    content = ReadOnly("The bytes to sign, in base64: canonical JSON in UTF-8.", {"type": "string"})
    sha256 = ReadOnly("SHA-256 of these bytes, in hexadecimal digits.", {"type": "string"})
    signed_at = Timestamp("The time in them, for `signature.signed_at`.")


@blp.route("/signatures/content", methods=["POST"])
@blp.requires(Permission.OWN_ACCOUNT_READ, operation="prepare_signature")
@blp.arguments(ActBody())
@blp.response(200, ContentToSign())
def prepare_signature(sent: Mapping[str, Any]) -> Any:
    """Get the bytes that the account's person signs of an act that could be done now. Nothing changes.

    Sign them as a detached CMS, and send `signature: {signed_at, cms}` in the body of the act's own request within
    half an hour. What changed meanwhile returns 409. The first signature of an account is made on a page of the
    register.
    """
    actor, act = current_actor(), ACTS[sent["act"]]
    require_ready_to_sign(actor)
    if not sent["subject"].startswith(act.prefix):
        raise invalid("/subject", "signed-subject")
    values, problems = act.schema.load_with_problems(sent.get("values") or {})
    if problems:
        raise Invalid([replace(each, pointer=f"/values{each.pointer}") for each in problems])
    at = now()
    content = content_to_sign(actor, act.read(actor, sent["subject"].removeprefix(act.prefix), values), at)
    return {"content": b64encode(content).decode(), "sha256": sha256(content).hexdigest(), "signed_at": rfc3339(at)}


def _id(text: str) -> int:
    """Return the row id; 0, which no row has, for a text that is none."""
    return plain_number(text) or 0
