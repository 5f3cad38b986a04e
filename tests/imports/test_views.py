"""Import page: template and column reference."""

from __future__ import annotations

import csv
import io

import pytest

from registry.accounts.roles import Role
from registry.core.languages import LANGUAGES, Language
from registry.freeze.vocabulary import Stage
from registry.imports.worker import run_next_import
from tests.factories import an_agency
from tests.fixtures.web import SignedIn

FILLED = {
    "external_id": "A-1",
    "name_ru": "Портал озёр",
    "object_kind": "system",
    "work_type": "creation",
    "stage": "planning",
    "placement": "unknown",
}


def test_filled_template_is_accepted(signed_in: SignedIn) -> None:
    agency = an_agency()
    visit = signed_in(Role.AGENCY_EDITOR, agency)
    (header,) = csv.reader(io.StringIO(visit.get("/imports/projects.csv").data.decode("utf-8-sig")))
    assert {"agency", *FILLED} <= set(header) and "freeze_status" not in header and "number" not in header
    told = io.StringIO()
    table = csv.DictWriter(told, header)
    table.writeheader()
    table.writerow({**FILLED, "agency": agency.bin})
    page = visit.send("/imports", kind="projects", file=(io.BytesIO(told.getvalue().encode()), "мои.csv"))
    run_next_import()
    visit.get(page.request.path)
    assert "Портал озёр" in visit.get("/projects").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_codes_have_localized_meanings(signed_in: SignedIn, language: Language) -> None:
    page = signed_in(Role.AGENCY_EDITOR, language=language).get("/imports").text
    assert all(f'<span class="code">{stage}</span>' in page for stage in Stage.codes())
    assert {"kk": "Жоспарлау", "ru": "Планирование", "en": "Planning"}[language] in page
    assert "parent_bin" not in page


def test_administrator_sees_agency_columns(signed_in: SignedIn) -> None:
    visit = signed_in(Role.ADMINISTRATOR)
    assert "parent_bin" in visit.get("/imports").text
    assert visit.get("/imports/agencies.csv").data.decode("utf-8-sig").startswith("bin,")
    assert signed_in(Role.AUDITOR).get("/imports/projects.csv").status_code == 403
