"""Figures of the open data: coverage, checkpoints, and what is confirmed, of public records alone."""

from __future__ import annotations

from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from registry.accounts.roles import Role
from registry.core.database import transaction
from registry.journal.checkpoints import make_checkpoint
from registry.procurement.file_imports import import_contracts
from registry.projects.models import Project
from tests.factories import a_project, an_actor, an_agency
from tests.imports.tables import csv_of
from tests.procurement.contract_rows import row_of
from tests.reports.test_overview import hide

pytestmark = pytest.mark.on_both


def test_coverage_is_public_in_whole_percent_of_agencies_with_ten_contracts(public: FlaskClient) -> None:
    large, small = an_agency(name_ru="=Лес", name_kk="Орман"), an_agency()
    projects = [a_project(large, contract_number=f"{large.bin}/{number}/00") for number in (1, 2)]
    values = {"contract_sum_wnds": "3", "contract_number": "", "supplier_biin": "", "description_kz": ""}
    works = (
        "музея",
        "театра",
        "склада",
        "вокзала",
        "приюта",
        "рынка",
        "цирка",
        "стадиона",
        "бассейна",
        "парка",
        "сада",
    )
    described = [{"description_ru": f"Портал {work}", **values} for work in works]
    rows = [row_of(large, number=str(number), **each) for number, each in enumerate(described[:10], 1)]
    rows += [row_of(small, number="11", **described[10])]
    import_contracts(an_actor(Role.OPERATOR), "contracts.csv", csv_of(*rows))

    def shares() -> list[tuple[str, int]]:
        items = public.get("/open-data/coverage.json").get_json()
        return [(each["agency"], each["in_register_percent"]) for each in items]

    assert shares() == [("", 18), (large.bin, 20)]
    # Who counts the contracts on the portal cannot tell from the rows that there is a restricted project.
    hide(projects[1])
    assert shares() == [("", 10), (large.bin, 11)]
    text = public.get("/open-data/coverage.csv").text
    assert text.splitlines()[2].startswith(f"{large.bin},Орман,'=Лес,,11,")


def test_checkpoints_are_public_with_the_address_of_their_signed_note(public: FlaskClient) -> None:
    assert public.get("/open-data/checkpoints.json").get_json() == []
    a_project()
    checkpoint = make_checkpoint(an_actor(Role.SUPERVISOR))
    assert checkpoint is not None
    answer = public.get("/open-data/checkpoints.json")
    (row,) = answer.get_json()
    assert (row["size"], row["root"]) == (checkpoint.size, checkpoint.root)
    assert row["note"] == f"http://localhost/checkpoints/{checkpoint.size}.txt"
    assert public.get(row["note"]).text == checkpoint.note
    assert public.get("/checkpoints/999999.txt").status_code == 404
    known = {"If-None-Match": answer.headers["ETag"]}
    assert public.get("/open-data/checkpoints.json", headers=known).status_code == 304


def test_confirmed_share_counts_public_projects_that_state_it(public: FlaskClient) -> None:
    confirmed, hidden = (a_project(placement="on_platform", commissioned_on="2026-02-01") for _ in range(2))
    a_project(placement="on_platform")
    values = {"placement_verified_on": date(2026, 3, 1), "confirmed_facts": ["object_commissioned_on 2026-03-01"]}
    with transaction() as session:
        session.execute(update(Project).where(Project.id.in_((confirmed.id, hidden.id))).values(values))
    hide(hidden)
    rows = {row.pop("fact"): row for row in public.get("/open-data/confirmed.json").get_json()}
    assert rows["placement"] == {"stated": 2, "confirmed": 1, "confirmed_percent": 50.0}
    assert rows["commissioned_on"] == {"stated": 1, "confirmed": 0, "confirmed_percent": 0.0}
    assert rows["consent_number"] == {"stated": 0, "confirmed": 0, "confirmed_percent": None}


@pytest.mark.parametrize("name", ["coverage", "checkpoints", "confirmed"])
def test_figures_are_not_found_where_nothing_is_published(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/open-data/{name}.json")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert client.get(f"/open-data/{name}.xlsx").status_code == 404
