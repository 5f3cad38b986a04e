"""Filters of lists beside each other, with every order, for every kind of reader; at night each with every other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import registry
from registry.accounts.roles import Role
from registry.accounts.views import people
from registry.accounts.views import sign_in as failed_sign_ins
from registry.agencies import pages as agencies
from registry.approvals import pages as approvals
from registry.audits import pages as audits
from registry.cases import list_pages as cases
from registry.exemptions import pages as exemptions
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import AgencyKind
from registry.government_reports import pages as government_reports
from registry.inbox import pages as inbox
from registry.journal import pages as journal
from registry.journal import pages as journal_words
from registry.letters import pages as letters
from registry.open_data import pages as public_projects
from registry.projects import pages as projects
from registry.requests import pages as requests
from registry.web.labels import CHOICE_LABELS
from tests.fixtures.web import SignedIn, Visit
from tests.listed_records import listed_records
from tests.pairwise import pairwise_rows, single_rows

BOUND = Role.AGENCY_VIEWER
READERS = (Role.SUPERVISOR, Role.ADMINISTRATOR, BOUND)
# Each list: its filters, its orders, and whether it can be downloaded.
LISTS: dict[str, tuple[Iterable[str], Iterable[str], bool]] = {
    "/agencies": (agencies.FILTERS, (), False),
    "/audits": (audits.FILTERS, (), False),
    "/cases": (cases.FILTERS, cases.SORTS, True),
    "/cases/exemptions-ending": ((*exemptions.FILTERS, "within"), (), True),
    "/cases/watch-list": (cases.WATCH_FILTERS, cases.WATCH_SORTS, True),
    "/government-reports": (government_reports.FILTERS, (), False),
    "/inbox": (inbox.FILTERS, (), False),
    "/journal": (journal.FILTERS, (), True),
    "/journal/failed-sign-ins": (failed_sign_ins.FILTERS, (), False),
    "/letters": (letters.FILTERS, letters.SORTS, True),
    "/people": (people.FILTERS, (), False),
    "/projects": (projects.FILTERS, projects.SORTS, True),
    "/requests": (requests.FILTERS, (), False),
}
WITH_FILTERS = {
    approvals,
    agencies,
    audits,
    exemptions,
    failed_sign_ins,
    government_reports,
    inbox,
    journal,
    letters,
    people,
    projects,
    requests,
}
BOOLEANS = (
    "below",
    "dry_run",
    "flagged",
    "has_security_conclusion",
    "holds_personal_data",
    "is_ai",
    "is_assigned",
    "is_restricted",
    "overdue",
    "to_approve",
)
VALUES = {
    "/cases": {"is_null": ["outcome"]},
    "/projects": {"is_null": ["budget_kzt"]},
    "/inbox": {"unread": ["true"], "kind": ["answered", "question"]},
    "/letters": {"kind": ["order", "question"]},
    "/requests": {"state": ["waiting", "confirmed"]},
}
STATUSES = {
    "/audits": "audit_status",
    "/cases": "case_status",
    "/government-reports": "report_status",
    "/people": "account_status",
}


def values_of(path: str, name: str, known: Mapping[str, str]) -> list[str]:
    """Values that a filter takes; of codes all, as a form with several choices sends them."""
    fixed: dict[str, list[str]] = {
        "action": sorted(journal_words.ACTIONS)[:1],
        "kind": [",".join(AgencyKind.codes())],
        "rule": [",".join(RULES)],
        "open_rule": [",".join(RULES)],
        "within": ["365", "any"],
    }
    if name in VALUES.get(path, {}):
        return VALUES[path][name]
    if name in fixed:
        return fixed[name]
    if name in BOOLEANS:
        return ["true"] if name == "below" else ["true", "false"]
    if name in known:
        return [known[name]]
    if "_kzt_" in name:
        return ["1000"]
    if name == "due_on" or name.endswith(("_from", "_to")):
        return ["2026-06-01"]
    codes = list(CHOICE_LABELS.get(STATUSES.get(path, name) if name == "status" else name, ()))
    return [",".join(codes)] if codes else ["x"]


def rows_of(
    path: str, known: Mapping[str, str], readers: Mapping[Role, Visit], nightly: bool
) -> list[tuple[Visit, dict[str, str]]]:
    rows_of_factors = pairwise_rows if nightly else single_rows
    filters, sorts, _downloads = LISTS[path]
    factors: dict[str, list[str | None]] = {"sort": [None, *sorts]}
    factors |= {name: [None, *values_of(path, name, known)] for name in filters}
    open_to = [role for role, visit in readers.items() if visit.client.get(path).status_code != 403]
    # Everything again for those bound to an agency: their condition is itself one on agencies.
    shared: list[str | None] = [role.value for role in open_to if role is not BOUND]
    rows = [(readers[Role(row.pop("_reader"))], row) for row in rows_of_factors({"_reader": shared, **factors})]
    return rows + [(readers[BOUND], row) for row in rows_of_factors(factors) if BOUND in open_to]


def test_every_list_with_filters_is_covered() -> None:
    modules: list[Any] = [
        import_module(info.name)
        for info in walk_packages(registry.__path__, "registry.")
        if ".views" in info.name or info.name.endswith("pages")
    ]
    # The public list is off by default; tests/open_data try its filters.
    elsewhere = {cases, public_projects}
    assert {module for module in modules if "FILTERS" in vars(module)} - elsewhere == WITH_FILTERS


# The API asks the same queries; its test runs on both databases.
@pytest.mark.sqlite_only
@pytest.mark.parametrize("path", LISTS)
def test_filters_are_accepted_together(signed_in: SignedIn, nightly: bool, path: str) -> None:
    agency, known = listed_records()
    readers = {role: signed_in(role, agency if role is BOUND else None) for role in READERS}
    failed = []
    for place, (visit, row) in enumerate(rows_of(path, known, readers, nightly)):
        table = f"{path}.{('csv', 'xlsx')[place % 2]}"
        for address in (path, table) if LISTS[path][2] else (path,):
            with visit.client.get(address, query_string=row, follow_redirects=True) as answer:
                # What is sent as it is made fails while it is read.
                assert answer.data is not None
            if answer.status_code != 200:
                failed.append((address, answer.status_code, row))
    assert failed == []
