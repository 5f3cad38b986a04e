"""Exemptions: decisions of the Commission, recorded by supervisors."""

from __future__ import annotations

from typing import Any

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.api.blueprint import BASE, Routes
from registry.api.declared import Answer, Answers, Call, JsonBody
from registry.api.filter_parameters import plain_parameters
from registry.core.pagination import Listing
from registry.exemptions.queries import SORTS, filters_of_exemptions, list_exemptions, read_exemption
from registry.exemptions.schemas import EXAMPLE, EXEMPTION, EXEMPTION_BODY, REVOCATION, SENT
from registry.exemptions.service import Exemption, find_exemption_to_change, record_exemption, revoke_exemption
from registry.http.etag import make_tag

routes = Routes("exemptions", "Decisions of the Commission, recorded here and never granted here.")


def to_read(actor: Actor, id: int) -> Exemption:
    """The exemption that the path names; reading one of a restricted project is journalled."""
    return read_exemption(actor, id)


def to_change(actor: Actor, id: int) -> Exemption:
    """The same, locked."""
    return find_exemption_to_change(actor, id)


def tag_of(exemption: Exemption) -> str:
    """The entity tag; the status changes with the date alone."""
    return make_tag("exemption", exemption.id, exemption.status)


def _shown(exemption: Exemption, **more: Any) -> Answer:
    return Answer(exemption, tag=tag_of(exemption), **more)


@routes.declare(
    "GET",
    "/exemptions",
    needs=Permission.EXEMPTIONS_READ,
    query=plain_parameters(filters_of_exemptions()),
    paged=True,
    sorts=tuple(SORTS),
    answers=Answers(EXEMPTION, {"items": [EXAMPLE], "next": None}, lists=True),
)
def list_all_exemptions(call: Call) -> Listing:
    """List exemptions, by default the newest first. Sort by id or valid_to."""
    return list_exemptions(call.by, call.query, call.page)


@routes.declare(
    "POST",
    "/exemptions",
    needs=Permission.EXEMPTIONS_RECORD,
    body=JsonBody(EXEMPTION_BODY, SENT),
    answers=Answers(EXEMPTION, EXAMPLE, 201, "Recorded.", headers=("Location", "ETag")),
)
def create_exemption(call: Call) -> Answer:
    """Record a decision of the Commission; flags follow at the next audit."""
    exemption = record_exemption(call.by, dict(call.values))
    return _shown(exemption, location=f"{BASE}/exemptions/{exemption.id}")


@routes.declare(
    "GET",
    "/exemptions/<row_id:id>",
    needs=Permission.EXEMPTIONS_READ,
    subject=to_read,
    answers=Answers(EXEMPTION, EXAMPLE, headers=("ETag",)),
)
def read_one_exemption(call: Call) -> Answer:
    """Read an exemption."""
    return _shown(call.subject)


@routes.declare(
    "POST",
    "/exemptions/<row_id:id>/revocation",
    needs=Permission.EXEMPTIONS_RECORD,
    subject=to_read,
    locks=to_change,
    body=JsonBody(REVOCATION, {"reason": "Decision No. 5-2 of 1 June 2026"}),
    answers=Answers(EXEMPTION, {**EXAMPLE, "status": "revoked"}, headers=("ETag",)),
)
def revoke_one_exemption(call: Call) -> Answer:
    """Revoke an exemption; flags follow at the next audit."""
    return _shown(revoke_exemption(call.by, call.subject, call.values.get("reason")))
