"""The description of the set as a Data Package (https://datapackage.org, version 2), the titles of columns included."""

from __future__ import annotations

from typing import Any, Final

from registry.core.clock import local_date, rfc3339
from registry.core.languages import LANGUAGES
from registry.core.translations import lazy_text, translate
from registry.open_data.public_fields import PUBLIC_FIELDS, PublicField
from registry.open_data.publication import Publication
from registry.open_data.service import StoredSet

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
    """The contents of ``datapackage.json``."""
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
