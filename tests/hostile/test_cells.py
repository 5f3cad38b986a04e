"""Hostile cells in imports and inventories: reported by row and column; other rows are imported."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.core.clock import today
from registry.core.database import db
from registry.core.lists import Page
from registry.imports.models import ImportRun
from registry.imports.queries import errors_of
from registry.imports.service import import_now
from registry.platform.inventory import apply_inventory
from registry.projects.models import Project
from tests.factories import a_bin, an_actor, an_agency
from tests.hostile.corpus import Case, as_kept, cases, cell_of, csv_of_cells, text_of, xlsx_of_cells

FORMATS = ("csv", "xlsx")
COLUMNS = (
    *("agency", "external_id", "name_ru", "name_kk", "name_en", "purpose", "object_kind", "work_type", "stage"),
    *("placement", "work_started_on", "budget_kzt", "region", "supplier_bin", "is_ai"),
    *("responsible_name", "responsible_position"),
)
TEXTS = [case for case in cases("values") if "text" in case]


def table(format_: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> bytes:
    return csv_of_cells(columns, rows) if format_ == "csv" else xlsx_of_cells(columns, rows)


def errors(run: ImportRun) -> dict[int, set[tuple[str | None, str]]]:
    """Map row to (column, code)."""
    by_row: dict[int, set[tuple[str | None, str]]] = {}
    for item in errors_of(an_actor(Role.ADMINISTRATOR), run, Page(500)).items:
        by_row.setdefault(item["row"], set()).add((item["column"], item["code"]))
    return by_row


def a_row(agency: Agency, place: int) -> dict[str, Any]:
    usual = {"agency": agency.bin, "external_id": f"H-{place}", "name_ru": "Система", "object_kind": "system"}
    return dict.fromkeys(COLUMNS, "") | usual | {"work_type": "creation", "stage": "creation", "placement": "unknown"}


@pytest.mark.parametrize("format_", FORMATS)
def test_hostile_cell_is_reported_and_other_rows_are_imported(app: Flask, format_: str) -> None:
    agency = an_agency()
    tried = [case for case in cases("cells") if case.get("only", format_) == format_]
    rows, expected = [], {}
    for place, case in enumerate(tried):
        cell = case if {"formula", "error", "number"} & set(case) else cell_of(case)
        rows += [{**a_row(agency, place), case["column"]: cell}, a_row(agency, 1000 + place)]
        expected[2 + 2 * place] = {(column, case["expected"]) for column in (case["column"], *case.get("also", ()))}

    run = import_now(an_actor(Role.ADMINISTRATOR), "projects", False, f"list.{format_}", table(format_, COLUMNS, rows))

    assert (run.state, run.created, run.rejected) == ("done", len(tried), len(tried))
    assert errors(run) == expected
    there = set(db.session.scalars(select(Project.external_id).where(Project.agency_id == agency.id)))
    assert there == {f"H-{1000 + place}" for place in range(len(tried))}


@pytest.mark.parametrize("format_", FORMATS)
def test_text_in_cell_is_stored_unchanged_or_rejected(app: Flask, format_: str) -> None:
    agency = an_agency()
    # XLSX cannot contain U+FFFE and U+FFFF.
    held = [case for case in TEXTS if format_ == "csv" or not {"\ufffe", "\uffff"} & set(text_of(case))]
    rows = [{**a_row(agency, place), "name_en": text_of(case)} for place, case in enumerate(held)]

    run = import_now(an_actor(Role.ADMINISTRATOR), "projects", False, f"list.{format_}", table(format_, COLUMNS, rows))

    names = select(Project.external_id, Project.name_en).where(Project.agency_id == agency.id)
    there = {key: name for key, name in db.session.execute(names)}  # noqa: C416 - a Row is no pair to a type checker
    expected = {
        f"H-{place}": None if case.get("missing") else imported(case)
        for place, case in enumerate(held)
        if fits(case, "text500")
    }
    refused = {2 + place for place, case in enumerate(held) if not fits(case, "text500")}
    assert set(errors(run)) == refused
    assert {case for row in errors(run).values() for case in row} == {
        ("name_en", "cell-too-long"),
        ("name_en", "control-character"),
        ("name_en", "too-long"),
    }
    assert there == expected


@pytest.mark.parametrize("format_", FORMATS)
def test_text_in_agency_cells_affects_no_other_row(app: Flask, format_: str) -> None:
    columns = ("bin", "name_kk", "name_ru", "name_en", "kind", "region", "parent_bin", "email")
    good = [dict.fromkeys(columns, "") | {"bin": a_bin(), "name_ru": "Орган", "kind": "private"} for _ in TEXTS]
    bad = [dict.fromkeys(columns, text_of(case)) for case in TEXTS]
    rows = [row for pair in zip(good, bad, strict=True) for row in pair]

    run = import_now(an_actor(Role.ADMINISTRATOR), "agencies", False, f"list.{format_}", table(format_, columns, rows))

    assert (run.state, run.created) == ("done", len(good))
    assert run.processed == run.total == run.created + run.rejected
    assert all(row % 2 for row in errors(run))
    there = set(db.session.scalars(select(Agency.bin).where(Agency.name_ru == "Орган")))
    assert there >= {row["bin"] for row in good}


@pytest.mark.parametrize("format_", FORMATS)
def test_text_in_inventory_cells_is_an_invalid_row(app: Flask, format_: str) -> None:
    agency = an_agency()
    columns = ("platform_key", "agency", "verified_on")
    rows = [dict.fromkeys(columns, text_of(case)) for case in TEXTS if not case.get("missing")]
    rows.append({"platform_key": "good", "agency": agency.bin, "verified_on": str(today())})

    summary = apply_inventory(an_actor(Role.OPERATOR), "list", table(format_, columns, rows), False)

    assert (summary["total"], summary["rejected"]) == (len(rows), len(rows) - 1)
    assert [row["platform_key"] for row in summary["rows"]["unregistered"]] == ["good"]


def fits(case: Case, kind: str) -> bool:
    return kind in case["accepted_by"]


def imported(case: Case) -> str:
    """Return what an import stores: the apostrophe before a formula comes from exports and is removed."""
    text = as_kept(text_of(case))
    return text[1:] if text.startswith("'=") else text
