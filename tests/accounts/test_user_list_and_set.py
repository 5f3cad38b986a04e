"""``registry users list`` and ``registry users set``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.accounts.tokens import add_service_account
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.factories import ADMINISTRATOR, PASSWORD, an_agency
from tests.fixtures.cli import CommandLine


@pytest.fixture
def bins(registry: CommandLine, services: Callable[[], Any]) -> tuple[str, str]:
    """The BINs of two agencies; a person and a service account of the first, and an administrator."""
    with services():
        agency, other = an_agency(), an_agency()
        editor = NewPerson("a.serikova", Role.AGENCY_EDITOR, agency.id, "a@example.kz", "ru")
        add_person(ADMINISTRATOR, editor, PASSWORD)
        add_person(ADMINISTRATOR, NewPerson("adil", Role.ADMINISTRATOR), PASSWORD)
        add_service_account(ADMINISTRATOR, "robot", Role.AGENCY_VIEWER, agency.id)
        return agency.bin, other.bin


def names(registry: CommandLine, *options: str) -> list[str]:
    return [item["name"] for item in registry("users", "list", "--json", *options).json["items"]]


def test_list_prints_accounts_as_the_api_shows_them(registry: CommandLine, bins: tuple[str, str]) -> None:
    first = registry("users", "list", "--json").json["items"][0]
    assert {name: first[name] for name in first if name not in ("id", "created_at", "changed_at")} == {
        "kind": "person",
        "name": "a.serikova",
        "email": "a@example.kz",
        "language": "ru",
        "role": "agency_editor",
        "agency": bins[0],
        "status": "active",
        "second_factor": False,
        "second_factors": [],
        "last_signed_in_at": None,
        "owner": None,
    }
    table = registry("users", "list").out.splitlines()
    assert table[0].split()[:3] == ["id", "kind", "name"] and len(table) == 4


def test_list_is_filtered(registry: CommandLine, bins: tuple[str, str]) -> None:
    assert names(registry) == ["a.serikova", "adil", "robot"]
    assert names(registry, "--kind", "service") == ["robot"]
    assert names(registry, "--role", "administrator", "--status", "active") == ["adil"]
    assert names(registry, "--agency", bins[0], "--q", "EXAMPLE") == ["a.serikova"]
    assert names(registry, "--inactive-since", "2026-01-01") == []
    assert registry("users", "list", "--agency", "1").code == 2


def test_set_changes_at_once_and_is_journalled_as_local(
    registry: CommandLine, services: Callable[[], Any], bins: tuple[str, str]
) -> None:
    values = ("--name", "a.akhmetova", "--email", "", "--language", "kk", "--role", "reviewer")
    ran = registry("users", "set", "a.serikova", *values)
    assert (ran.code, ran.out, ran.err) == (0, "", "The account a.akhmetova is changed.\n")
    with services():
        person = person_named("a.akhmetova")
        assert person is not None
        assert (person.email, person.language, person.role, person.agency_id) == (None, "kk", "reviewer", None)
        assert person.account.status == "active"
        entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "account.renamed")).one()
        assert entry.credential == "local"
        assert json.loads(entry.details) == {"name": "a.akhmetova", "old_name": "a.serikova"}


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("a.serikova",), 2, "Choose what to change."),
        (("a.serikova", "--email", "nobody"), 2, "The account was not changed:"),
        (("a.serikova", "--role", "king"), 2, "king"),
        (("a.serikova", "--agency", "990340900110"), 3, ""),
        (("nobody", "--language", "ru"), 3, "There is no account nobody."),
        (("a.serikova", "--name", "Adil"), 4, "The name adil is taken"),
        (("robot", "--language", "ru"), 2, "Only people have this field"),
        (("robot", "--owner", "nobody"), 3, "There is no account nobody."),
        (("robot", "--owner", "robot"), 2, "Choose a person with an active account as the owner."),
        (("a.serikova", "--owner", "adil"), 2, "Only service accounts have this field"),
        (("adil", "--role", "auditor"), 4, "adil is the last active administrator."),
    ],
)
def test_wrong_set_is_reported_by_code(
    registry: CommandLine, bins: tuple[str, str], arguments: tuple[str, ...], code: int, error: str
) -> None:
    ran = registry("users", "set", *arguments)
    assert (ran.code, ran.out) == (code, "") and error in ran.err
