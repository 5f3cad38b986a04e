"""Import of agencies: parents before children, whatever their order in the file."""

from __future__ import annotations

import pytest
from flask import Flask

from registry.agencies.service import agency_by_bin
from registry.core.database import db
from registry.journal.service import JournalEntry
from tests.factories import a_bin, an_agency
from tests.imports.tables import DATA, csv_of
from tests.imports.test_projects import codes, counts, run_import, stored


def row(number: str, parent: str = "", **more: str) -> dict[str, str]:
    return {"bin": number, "name_ru": f"Орган {number}", "kind": "central_body", "parent_bin": parent, **more}


def test_real_agencies_are_imported_and_second_import_changes_nothing(app: Flask) -> None:
    content = (DATA / "agencies.csv").read_bytes()
    assert counts(run_import(content, kind="agencies")) == (13, 0, 0, 0)
    assert counts(run_import(content, kind="agencies")) == (0, 0, 13, 0)


def test_children_may_precede_their_parents(app: Flask) -> None:
    top, middle, leaf = a_bin(), a_bin(), a_bin()
    content = csv_of(row(leaf, middle), row(middle, top), row(top))
    dry = run_import(content, kind="agencies", dry_run=True)
    wet = run_import(content, kind="agencies")
    assert counts(dry) == counts(wet) == (3, 0, 0, 0)
    assert (agency_by_bin(leaf).parent_bin, agency_by_bin(middle).parent_bin) == (middle, top)
    assert counts(run_import(content, kind="agencies")) == (0, 0, 3, 0)


@pytest.mark.parametrize("dry_run", [True, False])
def test_cycles_are_rejected_and_other_rows_imported(app: Flask, dry_run: bool) -> None:
    one, two, three, four = a_bin(), a_bin(), a_bin(), a_bin()
    content = csv_of(row(one, two), row(two, one), row(three, three), row(four))
    run = run_import(content, kind="agencies", dry_run=dry_run)
    assert counts(run) == (1, 0, 0, 3)
    assert codes(run) == [(number, "parent_bin", "parent-below-itself") for number in (2, 3, 4)]


def test_cycle_with_registered_agency_is_rejected(app: Flask) -> None:
    top = an_agency()
    below = an_agency(top)
    content = csv_of({"bin": top.bin, "parent_bin": below.bin})
    for dry_run in (True, False):
        run = run_import(content, kind="agencies", dry_run=dry_run)
        assert codes(run) == [(2, "parent_bin", "parent-below-itself")]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_changes_neither_kind_nor_parent_of_a_registered_agency(app: Flask, dry_run: bool) -> None:
    top = an_agency()
    below = an_agency(top)
    content = csv_of(row(top.bin, kind="private"), row(below.bin))

    run = run_import(content, kind="agencies", dry_run=dry_run)

    assert codes(run) == [
        (2, "kind", "agency-change-needs-approval"),
        (3, "parent_bin", "agency-change-needs-approval"),
    ]
    assert (agency_by_bin(top.bin).kind, agency_by_bin(below.bin).parent_bin) == ("central_body", top.bin)


@pytest.mark.parametrize("dry_run", [True, False])
def test_invalid_rows_and_their_children_are_reported(app: Flask, dry_run: bool) -> None:
    good, bad, child = a_bin(), a_bin(), a_bin()
    content = csv_of(
        row(good, email="a@b.kz"),
        row(good),
        row(bad, kind="ministry"),
        row(child, bad),
        row(""),
        row("123"),
        {**row(a_bin()), "name_ru": " "},
        row(a_bin(), email="nobody"),
    )
    run = run_import(content, kind="agencies", dry_run=dry_run)
    assert counts(run) == (1, 0, 0, 7)
    assert codes(run) == [
        (3, "bin", "bin-twice"),
        (4, "kind", "not-a-choice"),
        (5, "parent_bin", "agency-unknown"),
        (6, "bin", "required"),
        (7, "bin", "bin-invalid"),
        (8, "name_kk", "name-required"),
        (8, "name_ru", "name-required"),
        (9, "email", "email-invalid"),
    ]


def test_dry_run_of_agencies_writes_nothing(app: Flask) -> None:
    before = stored()
    run_import((DATA / "agencies.csv").read_bytes(), kind="agencies", dry_run=True)
    assert stored() == before


def test_empty_cell_clears_field_and_change_is_journalled(app: Flask) -> None:
    agency = an_agency(email="a@b.kz", region="71")
    assert counts(run_import(csv_of({"bin": agency.bin, "email": ""}), kind="agencies")) == (0, 1, 0, 0)
    changed = agency_by_bin(agency.bin)
    assert (changed.email, changed.region, changed.version) == (None, "71", 2)
    entry = db.session.scalars(db.select(JournalEntry).where(JournalEntry.action == "agency.changed")).one()
    assert entry.subject == f"agency:{agency.bin}"
