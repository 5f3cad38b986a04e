"""People and steps of the tests of reports to the Government."""

from __future__ import annotations

from datetime import date
from typing import Any

from registry.accounts.models import account_named
from registry.accounts.roles import Actor, Role
from registry.accounts.service import NewPerson, add_person
from registry.core.database import transaction
from registry.government_reports.models import GovernmentReport
from registry.government_reports.queries import find_report_to_change
from registry.government_reports.service import (
    approve_government_report,
    begin_government_report,
    change_government_report,
    freeze_figures,
    submit_government_report,
)
from tests.factories import ADMINISTRATOR, PASSWORD, an_actor

AUTHOR = an_actor(Role.REVIEWER, name="bolat")
FIRST = an_actor(Role.REVIEWER, name="aigerim")
SECOND = an_actor(Role.SUPERVISOR, name="saule")
# Who approves a report in which restricted projects count.
FIRST_WHO_SEES_ALL = an_actor(Role.SUPERVISOR, name="timur")
READER = an_actor(Role.AUDITOR, name="marat")
TEXTS = {
    f"{section}_{language}": f"{section} {language}"
    for section in ("introduction", "findings", "measures", "conclusions")
    for language in ("kk", "ru")
}


def begin(actor: Actor = AUTHOR, **values: Any) -> GovernmentReport:
    """A new draft; its responsible person exists."""
    if account_named("answers") is None:
        add_person(ADMINISTRATOR, NewPerson("answers", Role.SUPERVISOR, None), PASSWORD)
    dates = {"period_end": date(2026, 9, 30), "due_on": date(2026, 10, 20)}
    return begin_government_report(actor, {**dates, "responsible": "answers", **values})


def change(number: str, actor: Actor = AUTHOR, **values: Any) -> GovernmentReport:
    """Change fields of the newest version."""
    with transaction():
        return change_government_report(actor, find_report_to_change(number), values)


def approve(number: str, actor: Actor) -> GovernmentReport:
    """Approve the newest version."""
    with transaction():
        return approve_government_report(actor, find_report_to_change(number))


def submitted(number: str) -> GovernmentReport:
    """Write every section of a draft, freeze the figures and submit it."""
    change(number, **TEXTS)
    freeze_figures(AUTHOR, number)
    return submit_government_report(AUTHOR, number)


def issued(first: Actor = FIRST) -> str:
    """The number of a new report that two people approved."""
    number = begin().number
    submitted(number)
    approve(number, first)
    return approve(number, SECOND).number
