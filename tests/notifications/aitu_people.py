"""People with linked Aitu accounts."""

from __future__ import annotations

from uuid import uuid4

from registry.accounts.models import Person
from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import transaction
from registry.notifications.aitu import AituLink
from tests.notifications.readers import create_reader


def link_aitu(person: Person, channels: str = "aitu") -> str:
    """Link a new Aitu account to a person. Return its id."""
    peer = str(uuid4())
    with transaction() as session:
        session.add(AituLink(person_id=person.id, peer_id=peer, channels=channels, linked_at=now()))
    return peer


def create_aitu_reader(
    role: Role | str, agency: Agency | None = None, name: str | None = None, channels: str = "aitu", **values: str
) -> str:
    """Create a person with a linked Aitu account, and the address ``name@readers.kz`` by default. Return its id."""
    return link_aitu(create_reader(role, agency, name, **values), channels)
