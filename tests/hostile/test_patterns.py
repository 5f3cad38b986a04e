"""Every compiled pattern of the tree takes time in proportion to its input, also where the input is hostile."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from re import (
    _constants as op,  # type: ignore[attr-defined]
    _parser as parser,  # type: ignore[attr-defined]
)
from time import process_time
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest

from registry.accounts import passwords as common_passwords
from registry.imports import headers
from registry.imports.models import ImportKind
from registry.procurement.classification import it_words

pytestmark = pytest.mark.sqlite_only
ROOT: Final = Path(__file__).parents[2] / "registry"
COMPILE: Final = "compile"
ANCHORED: Final = frozenset({"match", "fullmatch"})
METHODS: Final = ANCHORED | {"search", "sub", "subn", "split", "findall", "finditer"}
# What people and attackers fill cells and headers with, beside what the pattern itself repeats.
FILLERS: Final = (
    " ",
    "\t",
    "\u2003",
    "\n",
    "\u00a0 ",
    "a",
    "я",
    "1",
    "1 ",
    ",",
    ".",
    "-",
    "(",
    "[",
    "/",
    "'",
    '"',
    "<",
    "_",
)
# The first of them that a set of characters has stands for the set.
TRIED: Final = "a1 я.-(,<\"'/=@:_#;+"
ENDS: Final = ("", "\x01", "x", "!\n")
SIZES: Final = tuple(16 * 4**step for step in range(5))
# Below this the clock tells more of the machine than of the pattern.
MEASURABLE_S: Final = 0.002
# Four times the input takes four times as long, 16 times as long where it grows with the square.
MAX_RATIO: Final = 9
# The patterns that functions compile when they are called, with what compiles them.
IN_FUNCTIONS: Final = {
    "registry/imports/headers.py": lambda: [
        pattern for kind in ImportKind for pattern in headers._patterns(kind).values()
    ],
    "registry/accounts/passwords.py": lambda: [common_passwords._one_word()],
    "registry/procurement/classification.py": lambda: [it_words("").pattern],
    # Paths of the installation, escaped.
    "registry/cli/init.py": list,
}


class Tried(NamedTuple):
    """A pattern, where it is, and whether it is only tried from the beginning of a text."""

    place: str
    pattern: re.Pattern[Any]
    is_anchored: bool


def calls(tree: ast.AST, names: frozenset[str]) -> list[ast.Call]:
    return [call for call in _calls(tree) if isinstance(call.func, ast.Attribute) and call.func.attr in names]


@cache
def _calls(tree: ast.AST) -> list[ast.Call]:
    """Each tree is walked once: walking takes longer than all else."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS | {COMPILE}
    ]


def is_of_re(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id == "re"


@cache
def trees() -> dict[str, ast.Module]:
    return {
        f"registry/{path.relative_to(ROOT).as_posix()}": ast.parse(path.read_text("utf-8"))
        for path in sorted(ROOT.rglob("*.py"))
    }


@cache
def uses() -> dict[str, set[str]]:
    """The methods that the tree calls on each name, and on each item of it in a loop."""
    called: dict[str, set[str]] = {}
    for tree in trees().values():
        for call in calls(tree, METHODS):
            assert isinstance(call.func, ast.Attribute)
            value = call.func.value
            name = value.id if isinstance(value, ast.Name) else value.attr if isinstance(value, ast.Attribute) else ""
            called.setdefault(name, set()).add(call.func.attr)
        for loop in ast.walk(tree):
            if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Name) and isinstance(loop.target, ast.Name):
                of_each = (call.func for call in calls(loop, METHODS))
                own = {each.attr for each in of_each if getattr(each.value, "id", None) == loop.target.id}
                called.setdefault(loop.iter.id, set()).update(own)
    return called


def held(value: object) -> list[re.Pattern[Any]]:
    """The patterns that a constant of a module or class is, or contains."""
    if isinstance(value, re.Pattern):
        return [value]
    if isinstance(value, dict):
        return [each for item in (*value.keys(), *value.values()) for each in held(item)]
    return [each for item in value for each in held(item)] if isinstance(value, list | tuple | frozenset) else []


def module_patterns(path: str, tree: ast.Module) -> Iterator[Tried]:
    if not any(is_of_re(call) for call in calls(tree, METHODS | {COMPILE})):
        return
    module = module_of(path)
    scopes = [vars(module), *(vars(each) for each in vars(module).values() if isinstance(each, type))]
    in_module = {call.func.attr for call in calls(tree, METHODS - {"split"}) if isinstance(call.func, ast.Attribute)}
    for scope in scopes:
        for name, value in scope.items():
            for pattern in held(value):
                methods = uses().get(name) or in_module
                yield Tried(f"{path}: {name}", pattern, methods <= ANCHORED)


def inline_patterns(path: str, tree: ast.Module) -> Iterator[Tried]:
    """The patterns that are written where they are used: ``re.sub(r"…", …)``."""
    for call in calls(tree, METHODS):
        assert isinstance(call.func, ast.Attribute)
        if is_of_re(call) and (text := constant(path, call.args[0])) is not None:
            yield Tried(f"{path}: line {call.lineno}", re.compile(text), call.func.attr in ANCHORED)


def constant(path: str, node: ast.expr) -> str | None:
    """The text of a literal, or of a constant of the module."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    value = getattr(module_of(path), node.id, None) if isinstance(node, ast.Name) else None
    return value if isinstance(value, str) else None


def module_of(path: str) -> ModuleType:
    return importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


@cache
def all_patterns() -> list[Tried]:
    patterns = [each for path, tree in trees().items() for each in module_patterns(path, tree)]
    patterns += [each for path, tree in trees().items() for each in inline_patterns(path, tree)]
    patterns += [Tried(path, each, True) for path, made in IN_FUNCTIONS.items() for each in made()]
    return list({(each.pattern, each.is_anchored): each for each in patterns}.values())


def sample(parsed: Sequence[Any]) -> str:
    """A short text that a parsed pattern matches, as well as can be seen without trying."""
    return "".join(_sample(code, argument) for code, argument in parsed)


def _sample(code: Any, argument: Any) -> str:
    if code is op.LITERAL:
        return chr(argument)
    if code is op.NOT_LITERAL:
        return "a" if argument != ord("a") else "b"
    if code is op.ANY:
        return "a"
    if code is op.IN:
        return next((letter for letter in TRIED if _is_in(argument, letter)), None) or _first(argument)
    if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        low, high, body = argument
        return sample(body) * min(max(low, 1), high)
    if code is op.SUBPATTERN:
        return sample(argument[-1])
    if code is op.ATOMIC_GROUP:
        return sample(argument)
    if code is op.BRANCH:
        return sample(argument[1][0])
    return ""


def _is_in(items: Sequence[Any], letter: str) -> bool:
    is_negated = any(code is op.NEGATE for code, _ in items)
    number = ord(letter)
    for code, argument in items:
        hit = (
            (code is op.LITERAL and argument == number)
            or (code is op.RANGE and argument[0] <= number <= argument[1])
            or (code is op.CATEGORY and _in_category(argument, letter))
        )
        if hit:
            return not is_negated
    return is_negated


def _in_category(category: Any, letter: str) -> bool:
    patterns = {
        op.CATEGORY_DIGIT: r"\d",
        op.CATEGORY_NOT_DIGIT: r"\D",
        op.CATEGORY_SPACE: r"\s",
        op.CATEGORY_NOT_SPACE: r"\S",
        op.CATEGORY_WORD: r"\w",
        op.CATEGORY_NOT_WORD: r"\W",
    }
    return re.fullmatch(patterns[category], letter) is not None


def _first(items: Sequence[Any]) -> str:
    for code, argument in items:
        if code is op.LITERAL:
            return chr(argument)
        if code is op.RANGE:
            return chr(argument[0])
    return "\x02"


def attacks(parsed: Sequence[Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Of each repetition in a pattern: a text that leads to it, and one that it repeats."""
    for code, argument in parsed:
        if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            yield before, sample(argument[2])
            yield from attacks(argument[2], before)
        elif code is op.SUBPATTERN:
            yield from attacks(argument[-1], before)
        elif code is op.ATOMIC_GROUP:
            yield from attacks(argument, before)
        elif code is op.BRANCH:
            for branch in argument[1]:
                yield from attacks(branch, before)
        elif code in (op.ASSERT, op.ASSERT_NOT):
            yield from attacks(argument[1], before)
        before += _sample(code, argument)


def hostile_texts(pattern: re.Pattern[Any]) -> set[tuple[str, str, str]]:
    """A beginning, what is repeated behind it, and an end: around each repetition, and with usual fillers."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    parsed = parser.parse(source, pattern.flags & ~re.UNICODE)
    led = set(attacks(parsed)) | {("", sample(parsed))}
    texts = {(before, own, end) for before, own in led for end in ENDS if own}
    texts |= {(before, own + filler, "\x01") for before, own in led for filler in (" ", "1") if own}
    befores = {before for before, _ in led} | {sample(parsed)}
    return texts | {(before, filler, end) for before in befores for filler in FILLERS for end in ("\x01", "x")}


def seconds(tried: Tried, text: str, tries: int = 1) -> float:
    """The processor time of the quickest of some tries."""
    target: Any = text if isinstance(tried.pattern.pattern, str) else text.encode()
    times = []
    for _ in range(tries):
        begin = process_time()
        if tried.is_anchored:
            tried.pattern.fullmatch(target)
            tried.pattern.match(target)
        else:
            tried.pattern.findall(target)
        times.append(process_time() - begin)
    return min(times)


def growth(tried: Tried, before: str, own: str, end: str) -> str | None:
    """How the time grows with the text where it grows faster than the text, else None."""
    shorter = before + end
    for size in SIZES:
        text = before + own * (size // len(own)) + end
        if seconds(tried, text) > MEASURABLE_S:
            last, taken = seconds(tried, shorter, 5), seconds(tried, text, 3)
            if taken > MAX_RATIO * last:
                return f"{before!r} + {own!r} * n + {end!r}: {last:.5f} s, then {taken:.5f} s for 4 n = {size}"
        shorter = text
    return None


def test_each_pattern_of_the_tree_is_found() -> None:
    """A pattern that a function compiles from parts must be named in ``IN_FUNCTIONS``."""
    hidden = []
    known = {each.pattern.pattern for each in all_patterns()}
    for path, tree in trees().items():
        for call in calls(tree, METHODS | {COMPILE}):
            if not is_of_re(call) or path in IN_FUNCTIONS:
                continue
            at_import = any(
                call in ast.walk(node) for node in scope(tree) if isinstance(node, ast.Assign | ast.AnnAssign)
            )
            text = call.args[0]
            is_known = constant(path, text) in known or (isinstance(text, ast.Constant) and text.value in known)
            if not is_known and not at_import:
                hidden.append(f"{path}: line {call.lineno}")
    assert hidden == []
    assert len(known) > 100


def scope(tree: ast.Module) -> list[ast.stmt]:
    """The statements of a module and its classes, which run when it is imported."""
    return [*tree.body, *(each for node in tree.body if isinstance(node, ast.ClassDef) for each in node.body)]


def test_time_grows_with_the_text() -> None:
    growths = {
        each.place: next(filter(None, (growth(each, *text) for text in sorted(hostile_texts(each.pattern)))), None)
        for each in all_patterns()
    }
    assert {place: slow for place, slow in growths.items() if slow} == {}


@pytest.mark.parametrize(
    ("pattern", "is_anchored"),
    [
        (r"([0-9]{1,3})\s*[.)]?\s*(?:=[0-9\s+*/x().=-]*)?", True),
        (r"\s*(?:,|\bв\b)?\s*(?:₸|тг)\s*$", False),
        (r"(?:.*[(,;:–-]\s*)?(?:в\s+)?(?:тыс\.?|миллион\w*)\s*(?:тенге|теңге\w*)\s*[).]*\s*", True),
        (r"(a|a)*b", True),
        (r"[^@]+@", False),
    ],
)
def test_patterns_that_grow_with_the_square_are_noticed(pattern: str, is_anchored: bool) -> None:
    tried = Tried("", re.compile(pattern, re.IGNORECASE | re.DOTALL), is_anchored)
    assert any(growth(tried, *text) for text in hostile_texts(tried.pattern))
