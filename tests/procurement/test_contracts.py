"""Contracts of the procurement portal: files, what they change, matches with projects, who sees and decides."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from registry.accounts.roles import Role, RoleNotAllowed
from registry.agencies.models import Agency
from registry.approvals.models import Approval
from registry.approvals.service import ApprovalOutOfDate, approve, reject
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.dialects import advisory_lock
from registry.core.errors import Invalid
from registry.flags.models import lock_flags_for_audit
from registry.journal.service import JournalEntry
from registry.procurement.classification import PROCUREMENT_WORDS, ItWords
from registry.procurement.coverage import coverage_by_agency
from registry.procurement.file_imports import import_contracts
from registry.procurement.match_decisions import decide_match, propose_no_project
from registry.procurement.matching import MATCH_LOCK
from registry.procurement.models import VALUES, Contract, FormerContract, Match, MatchState
from registry.procurement.service import classify_and_match
from registry.projects.models import Project
from registry.requests.kinds import agency_succeeded
from tests.api.callers import Caller, caller, code, codes
from tests.changes.test_order import wait_for_a_blocked_backend
from tests.factories import a_project, a_service_token, an_actor, an_agency, with_account
from tests.fixtures.cli import CommandLine
from tests.fixtures.web import SignedIn
from tests.imports.tables import csv_of, xlsx_of
from tests.procurement.contract_rows import SUPPLIER, ndjson_of, row_of, the_contract

OPERATOR = an_actor(Role.OPERATOR)
NOTHING = {
    "total": 1,
    "created": 0,
    "updated": 0,
    "unchanged": 0,
    "from_portal": 0,
    "other_customers": 0,
    "unsigned": 0,
    "waiting": 0,
    "corrections": [],
}


@pytest.fixture
def agency(app: Flask) -> Agency:
    return an_agency()


def run(*rows: dict[str, str]) -> dict[str, Any]:
    return import_contracts(OPERATOR, "contracts.csv", csv_of(*rows))


def states() -> list[tuple[str, str]]:
    """The number of the project and the state of each match that has not ended."""
    rows = db.session.execute(select(Project.number, Match.match_state).join(Match, Match.project_id == Project.id))
    rows = [(number, state) for number, state in rows if state != "ended"]
    return sorted((number, state) for number, state in rows)


def as_xlsx(row: dict[str, str]) -> bytes:
    return xlsx_of([*row], [*row.values()])


@pytest.mark.on_both
@pytest.mark.parametrize("file_of", [csv_of, as_xlsx, ndjson_of])
def test_each_format_of_the_portal_gives_the_same_contract(agency: Agency, file_of: Any) -> None:
    import_contracts(OPERATOR, "contracts", file_of(row_of(agency)))
    contract = the_contract()
    assert (contract.number_sys, contract.contract_number) == (f"{agency.bin}/260001", "ИС-2026/17")
    assert (contract.signed_on, contract.sum_kzt, contract.current_sum_kzt) == (
        date(2026, 2, 12),
        60_000_000,
        60_000_000,
    )
    assert (contract.supplier_bin, contract.supplier_name) == (SUPPLIER, "ТОО «Жүйе»")
    assert contract.procurement_codes == ["620111.000.000000"]
    assert (contract.is_it, contract.it_reason) == (True, "6201")


@pytest.mark.on_both
def test_the_same_file_twice_changes_nothing(agency: Agency) -> None:
    assert run(row_of(agency)) == {**NOTHING, "dry_run": False, "created": 1}
    before = the_contract().changed_at
    assert run(row_of(agency)) == {**NOTHING, "dry_run": False, "unchanged": 1}
    assert the_contract().changed_at == before
    assert len(db.session.scalars(select(JournalEntry).where(JournalEntry.action == "contracts.imported")).all()) == 1


@pytest.mark.on_both
def test_other_values_are_kept_with_those_before(agency: Agency) -> None:
    run(row_of(agency))
    before = {name: getattr(the_contract(), name) for name in VALUES}
    (waiting,) = run(row_of(agency, contract_sum_wnds="61 000 000,49"))["corrections"]
    approve(an_actor(Role.SUPERVISOR), waiting["approval"])
    assert the_contract().sum_kzt == 61_000_000
    (former,) = db.session.scalars(select(FormerContract)).all()
    assert (former.sum_kzt, former.until) == (60_000_000, the_contract().changed_at)
    assert {name: getattr(former, name) for name in VALUES} == before


def test_contract_that_was_imported_for_another_customer_is_moved_to_its_own(agency: Agency) -> None:
    other = an_agency()
    run(row_of(other, contract_number_sys=f"{agency.bin}/260001/00"))
    (waiting,) = run(row_of(agency))["corrections"]
    assert waiting["changes"] == ["customer_bin"] and the_contract().agency_id == other.id
    approve(an_actor(Role.SUPERVISOR), waiting["approval"])
    assert (the_contract().customer_bin, the_contract().agency_id) == (agency.bin, agency.id)


def test_amendments_belong_to_their_contract_in_whichever_order_they_come(agency: Agency) -> None:
    first = row_of(agency, status="Действует")
    second = first | {
        "contract_number_sys": f"{agency.bin}/260001/01",
        "sign_date": "2026-05-04",
        "description_ru": "Продление",
    }
    third = second | {"contract_number_sys": f"{agency.bin}/260001/02", "contract_sum_wnds": "90000000"}
    run(third | {"status": "Исполнен"})
    assert (the_contract().signed_on, the_contract().sum_kzt, the_contract().current_sum_kzt) == (
        None,
        None,
        90_000_000,
    )
    run(second, first)
    contract = the_contract()
    assert (contract.signed_on, contract.sum_kzt, contract.current_sum_kzt) == (
        date(2026, 2, 12),
        60_000_000,
        90_000_000,
    )
    assert contract.amendments == [
        {"number": 1, "signed_on": "2026-05-04", "sum_kzt": 60_000_000},
        {"number": 2, "signed_on": "2026-05-04", "sum_kzt": 90_000_000},
    ]
    assert (contract.contract_status, contract.description_ru) == ("Исполнен", first["description_ru"])


def test_contract_of_an_individual_keeps_neither_number_nor_name(agency: Agency) -> None:
    run(row_of(agency, supplier_biin="720101400997", supplier_name_ru="ИП Әлиев"))
    assert (the_contract().supplier_bin, the_contract().supplier_name) == (None, None)


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({"sign_date": ""}, {"total": 0, "unsigned": 1}),
        ({"deleted": "1"}, {"total": 0, "unsigned": 1}),
        ({"customer_bin": "070240006286", "contract_number_sys": "070240006286/260001/00"}, {"other_customers": 1}),
    ],
)
def test_contract_that_is_none_of_an_agency_is_counted_and_left_out(
    agency: Agency, values: dict[str, str], count: dict[str, int]
) -> None:
    assert run(row_of(agency, **values)) == {**NOTHING, "dry_run": False, **count}
    assert db.session.scalars(select(Contract)).all() == []


def test_sum_in_another_currency_is_none_in_tenge(agency: Agency) -> None:
    run(row_of(agency, ref_currency_code="USD"))
    assert the_contract().sum_kzt is None


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"customer_bin": "070240006287"}, ("/file/3/customer_bin", "bin-invalid")),
        ({"sign_date": "31.02.2026"}, ("/file/3/sign_date", "no-such-date")),
        ({"contract_sum_wnds": "1.2 млн"}, ("/file/3/contract_sum_wnds", "number-in-words")),
        ({"contract_number_sys": ""}, ("/file/3/contract_number_sys", "required")),
        ({"contract_sum_wnds": "5", "number": "260001"}, ("/file/3/contract_number_sys", "contract-twice")),
    ],
)
def test_file_with_a_wrong_row_names_its_place_and_writes_nothing(
    agency: Agency, values: dict[str, str], problem: tuple[str, str]
) -> None:
    with pytest.raises(Invalid) as error:
        run(row_of(agency), row_of(agency, **{"number": "260002", **values}))
    assert [(each.pointer, each.code) for each in error.value.problems] == [problem]
    assert db.session.scalars(select(Contract)).all() == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"customerBin": "070240006286"\n', ("/file/1", "expected-objects")),
        (b"{" * 100_000, ("/file/1", "expected-objects")),
        (b"customer_bin;contract_number_sys\n1;2\n", ("/file", "column-missing")),
        (b"%PDF-1.7", ("/file", "file-not-a-table")),
        # Reading stops at the fiftieth problem: the last line, which comes after it, is not reached.
        (b"{}\n" * 25 + b"{", ("/file/1/customer_bin", "required")),
    ],
)
def test_file_that_is_no_download_is_refused(app: Flask, content: bytes, problem: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as error:
        import_contracts(OPERATOR, "contracts", content)
    assert (error.value.problems[0].pointer, error.value.problems[0].code) == problem


def test_one_contract_with_a_row_for_each_thing_bought_has_all_their_codes(agency: Agency) -> None:
    run(row_of(agency), row_of(agency, ref_enstru_code="620230.000.000000"))
    assert the_contract().procurement_codes == ["620111.000.000000", "620230.000.000000"]


@pytest.mark.on_both
@pytest.mark.parametrize(
    ("values", "state"),
    [
        # Declared a year too early, and renamed.
        ({"contract_number": "№ ИС-2026/17 от 30.12.2025", "contract_signed_on": "2025-12-30"}, "matched"),
        ({"contract_number": "ис 2026 17", "supplier_bin": "941140001336"}, "to_check"),
        ({"contract_number": None, "supplier_bin": SUPPLIER, "budget_kzt": 60_000_000}, "to_check"),
        ({"contract_number": "17-Б", "supplier_bin": "941140001336"}, None),
    ],
)
def test_contract_matches_a_project_by_what_they_have_in_common(
    agency: Agency, values: dict[str, Any], state: str | None
) -> None:
    project = a_project(agency, **values)
    a_project(contract_number="ИС-2026/17")
    run(row_of(agency))
    assert states() == ([(project.number, state)] if state else [])


def test_number_of_the_portal_is_certain_whatever_else_differs(agency: Agency) -> None:
    project = a_project(
        agency, contract_number=f"{agency.bin}/260001/00", supplier_bin="941140001336", name_ru="Кадастр"
    )
    run(row_of(agency))
    assert states() == [(project.number, "matched")]


def test_each_night_contracts_are_judged_and_matched_again(
    app: Flask, agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(app.config, PROCUREMENT_WORDS, ItWords({}, re.compile("(?!)"), {}))
        run(row_of(agency))
        assert not the_contract().is_it
    project = a_project(agency, contract_number="ИС-2026/17")
    assert states() == []
    classify_and_match()
    assert (states(), the_contract().is_it) == ([(project.number, "matched")], True)


@pytest.mark.postgres_only
def test_decision_waits_for_a_night_that_matches_and_stays(own_app: Flask) -> None:
    with own_app.app_context():
        agency = an_agency()
        number = a_project(agency, contract_number="ис 2026 17", supplier_bin="941140001336").number
        run(row_of(agency))
        contract_id, reviewer = the_contract().id, with_account(an_actor(Role.REVIEWER))
        db.session.rollback()

    def confirm() -> None:
        with own_app.app_context():
            decide_match(reviewer, contract_id, number, MatchState.CONFIRMED)

    with own_app.app_context(), ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            advisory_lock(session, MATCH_LOCK)
            decision = pool.submit(confirm)
            wait_for_a_blocked_backend(own_app)
            session.execute(update(Match).values(match_state="ended"))
        decision.result(60)
        assert states() == [(number, "confirmed")]


@pytest.mark.postgres_only
def test_contracts_that_are_written_during_an_audit_get_a_later_time(own_app: Flask) -> None:
    with own_app.app_context():
        row = row_of(an_agency())
        db.session.rollback()

    def write() -> None:
        with own_app.app_context():
            run(row)

    with own_app.app_context(), ThreadPoolExecutor(1) as pool:
        with transaction():
            lock_flags_for_audit()
            written = pool.submit(write)
            wait_for_a_blocked_backend(own_app)
            known_at = now()
        written.result(60)
        assert the_contract().changed_at > known_at


@pytest.mark.on_both
def test_rejected_pair_is_not_proposed_again_and_a_person_can_match_any_other(
    client: FlaskClient, agency: Agency
) -> None:
    a, b = a_project(agency, contract_number="ИС-2026/17"), a_project(agency, contract_number=None, name_ru="Кадастр")
    c = a_project(agency, contract_number=None, supplier_bin=SUPPLIER, budget_kzt=60_000_000)
    run(row_of(agency))
    reviewer, path = caller(client, Role.REVIEWER), f"/procurement-contracts/{the_contract().id}/match-decisions"
    rejection = {"project": a.number, "match_state": "rejected"}
    assert codes(reviewer.post(path, rejection)) == {("/remark", "match-needs-remark")}
    proposed = reviewer.post(path, {**rejection, "remark": "Другая система"})
    assert (proposed.status_code, states()) == (202, [(a.number, "matched")])
    supervisor = caller(client, Role.SUPERVISOR)
    assert supervisor.post(f"/approvals/{proposed.get_json()['id']}/approval", {}).status_code == 200
    shown = reviewer.get(path.removesuffix("/match-decisions"))
    assert [(each["match_state"], each["remark"]) for each in shown.get_json()["matches"]] == [
        ("rejected", "Другая система"),
        ("to_check", None),
    ]
    classify_and_match()
    assert states() == sorted([(a.number, "rejected"), (c.number, "to_check")])
    assert reviewer.post(path, {"project": c.number, "match_state": "rejected"}).status_code == 200
    assert reviewer.post(path, {"project": b.number, "match_state": "confirmed"}).status_code == 200
    assert states() == sorted([(a.number, "rejected"), (b.number, "confirmed"), (c.number, "rejected")])
    other = a_project()
    assert codes(reviewer.post(path, {"project": other.number, "match_state": "confirmed"})) == {
        ("/project", "match-other-agency")
    }


def test_no_program_decides_matches(client: FlaskClient, agency: Agency) -> None:
    project = a_project(agency, contract_number="ИС-2026/17")
    run(row_of(agency))
    program = Caller(client, a_service_token(Role.REVIEWER))
    decision = {"project": project.number, "match_state": "rejected"}
    refused = program.post(f"/procurement-contracts/{the_contract().id}/match-decisions", decision)
    assert (refused.status_code, code(refused)) == (403, "match-needs-a-person")
    assert states() == [(project.number, "matched")]


@pytest.mark.on_both
def test_contract_of_a_withdrawn_project_is_without_one_and_matched_again(client: FlaskClient, agency: Agency) -> None:
    project, other = a_project(agency, contract_number="ИС-2026/17"), a_project(agency, contract_number=None)
    run(row_of(agency))
    reviewer, path = caller(client, Role.REVIEWER), f"/procurement-contracts/{the_contract().id}/match-decisions"
    reviewer.post(path, {"project": project.number, "match_state": "confirmed"})
    project.withdrawn_at, other.contract_number = now(), "ИС-2026/17"
    db.session.commit()
    assert len(reviewer.get("/procurement-contracts?match=unmatched").get_json()["items"]) == 1
    classify_and_match()
    assert sorted(states()) == sorted([(project.number, "confirmed"), (other.number, "matched")])


def test_list_narrows_by_match_project_and_words(client: FlaskClient, agency: Agency) -> None:
    project = a_project(agency, contract_number="ИС-2026/17")
    run(
        row_of(agency),
        row_of(agency, number="260002", contract_number="5", description_ru="Сайт ведомства", description_kz=""),
        row_of(agency, number="260003", contract_number="6", description_ru="Бумага", ref_enstru_code="171214"),
    )
    auditor = caller(client, Role.AUDITOR)

    def numbers(query: str) -> list[str]:
        listed = auditor.get(f"/procurement-contracts?{query}").get_json()["items"]
        return sorted(each["number_sys"].partition("/")[2] for each in listed)

    assert numbers(f"project={project.number}") == numbers("match=matched") == ["260001"]
    assert numbers("match=unmatched&is_it=true") == ["260002"]
    assert numbers("q=сайт") == ["260002"]
    assert numbers("q=ис-2026/17") == ["260001"]
    assert numbers("current_sum_kzt_from=60000001") == []


def test_contract_says_how_it_differs_from_the_record(client: FlaskClient, agency: Agency) -> None:
    a_project(agency, contract_number="ИС-2026/17", contract_signed_on="2025-12-30", budget_kzt=50_000_000)
    raised = {"contract_number_sys": f"{agency.bin}/260001/01", "contract_sum_wnds": "70000000"}
    run(row_of(agency), row_of(agency) | raised)
    shown = caller(client, Role.REVIEWER).get(f"/procurement-contracts/{the_contract().id}").get_json()
    assert shown["matches"][0]["differences"] == ["signed_later", "sum_above_budget", "raised_after_cutoff"]


def test_agency_sees_its_own_contracts_alone(client: FlaskClient, agency: Agency) -> None:
    other = an_agency()
    run(row_of(agency), row_of(other))
    viewer = caller(client, Role.AGENCY_VIEWER, agency)
    assert [each["customer_bin"] for each in viewer.get("/procurement-contracts").get_json()["items"]] == [agency.bin]
    foreign = db.session.scalar(select(Contract.id).where(Contract.agency_id == other.id))
    assert viewer.get(f"/procurement-contracts/{foreign}").status_code == 404


def test_contract_of_a_restricted_project_is_hidden_from_whom_the_project_is(
    client: FlaskClient, agency: Agency
) -> None:
    project = a_project(agency, contract_number="ИС-2026/17")
    run(row_of(agency))
    project.is_restricted = True
    db.session.commit()
    path = f"/procurement-contracts/{the_contract().id}"
    assert caller(client, Role.LEADER).get(path).status_code == 404
    # Who imports contracts knows this one; that it is missing would say that there is a project.
    reviewer = caller(client, Role.REVIEWER)
    assert reviewer.get(path).get_json()["matches"] == []
    for query, count in (("match=unmatched", 1), ("match=matched", 0), (f"project={project.number}", 0)):
        assert len(reviewer.get(f"/procurement-contracts?{query}").get_json()["items"]) == count
    assert caller(client, Role.SUPERVISOR).get(path).get_json()["matches"][0]["project"] == project.number
    (entry,) = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "restricted.read")).all()
    assert entry.subject == f"project:{project.number}"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.LEADER])
def test_who_only_reads_imports_nothing(app: Flask, role: Role) -> None:
    with pytest.raises(RoleNotAllowed):
        import_contracts(an_actor(role), "contracts", b"")


def test_reviewer_checks_imports_and_decides_on_the_pages(signed_in: SignedIn, agency: Agency) -> None:
    a_project(agency, contract_number="ис 2026 17", supplier_bin="941140001336", name_ru="Учёт")
    visit = signed_in(Role.REVIEWER)

    def upload(**fields: str) -> str:
        file = (io.BytesIO(csv_of(row_of(agency))), "contracts.csv")
        return visit.send("/contracts/import", "/contracts/import", file=file, **fields).text

    assert "nothing is saved yet" in upload(check="yes")
    assert db.session.scalars(select(Contract)).all() == []
    assert "The contracts are imported" in upload()
    page = visit.get(f"/agencies/{agency.bin}/contracts").text
    assert "Разработка информационной системы учёта" in page and "Учёт" in page
    path = f"/contracts/{the_contract().id}"
    assert visit.send(f"{path}/match", path, project="QT-1", match_state="confirmed").status_code == 404
    (number, _state), *_ = states()
    assert "The match is confirmed" in visit.send(f"{path}/match", path, project=number, match_state="confirmed").text
    assert states() == [(number, "confirmed")]
    # An older one beside it takes two people: what was entered stays, and a reason is asked for.
    site = {"contract_number": "5", "sign_date": "2025-12-30", "description_ru": "Сайт", "description_kz": ""}
    run(row_of(agency, number="260002", supplier_biin="941140001336", **site))
    older = f"/contracts/{db.session.scalars(select(Contract.id).order_by(Contract.id.desc())).first()}"
    text = visit.send(f"{older}/match", older, project=number, match_state="confirmed").text
    assert "Another person approves this decision" in text and f'value="{number}"' in text
    sent = visit.send(f"{older}/match", older, project=number, match_state="confirmed", remark="Первый договор")
    assert "Your proposal is sent" in sent.text
    listed = visit.get("/contracts?match=matched").text
    assert "Match: Matched" in listed and ">match<" not in listed


def test_page_of_the_import_names_the_wrong_place(signed_in: SignedIn, agency: Agency) -> None:
    file = (io.BytesIO(csv_of(row_of(agency, sign_date="весной"))), "contracts.csv")
    response = signed_in(Role.REVIEWER).send("/contracts/import", "/contracts/import", file=file)
    assert response.status_code == 422
    assert "Row 2" in response.text and "sign_date" in response.text


def test_contracts_pass_on_to_the_successor_of_their_agency(agency: Agency) -> None:
    run(row_of(agency))
    successor = an_agency()
    with transaction():
        agency_succeeded.publish(agency.id, successor.id)
    assert (the_contract().agency_id, the_contract().customer_bin) == (successor.id, agency.bin)


def test_command_imports_a_file_or_only_checks_it(registry: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "contracts.csv"
    path.write_bytes(csv_of(row_of("070240006286")))
    checked = registry("contracts", "import", path, "--dry-run", "--json")
    assert checked.json == {**NOTHING, "dry_run": True, "other_customers": 1}
    path.write_bytes(csv_of(row_of("070240006286", sign_date="весной")))
    assert registry("contracts", "import", path).code == 5


def test_command_that_fetches_needs_a_token_and_says_which_agencies_failed(
    registry: CommandLine, services: Callable[[], Any]
) -> None:
    assert registry("contracts", "fetch").code == 2
    with services():
        agency = an_agency()
    nowhere = {"REGISTRY_PROCUREMENT_TOKEN": "0123456789abcdef", "REGISTRY_PROCUREMENT_URL": "http://127.0.0.1:9/v3"}
    failed = registry("contracts", "fetch", **nowhere)
    assert failed.code == 1
    assert f"{agency.bin}: the portal cannot be reached" in failed.err
    assert "0123456789abcdef" not in failed.err


CORRECTIONS = {
    "contract_number": "ИС-2026/18",
    "sign_date": "2025-12-30",
    "contract_sum_wnds": "50000000.00",
    "supplier_biin": "941140001336",
    "description_ru": "Поставка бумаги",
    "ref_enstru_code": "310112.900.000000",
}


@pytest.mark.on_both
@pytest.mark.parametrize("name", CORRECTIONS)
def test_correction_of_a_contract_by_a_file_waits_for_another_person(agency: Agency, name: str) -> None:
    # Whether it is matched, and with a project that the importer may not see, makes no difference.
    run(row_of(agency))
    before = {value: getattr(the_contract(), value) for value in VALUES}
    other = row_of(agency, number="260002", contract_number="5")
    result = run(row_of(agency, **{name: CORRECTIONS[name]}), other)
    assert (result["created"], result["updated"], result["waiting"]) == (1, 0, 1)
    (waiting,) = result["corrections"]
    contract = db.session.scalars(select(Contract).order_by(Contract.id)).first()
    assert contract is not None and {value: getattr(contract, value) for value in VALUES} == before
    # The same file again proposes nothing else.
    assert run(row_of(agency, **{name: CORRECTIONS[name]}))["corrections"] == [waiting]
    approve(an_actor(Role.SUPERVISOR), waiting["approval"])
    db.session.refresh(contract)
    changed = {value for value in VALUES if getattr(contract, value) != before[value]}
    assert changed - {"source_sha256"} == {*waiting["changes"]} != set()


def test_file_without_a_column_says_nothing_of_its_values(agency: Agency) -> None:
    run(row_of(agency))
    required = ("customer_bin", "contract_number_sys", "sign_date", "contract_sum_wnds")
    row = {name: row_of(agency)[name] for name in required}
    assert run(row) == {**NOTHING, "dry_run": False, "unchanged": 1}
    # The name of one supplier is not that of another one.
    (correction,) = run(row | {"supplier_biin": "941140001336"})["corrections"]
    assert set(correction["changes"]) == {"supplier_bin", "supplier_name"}
    (correction,) = run(row | {"description_ru": ""})["corrections"]
    assert correction["changes"] == ["description_ru"]


@pytest.mark.parametrize(
    ("amendments", "waiting"),
    [
        ({"01": "70000000"}, 0),
        ({"01": "50000000"}, 1),
        # One that another one of the portal could be measured by is put before it.
        ({"02": "70000000", "01": "80000000"}, 1),
    ],
)
def test_file_adds_amendments_that_lower_nothing(agency: Agency, amendments: dict[str, str], waiting: int) -> None:
    a_project(agency, contract_number="ИС-2026/17")
    run(row_of(agency))
    for ending, total in amendments.items():
        number = f"{agency.bin}/260001/{ending}"
        result = run(row_of(agency, contract_number_sys=number, contract_sum_wnds=total, sign_date="2026-05-04"))
    assert result["waiting"] == waiting


def test_correction_of_a_contract_of_a_hidden_project_is_answered_as_that_of_any_other(
    client: FlaskClient, agency: Agency
) -> None:
    hidden = a_project(agency, contract_number="ИС-2026/17")
    others = {"contract_number": "5", "description_ru": "Сайт", "description_kz": "", "supplier_biin": "941140001336"}
    run(row_of(agency), row_of(agency, number="260002", **others))
    hidden.is_restricted = True
    db.session.commit()
    file = csv_of(
        row_of(agency, sign_date="2025-12-30"), row_of(agency, number="260002", sign_date="2025-12-30", **others)
    )
    reviewer = caller(client, Role.REVIEWER)
    for _ in range(2):
        answer = reviewer.upload("/procurement-contracts/imports", file).get_json()
        assert (answer["updated"], answer["waiting"]) == (0, 2)
        assert [each["changes"] for each in answer["corrections"]] == [["signed_on"]] * 2
        approvals = [reviewer.get(f"/approvals/{each['approval']}") for each in answer["corrections"]]
        assert [(each.status_code, each.get_json()["project"]) for each in approvals] == [(200, None)] * 2


def test_correction_is_out_of_date_when_the_contract_has_changed(agency: Agency) -> None:
    a_project(agency, contract_number="ИС-2026/17")
    run(row_of(agency))
    approval = run(row_of(agency, sign_date="2025-12-30"))["corrections"][0]["approval"]
    run(row_of(agency, contract_number_sys=f"{agency.bin}/260001/01", contract_sum_wnds="70000000"))
    with pytest.raises(ApprovalOutOfDate):
        approve(an_actor(Role.SUPERVISOR), approval)


def test_program_corrects_no_matched_contract_and_writes_nothing_else_of_the_file(
    client: FlaskClient, agency: Agency
) -> None:
    a_project(agency, contract_number="ИС-2026/17")
    run(row_of(agency))
    file = csv_of(row_of(agency, sign_date="2025-12-30"), row_of(agency, number="260002"))
    program = Caller(client, a_service_token(Role.OPERATOR))
    refused = program.upload("/procurement-contracts/imports", file)
    assert (refused.status_code, code(refused)) == (403, "needs-two-people")
    assert the_contract().signed_on == date(2026, 2, 12)


def test_file_with_more_corrections_than_people_would_read_is_refused(agency: Agency) -> None:
    numbers = [f"26{place:04}" for place in range(51)]
    for number in numbers:
        a_project(agency, contract_number=f"{agency.bin}/{number}", name_ru=f"Система {number}")
    rows = [row_of(agency, number=number, contract_number="") for number in numbers]
    run(*rows)
    with pytest.raises(Invalid) as error:
        run(*(row | {"sign_date": "2025-12-30"} for row in rows))
    assert error.value.problems[0].code == "contract-corrections-too-many"


@pytest.mark.on_both
def test_contract_belongs_to_no_project_once_oversight_agrees_until_its_terms_change(
    client: FlaskClient, agency: Agency
) -> None:
    run(row_of(agency))
    path = f"/procurement-contracts/{the_contract().id}"
    editor, reviewer = caller(client, Role.AGENCY_EDITOR, agency), caller(client, Role.REVIEWER)

    def listed(match: str) -> int:
        return len(reviewer.get(f"/procurement-contracts?is_it=true&match={match}").get_json()["items"])

    assert codes(editor.post(f"{path}/no-project", {"why": "other"})) == {
        ("/why", "not-a-choice"),
        ("/reason", "required"),
    }
    proposal = {"why": "not_a_project", "reason": "Лицензии на 30 рабочих мест"}
    assert editor.post(f"{path}/no-project", proposal).status_code == 202
    assert code(editor.post(f"{path}/no-project", proposal)) == "approval-already-waiting"
    assert editor.get(path).get_json()["no_project"] == {**proposal, "waits": True}
    assert (listed("unmatched"), listed("no_project")) == (1, 0)
    approval = db.session.scalars(select(Approval.id)).one()
    assert editor.post(f"/approvals/{approval}/approval", {}).status_code == 403
    assert reviewer.post(f"/approvals/{approval}/approval", {}).status_code == 200
    assert reviewer.get(path).get_json()["no_project"] == {**proposal, "waits": False}
    assert (listed("unmatched"), listed("no_project")) == (0, 1)
    covered = coverage_by_agency(OPERATOR)[agency.id].every
    assert (covered.contracts, covered.unmatched, covered.no_project, covered.no_project_kzt) == (0, 0, 1, 60_000_000)
    # Its status on the portal says nothing of what it is; another sum does.
    run(row_of(agency, status="Исполнен"))
    assert listed("no_project") == 1
    run(row_of(agency, contract_number_sys=f"{agency.bin}/260001/01", contract_sum_wnds="90000000"))
    assert (listed("unmatched"), listed("no_project")) == (1, 0)


def test_only_the_agency_says_so_of_a_contract_without_a_project_and_no_program(
    client: FlaskClient, agency: Agency
) -> None:
    project = a_project(agency, contract_number="ИС-2026/17")
    site = {"contract_number": "5", "description_ru": "Сайт", "supplier_biin": "941140001336", "contract_sum_wnds": "5"}
    run(row_of(agency), row_of(agency, number="260002", description_kz="", **site))
    (matched, other) = db.session.scalars(select(Contract.id).order_by(Contract.id))
    proposal = {"why": "not_it", "reason": "Бумага"}
    editor, stranger = (caller(client, Role.AGENCY_EDITOR, each) for each in (agency, an_agency()))
    assert code(editor.post(f"/procurement-contracts/{matched}/no-project", proposal)) == "contract-has-project"
    assert code(stranger.post(f"/procurement-contracts/{other}/no-project", proposal)) == "contract-not-found"
    program = Caller(client, a_service_token(Role.AGENCY_EDITOR, agency))
    assert code(program.post(f"/procurement-contracts/{other}/no-project", proposal)) == "needs-two-people"
    assert editor.post(f"/procurement-contracts/{other}/no-project", proposal).status_code == 202
    # A project that is found meanwhile ends the proposal.
    decide_match(with_account(an_actor(Role.REVIEWER)), other, project.number, MatchState.CONFIRMED)
    approval = db.session.scalars(select(Approval.id)).one()
    refused = caller(client, Role.SUPERVISOR).post(f"/approvals/{approval}/approval", {})
    assert code(refused) == "approval-out-of-date"


def test_agency_says_on_the_page_that_a_contract_belongs_to_no_project(signed_in: SignedIn, agency: Agency) -> None:
    run(row_of(agency))
    visit, path = signed_in(Role.AGENCY_EDITOR, agency), f"/contracts/{the_contract().id}"
    assert "It belongs to no project" in visit.get(f"/agencies/{agency.bin}/contracts").text
    nothing = visit.send(f"{path}/no-project", path, reason="Бумага")
    assert (nothing.status_code, "Why does it belong to no project?: Enter a value." in nothing.text) == (422, True)
    assert "Waits for oversight" in visit.send(f"{path}/no-project", path, why="not_it", reason="Бумага").text
    assert "Waits for oversight" in visit.get(f"/agencies/{agency.bin}/contracts").text
    reject(with_account(an_actor(Role.REVIEWER)), db.session.scalars(select(Approval.id)).one(), "Это сайт.")
    text = visit.get(path).text
    assert "Oversight has not agreed" in text and "Это сайт." in text and "Send to the reviewer" in text


def test_approval_about_a_contract_names_it_and_leads_to_it(signed_in: SignedIn, agency: Agency) -> None:
    run(row_of(agency))
    contract = the_contract()
    editor = with_account(an_actor(Role.AGENCY_EDITOR, agency))
    approval = f"/approvals/{propose_no_project(editor, contract.id, 'not_it', 'Бумага').id}"
    visit = signed_in(Role.REVIEWER)
    assert contract.number_sys in visit.get("/home").text and contract.number_sys in visit.get("/approvals").text
    page = visit.get(approval).text
    assert f'href="/contracts/{contract.id}">{contract.number_sys}</a>' in page
    assert "Why it belongs to no project" in page and "no_project" not in page
    assert f'href="{approval}"' in visit.get(f"/contracts/{contract.id}").text
