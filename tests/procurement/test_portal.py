"""The portal's service: pages, resuming, retries, and what it gives over files; a local server has its public form."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import SCHEDULE, Role
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import db
from registry.procurement.file_imports import import_contracts
from registry.procurement.models import Contract, PortalFetch
from registry.procurement.portal import Portal, failing_fetches, fetch_all_again, fetch_due_contracts
from tests.factories import a_project, an_actor, an_agency
from tests.imports.tables import csv_of
from tests.present import Present
from tests.procurement.contract_rows import object_of, row_of, the_contract

TOKEN = "0123456789abcdef"


@dataclass
class FakePortal:
    """A server as https://goszakup.gov.kz/ru/developer/ows_v3 describes it: newest first, ``after`` an id.

    ``answers``: what it answers before it works, a status or a body. ``asked``: the variables of each query.
    """

    contracts: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int | bytes] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    @property
    def portal(self) -> Portal:
        return Portal(self.url, TOKEN)

    def answer(self, token: str | None, body: dict[str, Any]) -> tuple[int, bytes]:
        self.asked.append(body["variables"])
        if self.answers:
            answer = self.answers.pop(0)
            return (answer, b"{}") if isinstance(answer, int) else (200, answer)
        if token != f"Bearer {TOKEN}":
            return 401, b'{"message": "Unauthorized"}'
        conditions, after = body["variables"]["filter"], body["variables"]["after"]
        own = [each for each in self.contracts if each["customerBin"] == conditions["customerBin"]]
        own = sorted((each for each in own if after is None or each["id"] < after), key=lambda each: -each["id"])
        page = own[: min(body["variables"]["limit"], 2)]
        info = {"limitPage": 2, "totalCount": len(own), "hasNextPage": len(own) > len(page)}
        info["lastId"] = page[-1]["id"] if page else 0
        return 200, json.dumps({"data": {"Contract": page}, "extensions": {"pageInfo": info}}).encode()


@pytest.fixture
def server() -> Iterator[FakePortal]:
    fake = FakePortal()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, content = fake.answer(self.headers["Authorization"], body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        fake.url = f"http://127.0.0.1:{running.server_port}/v3/graphql"
        yield fake
        running.shutdown()
        thread.join()


def page_before(last_id: str) -> bytes:
    info = f'{{"hasNextPage": true, "lastId": {last_id}}}'
    return f'{{"data": {{"Contract": [{{}}]}}, "extensions": {{"pageInfo": {info}}}}}'.encode()


@pytest.fixture
def agency(app: Flask) -> Agency:
    return an_agency()


def fetch(server: FakePortal) -> int:
    return fetch_due_contracts(server.portal, SCHEDULE)


def row() -> PortalFetch:
    db.session.expire_all()
    return db.session.scalars(select(PortalFetch)).one()


def numbers() -> list[str]:
    return sorted(each.rpartition("/")[2] for each in db.session.scalars(select(Contract.number_sys)))


@pytest.mark.on_both
def test_every_page_of_an_agency_is_imported_and_matched(server: FakePortal, agency: Agency) -> None:
    a_project(agency, contract_number="ИС-2026/17")
    server.contracts = [
        object_of(row_of(agency, number=f"26000{id}", contract_number=f"{id}"), id) for id in range(1, 5)
    ]
    server.contracts.append(object_of(row_of(agency, number="260005"), 5))
    assert fetch(server) == 3
    assert numbers() == ["260001", "260002", "260003", "260004", "260005"]
    assert [each["after"] for each in server.asked] == [None, 4, 2]
    assert server.asked[0] == {"filter": {"customerBin": agency.bin}, "limit": 200, "after": None}
    assert row().after_id is None and row().next_try_at > now()
    assert fetch(server) == 0


def test_next_night_asks_for_what_changed_since_the_day_before_the_last_fetch(
    server: FakePortal, agency: Agency, present: Present
) -> None:
    present.set(datetime.fromisoformat("2026-06-10T23:00:00Z"))
    fetch(server)
    present.set(datetime.fromisoformat("2026-06-11T23:30:00Z"))
    fetch(server)
    assert server.asked[1]["filter"] == {"customerBin": agency.bin, "lastUpdateDate": ["2026-06-10"]}


@pytest.mark.on_both
def test_fetch_that_breaks_off_goes_on_after_the_last_page(
    server: FakePortal, agency: Agency, present: Present
) -> None:
    # Before midnight in Kazakhstan.
    present.set(datetime.fromisoformat("2026-06-10T18:59:30Z"))
    server.contracts = [
        object_of(row_of(agency, number=f"26000{id}", contract_number=f"{id}"), id) for id in range(1, 4)
    ]
    whole = json.loads(
        server.answer(
            f"Bearer {TOKEN}", {"variables": {"filter": {"customerBin": agency.bin}, "limit": 2, "after": None}}
        )[1]
    )
    server.answers = [json.dumps(whole).encode(), 503]
    assert fetch(server) == 1
    assert (numbers(), row().after_id, row().error) == (["260002", "260003"], 2, "the portal answers 503")
    present.set(datetime.fromisoformat("2026-06-10T19:00:29Z"))
    assert fetch(server) == 0
    present.set(datetime.fromisoformat("2026-06-10T19:00:31Z"))
    assert fetch(server) == 1
    assert (numbers(), row().error, row().tries) == (["260001", "260002", "260003"], None, 0)
    assert row().fetched_on == date(2026, 6, 10)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (401, "the portal answers 401"),
        (302, "the portal answers 302"),
        (b"<html>", "the answer is no JSON"),
        (b"[]", "the portal refuses the query"),
        (b'{"errors": [{"message": "Unknown field"}]}', "the portal refuses the query: [{'message': 'Unknown field'}]"),
        (b'{"data": {"Contract": []}}', "the answer has no page of contracts"),
        (b"[" * 200_000, "the answer is no JSON"),
        (b'{"errors": "\\u0000\\ud800"}', "the portal refuses the query: "),
        (page_before("1e999"), "the answer has no page of contracts"),
        (page_before("9223372036854775808"), "the portal names no page after this one"),
        (page_before("-1"), "the portal names no page after this one"),
        (b'{"data": {"Contract": 7}, "extensions": {"pageInfo": {"hasNextPage": false}}}', "the answer has no page"),
    ],
)
def test_answer_that_is_no_page_is_named_and_tried_again(
    server: FakePortal, agency: Agency, answer: int | bytes, error: str
) -> None:
    server.answers = [answer]
    assert fetch(server) == 0
    ((number, reason),) = failing_fetches()
    assert number == agency.bin and reason.startswith(error)
    fetch_all_again()
    assert fetch(server) == 1 and failing_fetches() == []


def test_contract_that_cannot_be_read_is_named_and_the_others_are_imported(server: FakePortal, agency: Agency) -> None:
    wrong = object_of(row_of(agency, number="260002"), 2) | {"signDate": "весной"}
    server.contracts = [object_of(row_of(agency), 1), wrong]
    fetch(server)
    assert numbers() == ["260001"]
    assert failing_fetches() == [(agency.bin, f"{agency.bin}/260002/00: sign_date expected-date")]


def test_contract_of_another_customer_than_was_asked_for_is_named_and_left_out(
    server: FakePortal, agency: Agency
) -> None:
    page = json.loads(page_before("1")) | {"data": {"Contract": [object_of(row_of("070240006286"))]}}
    server.answers = [json.dumps(page).encode()]
    fetch(server)
    assert failing_fetches() == [(agency.bin, "070240006286/260001/00: of another customer")]


def test_pages_in_a_circle_end(server: FakePortal, agency: Agency) -> None:
    server.answers = [page_before("7"), page_before("9"), page_before("7")]
    assert fetch(server) == 1


def test_file_does_not_change_what_the_portal_gave(server: FakePortal, agency: Agency) -> None:
    server.contracts = [object_of(row_of(agency), 1)]
    fetch(server)
    older = csv_of(row_of(agency, contract_sum_wnds="1"))
    assert import_contracts(an_actor(Role.OPERATOR), "old.csv", older)["from_portal"] == 1
    assert (the_contract().sum_kzt, the_contract().source) == (60_000_000, "portal")


def test_contracts_of_a_closed_agency_are_not_asked_for(server: FakePortal, agency: Agency) -> None:
    fetch(server)
    agency.closed_on = now().date()
    db.session.commit()
    fetch_all_again()
    server.asked.clear()
    assert fetch(server) == 0 and server.asked == []
