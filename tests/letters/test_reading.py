"""Who reads letters: the register, single letters as PDF/A-2u, exports, and the public check, by API and page."""

from __future__ import annotations

import base64
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.roles import SCHEDULE, Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.pdf import DISPLAYED
from registry.http.security import RATE_LIMITER, RateLimiter
from registry.journal.checkpoints import make_checkpoint
from registry.journal.service import JournalEntry
from registry.letters.models import Letter
from registry.letters.service import letter_pdf
from registry.projects.models import Project
from tests.api.callers import caller
from tests.cases.cast import AIGERIM, act, audit, case_of
from tests.factories import a_project, an_agency, restrict
from tests.fixtures.web import SignedIn
from tests.journal.witness_server import is_included
from tests.pdf_structure import assert_pdf_a_2u, text_of
from tests.present import Present


@pytest.fixture
def project(agency: Agency, present: Present) -> Project:
    """A project whose case has a question and a referral: QL-2026-000001 and QL-2026-000002."""
    present.set(date(2026, 3, 2))
    made = a_project(agency)
    audit()
    case = act(AIGERIM, case_of(made), "claim")
    act(AIGERIM, case, "ask", "Почему <b>не</b> на QazTech?")
    act(AIGERIM, case, "withdraw")
    act(AIGERIM, case, "refer", "Внутренняя записка")
    return made


@pytest.mark.usefixtures("project")
def test_agency_sees_its_questions_and_not_the_referral(client: FlaskClient, agency: Agency) -> None:
    own, foreign = (caller(client, Role.AGENCY_VIEWER, each) for each in (agency, an_agency()))
    reviewer = caller(client, Role.REVIEWER)
    assert [item["number"] for item in reviewer.get("/letters").get_json()["items"]] == [
        "QL-2026-000002",
        "QL-2026-000001",
    ]
    assert [item["number"] for item in own.get("/letters").get_json()["items"]] == ["QL-2026-000001"]
    assert foreign.get("/letters").get_json()["items"] == []
    for ending in ("", ".pdf", ".html"):
        assert own.get(f"/letters/QL-2026-000001{ending}").status_code == 200
        assert own.get(f"/letters/QL-2026-000002{ending}").status_code == 404
        assert foreign.get(f"/letters/QL-2026-000001{ending}").status_code == 404


def test_letters_are_filtered_by_number_kind_agency_and_date(client: FlaskClient, project: Project) -> None:
    reviewer = caller(client, Role.REVIEWER)

    def numbers(query: str) -> list[str]:
        return [item["number"][-1] for item in reviewer.get(f"/letters?{query}").get_json()["items"]]

    assert numbers("number=QL-2026-000001") == ["1"] and numbers("kind=referral") == ["2"]
    assert numbers(f"agency={project.agency.bin}&sort=id") == ["1", "2"] and numbers("agency=990340900110") == []
    assert numbers("issued_on_from=2026-03-03") == [] and numbers("issued_on=2026-03-02&kind=question") == ["1"]


def test_letters_of_a_restricted_project_are_hidden(client: FlaskClient, project: Project) -> None:
    restrict(project.number)
    assert caller(client, Role.REVIEWER).get("/letters").get_json()["items"] == []
    assert caller(client, Role.REVIEWER).get("/letters/QL-2026-000001").status_code == 404
    assert len(caller(client, Role.AUDITOR).get("/letters").get_json()["items"]) == 2


@pytest.mark.usefixtures("project")
def test_export_has_one_row_a_letter(client: FlaskClient) -> None:
    lines = caller(client, Role.AUDITOR).get("/exports/letters.csv").text.splitlines()
    assert lines[0].startswith("\ufeffnumber,kind,issued_on") and len(lines) == 3
    assert "QL-2026-000001,question,2026-03-02" in lines[2] and ",false,withdrawn," in lines[2]


@pytest.mark.usefixtures("project")
def test_html_letter_escapes_texts_and_loads_only_styles(client: FlaskClient) -> None:
    answer = caller(client, Role.REVIEWER).get("/letters/QL-2026-000001.html")
    assert "Почему &lt;b&gt;не&lt;/b&gt; на QazTech?" in answer.text and "<script" not in answer.text
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def code_of(number: str) -> str:
    return db.session.scalars(select(Letter.code).where(Letter.number == number)).one()


@pytest.mark.usefixtures("project")
def test_anybody_checks_a_letter_by_page_and_as_json(client: FlaskClient) -> None:
    code = code_of("QL-2026-000001")
    page = client.get(f"/verify/{code}").text
    assert "QL-2026-000001" in page and "This letter no longer stands: it was withdrawn." in page
    checked = client.get(f"/verify/{code}.json").get_json()
    assert (checked["number"], checked["date"], checked["stands"]) == ("QL-2026-000001", "2026-03-02", False)
    assert "QT-" not in json.dumps(checked) and "aigerim" not in page
    assert checked["proof"] is None and "follows with the next checkpoint" in page
    moved = client.get(f"/verify?code={code.lower()}")
    assert (moved.status_code, moved.headers["Location"]) == (303, f"/verify/{code.lower()}")


@pytest.mark.usefixtures("project")
def test_check_of_a_letter_proves_that_the_newest_checkpoint_has_its_entry(client: FlaskClient) -> None:
    checkpoint = make_checkpoint(SCHEDULE)
    code = code_of("QL-2026-000001")
    proof = client.get(f"/verify/{code}.json").get_json()["proof"]
    assert checkpoint is not None
    assert (proof["checkpoint"], proof["checkpoint_size"]) == (checkpoint.note, checkpoint.size)
    leaf, path = base64.b64decode(proof["leaf_hash"]), [base64.b64decode(each) for each in proof["path"]]
    assert is_included(proof["seq"] - 1, checkpoint.size, leaf, path, bytes.fromhex(checkpoint.root))
    entry = select(JournalEntry.action).where(JournalEntry.seq == proof["seq"])
    assert db.session.scalars(entry).one() == "letter.issued"
    assert f"entry {proof['seq']} of the {checkpoint.size}" in client.get(f"/verify/{code}").text


@pytest.mark.parametrize("code", ["AAAABBBBCCCCDDDD", "1", "%00", "ә" * 16, "A" * 5000])
def test_unknown_code_is_not_found(client: FlaskClient, code: str) -> None:
    assert client.get(f"/verify/{code}").status_code == 404
    answer = client.get(f"/verify/{code}.json")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert json.loads(answer.data)["type"].endswith("letter-code-unknown")


def test_pages_lead_from_the_case_to_the_letter_and_back(signed_in: SignedIn, project: Project) -> None:
    visit = signed_in(Role.REVIEWER)
    case = f"/cases/{case_of(project).id}"
    page = visit.get(case).text
    assert 'href="/letters/QL-2026-000001"' in page and 'href="/letters/QL-2026-000002.pdf"' in page
    letter = visit.get("/letters/QL-2026-000002").text
    assert f'href="{case}"' in letter and "Внутренняя записка" in letter
    register = visit.get("/letters?kind=question").text
    assert "QL-2026-000001" in register and "QL-2026-000002" not in register
    assert visit.get("/letters.csv").text.count("QL-2026-") == 2


def test_agency_page_of_a_case_has_no_referral(signed_in: SignedIn, agency: Agency, project: Project) -> None:
    page = signed_in(Role.AGENCY_EDITOR, agency).get(f"/cases/{case_of(project).id}").text
    assert "QL-2026-000001" in page and "QL-2026-000002" not in page


def test_checks_count_for_the_address_also_in_a_session(
    app: Flask, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = signed_in(Role.AUDITOR)
    monkeypatch.setitem(app.extensions, RATE_LIMITER, RateLimiter(20))
    statuses = [visit.client.get(f"/verify/AAAABBBBCCCCDDD{digit}").status_code for digit in (2, 3, 4)]
    assert statuses == [404, 404, 429]


KAZAKH = "Ә Ғ Қ Ң Ө Ұ Ү Һ І ә ғ қ ң ө ұ ү һ і ₸ № «»"


def a_letter(*paragraphs: str, steps: bool = False) -> dict[str, Any]:
    text = {
        "title": "Нұсқама",
        "facts": [["Нөмірі", "QL-2026-000001"]],
        "sections": [{"heading": "Себебі", "paragraphs": list(paragraphs), "steps": steps}],
        "check": "AAAA",
    }
    return {"number": "QL-2026-000001", "date": "2026-03-02", "texts": {"kk": text, "ru": text}}


@pytest.mark.sqlite_only
def test_same_letter_has_the_same_bytes() -> None:
    assert letter_pdf(a_letter("Бір", "Екі")) == letter_pdf(a_letter("Бір", "Екі"))


@pytest.mark.sqlite_only
def test_letter_has_the_structure_of_pdf_a_2u() -> None:
    assert_pdf_a_2u(letter_pdf(a_letter(KAZAKH)))


@pytest.mark.sqlite_only
@pytest.mark.parametrize("text", ["#panic()", "$x^2$ *b* _i_ `c` \\ // @a <b> = h\n- i", "]) #sys.inputs [", "\x00a"])
def test_markup_in_texts_is_printed_and_not_run(text: str) -> None:
    assert letter_pdf(a_letter(text)).startswith(b"%PDF")
    assert letter_pdf(a_letter(text, steps=True)).startswith(b"%PDF")


@pytest.mark.sqlite_only
def test_texts_of_10_000_characters_and_without_spaces_fit() -> None:
    assert letter_pdf(a_letter("Ж" * 10_000, "сөз " * 2_500)).startswith(b"%PDF")


@pytest.mark.sqlite_only
def test_characters_without_a_glyph_are_printed_as_boxes() -> None:
    assert letter_pdf(a_letter("😀 العربية 漢字")).startswith(b"%PDF")


@pytest.mark.sqlite_only
def test_every_character_that_is_kept_has_a_glyph() -> None:
    every = "".join(chr(code) for first, last in DISPLAYED for code in range(first, last + 1))
    assert letter_pdf(a_letter(every)).startswith(b"%PDF")


@pytest.mark.sqlite_only
def test_kazakh_letters_are_in_the_text_of_the_pdf(tmp_path: Path) -> None:
    text = text_of(letter_pdf(a_letter(KAZAKH)), tmp_path)
    # Without poppler the glyphs are still checked by the tests above.
    assert text is None or (KAZAKH in text and text.count("Нұсқама") == 2)
