"""Closed vocabularies: their labels, and that no module writes a list of their codes a second time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import registry.app  # noqa: F401 # imports every vocabulary
from registry.freeze.vocabulary import Choices
from registry.web.labels import CHOICE_LABELS

CHECKOUT = Path(__file__).parents[2]
REGISTRY = CHECKOUT / "registry"
VOCABULARIES = {each.__name__: each for each in Choices.__subclasses__()}
# As many codes of one vocabulary in one list, table or comparison are a copy of it.
COPY = 3
JINJA = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
JINJA_LIST = re.compile(r"[(\[{](?:[^()\[\]{}]*)[)\]}]")


def test_every_choice_has_a_label_on_pages() -> None:
    for name, vocabulary in VOCABULARIES.items():
        codes = set(vocabulary.codes())
        assert any(codes <= set(labels) and all(labels.values()) for labels in CHOICE_LABELS.values()), name


def test_no_module_lists_the_codes_of_a_vocabulary_again() -> None:
    # Names of lists are those of tables too.
    codes = {name: set(vocabulary.codes()) for name, vocabulary in VOCABULARIES.items() if name != "ViewList"}
    copies = {
        f"{path.relative_to(REGISTRY)}: {name}"
        for path, literals in _lists()
        if len(literals) >= COPY
        for name in codes
        if len(literals & codes[name]) >= COPY and VOCABULARIES[name].__module__ not in _module(path)
    }
    # Its keys are actions of the journal, of which some are named as changes of the feed are.
    assert copies == {"notifications/immediate.py: ChangeType"}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)


def _lists() -> Iterator[tuple[Path, set[str]]]:
    """The literal strings of each tuple, list, set, keys of a dict and comparison, of modules and of templates."""
    for path in sorted(REGISTRY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, {each.value for each in _elements(node) if isinstance(each, ast.Constant)} - {None}
    for path in sorted(REGISTRY.rglob("*.html")):
        for expression in JINJA.findall(path.read_text(encoding="utf-8")):
            for match in JINJA_LIST.findall(expression[1:-1]):
                yield path, set(re.findall(r"[\"'](\w+)[\"']", match))


def _elements(node: ast.AST) -> list[ast.expr | None]:
    match node:
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return [*elements]
        case ast.Dict(keys=keys):
            return keys
        case ast.Match(cases=cases):
            return [
                pattern.value
                for case in cases
                for pattern in ast.walk(case.pattern)
                if isinstance(pattern, ast.MatchValue)
            ]
    return []
