"""Documents become HTML: anchors, links, tables, and nothing that the file did not mean."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest

from registry.core.translations import LANGUAGES
from registry.help import documents
from registry.help.documents import DOCUMENTS, Document, page_address, render_document

pytestmark = pytest.mark.sqlite_only

IDS = re.compile(r' id="([^"]+)"')
LINKS = re.compile(r' href="([^"]+)"')
HOW_TO = PurePosixPath("how-to/operator.md")


@pytest.fixture
def guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Document:
    """A document of which the test writes the files."""
    monkeypatch.setattr(documents, "DOCS", tmp_path)
    (tmp_path / "how-to").mkdir()
    trial = Document("trial", PurePosixPath(f"how-to/{tmp_path.name}.md"), "Trial", "")
    monkeypatch.setitem(DOCUMENTS, trial.name, trial)
    return trial


def write(guide: Document, text: str, language: str = "en") -> None:
    guide.path(language).write_text(text, encoding="utf-8")


def test_every_document_has_a_title_sections_and_unique_anchors() -> None:
    for document in DOCUMENTS.values():
        for language in LANGUAGES:
            rendered = render_document(document, language)
            ids = IDS.findall(rendered.body)
            assert rendered.title and len(rendered.sections) > 2, document.name
            assert len(ids) == len(set(ids)), document.name
            assert {section.anchor for section in rendered.sections} <= set(ids)
            assert "<h1" not in rendered.body


def test_every_link_between_documents_leads_to_an_existing_section() -> None:
    broken = []
    for document in DOCUMENTS.values():
        for language in LANGUAGES:
            for link in LINKS.findall(render_document(document, language).body):
                page, _, anchor = link.partition("#")
                if page.startswith(("https://", "http://", "/api/")):
                    continue
                target = DOCUMENTS[page.removeprefix("/help/")] if page else document
                if anchor and anchor not in IDS.findall(render_document(target, language).body):
                    broken.append((document.name, language, link))
    assert broken == []


@pytest.mark.parametrize("name", ["agency", "reviewer", "administrator", "operator", "integrator"])
def test_translated_guide_has_the_anchors_of_the_english_one(name: str) -> None:
    english = [section.anchor for section in render_document(DOCUMENTS[name], "en").sections]
    for language in LANGUAGES:
        assert [section.anchor for section in render_document(DOCUMENTS[name], language).sections] == english


def test_guide_of_agencies_in_kazakh_keeps_english_anchors() -> None:
    rendered = render_document(DOCUMENTS["agency"], "kk")
    assert (rendered.language, rendered.title) == ("kk", "Ұйымдарға арналған нұсқаулық")
    assert (rendered.sections[0].anchor, rendered.sections[0].title) == ("sign-in", "Кіру")
    assert '<h2 id="sign-in" class="govuk-heading-m">Кіру</h2>' in rendered.body


def test_untranslated_document_is_english() -> None:
    assert render_document(DOCUMENTS["operations"], "ru").language == "en"


def test_links_to_the_translations_are_left_out() -> None:
    body = render_document(DOCUMENTS["agency"], "en").body
    assert "Қазақша" not in body and "agency.kk.md" not in body
    assert body.startswith('<p class="govuk-body-l">For editors and viewers of an agency.')


def test_html_and_script_links_in_a_file_are_displayed_as_text(guide: Document) -> None:
    write(guide, '# T\n\n<script>alert(1)</script> [x](javascript:alert(1)) <b onclick="x">y</b>\n\n<img src=x>\n')
    body = render_document(guide, "en").body
    assert "<script" not in body and "<b " not in body and "<img" not in body and "<a " not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body


def test_link_to_a_heading_of_a_translation_leads_to_the_english_anchor(guide: Document) -> None:
    write(guide, "# T\n\n## First things\n\nText.\n\n## Then\n")
    write(guide, "# Т\n\n## Сначала\n\n[туда](#потом)\n\n## Потом\n", "ru")
    body = render_document(guide, "ru").body
    assert '<h2 id="then" class="govuk-heading-m">Потом</h2>' in body
    assert '<a href="#then" class="govuk-link">туда</a>' in body


def test_translation_with_other_headings_keeps_its_own_anchors(guide: Document) -> None:
    write(guide, "# T\n\n## First things\n")
    write(guide, "# Т\n\n## Сначала\n\n## Потом\n", "ru")
    assert [section.anchor for section in render_document(guide, "ru").sections] == ["сначала", "потом"]


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("reviewer.md", "/help/reviewer"),
        ("reviewer.ru.md", "/help/reviewer"),
        ("reviewer.ru.md#понять", "/help/reviewer#понять"),
        ("../operations.md#watching", "/help/operations#watching"),
        ("../reference/rules.md#flags", "/help/rules#flags"),
        ("#backups", "#backups"),
        ("../openapi.json", "/api/v1/openapi.json"),
        ("../openapi-integrator.json", "/api/v1/openapi-integrator.json"),
        ("https://www.rfc-editor.org/rfc/rfc9116", "https://www.rfc-editor.org/rfc/rfc9116"),
        ("../adr/README.md", None),
        ("../../../etc/passwd", None),
        ("//elsewhere.example", None),
    ],
)
def test_link_in_a_file_becomes_an_address_of_the_service(link: str, address: str | None) -> None:
    assert page_address(link, HOW_TO) == address


def test_link_to_a_file_that_is_no_help_page_is_plain_text(guide: Document) -> None:
    write(guide, "# T\n\nSee the [decisions](../adr/README.md) first.\n")
    assert '<p class="govuk-body-l">See the decisions first.</p>' in render_document(guide, "en").body


def test_row_of_a_table_names_its_columns_and_its_box_its_section(guide: Document) -> None:
    write(
        guide,
        "# T\n\n## Roles\n\n| role | for whom | |\n|---|---|---|\n| *Operator* | audits | |\n\n| a |\n|---|\n| b |\n",
    )
    body = render_document(guide, "en").body
    assert 'role="region" tabindex="0" aria-label="Roles">' in body and 'aria-label="Roles (2)">' in body
    assert '<td class="govuk-table__cell" data-label="for whom">audits</td>' in body
    assert '<th class="govuk-table__header" scope="col">role</th>' in body
    assert 'data-label=""' not in body and '<td class="govuk-table__header"></td>' in body
