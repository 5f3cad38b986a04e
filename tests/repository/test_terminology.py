"""The texts keep to docs/reference/terminology.md, and the guides name buttons as the pages do."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from registry.core.translations import DEFAULT_LANGUAGE, OFFICIAL_LANGUAGES, TRANSLATIONS
from tests.repository.test_documentation import DOCS, tables

CHECKOUT = Path(__file__).parents[2]
# Forms of the words not to use, as regular expressions: a word is inflected.
FORBIDDEN = {
    "ru": [
        r"\bфлаг",
        r"\bотмечен(?!ные столбцы)",
        r"\bпилот",
        r"\bхэш",
        r"\bслужб(?!ы? поддержки)",
        r"\bразрешено комиссией",
        r"\bпредохранител",
        r"\bпод риском",
        r"\bположени[ея] в стране",
        r"\bиз него с замечаниями",
        r"^цифры",
        r"аудит не выполнен",
        r"(№ \{id\}|\{number\}) нет\.",
        r"\bруководител",
    ],
    "kk": [
        r"\bескерту\b",
        r"\bбастама(?!ңыз)",
        r"\bжетекші",
        r"\bсупервайзер",
        r"\bпішін",
        r"\bхэш",
        r"\bпилот",
        r"\bоқырман",
        r"\bбақылаушы",
        r"\bбасшы(?!лы)",
        r"\bсақтандырғыш",
        r"\bереже",
        r"\bелдегі жағдай",
        r"мерзімі асып",
        r"ұйымыңыздың нұсқама",
        r"сіздің мәндер",
        r"істің жасы",
        r"\bбелгіленген(?! күнге)(?! мерзімде)",
    ],
}
GUIDES = {
    "administrator": "en",
    "administrator.ru": "ru",
    "administrator.kk": "kk",
    "../tutorial": "en",
    "operator": "en",
    "agency": "en",
    "agency.ru": "ru",
    "agency.kk": "kk",
    "reviewer": "en",
    "reviewer.ru": "ru",
    "reviewer.kk": "kk",
}


def catalogue_texts(language: str) -> Iterator[str]:
    """The texts of a language; those of English are the keys of any catalogue."""
    translated = OFFICIAL_LANGUAGES[0] if language == DEFAULT_LANGUAGE else language
    with (TRANSLATIONS / translated / "LC_MESSAGES" / "messages.po").open("rb") as file:
        for message in read_po(file, locale=translated):
            if message.id:
                shown = message.id if language == DEFAULT_LANGUAGE else message.string
                yield from shown if isinstance(shown, tuple | list) else (shown,)


def policy_texts(language: str) -> Iterator[str]:
    policy = tomllib.loads((CHECKOUT / "config" / "freeze_policy.toml").read_text(encoding="utf-8"))
    for rule in policy["rules"].values():
        yield from (rule[f"title_{language}"], rule[f"remedy_{language}"])
        yield from (clause[f"text_{language}"] for clause in rule["clauses"])


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_texts_use_no_forbidden_word(language: str) -> None:
    texts = [*catalogue_texts(language), *policy_texts(language)]
    assert len(texts) > 1100
    assert [text for text in texts if any(re.search(word, text.lower()) for word in FORBIDDEN[language])] == []


def test_every_listed_word_is_checked() -> None:
    listed = [table for table in tables(DOCS / "reference" / "terminology.md") if table[0][0] == "language"]
    assert {row[0] for row in listed[0][1:]} == set(FORBIDDEN)


@pytest.mark.parametrize("guide", GUIDES)
def test_guide_names_what_the_pages_show(guide: str) -> None:
    known = {" ".join(text.split()) for text in catalogue_texts(GUIDES[guide])}
    text = (DOCS / "how-to" / f"{guide}.md").read_text(encoding="utf-8")
    named = {" ".join(name.split()) for name in re.findall(r"(?<![*\w])\*([^*\n][^*]*)\*(?![*\w])", text)}
    assert len(named) > 20
    assert sorted(name for name in named if name not in known) == []
