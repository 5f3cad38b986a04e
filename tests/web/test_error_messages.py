"""What is refused is said in words that fit where a person stands: in a form, at a page, over a table."""

from __future__ import annotations

from datetime import date

import pytest

from registry.accounts.roles import Role
from registry.imports.service import import_now
from tests.cases.casework import LAW, flagged_case, send
from tests.cases.cast import editor_of
from tests.factories import an_agency
from tests.fixtures.web import SignedIn
from tests.present import Present


def test_a_date_in_a_table_is_asked_for_as_tables_write_it(signed_in: SignedIn) -> None:
    agency = an_agency()
    table = (
        "agency,external_id,name_ru,object_kind,work_type,stage,placement,contract_signed_on,planned_end_on\n"
        f"{agency.bin},A-1,Проба,system,creation,planning,unknown,20.01.2026,1901-01-01\n"
    )
    visit = signed_in(Role.AGENCY_EDITOR, agency, name="editor")
    run = import_now(editor_of(agency), "projects", True, "table.csv", table.encode())
    page = visit.get(f"/imports/{run.id}").text
    assert "A date written YYYY-MM-DD is expected" in page and "must lie from 1991-12-16" in page
    assert "day, month and year" not in page


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("999999999999999999999999", "The number must not be below 0 or above 1,000,000,000,000,000."),
        ("-5", "The number must not be below 0 or above 1,000,000,000,000,000."),
        ("\u22125", "The number must not be below 0 or above 1,000,000,000,000,000."),
        ("9" * 20_000, "The number must not be below 0 or above 1,000,000,000,000,000."),
        ("1,5", "A whole number is expected."),
        ("много", "A whole number is expected."),
    ],
)
def test_an_amount_that_is_no_amount_says_what_is_wrong_with_it(signed_in: SignedIn, typed: str, told: str) -> None:
    visit = signed_in(Role.AGENCY_EDITOR)
    draft = visit.send("/register").request.path.replace("/what", "/money")
    assert told in visit.send(draft, budget_kzt=typed).text


def test_dates_in_errors_are_written_as_the_form_takes_them(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 11, 25))
    _project, case = flagged_case()
    visit = signed_in(Role.SUPERVISOR)
    send(visit, case, "claim")
    order = {"propose-decision": "migrate_by", **LAW}
    _code, page = send(visit, case, "propose", **order, **{"propose-due_on": "24.11.2026"})
    assert "The date must not be before today, 25.11.2026." in page
    _code, page = send(visit, case, "propose", **order, **{"propose-due_on": "24.11.1926"})
    assert "The date must lie from 16.12.1991 to 25.11.2036." in page


def test_an_audit_of_an_earlier_day_is_refused_in_the_words_of_its_form(signed_in: SignedIn, present: Present) -> None:
    present.set(date(2026, 11, 25))
    flagged_case()
    page = signed_in(Role.OPERATOR).send("/audits/new", on="20.11.2026").text
    assert "20.11.2026 cannot be audited any more" in page and "“Dry run”" in page and "dry_run)" not in page


def test_a_page_of_another_role_names_the_role_and_no_permission(signed_in: SignedIn) -> None:
    page = signed_in(Role.AGENCY_EDITOR).client.get("/people")
    assert page.status_code == 403
    assert "The role «Agency editor» does not include this." in page.text and "people.manage" not in page.text


def test_a_page_that_is_not_there_speaks_of_no_interface_for_programs(signed_in: SignedIn) -> None:
    page = signed_in(Role.AGENCY_EDITOR).client.get("/nothing-here", headers={"Accept": "text/html"})
    assert page.status_code == 404 and "Addresses are described" not in page.text
