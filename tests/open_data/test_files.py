"""The files: what they say, when they are written, and how caches and other sites may use them."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from registry.core.database import db
from registry.journal.service import JournalEntry
from registry.open_data.queries import PUBLIC_FIELDS
from registry.open_data.service import write_when_due
from registry.settings import SettingsInvalid, read_settings
from tests.cases.cast import audit
from tests.factories import a_project, an_agency
from tests.present import Present

CSV, PACKAGE, CATALOGUE = "/open-data/projects.csv", "/open-data/datapackage.json", "/open-data/catalog.jsonld"
COLUMNS = (
    "number,agency,agency_name_kk,agency_name_ru,agency_name_en,name_kk,name_ru,name_en,purpose,object_kind,work_type,"
    "stage,placement,sector,region,funding,budget_kzt,started_on,planned_end_on,ended_on,freeze_status,"
    "placement_verified_on,is_ai,ai_purpose,ai_supplier,ai_risk_class,ai_notice,ai_objection,ai_office"
)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_public_fields_are_exactly_these() -> None:
    assert ",".join(field.name for field in PUBLIC_FIELDS) == COLUMNS


def test_csv_has_one_row_a_project_with_the_public_fields(public: FlaskClient) -> None:
    agency = an_agency(name_ru="Министерство", name_kk="Министрлік")
    number = a_project(agency, name_ru="=1+1", purpose="Учёт,\nи отчёт", is_ai=True, ai_office="Отдел ИИ").number
    audit()
    assert write_when_due()
    text = public.get(CSV).text
    assert text.startswith("\ufeff" + COLUMNS + "\r\n")
    assert rows(text) == [
        dict.fromkeys(COLUMNS.split(","), "")
        | {
            "number": number,
            "agency": agency.bin,
            "agency_name_kk": "Министрлік",
            "agency_name_ru": "Министерство",
            "name_kk": "Есепке алудың ақпараттық жүйесі",
            "name_ru": "'=1+1",
            "purpose": "Учёт,\nи отчёт",
            "object_kind": "system",
            "work_type": "creation",
            "stage": "creation",
            "placement": "off_platform",
            "sector": "07",
            "region": "71",
            "budget_kzt": "120000000",
            "started_on": "2026-01-20",
            "freeze_status": "flagged",
            "is_ai": "true",
            "ai_office": "Отдел ИИ",
        }
    ]


def test_data_package_describes_the_csv_that_is_there(public: FlaskClient, present: Present) -> None:
    a_project()
    present.set(datetime(2026, 3, 2, 21, 5, tzinfo=UTC))  # 02:05 in Almaty
    assert write_when_due()
    data = public.get(CSV).data
    package = public.get(PACKAGE).get_json()
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert package["licenses"] == [{"name": "CC-BY-4.0", "path": "https://creativecommons.org/licenses/by/4.0/"}]
    assert (package["version"], package["created"]) == ("2026-03-03", "2026-03-02T21:05:00.000000Z")
    (resource,) = package["resources"]
    assert resource["path"] == "projects.csv" and resource["bytes"] == len(data)
    assert resource["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    fields = {field["name"]: field for field in resource["schema"]["fields"]}
    assert ",".join(fields) == COLUMNS
    assert fields["budget_kzt"]["type"] == "integer" and fields["started_on"]["type"] == "date"
    assert fields["region"]["titles"] == {"kk": "Өңір", "ru": "Регион", "en": "Region"}
    assert "withdrawn" not in fields["freeze_status"]["constraints"]["enum"]
    values = rows(data.decode())[0]
    for name, field in fields.items():
        assert not values[name] or values[name] in field.get("constraints", {}).get("enum", [values[name]])


def test_catalogue_names_dataset_and_files_by_full_addresses(public: FlaskClient) -> None:
    assert write_when_due()
    answer = public.get(CATALOGUE)
    assert answer.content_type == "application/ld+json"
    catalogue = json.loads(answer.data)
    assert catalogue["@type"] == "dcat:Catalog"
    assert catalogue["@context"]["dcat"] == "http://www.w3.org/ns/dcat#"
    dataset, *figures = catalogue["dcat:dataset"]
    assert [each["dcat:distribution"][0]["@id"].rpartition("/")[2] for each in figures] == [
        *("coverage.csv", "checkpoints.csv", "confirmed.csv")
    ]
    assert dataset["@type"] == "dcat:Dataset"
    assert [text["@language"] for text in dataset["dcterms:title"]] == ["kk", "ru", "en"]
    assert [each["dcat:downloadURL"]["@id"] for each in dataset["dcat:distribution"]] == [
        "http://localhost/open-data/projects.csv",
        "http://localhost/open-data/datapackage.json",
    ]
    prefixes = {name.partition(":")[0] for name in keys_of(catalogue) if not name.startswith("@")}
    assert prefixes <= catalogue["@context"].keys() | {""}


def test_catalogue_gives_the_class_of_everything_it_refers_to(public: FlaskClient) -> None:
    """The shapes of DCAT-AP check the classes of what properties lead to, without fetching the vocabularies."""
    assert write_when_due()
    catalogue = json.loads(public.get(CATALOGUE).data)
    dataset = catalogue["dcat:dataset"][0]
    csv_file, _ = dataset["dcat:distribution"]
    classes = {
        name: each["@type"]
        for owner in (catalogue, dataset, csv_file, csv_file["spdx:checksum"])
        for name, value in owner.items()
        for each in (value if isinstance(value, list) else [value])
        if isinstance(each, dict) and "@id" in each and "@type" in each
    }
    assert classes == {
        "dcterms:publisher": "foaf:Agent",
        "dcterms:license": "dcterms:LicenseDocument",
        "dcterms:language": "dcterms:LinguisticSystem",
        "dcterms:spatial": "dcterms:Location",
        "dcterms:accrualPeriodicity": "dcterms:Frequency",
        "dcterms:accessRights": "dcterms:RightsStatement",
        "dcterms:format": "dcterms:MediaTypeOrExtent",
        "dcat:dataset": "dcat:Dataset",
        "dcat:distribution": "dcat:Distribution",
        "dcat:landingPage": "foaf:Document",
        "dcat:mediaType": "dcterms:MediaType",
        "dcat:theme": "skos:Concept",
        "dcat:themeTaxonomy": "skos:ConceptScheme",
        "dcatap:availability": "skos:Concept",
        "foaf:homepage": "foaf:Document",
        "spdx:algorithm": "spdx:ChecksumAlgorithm",
    }
    assert dataset["dcat:theme"]["skos:prefLabel"]["@value"] == "Government and public sector"
    assert csv_file["dcatap:availability"]["skos:prefLabel"]["@value"] == "stable"
    assert catalogue["dcat:themeTaxonomy"]["dcterms:title"]["@value"] == "Data theme"


def keys_of(value: Any) -> list[str]:
    if isinstance(value, list):
        return [key for each in value for key in keys_of(each)]
    if not isinstance(value, dict):
        return []
    return [key for name, each in value.items() if name != "@context" for key in (name, *keys_of(each))]


def test_files_may_be_kept_by_caches_and_read_by_other_sites(public: FlaskClient) -> None:
    assert write_when_due()
    for path in (CSV, PACKAGE, CATALOGUE):
        first = public.get(path, headers={"Cookie": "registry_session=" + "x" * 43})
        assert first.status_code == 200 and "Set-Cookie" not in first.headers
        assert first.headers["Cache-Control"] == "public, no-cache"
        assert first.headers["Access-Control-Allow-Origin"] == "*"
        assert first.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert first.headers["Last-Modified"] == "Mon, 02 Mar 2026 07:00:00 GMT"
        for headers in (
            {"If-None-Match": first.headers["ETag"]},
            {"If-Modified-Since": first.headers["Last-Modified"]},
        ):
            again = public.get(path, headers=headers)
            assert (again.status_code, again.data) == (304, b"")
            assert again.headers["Cache-Control"] == "public, no-cache"
        head = public.head(path)
        assert head.status_code == 200 and head.data == b""


@pytest.mark.parametrize("accepted", ["identity", "gzip", "gzip, br, zstd", "zstd;q=0.5, gzip", "*"])
def test_answer_to_a_known_time_names_the_tag_of_the_same_encoding(public: FlaskClient, accepted: str) -> None:
    a_project()
    assert write_when_due()
    for path in (CSV, PACKAGE, CATALOGUE):
        first = public.get(path, headers={"Accept-Encoding": accepted})
        known = {"Accept-Encoding": accepted, "If-Modified-Since": first.headers["Last-Modified"]}
        again = public.get(path, headers=known)
        assert (again.status_code, again.headers["ETag"]) == (304, first.headers["ETag"])


def test_csv_is_sent_compressed_to_programs_that_accept_it(public: FlaskClient) -> None:
    a_project()
    assert write_when_due()
    plain, packed = (public.get(CSV, headers={"Accept-Encoding": coding}) for coding in ("identity", "gzip, br"))
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"] and "Accept-Encoding" in packed.headers["Vary"]
    known = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    assert public.get(CSV, headers=known).status_code == 304


def test_set_is_written_after_each_audit_and_every_day(public: FlaskClient, present: Present) -> None:
    assert public.get(CSV).status_code == 503 and public.get(CSV).headers["Retry-After"] == "60"
    assert write_when_due() and not write_when_due()
    number = a_project().number
    assert number not in public.get(CSV).text
    audit()
    assert write_when_due() and not write_when_due()
    assert number in public.get(CSV).text
    present.set(date(2026, 3, 3))
    assert not write_when_due()
    present.move(timedelta(hours=2))
    assert write_when_due()


def test_writing_the_set_is_journalled(public: FlaskClient) -> None:
    a_project()
    assert write_when_due()
    entry = db.session.scalars(select(JournalEntry).where(JournalEntry.action == "open-data.written")).one()
    assert (entry.principal, entry.subject) == ("service:schedule", "open-data:2026-03-02")
    assert json.loads(entry.details)["projects"] == 1


def test_nothing_is_there_unless_it_is_published(client: FlaskClient) -> None:
    number = a_project().number
    assert write_when_due()
    for path in (CSV, PACKAGE, CATALOGUE, "/open-data", f"/open-data/projects/{number}"):
        assert client.get(path).status_code == 404, path
    page = client.get("/").text
    assert "/open-data" not in page


@pytest.mark.parametrize(
    "variables",
    [
        {"REGISTRY_PUBLIC": "yes", "REGISTRY_PUBLIC_URL": "https://registry.gov.kz"},
        {"REGISTRY_PUBLIC": "on"},
        {"REGISTRY_PUBLIC": "on", "REGISTRY_PUBLIC_URL": "https://registry.gov.kz", "REGISTRY_PUBLIC_LICENCE": "CC"},
        {"REGISTRY_PUBLIC_LICENCE": "CC http://example.kz"},
    ],
)
def test_wrong_settings_stop_the_start(tmp_path: Any, variables: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match="REGISTRY_PUBLIC"):
        read_settings({"REGISTRY_DATA_DIR": str(tmp_path), **variables})


def test_settings_name_the_licence_or_nothing(tmp_path: Any) -> None:
    usual = {"REGISTRY_DATA_DIR": str(tmp_path), "REGISTRY_PUBLIC_URL": "https://registry.gov.kz"}
    assert read_settings(usual).open_data_licence is None
    licence = read_settings({**usual, "REGISTRY_PUBLIC": "on"}).open_data_licence
    assert licence is not None and licence.name == "CC-BY-4.0"
