"""Requests beside one that is confirmed for a later day: nothing passes on twice, and nothing is planned away."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.errors import Invalid
from registry.requests.models import Request, RequestKind
from registry.requests.service import ask, confirm
from registry.requests.succession import SuccessionPlanned, TransferPlanned
from tests.factories import a_project, an_actor, an_agency
from tests.present import Present

FIRST, SECOND = an_actor(Role.ADMINISTRATOR, name="first"), an_actor(Role.SUPERVISOR, name="second")
DAY = date(2026, 9, 30)
SUCCESSION, TRANSFER = RequestKind.SUCCESSION, RequestKind.TRANSFER


@pytest.fixture
def agency(app: Flask, present: Present) -> Agency:
    present.set(DAY)
    return an_agency()


def in_days(days: int, **values: object) -> dict[str, object]:
    return {"on": DAY + timedelta(days=days), "act": "No. 17", "reason": "They merge.", **values}


def planned(kind: RequestKind, subject: str, values: dict[str, object]) -> Request:
    """A request that is asked and confirmed for its day."""
    return confirm(SECOND, kind, ask(FIRST, kind, subject, values).id)


def test_a_succession_before_a_planned_division_is_a_conflict(agency: Agency) -> None:
    listed = [a_project(agency).number]
    planned(SUCCESSION, agency.bin, in_days(10, successor=an_agency().bin, projects=listed))

    with pytest.raises(SuccessionPlanned) as error:
        ask(FIRST, SUCCESSION, agency.bin, in_days(9, successor=an_agency().bin))
    assert error.value.params == {"bin": agency.bin, "on": "2026-10-10"}
    assert ask(FIRST, SUCCESSION, agency.bin, in_days(10, successor=an_agency().bin)).state == "waiting"


def test_a_project_of_a_planned_division_passes_on_once(agency: Agency) -> None:
    passing, staying = a_project(agency).number, a_project(agency).number
    planned(SUCCESSION, agency.bin, in_days(10, successor=an_agency().bin, projects=[passing]))

    with pytest.raises(Invalid) as error:
        ask(FIRST, SUCCESSION, agency.bin, in_days(5, successor=an_agency().bin, projects=[staying, passing]))
    assert [(each.pointer, each.code) for each in error.value.problems] == [
        ("/projects/1", "project-passes-on-already")
    ]


def test_nothing_is_planned_beside_a_planned_merger(agency: Agency) -> None:
    listed = [a_project(agency).number]
    planned(SUCCESSION, agency.bin, in_days(10, successor=an_agency().bin))

    for values in (in_days(5, projects=listed), in_days(20)):
        with pytest.raises(SuccessionPlanned):
            ask(FIRST, SUCCESSION, agency.bin, {**values, "successor": an_agency().bin})


def test_a_second_transfer_of_a_project_is_a_conflict(agency: Agency) -> None:
    project = a_project(agency).number
    planned(TRANSFER, project, in_days(10, to=an_agency().bin))

    with pytest.raises(TransferPlanned):
        ask(FIRST, TRANSFER, project, in_days(5, to=an_agency().bin))
