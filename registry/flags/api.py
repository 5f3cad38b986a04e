"""Flags: what the audits found, over all projects that the caller may see."""

from __future__ import annotations

from registry.accounts.roles import Permission
from registry.api.blueprint import Routes
from registry.api.declared import Answers, Call
from registry.api.filter_parameters import plain_parameters
from registry.core.pagination import Listing
from registry.flags.queries import FLAG_FILTERS, SORTS, list_flags
from registry.projects.api import examples
from registry.projects.schemas import FLAG

routes = Routes("flags", "One rule's finding on one project, from the audit that opened it to its end.")


@routes.declare(
    "GET",
    "/flags",
    needs=Permission.PROJECTS_READ,
    query=plain_parameters(FLAG_FILTERS),
    paged=True,
    sorts=tuple(SORTS),
    answers=Answers(FLAG, {"items": [examples.FLAG], "next": None}, lists=True),
)
def list_all_flags(call: Call) -> Listing:
    """List flags, the newest first: standing ones and cleared ones, each with its clause and what to do next."""
    return list_flags(call.by, call.query, call.page, call.language)
