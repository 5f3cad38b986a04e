"""The description of the set for data portals: DCAT-AP 3 as JSON-LD, with its context inside."""

from __future__ import annotations

from typing import Any, Final

from registry.core.clock import rfc3339
from registry.core.languages import LANGUAGES
from registry.core.translations import lazy_text, translate
from registry.open_data.data_package import CSV_NAME, DESCRIPTION, KEYWORDS, TITLE
from registry.open_data.publication import Publication
from registry.open_data.service import StoredSet

PACKAGE_NAME: Final = "datapackage.json"
REGISTER: Final = lazy_text("QazTech project register")
AUTHORITY: Final = "http://publications.europa.eu/resource/authority"
MEDIA_TYPES: Final = "https://www.iana.org/assignments/media-types"
LANGUAGE_CODES: Final = {"kk": "KAZ", "ru": "RUS", "en": "ENG"}
CONTEXT: Final = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def catalogue(stored: StoredSet, publication: Publication) -> dict[str, Any]:
    """The contents of ``catalog.jsonld``: a catalogue with one dataset in two distributions."""
    publisher = {"@id": f"{publication.home}#publisher", "@type": "foaf:Agent", "foaf:name": _texts(REGISTER)}
    return {
        "@context": CONTEXT,
        "@id": f"{publication.home}#catalog",
        "@type": "dcat:Catalog",
        "dcterms:title": _texts(REGISTER),
        "dcterms:description": _texts(DESCRIPTION),
        "dcterms:publisher": publisher,
        "dcterms:license": {"@id": publication.licence.url},
        "dcterms:modified": _instant(stored),
        "dcterms:language": _languages(),
        "foaf:homepage": {"@id": publication.home},
        "dcat:dataset": [_dataset(stored, publication)],
    }


def _dataset(stored: StoredSet, publication: Publication) -> dict[str, Any]:
    csv, package = f"{publication.home}/{CSV_NAME}", f"{publication.home}/{PACKAGE_NAME}"
    checksum = {
        "@type": "spdx:Checksum",
        "spdx:algorithm": {"@id": "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"},
        "spdx:checksumValue": {"@value": stored.sha256, "@type": "xsd:hexBinary"},
    }
    size = {"@value": str(stored.size), "@type": "xsd:nonNegativeInteger"}
    return {
        "@id": f"{publication.home}#projects",
        "@type": "dcat:Dataset",
        "dcterms:identifier": f"{publication.home}#projects",
        "dcterms:title": _texts(TITLE),
        "dcterms:description": _texts(DESCRIPTION),
        "dcterms:publisher": {"@id": f"{publication.home}#publisher"},
        "dcterms:modified": _instant(stored),
        "dcterms:language": _languages(),
        "dcterms:accrualPeriodicity": {"@id": f"{AUTHORITY}/frequency/DAILY"},
        "dcterms:accessRights": {"@id": f"{AUTHORITY}/access-right/PUBLIC"},
        "dcat:theme": {"@id": f"{AUTHORITY}/data-theme/GOVE"},
        "dcat:keyword": list(KEYWORDS),
        "dcat:landingPage": {"@id": publication.home},
        "dcat:distribution": [
            _distribution(csv, "text/csv", "CSV", stored, publication)
            | {"dcat:byteSize": size, "spdx:checksum": checksum},
            _distribution(package, "application/json", "JSON", stored, publication),
        ],
    }


def _distribution(
    address: str, media_type: str, format_: str, stored: StoredSet, publication: Publication
) -> dict[str, Any]:
    return {
        "@id": address,
        "@type": "dcat:Distribution",
        "dcterms:title": address.rpartition("/")[2],
        "dcat:accessURL": {"@id": publication.home},
        "dcat:downloadURL": {"@id": address},
        "dcat:mediaType": {"@id": f"{MEDIA_TYPES}/{media_type}"},
        "dcterms:format": {"@id": f"{AUTHORITY}/file-type/{format_}"},
        "dcterms:license": {"@id": publication.licence.url},
        "dcterms:modified": _instant(stored),
    }


def _texts(text: str) -> list[dict[str, str]]:
    return [{"@value": translate(text, language), "@language": language} for language in LANGUAGES]


def _languages() -> list[dict[str, str]]:
    return [{"@id": f"{AUTHORITY}/language/{LANGUAGE_CODES[language]}"} for language in LANGUAGES]


def _instant(stored: StoredSet) -> dict[str, str]:
    return {"@value": rfc3339(stored.made_at), "@type": "xsd:dateTime"}
