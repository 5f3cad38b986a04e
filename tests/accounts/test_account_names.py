"""Account names: allowed characters and confusable names."""

from __future__ import annotations

import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unicodedata import normalize

import pytest
from flask import Flask
from sqlalchemy import func, select

from registry.accounts.account_names import ALLOWED_CHARACTERS, clean_name, name_problems, skeleton
from registry.accounts.models import Account, AccountNameTaken
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import issue
from registry.core.database import db
from registry.core.errors import Invalid
from tests.factories import ADMINISTRATOR, PASSWORD

CONFUSABLES = Path(__file__).parent / "data" / "confusables.txt"
NAME = "Saule Iskakova"
# Cyrillic letters in place of Latin ones, capitals, composed letters, digits for letters.
ALIKE = [
    NAME,
    "SAULE ISKAKOVA",
    "saule iskakova",
    "S\u0430ule Iskakova",
    "\u0405\u0430ul\u0435 I\u0455k\u0430k\u043ev\u0430",
    "Saule Iskak\u043eva",
    "Saule  Iskakova",
    " Saule Iskakova ",
    "Sau1e Iskakova",
    "SauIe Iskakova",
    "Saule \u0406skakova",
    "Saule Isk\u0430k0va",
    "S\u0410ULE IS\u041aAKOVA",
]


@pytest.mark.parametrize("name", ALIKE)
def test_confusable_names_have_the_same_skeleton(name: str) -> None:
    assert skeleton(name) == skeleton(NAME)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # In capitals they are the same letters, in small letters not.
        ("\u0412\u041e\u0412", "BOB"),
        ("\u0432\u043e\u0432", "bob"),
        ("\u043d\u0443\u0440", "HYP"),
        ("modern", "rnodern"),
        ("\u0439", "\u0438\u0306"),
        # What only capitals share, letters with marks, and apostrophes.
        ("\u018f\u0441\u0435\u043b \u041d\u0443\u0440", "\u04d8\u0441\u0435\u043b \u041d\u0443\u0440"),
        ("\u0259\u0441\u0435\u043b", "\u04d8\u0441\u0435\u043b"),
        ("O\u2019Neil", "O'Neil"),
        ("Ay\u015fe", "Ay\u0219e"),
        ("\u0163ara", "\u021bara"),
        ("\u00e7a", "\u04aba"),
    ],
)
def test_names_confusable_in_another_case_have_the_same_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Aigerim Sarsenova", "Aigerim Sarsenov"),
        ("\u049a\u0430\u043d\u0430\u0442", "\u041a\u0430\u043d\u0430\u0442"),
        ("\u04e8\u043c\u0456\u0440", "\u041e\u043c\u0456\u0440"),
        ("\u04b0\u043b\u0430\u043d", "\u0423\u043b\u0430\u043d"),
        ("\u0415\u0440\u043b\u0430\u043d", "\u0415\u0440\u043d\u0430\u0440"),
        ("agency 2", "agency 3"),
        ("a.serikova", "a-serikova"),
    ],
)
def test_different_names_have_different_skeletons(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


def accepted_characters() -> list[str]:
    return [chr(code) for code in range(0x20, 0x3000) if ALLOWED_CHARACTERS.fullmatch(chr(code))]


def unicode_skeleton(name: str) -> str:
    """The skeleton of UTS 39, out of Unicode's own table."""
    table: dict[int, str] = {}
    for line in CONFUSABLES.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            source, prototype = line.split(" ; ")
            table[int(source, 16)] = "".join(chr(int(code, 16)) for code in prototype.split())
    return normalize("NFD", normalize("NFD", name).translate(table))


def test_every_class_of_confusable_names_has_one_skeleton() -> None:
    ascii_pairs = [a + b for a in map(chr, range(0x21, 0x7F)) for b in map(chr, range(0x21, 0x7F))]
    texts = [*accepted_characters(), *(pair for pair in ascii_pairs if ALLOWED_CHARACTERS.fullmatch(pair))]
    classes: dict[str, set[str]] = defaultdict(set)
    for text in texts:
        classes[unicode_skeleton(f"x{text}x")].add(text)
    confusable = [sorted(alike) for alike in classes.values() if len(alike) > 1]
    assert len(confusable) == 355
    for alike in confusable:
        assert len({skeleton(f"x{text}x") for text in alike}) == 1, alike


def test_case_of_an_accepted_letter_does_not_change_the_skeleton() -> None:
    for letter in accepted_characters():
        assert skeleton(letter) == skeleton(letter.casefold()) == skeleton(letter.lower()), letter


def test_kazakh_letters_of_different_names_stay_different() -> None:
    letters = "\u0430\u04d9\u0431\u0433\u0493\u0434\u0436\u0438\u0439\u043a\u049b\u043b\u043c\u043d\u04a3\u043e"
    letters += "\u04e9\u043f\u0440\u0441\u0442\u0443\u04b1\u0444\u0445\u0446\u0447\u0448\u0449\u044d\u044f"
    assert len({skeleton(letter) for letter in letters}) == len(letters) == 31


@pytest.mark.parametrize("name", ["local", "Local", "SYSTEM", "root", "r\u043e\u043et", "service", "schedule"])
def test_name_of_the_system_itself_is_reserved(app: Flask, name: str) -> None:
    assert [problem.code for problem in name_problems(name)] == ["name-reserved"]
    with pytest.raises(Invalid):
        issue(ADMINISTRATOR, name, Role.AUDITOR, None, None)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "x" * 201,
        "local:root",
        "service:schedule",
        "LOCAL:root",
        "a:b",
        "local\uff1aroot",
        "local\ua789root",
        "Saule\u200bIskakova",
        "Saule\u200d",
        "Saule\u00adIskakova",
        "Saule\u2060",
        "\ufeffSaule",
        "Saule\u202eIskakova",
        "Saule\u00a0Iskakova",
        "Saule\tIskakova",
        "Saule\nIskakova",
        "a\x00b",
        "\uff33aule",
        "\U0001d5ecaule",
        "\u0391\u0392",
        "\u5f20",
        "e\u0331\u0301\u0301",
        "\u019fm\u0456r",
        "\u0196gor",
        "\u01a6ustem",
        "\u017faule",
    ],
)
def test_name_is_rejected(app: Flask, name: str) -> None:
    assert [problem.code for problem in name_problems(clean_name(name))] == ["name-not-usable"]
    with pytest.raises(Invalid):
        add_person(ADMINISTRATOR, NewPerson(name, Role.AUDITOR), PASSWORD)
    with pytest.raises(Invalid):
        issue(ADMINISTRATOR, name, Role.AUDITOR, None, None)
    assert db.session.scalar(select(func.count(Account.id))) == 0


@pytest.mark.parametrize(
    "name",
    [
        "\u04d8\u0441\u0435\u043b \u049a\u04b1\u0434\u0430\u0439\u0431\u0435\u0440\u0433\u0435\u043d",
        "O'Connor-Smith (QT)",
        "Zo\u00eb",
        "nightly export #2",
        "a.serikova@gov.kz",
    ],
)
def test_name_is_accepted(name: str) -> None:
    assert name_problems(clean_name(name)) == []


@pytest.mark.parametrize("name", ALIKE)
def test_account_with_a_confusable_name_is_rejected(app: Flask, name: str) -> None:
    add_person(ADMINISTRATOR, NewPerson(NAME, Role.SUPERVISOR), PASSWORD)
    with pytest.raises(AccountNameTaken):
        add_person(ADMINISTRATOR, NewPerson(name, Role.REVIEWER), PASSWORD)
    if clean_name(name) != NAME:
        with pytest.raises(AccountNameTaken):
            issue(ADMINISTRATOR, name, Role.REVIEWER, None, None)
    assert db.session.scalars(select(Account.name)).all() == [NAME]


def test_concurrent_accounts_with_one_skeleton_conflict(own_app: Flask) -> None:
    start = threading.Barrier(4)

    def add(name: str) -> str:
        start.wait(60)
        with own_app.app_context():
            try:
                return add_person(ADMINISTRATOR, NewPerson(name, Role.AUDITOR), PASSWORD).name
            except AccountNameTaken:
                return "taken"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(add, ["Saule", "s\u0430ule", "SAULE", "Saul\u0435"]))
    assert sorted(outcome == "taken" for outcome in outcomes) == [False, True, True, True]
    with own_app.app_context():
        assert db.session.scalar(select(func.count(Account.id))) == 1
