"""Agencies over HTTP."""

from __future__ import annotations

from registry.agencies.fields import AGENCY_FIELDS
from registry.agencies.models import Agency
from tests.api.callers import Caller, code, codes
from tests.factories import a_bin, an_agency


def test_registered_agency_is_at_its_location(administrator: Caller) -> None:
    number = a_bin()
    sent = {"bin": number, "name_kk": "Қаржы министрлігі", "kind": "central_body", "region": "71", "email": "a@b.kz"}

    answer = administrator.post("/agencies", sent)

    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/agencies/{number}"
    read = administrator.get(f"/agencies/{number}")
    assert (
        read.get_json()
        == answer.get_json()
        == {
            **dict.fromkeys((*AGENCY_FIELDS, "closed_on", "successor_bin")),
            **sent,
            "version": 1,
        }
    )
    assert read.headers["ETag"] == answer.headers["ETag"]


def test_all_invalid_fields_of_an_agency_are_reported(administrator: Caller) -> None:
    answer = administrator.post("/agencies", {"bin": "1", "kind": "x", "email": 5, "version": 2, "nonsense": 1})

    assert answer.status_code == 422
    assert codes(answer) == {
        ("/bin", "bin-invalid"),
        ("/kind", "not-a-choice"),
        ("/email", "expected-text"),
        ("/version", "read-only-field"),
        ("/nonsense", "unknown-field"),
    }


def test_agency_is_registered_once(administrator: Caller, agency: Agency) -> None:
    answer = administrator.post("/agencies", {"bin": agency.bin, "name_ru": "Ещё раз", "kind": "private"})

    assert (answer.status_code, code(answer)) == (409, "bin-taken")


def test_patch_clears_what_is_null_and_leaves_what_is_absent(administrator: Caller, agency: Agency) -> None:
    path = f"/agencies/{agency.bin}"
    administrator.change(path, {"name_en": "Body", "email": "a@b.kz"})

    answer = administrator.change(path, {"name_en": None})

    assert answer.status_code == 200
    assert answer.get_json()["name_en"] is None
    assert answer.get_json()["email"] == "a@b.kz"
    assert administrator.get(path).get_json() == answer.get_json()
    assert codes(administrator.change(path, {"bin": a_bin()})) == {("/bin", "read-only-field")}


def test_agency_cannot_be_its_own_ancestor(administrator: Caller, agency: Agency) -> None:
    child = an_agency(parent=agency)

    answer = administrator.change(f"/agencies/{agency.bin}", {"parent_bin": child.bin})

    assert codes(answer) == {("/parent_bin", "parent-below-itself")}


def test_agencies_are_found_by_word_kind_and_parent(administrator: Caller, agency: Agency) -> None:
    an_agency(parent=agency, name_ru="Служба ДОРОГ", kind="subsidiary", region="19")
    child = an_agency(parent=agency, name_ru="Служба Мостов", kind="subsidiary", region="19")

    def bins(query: str) -> list[str]:
        return [item["bin"] for item in administrator.get(f"/agencies?{query}").get_json()["items"]]

    assert bins("q=служба мост") == [child.bin]
    assert bins(f"q={child.bin[:8]}")[-1] == child.bin
    assert len(bins(f"kind=subsidiary,private&region=19&parent_bin={agency.bin}")) == 2
    assert bins("q=нетакого") == []
    assert bins("q=стов") == []


def test_invalid_filter_sort_or_cursor_is_reported(administrator: Caller) -> None:
    for query, wrong in {
        "kind=nonsense": ("kind", "not-a-choice"),
        "region=": ("region", "value-missing"),
        "parent_bin=12": ("parent_bin", "bin-invalid"),
        "sort=email": ("sort", "not-a-choice"),
        "cursor=zzz": ("cursor", "invalid-cursor"),
        "limit=0": ("limit", "limit-out-of-range"),
        "limit=501": ("limit", "limit-out-of-range"),
        "limit=５": ("limit", "limit-out-of-range"),
        "colour=red": ("colour", "unknown-parameter"),
        "q=a&q=b": ("q", "parameter-repeated"),
        "kind=private&kind=": ("kind", "value-missing"),
        "q=a%00b": ("q", "not-usable"),
    }.items():
        answer = administrator.get(f"/agencies?{query}")
        assert (answer.status_code, codes(answer)) == (400, {wrong}), query
