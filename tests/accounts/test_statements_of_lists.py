"""Pages with lists of accounts send as many statements for many accounts as for few."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from registry.accounts.roles import AGENCY_ROLES, Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import add_service_account
from registry.agencies.models import Agency
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.statements import statements

ASKING = an_actor(Role.ADMINISTRATOR, name="asking")


def more_accounts(agency: Agency, start: int, count: int) -> None:
    """People and service accounts of an agency, each of these with an owner of its own, and pending accounts."""
    for number in range(start, start + count):
        person = add_person(ADMINISTRATOR, NewPerson(f"person {number}", Role.AGENCY_EDITOR, agency.id), PASSWORD)
        add_service_account(ADMINISTRATOR, f"robot {number}", Role.AGENCY_EDITOR, agency.id, person.account_id)
        add_person(ASKING, NewPerson(f"pending {number}", Role.AUDITOR), PASSWORD)


@pytest.mark.parametrize("path", ["/home", "/people", "/tokens", "/people/pending"])
@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.AGENCY_ADMINISTRATOR])
def test_number_of_statements_does_not_follow_the_number_of_accounts(
    signed_in: SignedIn, connection: Connection, role: Role, path: str
) -> None:
    agency = an_agency()
    visit = signed_in(role, agency if role in AGENCY_ROLES else None)
    sent = []
    for start, count in ((0, 2), (2, 8)):
        more_accounts(agency, start, count)
        with statements(connection) as listed:
            visit.get(path)
        sent.append(len(listed))
    assert sent[0] == sent[1]
