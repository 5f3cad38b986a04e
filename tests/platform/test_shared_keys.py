"""One key confirms one object, by hand and by an inventory."""

from __future__ import annotations

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.core.database import transaction
from registry.platform.confirmations import PlatformKeyShared, verify_placement
from registry.projects.links import add_link
from registry.projects.service import restrict_project
from tests.factories import an_actor, an_agency
from tests.platform.test_inventory import DAY, OPERATOR, apply, listed, on_platform, verified, verified_on

REVIEWER = an_actor(Role.REVIEWER)


def test_an_inventory_confirms_one_of_two_projects_with_a_key(app: Flask) -> None:
    agency = an_agency()
    first, second = on_platform(agency, "qt-1"), on_platform(agency, "qt-1")

    summary = apply(listed("qt-1", agency.bin))

    assert (summary["rows"]["matched"], summary["rows"]["shared"]) == ([first.number], [second.number])
    assert (verified_on(first), verified_on(second)) == (DAY, None)


def test_the_project_that_a_key_confirms_already_keeps_it(app: Flask) -> None:
    agency = an_agency()
    first = on_platform(agency, "qt-1")
    confirmed = verified(agency, "qt-1")

    summary = apply(listed("qt-1", agency.bin))

    assert (summary["rows"]["matched"], summary["rows"]["shared"]) == ([confirmed.number], [first.number])
    assert (verified_on(first), verified_on(confirmed)) == (None, DAY)


def test_a_key_confirms_no_second_project_by_hand(app: Flask) -> None:
    agency = an_agency()
    verified(agency, "qt-1")
    second = on_platform(agency, "qt-1")

    with pytest.raises(PlatformKeyShared), transaction():
        verify_placement(REVIEWER, second, "qt-1", DAY, "act")


@pytest.mark.parametrize("kind", ["part_of", "duplicate_of"])
def test_a_second_project_linked_as_the_same_object_stays_confirmed(app: Flask, kind: str) -> None:
    agency = an_agency()
    first, second = verified(agency, "qt-1"), on_platform(agency, "qt-1")
    with transaction():
        add_link(REVIEWER, second.number, {"kind": kind, "target": first.number})
        verify_placement(REVIEWER, second, "qt-1", DAY, "act")

    apply(listed("qt-1", agency.bin))

    assert (verified_on(first), verified_on(second)) == (DAY, DAY)


def test_a_project_that_replaces_another_does_not_share_its_key(app: Flask) -> None:
    agency = an_agency()
    first, second = verified(agency, "qt-1"), on_platform(agency, "qt-1")
    with transaction():
        add_link(REVIEWER, second.number, {"kind": "replaces", "target": first.number})

    with pytest.raises(PlatformKeyShared), transaction():
        verify_placement(REVIEWER, second, "qt-1", DAY, "act")


def test_a_link_of_one_reviewer_lets_no_inventory_confirm_a_second_project(app: Flask) -> None:
    agency = an_agency()
    first, second = verified(agency, "qt-1"), on_platform(agency, "qt-1")
    with transaction():
        add_link(REVIEWER, second.number, {"kind": "part_of", "target": first.number})

    summary = apply(listed("qt-1", agency.bin))

    assert (summary["rows"]["shared"], verified_on(first), verified_on(second)) == ([second.number], DAY, None)


def test_a_key_that_confirms_a_restricted_project_confirms_no_other(app: Flask) -> None:
    agency = an_agency()
    hidden = verified(agency, "qt-1")
    with transaction():
        restrict_project(an_actor(Role.SUPERVISOR), hidden, True, "secret")
    other = on_platform(agency, "qt-1")

    summary = apply(listed("qt-1", agency.bin), actor=OPERATOR)

    assert (summary["rows"]["shared"], verified_on(other), verified_on(hidden)) == ([other.number], None, DAY)
