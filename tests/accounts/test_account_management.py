"""Who may manage whom, and what an agency administrator reaches."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from registry.accounts.account_changes import change_role, disable_account, enable_account
from registry.accounts.account_management import AccountNotYours, NotYourself, RoleNotYoursToGive, may_manage
from registry.accounts.models import AccountNotFound, account_named
from registry.accounts.queries import all_tokens, list_people
from registry.accounts.roles import AGENCY_ROLES, PERMISSIONS, Actor, Role
from registry.accounts.service import NewPerson, PersonNotFound, add_person, find_person, set_password
from registry.accounts.tokens import (
    TokenNotFound,
    add_service_account,
    find_token,
    issue,
    issue_service_token,
    list_service_accounts,
    revoke,
)
from registry.agencies.models import Agency
from registry.core.lists import Page
from tests.factories import ADMINISTRATOR, PASSWORD, a_token, an_actor, an_agency

DAY = timedelta(days=1)
# A forest: the parent of each agency is an earlier one, or none.
PARENTS = st.lists(st.integers(0, 7), min_size=1, max_size=8).map(
    lambda parents: [None if parent >= place else parent for place, parent in enumerate(parents)]
)


def is_below(parents: list[int | None], agency: int, root: int) -> bool:
    at: int | None = agency
    while at is not None and at != root:
        at = parents[at]
    return at == root


def people_listed(actor: Actor) -> list[str]:
    return [row["person"].name for row in list_people(actor, {}, Page(10)).items]


@given(parents=PARENTS, manager=st.sampled_from(list(Role)), subject=st.sampled_from(list(Role)), data=st.data())
def test_nobody_manages_beyond_the_own_rights(
    parents: list[int | None], manager: Role, subject: Role, data: st.DataObject
) -> None:
    agencies = st.integers(0, len(parents) - 1)
    manager_agency = data.draw(agencies) if manager in AGENCY_ROLES else None
    subject_agency = data.draw(agencies) if subject in AGENCY_ROLES else None

    def below(agency: int, root: int) -> bool:
        return is_below(parents, agency, root)

    allowed = may_manage(manager, manager_agency, subject, subject_agency, below)

    if manager is Role.ADMINISTRATOR:
        assert allowed
    elif allowed:
        # Only an agency administrator, only viewers and editors, only in the own subtree, and so never more rights.
        assert manager is Role.AGENCY_ADMINISTRATOR
        assert subject in (Role.AGENCY_VIEWER, Role.AGENCY_EDITOR)
        assert PERMISSIONS[subject] < PERMISSIONS[manager]
        assert manager_agency is not None and subject_agency is not None and below(subject_agency, manager_agency)
    else:
        assert (
            manager is not Role.AGENCY_ADMINISTRATOR
            or subject not in (Role.AGENCY_VIEWER, Role.AGENCY_EDITOR)
            or not below(subject_agency or 0, manager_agency or 0)
        )


@pytest.fixture
def ministry(app: Flask) -> Agency:
    return an_agency()


@pytest.fixture
def committee(ministry: Agency) -> Agency:
    """Two levels below the ministry."""
    return an_agency(parent=an_agency(parent=ministry))


@pytest.fixture
def aizhan(ministry: Agency) -> Actor:
    """The ministry's agency administrator."""
    person = add_person(ADMINISTRATOR, NewPerson("aizhan", Role.AGENCY_ADMINISTRATOR, ministry.id), PASSWORD)
    return replace(an_actor(Role.AGENCY_ADMINISTRATOR, ministry, "aizhan"), account_id=person.account_id)


def test_agency_administrator_manages_editors_and_viewers_of_the_own_subtree(
    aizhan: Actor, ministry: Agency, committee: Agency
) -> None:
    editor = add_person(aizhan, NewPerson("editor", Role.AGENCY_EDITOR, committee.id), PASSWORD)
    assert editor.account.status == "active"
    change_role(aizhan, editor.account_id, Role.AGENCY_VIEWER, ministry.id)
    set_password(aizhan, editor.id, PASSWORD + "!")
    disable_account(aizhan, editor.account_id)
    enable_account(aizhan, editor.account_id)
    assert (editor.role, editor.agency_id, editor.account.status) == ("agency_viewer", ministry.id, "active")
    robot = add_service_account(aizhan, "robot", Role.AGENCY_EDITOR, committee.id)
    token = issue_service_token(aizhan, robot.id, DAY)
    assert [each["key_id"] for each in all_tokens(aizhan)] == [token.key_id] and not token.pending
    revoke(aizhan, token.key_id)


@pytest.mark.parametrize("role", list(Role))
def test_agency_administrator_gives_no_role_but_viewer_and_editor(
    aizhan: Actor, ministry: Agency, committee: Agency, role: Role
) -> None:
    agency_id = committee.id if role in AGENCY_ROLES else None
    editor = add_person(aizhan, NewPerson("editor", Role.AGENCY_EDITOR, committee.id), PASSWORD)
    acts = (
        lambda: add_person(aizhan, NewPerson("new", role, agency_id), PASSWORD),
        lambda: change_role(aizhan, editor.account_id, role, agency_id),
        lambda: add_service_account(aizhan, "new robot", role, agency_id),
        lambda: issue(aizhan, "another robot", role, agency_id, DAY),
    )
    for act in acts:
        if role in (Role.AGENCY_VIEWER, Role.AGENCY_EDITOR):
            act()
        else:
            with pytest.raises(RoleNotYoursToGive):
                act()


def test_agency_administrator_gives_no_role_in_a_foreign_agency(aizhan: Actor, committee: Agency) -> None:
    foreign = an_agency()
    editor = add_person(aizhan, NewPerson("editor", Role.AGENCY_EDITOR, committee.id), PASSWORD)
    for act in (
        lambda: add_person(aizhan, NewPerson("new", Role.AGENCY_VIEWER, foreign.id), PASSWORD),
        lambda: change_role(aizhan, editor.account_id, Role.AGENCY_VIEWER, foreign.id),
        lambda: add_service_account(aizhan, "robot", Role.AGENCY_VIEWER, foreign.id),
        lambda: issue(aizhan, "robot", Role.AGENCY_VIEWER, foreign.id, DAY),
    ):
        with pytest.raises(RoleNotYoursToGive):
            act()
    assert account_named("new") is None and account_named("robot") is None and editor.agency_id == committee.id


@pytest.mark.parametrize("role", [Role.AGENCY_EDITOR, Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR])
def test_agency_administrator_does_not_see_accounts_of_others(aizhan: Actor, committee: Agency, role: Role) -> None:
    agency_id = an_agency().id if role in AGENCY_ROLES else None
    other = add_person(ADMINISTRATOR, NewPerson("other", role, agency_id), PASSWORD)
    robot = add_service_account(ADMINISTRATOR, "their robot", role, agency_id)
    key_id = issue(ADMINISTRATOR, "their robot", None, None, DAY).key_id
    assert people_listed(aizhan) == ["aizhan"]
    assert list_service_accounts(aizhan) == [] == all_tokens(aizhan)
    with pytest.raises(PersonNotFound):
        find_person(aizhan, other.id)
    with pytest.raises(PersonNotFound):
        set_password(aizhan, other.id, PASSWORD + "!")
    with pytest.raises(TokenNotFound):
        find_token(aizhan, key_id)
    with pytest.raises(TokenNotFound):
        revoke(aizhan, key_id)
    for act in (
        lambda: disable_account(aizhan, other.account_id),
        lambda: enable_account(aizhan, other.account_id),
        lambda: change_role(aizhan, other.account_id, Role.AGENCY_VIEWER, committee.id),
        lambda: disable_account(aizhan, robot.id),
        lambda: issue_service_token(aizhan, robot.id, DAY),
        lambda: issue(aizhan, "their robot", None, None, DAY),
    ):
        with pytest.raises(AccountNotFound):
            act()


def test_agency_administrator_manages_no_other_one_and_not_the_own_account(aizhan: Actor, committee: Agency) -> None:
    below = add_person(ADMINISTRATOR, NewPerson("below", Role.AGENCY_ADMINISTRATOR, committee.id), PASSWORD)
    token = a_token(Role.AGENCY_ADMINISTRATOR, committee, "below").split("_")[1]
    assert people_listed(aizhan) == ["aizhan", "below"]
    for act in (
        lambda: disable_account(aizhan, below.account_id),
        lambda: change_role(aizhan, below.account_id, Role.AGENCY_VIEWER, committee.id),
        lambda: set_password(aizhan, below.id, PASSWORD + "!"),
        lambda: revoke(aizhan, token),
    ):
        with pytest.raises(AccountNotYours):
            act()
    assert aizhan.account_id is not None
    with pytest.raises(NotYourself):
        change_role(aizhan, aizhan.account_id, Role.AGENCY_EDITOR, committee.id)
