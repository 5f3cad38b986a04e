"""Texts: the catalogues are complete, and pages display nothing that is not in them."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from flask import Flask

from registry.accounts.account_changes import disable_account
from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.core.files import PACKAGE
from registry.core.translations import DEFAULT_LANGUAGE, LANGUAGES, OFFICIAL_LANGUAGES, TRANSLATIONS
from registry.projects import fields as project_fields
from registry.settings import CHECKOUT
from registry.web import formats, labels
from registry.web.labels import CHOICE_LABELS
from tests.factories import ADMINISTRATOR
from tests.fixtures.web import PASSWORD, SignedIn

REGISTRY = PACKAGE
TRANSLATED = [language for language in LANGUAGES if language != DEFAULT_LANGUAGE]
TEMPLATES = sorted(REGISTRY.glob("*/templates/**/*.html"))
# Names that are the same in every language, and attributes that a macro writes.
PLAIN = re.compile(r"QazTech$|[a-z-]+=\"")
MARKS = ("_", "gettext", "ngettext", "lazy_text")
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%s|%%|\{(\w*)\}")
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
SHOWN_ATTRIBUTES = re.compile(r'\b(?:aria-label|title|placeholder|alt|data-label)="([^"]*)"')


def catalogue_file(language: str) -> Path:
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def catalogue(language: str) -> Catalog:
    with catalogue_file(language).open("rb") as file:
        return read_po(file, locale=language)


def strings(language: str) -> Iterator[tuple[Any, tuple[str, ...]]]:
    for message in catalogue(language):
        if message.id:
            texts = message.string if isinstance(message.string, tuple) else (message.string,)
            yield message.id, texts


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    assert [key for key, texts in strings(language) if not all(text.strip() for text in texts)] == []


def test_english_texts_do_not_have_the_sign_of_a_number() -> None:
    """№ is not English: templates take the number of a record from the filter ``numbered``."""
    assert [path.name for path in TEMPLATES if "№" in path.read_text(encoding="utf-8")] == []
    assert [key for key, _texts in strings("ru") if "№" in str(key)] == []


def test_catalogues_have_exactly_the_texts_of_code_and_templates(tmp_path: Path) -> None:
    for language in TRANSLATED:
        folder = tmp_path / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        shutil.copy(catalogue_file(language), folder)
    subprocess.run([CHECKOUT / "scripts" / "texts", tmp_path], check=True)
    for language in TRANSLATED:
        updated = tmp_path / language / "LC_MESSAGES" / "messages.po"
        assert updated.read_text("utf-8") == catalogue_file(language).read_text("utf-8"), "run: make texts"


def test_catalogues_are_those_of_the_languages() -> None:
    assert sorted(folder.name for folder in TRANSLATIONS.iterdir()) == sorted(TRANSLATED)


def test_no_translatable_text_is_inside_an_f_string() -> None:
    inside = [
        f"{path.name}:{call.lineno}"
        for path in REGISTRY.rglob("*.py")
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in MARKS
    ]
    assert inside == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_fuzzy_or_obsolete(language: str) -> None:
    assert [message.id for message in catalogue(language) if message.id and message.fuzzy] == []
    assert list(catalogue(language).obsolete) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_have_same_placeholders(language: str) -> None:
    for key, texts in strings(language):
        first = key if isinstance(key, str) else key[0]
        for text in texts:
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(first)), key


@pytest.mark.parametrize("language", OFFICIAL_LANGUAGES)
def test_translations_use_the_letters_of_their_language(language: str) -> None:
    for key, texts in strings(language):
        for text in texts:
            bare = PLACEHOLDER.sub("", text)
            assert re.search("[Ѐ-ӿ]", bare) or not re.search("[A-Za-z]{4}", bare), key


def test_no_russian_sentence_ends_with_a_second_full_stop() -> None:
    """A long date ends with one of its own: «26 ноября 2026 г.»."""
    doubled = re.compile(r"%\((day|on|last_day)\)s\.")
    assert [text for _id, texts in strings("ru") for text in texts if doubled.search(text)] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_contain_no_untranslated_text(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    bare = JINJA.sub(" ", source)
    shown = [*re.sub(r"<[^>]*>", " ", bare).split(), *" ".join(SHOWN_ATTRIBUTES.findall(bare)).split()]
    assert [word for word in shown if re.search(r"[^\W\d_]{2,}", word) and not PLAIN.match(word)] == []


def test_every_field_has_a_label() -> None:
    assert set(project_fields.FIELDS) | set(project_fields.READ_ONLY) - {"version"} <= set(labels.FIELDS)


# Terms of tags, and endings of infinitives and finite verbs. Kazakh verbs are at the end.
STATUSES = (
    "stage", "placement", "freeze_status", "flagged", "flag_status", "audit_status", "change", "import_state",
    "case_status", "account_status", "token_status",
)  # fmt: skip
TAGS = ("Overdue", "Last day", "dry run")
VERBS = {
    "ru": r"\b\w+((?<!ос)ть|тись?|ться|чься?|[аеуя]ет|[иё]т|дит|[аеёия]тся|ются|лся|лась|лось|лись)\b",
    "kk": r"(ды|ді|ты|ті|керек|жатыр|отыр|тұр)$",
}


@pytest.mark.parametrize("language", OFFICIAL_LANGUAGES)
def test_tags_and_statuses_are_not_verbs(language: str) -> None:
    first_texts = {key: texts[0] for key, texts in strings(language) if isinstance(key, str)}
    shown = [first_texts[text] for field in STATUSES for text in CHOICE_LABELS[field].values()] + [
        first_texts[text] for text in TAGS
    ]
    assert [text for text in shown if re.search(VERBS[language], text.lower())] == []


@pytest.mark.parametrize(
    ("language", "tag", "act"),
    [
        ("kk", "Кіруі ажыратылған", "Есептік жазбаны ажырату"),
        ("ru", "Доступ отключён", "Отключить учётную запись"),
        ("en", "Disabled", "Disable account"),
    ],
)
def test_tag_of_disabled_account_differs_from_action(signed_in: SignedIn, language: str, tag: str, act: str) -> None:
    person = add_person(ADMINISTRATOR, NewPerson("aigerim", Role.REVIEWER), PASSWORD)
    visit = signed_in(Role.ADMINISTRATOR, language=language)
    path = f"/people/{person.id}"
    assert tag not in visit.get(path).text
    disable_account(ADMINISTRATOR, person.account_id)
    page = visit.get(path).text
    assert f'<strong class="govuk-tag govuk-tag--grey">{tag}</strong>' in page and act not in page


@pytest.mark.parametrize(
    ("language", "day", "money", "share"),
    [
        ("kk", "2026 ж. 20 қаңтар", "1 200 000 ₸", "43,6 %"),
        ("ru", "20 января 2026 г.", "1 200 000 ₸", "43,6 %"),
        ("en", "20 January 2026", "1,200,000 ₸", "43.6%"),
    ],
)
def test_dates_money_and_shares_are_localized(app: Flask, language: str, day: str, money: str, share: str) -> None:
    with app.test_request_context(headers={"Cookie": f"registry_language={language}"}):
        assert formats.day(date(2026, 1, 20)).replace("\u00a0", " ") == day
        assert formats.money(1_200_000).replace("\u00a0", " ") == money
        assert formats.percent(43.64).replace("\u00a0", " ") == share
        assert " " not in formats.percent(43.64)
        assert " " not in formats.money(1_200_000) and "\u202f" not in formats.money(1_200_000)


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_switch_keeps_page_and_is_remembered(app: Flask, language: str) -> None:
    client = app.test_client()
    answer = client.get(f"/language/{language}?back=/sign-in?back=/projects", follow_redirects=True)
    assert answer.request.path == "/sign-in"
    assert f'<html lang="{language}"' in answer.text and answer.headers["Content-Language"] == language
    assert f'<html lang="{language}"' in client.get("/").text


def test_language_switch_does_not_redirect_to_other_hosts(app: Flask) -> None:
    answer = app.test_client().get("/language/kk?back=//evil.example")
    assert answer.headers["Location"] == "/"
