"""Error messages in terms of their place: form, page or table."""

from __future__ import annotations

import re
from datetime import date

from registry.accounts.roles import Role
from registry.imports.service import import_now
from tests.cases.casework import LAW, flagged_case, send
from tests.factories import an_agency
from tests.fixtures.web import SignedIn
from tests.inbox.people import actor_named
from tests.present import Present


def test_missing_values_are_named_by_what_the_field_asks(signed_in: SignedIn) -> None:
    visit = signed_in(Role.ADMINISTRATOR)
    person = visit.send("/people/new", name="a.serikova", language="kk")
    assert person.status_code == 422
    assert "Role: Choose one of the options." in person.text
    own_account = re.search(r'href="(/absences/\d+/new)"', visit.get("/account").text)
    assert own_account
    absence = visit.send(own_account[1])
    assert "First day: Enter a date, such as 20.01.2026." in absence.text
    assert "Deputy: Choose one of the options." in absence.text
    assert "Choose a file." in visit.send("/people/import").text


def test_row_errors_are_in_the_terms_of_the_forms(signed_in: SignedIn) -> None:
    agency = an_agency()
    table = (
        "agency,external_id,name_ru,object_kind,work_type,stage,placement,contract_signed_on,planned_end_on\n"
        f"{agency.bin},A-1,Проба,system,creation,planning,outer space,soon,1901-01-01\n"
    )
    visit = signed_in(Role.AGENCY_EDITOR, agency, name="editor")
    run = import_now(actor_named("editor"), "projects", True, "table.csv", table.encode())
    page = visit.get(f"/imports/{run.id}").text
    assert "Write the date as day, month and year, such as 20.01.2026." in page
    assert "must lie from 16.12.1991" in page
    assert (
        "One of these is expected: “On QazTech”, “Onboarding to QazTech”, “Outside QazTech”, “Not known yet”." in page
    )


def test_invalid_amount_says_what_is_wrong(signed_in: SignedIn) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = visit.send("/register").request.path.replace("/what", "/money")
    for typed, expected in [
        ("999999999999999999999999", "The number must not be below 0 or above 1,000,000,000,000,000."),
        ("-5", "The number must not be below 0 or above 1,000,000,000,000,000."),
        ("\u22125", "The number must not be below 0 or above 1,000,000,000,000,000."),
        ("9" * 20_000, "The number must not be below 0 or above 1,000,000,000,000,000."),
        (
            "1,5",
            "A whole number is expected: whole tenge without tiyn. A fraction is not rounded; write the whole amount.",
        ),
        ("1.2 млн", "Write the number in full with all its zeros: 1 200 000 instead of &#34;1.2 million&#34;."),
        ("много", "Write the number in digits, without words or other signs, such as 1 200 000."),
    ]:
        assert expected in visit.send(draft, budget_kzt=typed).text, typed[:30]


def test_dates_in_errors_are_in_form_format(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 11, 25))
    _project, case = flagged_case()
    visit = signed_in(Role.SUPERVISOR)
    send(visit, case, "claim")
    order = {"propose-decision": "migrate_by", **LAW}
    _code, page = send(visit, case, "propose", **order, **{"propose-due_on": "24.11.2026"})
    assert "The date must not be before today, 25.11.2026." in page
    _code, page = send(visit, case, "propose", **order, **{"propose-due_on": "24.11.1926"})
    assert "The date must lie from 16.12.1991 to 25.11.2036." in page


def test_audit_of_earlier_day_is_rejected_in_terms_of_the_form(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 11, 25))
    flagged_case()
    page = signed_in(Role.OPERATOR).send("/audits/new", on="20.11.2026").text
    assert "20.11.2026 cannot be audited any more" in page and "“Dry run”" in page and "dry_run)" not in page


def test_forbidden_page_names_role_and_no_permission(signed_in: SignedIn) -> None:
    page = signed_in(Role.AGENCY_EDITOR).client.get("/people")
    assert page.status_code == 403
    assert "The role “Agency editor” does not include this." in page.text and "people.manage" not in page.text


def test_missing_page_does_not_mention_the_api(signed_in: SignedIn) -> None:
    page = signed_in(Role.AGENCY_EDITOR).client.get("/nothing-here", headers={"Accept": "text/html"})
    assert page.status_code == 404 and "Addresses are described" not in page.text
