"""Coverage: how much of the money in IT contracts is in the register, by agency, and for whom."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.lists import Page
from registry.procurement.coverage import Coverage, coverage_by_agency
from registry.procurement.file_imports import import_contracts
from registry.procurement.match_decisions import decide_match
from registry.procurement.models import Contract, MatchState
from registry.procurement.queries import CONTRACT_LIST
from registry.procurement.service import classify_and_match
from registry.projects.models import Project
from registry.reports.compliance import compliance, compliance_below
from tests.api.callers import caller
from tests.audits.steps import audit
from tests.factories import a_project, an_actor, an_agency
from tests.fixtures.web import SignedIn
from tests.imports.tables import csv_of
from tests.present import Present
from tests.procurement.contract_rows import reject_match, row_of
from tests.reports.test_overview import hide

pytestmark = pytest.mark.on_both

WHOLE = Page(limit=100)
WORKS = ("", "музея", "театра", "стадиона", "вокзала", "склада", "бассейна", "ипподрома", "приюта")
OPERATOR, REVIEWER, SUPERVISOR, LEADER = map(an_actor, (Role.OPERATOR, Role.REVIEWER, Role.SUPERVISOR, Role.LEADER))
OF_NOBODY = {"description_kz": "", "supplier_biin": ""}


def read(agency: Agency, number: str, sum_kzt: int, **values: str) -> None:
    given = {"contract_number": f"Д-{number}", "contract_sum_wnds": str(sum_kzt), **OF_NOBODY, **values}
    given.setdefault("description_ru", f"Портал {WORKS[int(number)]}")
    import_contracts(OPERATOR, "contracts.csv", csv_of(row_of(agency, number=number, **given)))


@pytest.fixture
def ministry(app: Flask) -> Agency:
    """With 60 of 100 tenge in the register, 20 of them signed since the cutoff, and a committee with 40 of 50."""
    ministry = an_agency()
    a_project(ministry, contract_number=f"{ministry.bin}/1/00", name_ru="Учёт лесов", name_kk="Ормандар есебі")
    read(ministry, "1", 20)
    named = a_project(ministry, name_ru="Учёт вод", name_kk="Сулар есебі")
    read(ministry, "2", 40, sign_date="2025-12-31")
    (second,) = CONTRACT_LIST.read(REVIEWER, {"number_sys": f"{ministry.bin}/2"}, WHOLE).items
    decide_match(REVIEWER, second["id"], named.number, MatchState.CONFIRMED)
    read(ministry, "3", 30, sign_date="2025-06-01")
    read(ministry, "4", 10)
    read(ministry, "5", 1000, description_ru="Картриджи", ref_enstru_code="262040.000.000000")
    committee = an_agency(ministry)
    a_project(committee, contract_number=f"{committee.bin}/6/00", name_ru="Учёт рыб", name_kk="Балықтар есебі")
    read(committee, "6", 40)
    read(committee, "7", 10)
    return ministry


def sums_of(covered: Coverage | None) -> tuple[int, int, int, float | None]:
    assert covered is not None
    every = covered.every
    return every.matched_kzt, every.to_check_kzt, every.unmatched_kzt, every.percent


def test_coverage_is_the_share_of_the_money_by_number_or_confirmed_with_agencies_below(ministry: Agency) -> None:
    own = coverage_by_agency(REVIEWER)[ministry.id]
    assert sums_of(own) == (60, 0, 40, 60.0)
    assert (own.every.matched, own.every.unmatched, own.since_cutoff.percent) == (2, 2, 66.7)
    (row,) = (
        row for row in compliance_below(REVIEWER, None).rows if row["key"] == ministry.bin and row["below"] is None
    )
    assert sums_of(row["contracts"]) == (60, 0, 40, 60.0)
    totals = compliance_below(REVIEWER, None).totals
    assert sums_of(totals["contracts"]) == (100, 0, 50, 66.7)


def test_agency_with_it_contracts_and_no_project_is_in_the_report_and_one_without_contracts_says_nothing(
    client: FlaskClient, ministry: Agency
) -> None:
    silent, buyer = an_agency(), an_agency()
    a_project(silent)
    read(buyer, "8", 70)
    report = caller(client, Role.LEADER).get("/reports/compliance").get_json()
    rows = {row["key"]: row for row in report["items"]}
    assert rows[silent.bin]["contracts"] is None
    assert (rows[buyer.bin]["projects"], rows[buyer.bin]["contracts"]["percent"]) == (0, 0.0)
    assert rows[ministry.bin]["contracts"]["since_cutoff"]["total_kzt"] == 30
    assert report["totals"]["contracts"]["total_kzt"] == 220
    for query in ("?by=region", "?on=2026-01-05"):
        assert caller(client, Role.LEADER).get(f"/reports/compliance{query}").get_json()["totals"]["contracts"] is None


def test_what_is_rejected_withdrawn_or_to_check_is_not_in_the_register(ministry: Agency) -> None:
    numbers = {row["key"]: row["contracts"] for row in compliance(SUPERVISOR, "agency")["items"]}
    assert sums_of(numbers[ministry.bin]) == (60, 0, 40, 60.0)
    (contract,) = CONTRACT_LIST.read(REVIEWER, {"match": "matched", "current_sum_kzt_to": "20"}, WHOLE).items
    reject_match(contract["id"], contract["matches"][0]["project"])
    assert sums_of(coverage_by_agency(REVIEWER)[ministry.id]) == (40, 0, 60, 40.0)
    a_project(ministry, name_ru="Портал стадиона", budget_kzt=30)
    classify_and_match()
    assert sums_of(coverage_by_agency(REVIEWER)[ministry.id]) == (40, 30, 30, 40.0)
    with transaction() as session:
        session.execute(update(Project).where(Project.name_ru == "Учёт вод").values(withdrawn_at=now()))
    assert sums_of(coverage_by_agency(REVIEWER)[ministry.id]) == (0, 30, 70, 0.0)


def test_contract_of_a_restricted_project_is_in_no_sum_of_those_who_may_not_see_it(
    ministry: Agency,
) -> None:
    (matched, _) = CONTRACT_LIST.read(SUPERVISOR, {"agency": ministry.bin, "match": "matched"}, WHOLE).items
    number = matched["matches"][0]["project"]
    project = db.session.scalar(select(Project).where(Project.number == number))
    assert project is not None
    hide(project)
    total = matched["current_sum_kzt"]
    # Who imports knows the contract: it is without a project.
    for reader, expected in ((LEADER, (3, 100 - total)), (REVIEWER, (4, 100)), (an_actor(Role.OPERATOR), (4, 100))):
        covered = coverage_by_agency(reader)[ministry.id].every
        assert (covered.contracts, covered.total_kzt, covered.matched_kzt) == (*expected, 60 - total)
        listed = CONTRACT_LIST.read(reader, {"agency": ministry.bin, "is_it": "true"}, WHOLE).items
        assert sum(each["current_sum_kzt"] for each in listed) == covered.total_kzt
    assert coverage_by_agency(SUPERVISOR)[ministry.id].every.total_kzt == 100
    viewer = an_actor(Role.AGENCY_VIEWER, ministry)
    assert coverage_by_agency(viewer)[ministry.id].every.total_kzt == 100


def test_overview_says_the_share_in_a_sentence_and_nothing_without_contracts(
    client: FlaskClient, signed_in: SignedIn, present: Present
) -> None:
    present.set(date(2026, 10, 5))
    agency = an_agency()
    audit()
    visit = signed_in(Role.LEADER)
    assert "IT contracts on the procurement portal" not in visit.get("/overview").text
    assert caller(client, Role.LEADER).get("/overview").get_json()["contracts"] is None
    read(agency, "1", 30_000_000)
    page = visit.get("/overview").text
    assert "0.0% of 30" in page and "1 contract has no project" in page
    assert "match=unmatched&amp;signed_on_from=2026-01-01" in page
    assert caller(client, Role.LEADER).get("/overview").get_json()["contracts"]["percent"] == 0.0
    table = visit.get("/reports/compliance.csv").text.splitlines()
    assert "IT contracts" in table[0] and ",1,30000000,0,0,1,30000000,0.0,0.0," in table[1]


def test_agency_and_reviewer_have_their_contracts_among_what_waits(signed_in: SignedIn, ministry: Agency) -> None:
    visit = signed_in(Role.AGENCY_EDITOR, ministry)
    editor = visit.get("/home").text
    assert ">IT contracts without a project</a>: 3</h2>" in editor
    assert "Register its project" in editor and "Contracts to check" not in editor
    third = db.session.scalars(select(Contract.id).where(Contract.number_sys == f"{ministry.bin}/3")).one()
    assert "If the register lacks its project" in visit.get(f"/contracts/{third}").text
    a_project(ministry, name_ru="Портал стадиона", budget_kzt=30)
    classify_and_match()
    reviewer = signed_in(Role.REVIEWER).get("/home").text
    assert "IT contracts without a project" not in reviewer
    assert "A reviewer decides" in visit.get(f"/agencies/{ministry.bin}/contracts").text
    assert ">Contracts to check</a>: " in reviewer
