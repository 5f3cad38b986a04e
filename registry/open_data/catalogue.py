"""Descriptions of the set: for data portals (DCAT-AP 3 as JSON-LD), and as a Data Package."""

from __future__ import annotations

from typing import Any, Final

from registry.core.clock import local_date, rfc3339
from registry.core.translations import LANGUAGES, lazy_text, translate
from registry.open_data.figures import TABLES, Table
from registry.open_data.models import Publication
from registry.open_data.queries import PUBLIC_FIELDS, PublicField
from registry.open_data.service import StoredSet

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
