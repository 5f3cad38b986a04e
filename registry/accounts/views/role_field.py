"""The role field of forms for people: each role with what it may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from registry.accounts.account_management import roles_to_give
from registry.accounts.actors import Actor
from registry.accounts.roles import Role
from registry.core.translations import lazy_text
from registry.web.formats import gettext as _
from registry.web.forms import Field, form_field
from registry.web.labels import role_name

ROLE_HINTS: Final[Mapping[Role, str]] = {
    Role.AGENCY_VIEWER: lazy_text("Reads what concerns the agency and those below it."),
    Role.AGENCY_EDITOR: lazy_text("Also registers and changes projects, imports tables, answers and appeals."),
    Role.AGENCY_ADMINISTRATOR: lazy_text("Also manages viewers and editors of the agency and those below it."),
    Role.REVIEWER: lazy_text("Reviews cases, proposes decisions and confirms facts."),
    Role.SUPERVISOR: lazy_text("Also approves decisions, confirms audits and accounts, and records exemptions."),
    Role.AUDITOR: lazy_text("Reads everything and changes nothing."),
    Role.OPERATOR: lazy_text("Runs audits and confirms facts of the platform."),
    Role.ADMINISTRATOR: lazy_text("Manages agencies, people and tokens. Takes no decisions."),
    Role.LEADER: lazy_text("Reads figures, agencies and projects; no cases and no restricted projects."),
}


def role_field(actor: Actor) -> Field:
    """The role field, with the roles that the actor may give."""
    roles = roles_to_give(actor)
    field = form_field("role", "radios", choices=[(role.value, role_name(role.value)) for role in roles])
    return replace(field, hints={role.value: _(ROLE_HINTS[role]) for role in roles})
