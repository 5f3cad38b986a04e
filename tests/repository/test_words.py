"""The project uses standard terms: no private words in names, docstrings, comments, documentation and texts of pages.

Each word here had one meaning in this project only, and has a standard term instead. A word that has an honest other
use is not listed.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

CHECKOUT = Path(__file__).parents[2]
# Private words in any text: a regular expression, and the standard term.
PHRASES = {
    r"safety belt": "change threshold",
    r"kept answers?": "stored response, idempotency",
    r"refusals?": "error",
    r"told": "(what it does: returns, logs, displays)",
    r"hears": "gets, returns",
    r"owed": "due",
    r"tak(?:e|es|en|ing) along": "export, download",
    r"anew": "again",
    r"who looks": "actor, reader",
    r"standing flags?": "active flag",
    r"shuts? out|shutting out": "disable",
    r"lets? in|letting in": "enable, allow",
    r"ways? back": "parent link",
    r"asked language": "locale",
    r"only tr(?:y|ies)": "dry run, preview",
    r"due night": "due run",
    r"that which": "(rephrase)",
}
ANY_PHRASE = re.compile(rf"\b(?:{'|'.join(PHRASES)})\b", re.IGNORECASE)
# Only where notifications are described.
IMMEDIATE = re.compile(r"\bat once\b", re.IGNORECASE)
NOTIFICATIONS = ("registry/notifications/", "tests/notifications/", "docs/reference/workflow.md")
# Variables and parameters, and what to name instead.
NAMES = {
    "told": "the text, the entries",
    "found": "the object that was looked up",
    "mine": "own",
    "wanted": "expected, conditions",
    "moment": "now, instant",
    "by": "actor",
    "said": "output, message",
    "mend": "repair",
    "heard": "recipients",
    "standing": "active",
}
EXTREMES = re.compile(r"(?:LONGEST|MOST|LARGEST|SHORTEST|FEWEST|SMALLEST)_")
# Keys of the policy file and of its API, paths, columns of the database: published, so they stay.
PUBLISHED = re.compile(r"safety_belt_(?:percent|minimum|\*)|\bpolicy key\b|/refusal\b")


@cache
def files(*patterns: str) -> list[str]:
    """The files of the checkout that match, without those of others."""
    skipped = re.compile(r"/vendor/|/swagger_ui/|/__pycache__/|^config/locked/|^tests/repository/test_words\.py$")
    names = {
        path.relative_to(CHECKOUT).as_posix() for each in patterns for path in CHECKOUT.glob(each) if path.is_file()
    }
    return sorted(name for name in names if not skipped.search(name))


def python_files() -> list[str]:
    scripts = [name for name in files("scripts/*") if text_of(name).startswith("#!/usr/bin/env python")]
    return [*files("registry/**/*.py", "tests/**/*.py"), *scripts]


@cache
def text_of(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8", errors="replace")


def names_in(source: str) -> Iterator[tuple[int, str, bool]]:
    """Line and name of each variable, parameter, function and class, and whether it is one of the first two.

    Fields of classes are left out: they are columns and properties of the API.
    """
    nodes = list(ast.walk(ast.parse(source)))
    skipped = {
        id(target)
        for owner in nodes
        if isinstance(owner, ast.ClassDef)
        for each in owner.body
        if isinstance(each, ast.Assign | ast.AnnAssign)
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
    }
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in skipped:
            yield node.lineno, node.id, True
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg, True
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name, False


def prose_in(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring and comment; comments on consecutive lines as one text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield getattr(node, "lineno", 1), docstring
    comments: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if comments and token.start[0] > comments[-1][0] + 1:
                yield comments[0][0], " ".join(text for _, text in comments)
                comments = []
            comments.append((token.start[0], token.string.lstrip("# ")))
    if comments:
        yield comments[0][0], " ".join(text for _, text in comments)


def private_words(text: str, file: str = "") -> list[str]:
    """The private words of a text, each with its standard term."""
    plain = " ".join(PUBLISHED.sub("", text).split())
    matches = [match[0] for match in ANY_PHRASE.finditer(plain)]
    listed = [f"{each!r} → {standard_term(each)}" for each in matches]
    if file.startswith(NOTIFICATIONS) and IMMEDIATE.search(plain):
        listed.append("'at once' → immediate")
    return listed


def standard_term(words: str) -> str:
    return next(term for phrase, term in PHRASES.items() if re.fullmatch(phrase, words, re.IGNORECASE))


@cache
def private_name(name: str, is_variable: bool = False) -> list[str]:
    """What is wrong with a name: the whole of it, its words, or its beginning."""
    if is_variable and name in NAMES:
        return [f"{name} → {NAMES[name]}"]
    if EXTREMES.match(name):
        return [f"{name} → MAX_…, MIN_…"]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.replace("_", " "))
    return [f"{name}: {each}" for each in private_words(words)] if not PUBLISHED.search(name) else []


def test_names_have_no_private_words() -> None:
    wrong = [
        f"{file}:{line} {each}"
        for file in python_files()
        for line, name, is_variable in names_in(text_of(file))
        for each in private_name(name, is_variable)
    ]
    assert wrong == []


def test_module_names_have_no_private_words() -> None:
    assert [file for file in python_files() if private_name(Path(file).stem)] == []


def test_docstrings_and_comments_have_no_private_words() -> None:
    # Taking a file apart takes long: only those that have such words at all, comments of several lines read as one.
    suspects = [file for file in python_files() if private_words(re.sub(r"\n\s*#[# ]*", " ", text_of(file)), file)]
    wrong = [
        f"{file}:{line} {each}"
        for file in suspects
        for line, text in prose_in(text_of(file))
        for each in private_words(text, file)
    ]
    assert wrong == []


def test_documentation_has_no_private_words() -> None:
    pages = files(
        "*.md",
        "docs/**/*.md",
        "config/*",
        "setup.cfg",
        "Makefile",
        ".github/**/*",
        ".pre-commit-config.yaml",
        "scripts/*",
    )
    assert "README.md" in pages and len(pages) > 40
    wrong = [f"{file}: {each}" for file in pages for each in private_words(text_of(file), file)]
    assert wrong == []


def test_texts_of_pages_have_no_private_words() -> None:
    with (CHECKOUT / "registry/translations/ru/LC_MESSAGES/messages.po").open("rb") as catalogue:
        ids = [message.id for message in read_po(catalogue, locale="ru") if message.id]
    texts = [text for each in ids for text in (each if isinstance(each, tuple | list) else (each,))]
    assert len(texts) > 500
    assert [f"{text}: {each}" for text in texts for each in private_words(text)] == []
    templates = files("registry/**/*.html")
    assert [f"{file}: {each}" for file in templates for each in private_words(text_of(file))] == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("A refusal is\nkept.", 1),
        ("The index is read anew, and who looks is told.", 3),
        ("A kept\nanswer", 1),
        ("safety_belt_percent of the policy", 0),
        ("An error is stored, and the reader reads it again.", 0),
    ],
)
def test_private_words_are_recognised_in_text(text: str, wrong: int) -> None:
    assert len(private_words(text)) == wrong


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("found = 1", ["found"]),
        ("def load(by):\n    moment: int = 1", ["by", "moment"]),
        ("class Revision:\n    by: str", []),
        ("def what_is_told():\n    pass", ["what_is_told"]),
        ("LONGEST_NAME = 3", ["LONGEST_NAME"]),
        ("class PageRefusal:\n    pass", ["PageRefusal"]),
        ("MAX_NAME_LENGTH = 3", []),
    ],
)
def test_private_words_are_recognised_in_names(source: str, wrong: list[str]) -> None:
    assert [name for _, name, is_variable in names_in(source) if private_name(name, is_variable)] == wrong
