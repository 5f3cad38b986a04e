"""Audit page: totals compared with the previous audit, and the list of status changes."""

from __future__ import annotations

import re
from datetime import date, timedelta

from registry.accounts.roles import Role
from tests.audits.steps import exempt
from tests.cases.cast import AIGERIM, SAULE, TRANSITIONAL, act, audit, case_of
from tests.factories import a_project
from tests.fixtures.web import SignedIn
from tests.present import Present

DAY = date(2026, 10, 5)
HOUR = timedelta(hours=1)
ROW = re.compile(r'<th scope="row" class="govuk-table__cell stacked__main">([^<]+)</th>(.*?)</tr>', re.DOTALL)


def table(page: str, caption: str) -> dict[str, list[str]]:
    """Return the rows of a table of counts, by name."""
    section = page.partition(f">{caption}</caption>")[2].partition("</table>")[0]
    return {name: re.findall(r">([^<>\s]+)</td>", cells) for name, cells in ROW.findall(section)}


def test_totals_show_difference_and_changes_do_not(signed_in: SignedIn, present: Present) -> None:
    present.set(DAY)
    exempted, accepted = a_project(), a_project()
    audit()
    present.move(HOUR)
    exempt(exempted, DAY, DAY)
    act(AIGERIM, case_of(accepted), "claim")
    act(AIGERIM, case_of(accepted), "propose", TRANSITIONAL)
    act(SAULE, case_of(accepted), "approve")
    present.move(HOUR)
    page = signed_in(Role.AUDITOR).get(f"/audits/{audit().id}").text
    assert table(page, "After the run") == {
        "Projects judged": ["2", "2", "0"],
        "Projects flagged": ["0", "2", "−2"],
        "Projects to migrate": ["0", "0", "0"],
        "Projects exempt": ["1", "0", "+1"],
        "Projects out of scope": ["0", "0", "0"],
        "Flags active": ["2", "2", "0"],
    }
    assert table(page, "Flags whose status or severity changed") == {
        "Flag opened": ["0", "2"],
        "Flag reopened": ["0", "0"],
        "Exempt by the Commission": ["1", "0"],
        "Accepted": ["1", "0"],
        "No longer accepted": ["0", "0"],
        "Severity raised": ["0", "0"],
        "Severity lowered": ["0", "0"],
        "Flag cleared": ["0", "0"],
    }
    listed = page.partition(">What changed</h2>")[2]
    assert "Nothing." not in listed and exempted.number in listed and accepted.number in listed
    assert ">Exempt by the Commission</td>" in listed and ">Accepted</td>" in listed
