"""The search endpoint: what it finds, for whom, and what it refuses."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, select

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.agencies.models import Agency
from registry.core.database import db
from registry.journal.service import JournalEntry
from registry.letters.models import Letter
from registry.projects.models import Project
from tests.api.callers import Caller, caller, codes
from tests.cases.cast import AIGERIM, act, audit, case_of
from tests.factories import ADMINISTRATOR, PASSWORD, a_project, an_agency, restrict
from tests.present import Present
from tests.statements import statements


@pytest.fixture
def hospital() -> Agency:
    return an_agency(name_ru="Больница Арай", name_kk="Арай ауруханасы")


def asked(project: Project) -> Letter:
    """The letter of a question about the project's case."""
    audit()
    case = act(AIGERIM, case_of(project), "claim")
    act(AIGERIM, case, "ask", "Почему?")
    return db.session.scalars(select(Letter).where(Letter.case_id == case.id)).one()


def found(somebody: Caller, text: str) -> dict[str, Any]:
    answer = somebody.call("GET", "/search", query_string={"q": text})
    assert answer.status_code == 200, answer.text
    matches: dict[str, Any] = answer.get_json()
    return matches


def keys(matches: dict[str, Any]) -> dict[str, list[Any]]:
    """What names each match, of the kinds that have any."""
    names = {"projects": "number", "agencies": "bin", "cases": "id", "letters": "number", "people": "name"}
    return {kind: [item[name] for item in matches[kind]["items"]] for kind, name in names.items()}


def test_words_find_projects_cases_and_the_agency_in_either_language(supervisor: Caller, hospital: Agency) -> None:
    project = a_project(hospital, name_ru="Система записи Дархан")
    audit()
    case = case_of(project)

    assert keys(found(supervisor, "арай ауру")) == {
        "projects": [], "agencies": [hospital.bin], "cases": [case.id], "letters": [], "people": [],
    }  # fmt: skip
    assert keys(found(supervisor, "ДАРХ")) == {
        "projects": [project.number], "agencies": [], "cases": [case.id], "letters": [], "people": [],
    }  # fmt: skip


# With one letter wrong, missing, too many, or two exchanged.
MISTYPED = ("Сарыорка", "Сарарка", "Сарыарркa", "Сарыакра", "Saryarko", "Арыарка", "Шарыарка", "Асрыарка", "Усарыарка")


def test_kazakh_words_are_found_however_they_are_typed(client: FlaskClient, supervisor: Caller) -> None:
    agency = an_agency(name_ru="Акимат Сарыарка", name_kk="Сарыарқа әкімдігі")
    project = a_project(name_kk="Сарыарқа жолдары", name_ru="Дороги")
    add_person(ADMINISTRATOR, NewPerson("Қанат Сарыарқа", Role.AGENCY_EDITOR, agency.id), PASSWORD)
    a_project(agency, name_ru="Учёт леса")
    administrator = caller(client, Role.ADMINISTRATOR)
    for text in ("Сарыарқа", "Сарыарка", "САРЫАРҚА", "Saryarqa", "Saryarka", "saryar", "Сарыаркa", *MISTYPED):
        assert keys(found(supervisor, text))["projects"] == [project.number], text
        assert keys(found(supervisor, text))["agencies"] == [agency.bin], text
        assert keys(found(administrator, text))["people"] == ["Қанат Сарыарқа"], text


TYPED = {
    "Ұлытау": ["Улытау"], "Үкімет": ["Укимет"], "Өскемен": ["Oskemen"], "Әділет": ["Адилет"], "Теңіз": ["Тенiз"],
    "Ғылым": ["Gylym"], "Қазақ": ["Qazaq", "Казак"], "Ішкі": ["Ишки"], "Қаһарман": ["Кахарман"],
    "Жетісу": ["Jetisu", "Zhetisu"], "Щучинск": ["Shchuchinsk"], "Алматинский": ["almatinsky"],
    "Экспорт": ["export"], "Есіл": ["Yesil"], "Агентство": ["агент"], "Казхром": ["казх"],
}  # fmt: skip


def test_letters_are_compared_as_people_type_them(supervisor: Caller) -> None:
    projects = {name: a_project(name_kk=name, name_ru="Портал") for name in TYPED}
    audit()
    for name, texts in TYPED.items():
        for text in texts:
            matches, project = keys(found(supervisor, text)), projects[name]
            assert (matches["projects"], matches["cases"]) == ([project.number], [case_of(project).id]), text


def test_own_reference_and_contract_number_are_found_as_a_whole(supervisor: Caller) -> None:
    project = a_project(external_id="ПЛАН-2026/015", contract_number="47-К/26")
    a_project(external_id="ПЛАН-2025/015", contract_number="К-47")
    audit()
    for text in ("ПЛАН-2026/015", "план 2026 015", "план2026015", "№ 47-К/26", "47к"):
        matches = keys(found(supervisor, text))
        assert (matches["projects"], matches["cases"]) == ([project.number], [case_of(project).id]), text


def test_names_with_the_words_as_typed_come_first(supervisor: Caller) -> None:
    russian, kazakh = a_project(name_ru="Портал Сарыарка"), a_project(name_ru="Портал Сарыарқа")
    for text, numbers in (("сарыарка", [russian, kazakh]), ("сарыарқа", [kazakh, russian])):
        assert keys(found(supervisor, text))["projects"] == [project.number for project in numbers]


def test_words_in_use_are_no_typing_errors(supervisor: Caller) -> None:
    first, _ = a_project(name_ru="Реестр полей"), a_project(name_ru="Реестр полен")
    assert keys(found(supervisor, "полей"))["projects"] == [first.number]
    # A page of text that is pasted is not corrected: each word takes time.
    assert keys(found(supervisor, "полеей " * 6))["projects"] == [first.number]
    assert keys(found(supervisor, "полеей " * 7))["projects"] == []
    # Short words that nobody has are no others.
    assert keys(found(supervisor, "поле"))["projects"] != keys(found(supervisor, "пола"))["projects"] == []


def test_word_of_a_restricted_project_does_not_show_that_it_exists(client: FlaskClient, supervisor: Caller) -> None:
    hidden, shown = a_project(name_ru="Тулпар"), a_project(name_ru="Тулнар")
    restrict(hidden.number)
    assert keys(found(caller(client, Role.REVIEWER), "тулпар"))["projects"] == [shown.number]
    assert set(keys(found(supervisor, "тулпар"))["projects"]) == {hidden.number, shown.number}


def test_item_has_what_names_it_and_where_it_stands(supervisor: Caller, hospital: Agency, present: Present) -> None:
    present.set(date(2026, 3, 2))
    project = a_project(hospital, name_ru="Дархан", name_kk=None)
    letter = asked(project)

    matches = found(supervisor, "дархан")
    assert matches["projects"] == {
        "items": [
            {
                "number": project.number,
                "agency": hospital.bin,
                "name_kk": None,
                "name_ru": "Дархан",
                "name_en": None,
                "freeze_status": "flagged",
                "severity": "high",
            }
        ],
        "more": False,
    }
    [case] = matches["cases"]["items"]
    assert (case["project"], case["agency"], case["status"]) == (project.number, hospital.bin, "awaiting_agency")
    assert found(supervisor, letter.number)["letters"]["items"] == [
        {
            "number": "QL-2026-000001",
            "kind": "question",
            "issued_on": "2026-03-02",
            "case": case["id"],
            "project": project.number,
            "agency": hospital.bin,
            "stands": True,
        }
    ]


def test_letter_is_found_by_its_number_its_beginning_and_its_serial(supervisor: Caller, present: Present) -> None:
    present.set(date(2026, 3, 2))
    asked(a_project())
    for text in ("QL-2026-000001", "ql-2026-0000", "2026-00", "QL 2026", "000001", "01"):
        assert keys(found(supervisor, text))["letters"] == ["QL-2026-000001"], text
    for text in ("QL-2025", "02", "QL-2026-000001-", "letter 1", "26-000001"):
        assert keys(found(supervisor, text))["letters"] == [], text


def test_each_kind_has_the_newest_five_and_says_whether_there_are_more(supervisor: Caller) -> None:
    projects = [a_project(name_ru=f"Тулпар {place}") for place in range(6)]
    audit()

    matches = found(supervisor, "тулпар")
    assert keys(matches)["projects"] == [project.number for project in reversed(projects[1:])]
    assert keys(matches)["cases"] == [case_of(project).id for project in reversed(projects[1:])]
    assert [matches[kind]["more"] for kind in ("projects", "cases", "agencies", "letters")] == [
        True,
        True,
        False,
        False,
    ]
    assert found(supervisor, "тулпар 5")["projects"]["more"] is False


def test_agency_finds_its_own_records_and_those_below_it_only(client: FlaskClient, hospital: Agency) -> None:
    below, other = an_agency(hospital, name_ru="Филиал Арай"), an_agency(name_ru="Арай другой")
    own, of_below, _ = (a_project(agency, name_ru="Тулпар") for agency in (hospital, below, other))
    audit()
    viewer = caller(client, Role.AGENCY_VIEWER, hospital)

    assert set(keys(found(viewer, "тулпар"))["projects"]) == {own.number, of_below.number}
    assert set(keys(found(viewer, "тулпар"))["cases"]) == {case_of(own).id, case_of(of_below).id}
    assert set(keys(found(viewer, "арай"))["agencies"]) == {hospital.bin, below.bin}
    assert keys(found(viewer, other.bin))["agencies"] == []


def test_restricted_project_is_found_only_by_who_may_see_it_and_each_reading_is_journalled(
    client: FlaskClient, supervisor: Caller
) -> None:
    project = a_project(name_ru="Тулпар")
    audit()
    restrict(project.number)
    reading = select(JournalEntry.subject).where(JournalEntry.action == "restricted.read")

    for role in (Role.REVIEWER, Role.LEADER, Role.ADMINISTRATOR):
        assert not any(keys(found(caller(client, role), "тулпар")).values())
    assert db.session.scalars(reading).all() == []
    assert keys(found(supervisor, "тулпар"))["projects"] == [project.number]
    assert set(db.session.scalars(reading)) == {f"project:{project.number}"}


def test_leader_finds_projects_and_agencies_but_no_cases_and_letters(
    client: FlaskClient, hospital: Agency, present: Present
) -> None:
    present.set(date(2026, 3, 2))
    project = a_project(hospital)
    letter = asked(project)
    leader = caller(client, Role.LEADER)

    matches = keys(found(leader, "арай")) | {"projects": keys(found(leader, project.number))["projects"]}
    assert matches == {
        "projects": [project.number], "agencies": [hospital.bin], "cases": [], "letters": [], "people": [],
    }  # fmt: skip
    assert keys(found(leader, letter.number))["letters"] == []


def test_people_are_found_only_by_who_lists_people(client: FlaskClient, hospital: Agency) -> None:
    add_person(ADMINISTRATOR, NewPerson("Нұрлан Әбенов", Role.AGENCY_EDITOR, hospital.id), PASSWORD)
    add_person(ADMINISTRATOR, NewPerson("Нурлан Иванов", Role.REVIEWER, None), PASSWORD)

    administrator = found(caller(client, Role.ADMINISTRATOR), "нурлан")["people"]["items"]
    assert {item["name"]: (item["role"], item["agency"], item["status"]) for item in administrator} == {
        "Нұрлан Әбенов": ("agency_editor", hospital.bin, "active"),
        "Нурлан Иванов": ("reviewer", None, "active"),
    }
    own = caller(client, Role.AGENCY_ADMINISTRATOR, hospital)
    assert keys(found(own, "нурлан"))["people"] == ["Нұрлан Әбенов"]
    for role in (Role.REVIEWER, Role.SUPERVISOR, Role.LEADER):
        assert keys(found(caller(client, role), "нурлан"))["people"] == []


def test_unusable_text_is_refused_with_a_message(supervisor: Caller) -> None:
    for query, code in (
        ("", "value-missing"),
        ("?q=%20%20", "value-missing"),
        ("?q=%20a%20", "search-too-short"),
        ("?q=5", "search-too-short"),
        ("?q=ab%00", "not-usable"),
        (f"?q={'a' * 1001}", "not-usable"),
    ):
        answer = supervisor.get(f"/search{query}")
        assert (answer.status_code, codes(answer)) == (400, {("q", code)}), query


def test_text_without_a_match_finds_nothing(supervisor: Caller) -> None:
    a_project()
    audit()
    for text in ("!!", "%%", "__", "' OR 1=1", "такогонет"):
        assert not any(keys(found(supervisor, text)).values()), text


def test_search_takes_as_many_statements_for_many_matches_as_for_few(
    connection: Connection, supervisor: Caller
) -> None:
    counts = []
    for count in (2, 9):
        for _ in range(count):
            a_project(name_ru="Тулпар")
        audit()
        found(supervisor, "тулпар")  # the first use of a token is kept
        db.session.expunge_all()
        with statements(connection) as sent:
            found(supervisor, "тулпар")
        counts.append(len(sent))
    assert counts[0] == counts[1], counts
