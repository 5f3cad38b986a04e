"""The open data: small tables, and descriptions for data portals (DCAT-AP 3 as JSON-LD), and as a Data Package."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from registry.agencies.models import Agency
from registry.core.clock import local_date, rfc3339
from registry.core.database import db, table_of
from registry.core.translations import LANGUAGES, lazy_text, translate
from registry.freeze.facts import CONFIRMABLE, ENDED_ON
from registry.freeze.vocabulary import Placement
from registry.journal.checkpoints import newest_checkpoints
from registry.open_data.models import Publication
from registry.open_data.queries import PUBLIC_FIELDS, PUBLIC_READER, PublicField
from registry.open_data.service import StoredSet
from registry.procurement.coverage import Coverage, added_coverage, coverage_by_agency
from registry.procurement.models import CONTRACT
from registry.projects.models import Project
from registry.projects.revisions import confirmed_of
from registry.projects.visibility import NOT_WITHDRAWN, visible_projects

# Small tables of the open data: coverage of IT contracts, checkpoints of the journal, what is confirmed.

PROJECT: Final = table_of(Project).c
AGENCY: Final = table_of(Agency).c
# The share of fewer contracts, beside the portal, would say which of them are those of projects that are not public.
MIN_CONTRACTS: Final = 10
# Three years of nights.
MAX_CHECKPOINTS: Final = 1100


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is made when it is asked for: ``columns`` in their order, and the rows."""

    title: str
    description: str
    columns: Sequence[str]
    rows: Callable[[Publication], Iterable[Sequence[Any]]]


def _coverage(_publication: Publication) -> Iterable[Sequence[Any]]:
    """The country, then each agency itself with enough IT contracts, whether or not their projects are public."""
    covered = coverage_by_agency(PUBLIC_READER)
    counting = select(CONTRACT.c.agency_id, func.count()).where(CONTRACT.c.is_it).group_by(CONTRACT.c.agency_id)
    counted: dict[int, int] = {row[0]: row[1] for row in db.session.execute(counting)}
    if sum(counted.values()) >= MIN_CONTRACTS:
        yield "", "", "", "", *_shares(added_coverage(covered.values()) or Coverage())
    enough = [agency_id for agency_id, count in counted.items() if count >= MIN_CONTRACTS]
    agencies = select(AGENCY.id, AGENCY.bin, AGENCY.name_kk, AGENCY.name_ru, AGENCY.name_en)
    for row in db.session.execute(agencies.where(AGENCY.id.in_(enough)).order_by(AGENCY.bin)):
        yield *row[1:], *_shares(covered.get(row.id, Coverage()))


def _shares(covered: Coverage) -> list[int | None]:
    every, since = covered.every, covered.since_cutoff
    parts = (
        *((amount, every.total_kzt) for amount in (every.matched_kzt, every.to_check_kzt, every.unmatched_kzt)),
        (since.matched_kzt, since.total_kzt),
    )
    return [round(100 * amount / total) if total else None for amount, total in parts]


def _checkpoints(publication: Publication) -> Iterable[Sequence[Any]]:
    origin = publication.home.rpartition("/")[0]
    for each in newest_checkpoints(MAX_CHECKPOINTS):
        yield each.size, each.root, rfc3339(each.created_at), f"{origin}/checkpoints/{each.size}.txt"


def _confirmed(_publication: Publication) -> Iterable[Sequence[Any]]:
    """The placement on the platform, and each fact that a document confirms: public projects that state it."""
    public = (*visible_projects(PUBLIC_READER), NOT_WITHDRAWN)
    on_platform = PROJECT.placement == Placement.ON_PLATFORM.value
    counts = select(
        func.count().filter(on_platform),
        func.count().filter(on_platform, PROJECT.placement_verified_on.is_not(None)),
        func.count(PROJECT.ending_confirmed_on),
        *(func.count(PROJECT[name]) for name in CONFIRMABLE),
    )
    claimed, verified, ended, *stated = db.session.execute(counts.where(*public)).one()
    entries = db.session.scalars(select(PROJECT.confirmed_facts).where(*public, PROJECT.confirmed_facts.is_not(None)))
    confirmed = Counter(name for each in entries for name, _day in confirmed_of(each))
    confirmed[ENDED_ON] = ended
    yield "placement", claimed, verified, _percent(verified, claimed)
    for name, count in zip(CONFIRMABLE, stated, strict=True):
        yield name, count, confirmed[name], _percent(confirmed[name], count)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


TABLES: Final = {
    "coverage": Table(
        lazy_text("IT contracts of state bodies: the share of their money that is in the register"),
        lazy_text(
            "In whole percent, by agency with ten IT contracts of the procurement portal or more; the first row is the "
            "country. Contracts of restricted projects are left out."
        ),
        (
            *("agency", "agency_name_kk", "agency_name_ru", "agency_name_en"),
            *("in_register_percent", "to_check_percent", "without_project_percent", "in_register_since_cutoff_percent"),
        ),
        _coverage,
    ),
    "checkpoints": Table(
        lazy_text("Signed checkpoints of the journal"),
        lazy_text(
            "Whoever keeps one can tell later that no entry before it was changed: size, root hash, time and the "
            "address of the signed note."
        ),
        ("size", "root", "created_at", "note"),
        _checkpoints,
    ),
    "confirmed": Table(
        lazy_text("What of the records is confirmed"),
        lazy_text(
            "Of the public projects that state a placement on QazTech or a fact, how many are confirmed by somebody "
            "else than their agency."
        ),
        ("fact", "stated", "confirmed", "confirmed_percent"),
        _confirmed,
    ),
}


# The description of the set as a Data Package (https://datapackage.org, version 2), the titles of columns included.

PROFILES: Final = "https://datapackage.org/profiles/2.0"
NAME: Final = "qaztech-projects"
CSV_NAME: Final = "projects.csv"
TITLE: Final = lazy_text("State digital projects of Kazakhstan")
DESCRIPTION: Final = lazy_text(
    "Projects in the QazTech project register, without restricted and withdrawn ones. Written after each nightly "
    "audit. A flag is a suspicion; people make the decisions."
)
KEYWORDS: Final = ("QazTech", "Kazakhstan", "digital projects")


def data_package(stored: StoredSet, publication: Publication) -> dict[str, Any]:
    """Return the contents of ``datapackage.json``."""
    return {
        "$schema": f"{PROFILES}/datapackage.json",
        "name": NAME,
        "title": TITLE,
        "titles": _in_every_language(TITLE),
        "description": DESCRIPTION,
        "descriptions": _in_every_language(DESCRIPTION),
        "homepage": publication.home,
        "version": local_date(stored.made_at).isoformat(),
        "created": rfc3339(stored.made_at),
        "keywords": list(KEYWORDS),
        "licenses": [{"name": publication.licence.name, "path": publication.licence.url}],
        "resources": [
            {
                "name": "projects",
                "type": "table",
                "path": CSV_NAME,
                "title": TITLE,
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "bytes": stored.size,
                "hash": f"sha256:{stored.sha256}",
                "schema": {
                    "$schema": f"{PROFILES}/tableschema.json",
                    "fields": [_field(field) for field in PUBLIC_FIELDS],
                    "primaryKey": ["number"],
                    "missingValues": [""],
                },
            }
        ],
    }


def _field(field: PublicField) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": field.name,
        "type": field.kind,
        "title": field.title,
        "titles": _in_every_language(field.title),
    }
    if field.codes:
        described["constraints"] = {"enum": [code.value for code in field.codes]}
        described["categories"] = [
            {"value": code.value, "label": code.label, "labels": _in_every_language(code.label)} for code in field.codes
        ]
    return described


def _in_every_language(text: str) -> dict[str, str]:
    return {language: translate(text, language) for language in LANGUAGES}


# The description of the set for data portals: DCAT-AP 3 as JSON-LD, with its context inside.
#
# What it refers to has its class here: a portal checks ranges without fetching every vocabulary.

PACKAGE_NAME: Final = "datapackage.json"
REGISTER: Final = lazy_text("QazTech project register")
CSV_DESCRIPTION: Final = lazy_text("One row for each project, in UTF-8; the first row has the names of the columns.")
PACKAGE_DESCRIPTION: Final = lazy_text("Types, codes and titles of the columns, as a Data Package.")
AUTHORITY: Final = "http://publications.europa.eu/resource/authority"
MEDIA_TYPES: Final = "https://www.iana.org/assignments/media-types"
LANGUAGE_CODES: Final = {"kk": "KAZ", "ru": "RUS", "en": "ENG"}
CONTEXT: Final = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "dcatap": "http://data.europa.eu/r5r/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def catalogue(stored: StoredSet, publication: Publication) -> dict[str, Any]:
    """Return the contents of ``catalog.jsonld``: a catalogue with one dataset in two distributions."""
    publisher = {"@id": f"{publication.home}#publisher", "@type": "foaf:Agent", "foaf:name": _texts(REGISTER)}
    return {
        "@context": CONTEXT,
        "@id": f"{publication.home}#catalog",
        "@type": "dcat:Catalog",
        "dcterms:title": _texts(REGISTER),
        "dcterms:description": _texts(DESCRIPTION),
        "dcterms:publisher": publisher,
        "dcterms:license": _licence(publication),
        "dcterms:modified": _instant(stored),
        "dcterms:language": _languages(),
        "dcterms:spatial": _country(),
        "dcat:themeTaxonomy": _node(f"{AUTHORITY}/data-theme", "skos:ConceptScheme")
        | {"dcterms:title": _english("Data theme")},
        "foaf:homepage": _node(publication.home, "foaf:Document"),
        "dcat:dataset": [
            _projects(stored, publication),
            *(_figures(name, table, publication) for name, table in TABLES.items()),
        ],
    }


def _projects(stored: StoredSet, publication: Publication) -> dict[str, Any]:
    csv, package = f"{publication.home}/{CSV_NAME}", f"{publication.home}/{PACKAGE_NAME}"
    algorithm = _node("http://spdx.org/rdf/terms#checksumAlgorithm_sha256", "spdx:ChecksumAlgorithm")
    checksum = {
        "@type": "spdx:Checksum",
        "spdx:algorithm": algorithm,
        "spdx:checksumValue": {"@value": stored.sha256, "@type": "xsd:hexBinary"},
    }
    size = {"@value": str(stored.size), "@type": "xsd:nonNegativeInteger"}
    distributions = [
        _distribution(csv, "text/csv", "CSV", CSV_DESCRIPTION, publication)
        | {"dcterms:modified": _instant(stored), "dcat:byteSize": size, "spdx:checksum": checksum},
        _distribution(package, "application/json", "JSON", PACKAGE_DESCRIPTION, publication)
        | {"dcterms:modified": _instant(stored)},
    ]
    described = _dataset("projects", TITLE, DESCRIPTION, publication, distributions)
    return described | {"dcterms:modified": _instant(stored)}


def _figures(name: str, table: Table, publication: Publication) -> dict[str, Any]:
    """Describe a table that is made when it is asked for: neither its size nor its time is known before."""
    distributions = [
        _distribution(f"{publication.home}/{name}.{ending}", media_type, ending.upper(), table.description, publication)
        for ending, media_type in (("csv", "text/csv"), ("json", "application/json"))
    ]
    return _dataset(name, table.title, table.description, publication, distributions)


def _dataset(
    name: str, title: str, description: str, publication: Publication, distributions: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "@id": f"{publication.home}#{name}",
        "@type": "dcat:Dataset",
        "dcterms:identifier": f"{publication.home}#{name}",
        "dcterms:title": _texts(title),
        "dcterms:description": _texts(description),
        "dcterms:publisher": {"@id": f"{publication.home}#publisher"},
        "dcterms:language": _languages(),
        "dcterms:spatial": _country(),
        "dcterms:accrualPeriodicity": _node(f"{AUTHORITY}/frequency/DAILY", "dcterms:Frequency"),
        "dcterms:accessRights": _node(f"{AUTHORITY}/access-right/PUBLIC", "dcterms:RightsStatement"),
        "dcat:theme": _node(f"{AUTHORITY}/data-theme/GOVE", "skos:Concept")
        | {"skos:prefLabel": _english("Government and public sector")},
        "dcat:keyword": list(KEYWORDS),
        "dcat:landingPage": _node(publication.home, "foaf:Document"),
        "dcat:distribution": distributions,
    }


def _distribution(
    address: str, media_type: str, format_: str, description: str, publication: Publication
) -> dict[str, Any]:
    return {
        "@id": address,
        "@type": "dcat:Distribution",
        "dcterms:title": address.rpartition("/")[2],
        "dcterms:description": _texts(description),
        "dcat:accessURL": {"@id": publication.home},
        "dcat:downloadURL": {"@id": address},
        "dcat:mediaType": _node(f"{MEDIA_TYPES}/{media_type}", "dcterms:MediaType"),
        "dcterms:format": _node(f"{AUTHORITY}/file-type/{format_}", "dcterms:MediaTypeOrExtent"),
        "dcterms:license": _licence(publication),
        "dcatap:availability": _node(f"{AUTHORITY}/planned-availability/STABLE", "skos:Concept")
        | {"skos:prefLabel": _english("stable")},
    }


def _node(address: str, type_: str) -> dict[str, Any]:
    """Something that is described elsewhere, with its class."""
    return {"@id": address, "@type": type_}


def _licence(publication: Publication) -> dict[str, Any]:
    return _node(publication.licence.url, "dcterms:LicenseDocument")


def _country() -> dict[str, Any]:
    return _node(f"{AUTHORITY}/country/KAZ", "dcterms:Location")


def _english(label: str) -> dict[str, str]:
    """Return what the vocabulary of the European Union calls it; shapes require names of concepts."""
    return {"@value": label, "@language": "en"}


def _texts(text: str) -> list[dict[str, str]]:
    return [{"@value": translate(text, language), "@language": language} for language in LANGUAGES]


def _languages() -> list[dict[str, Any]]:
    return [
        _node(f"{AUTHORITY}/language/{LANGUAGE_CODES[language]}", "dcterms:LinguisticSystem") for language in LANGUAGES
    ]


def _instant(stored: StoredSet) -> dict[str, str]:
    return {"@value": rfc3339(stored.made_at), "@type": "xsd:dateTime"}
