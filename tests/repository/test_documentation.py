"""Documentation: links lead somewhere, decision records are complete, guides exist in three languages."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path
from urllib.parse import unquote

import pytest

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"
PAGES = sorted([*CHECKOUT.glob("*.md"), *DOCS.rglob("*.md")])
RECORDS = sorted((DOCS / "adr").glob("[0-9]*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TERM_COLUMNS = ("en", "ru", "kk", "note")


def heading_anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {heading_anchor(text) for text in re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))}


def tables(page: Path) -> list[list[list[str]]]:
    """The tables of a page: rows of cells, the heading first, without the line of dashes."""
    grouped: list[list[list[str]]] = [[]]
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            grouped[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif grouped[-1]:
            grouped.append([])
    return [[rows[0], *rows[2:]] for rows in grouped if rows]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_relative_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_decision_records_are_numbered_without_gaps() -> None:
    assert [record.name[:4] for record in RECORDS] == [f"{number:04}" for number in range(1, len(RECORDS) + 1)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_decision_record_is_complete(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert text.startswith(f"# {record.name[:4]}. ")
    assert re.search(r"(?m)^Accepted, \d+ \w+ 20\d\d", text)
    assert re.findall(r"(?m)^## (.+)$", text) == ["Context", "Decision", "Consequences"]
    assert 20 <= len(text.splitlines()) <= 45
    title = text.splitlines()[0].partition(". ")[2]
    assert f"| [{record.name[:4]}]({record.name}) | {title} |" in (DOCS / "adr" / "README.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("role", ["agency", "reviewer"])
def test_guide_has_the_same_sections_in_three_languages(role: str) -> None:
    counts = {
        len(re.findall(r"(?m)^## ", (DOCS / "how-to" / f"{role}{language}.md").read_text(encoding="utf-8")))
        for language in ("", ".ru", ".kk")
    }
    assert len(counts) == 1


def test_every_page_is_reachable_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(page.read_text("utf-8"))]
    assert set(DOCS.rglob("*.md")) - reached == set()


def test_terminology_has_one_term_in_each_language() -> None:
    terms = [table for table in tables(DOCS / "reference" / "terminology.md") if tuple(table[0]) == TERM_COLUMNS]
    rows = [row for table in terms for row in table[1:]]
    assert len(rows) >= 70
    assert [row for row in rows if len(row) != 4 or not all(row[:3])] == []
    english = [row[0] for row in rows]
    assert len(set(english)) == len(english)


def test_changelog_has_the_version_of_the_package_dated_and_grouped() -> None:
    changelog = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"(?m)^## (.+)$", changelog)
    assert headings[0] == "[Unreleased]"
    setup = ConfigParser()
    setup.read(CHECKOUT / "setup.cfg", encoding="utf-8")
    assert headings[1].startswith(f"[{setup['metadata']['version']}] - ")
    for heading in headings[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", heading)
    groups = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"(?m)^### (.+)$", changelog)) <= groups
