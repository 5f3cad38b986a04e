"""Line numbers of the keys of a TOML text, for error messages; tomllib does not provide them."""

from __future__ import annotations

import re
from collections import Counter

# ("rules", "freeze.creation", "clauses", 0, "act_kk"): names of tables and keys, positions in arrays of tables.
Path = tuple[str | int, ...]

_NAME = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_TABLE = re.compile(rf"\s*\[\s*({_DOTTED})\s*\]")
_ARRAY_TABLE = re.compile(rf"\s*\[\[\s*({_DOTTED})\s*\]\]")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_LONG_QUOTES = re.compile(r'"""|\'\'\'')


def key_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every table header and key of a valid TOML text, by path."""
    lines: dict[Path, int] = {(): 1}
    tables: Counter[Path] = Counter()
    section: Path = ()
    in_long_string = False
    for number, line in enumerate(text.split("\n"), start=1):
        if not in_long_string:
            if match := _ARRAY_TABLE.match(line):
                array = _full_path(_names(match[1]), tables)
                section = (*array, tables[array])
                tables[array] += 1
                lines[section] = number
            elif match := _TABLE.match(line):
                section = _full_path(_names(match[1]), tables)
                lines[section] = number
            elif match := _KEY.match(line):
                lines[section + _names(match[1])] = number
        if len(_LONG_QUOTES.findall(line)) % 2:
            in_long_string = not in_long_string
    return lines


def line_of(path: Path, lines: dict[Path, int]) -> int:
    """The line of the key, or of the innermost enclosing table that the text contains."""
    while path not in lines:
        path = path[:-1]
    return lines[path]


def format_path(path: Path) -> str:
    """The path in TOML notation: ``rules."freeze.creation".clauses[1].act_kk`` (arrays count from 1)."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, int):
            parts[-1] += f"[{part + 1}]"
        else:
            parts.append(f'"{part}"' if "." in part else part)
    return ".".join(parts)


def _names(dotted: str) -> Path:
    return tuple(name.strip("\"'") for name in re.findall(_NAME, dotted))


def _full_path(names: Path, tables: Counter[Path]) -> Path:
    """The full path of a table; a table inside an array of tables belongs to the array's last element."""
    path: Path = ()
    for name in names[:-1]:
        path += (name,)
        if path in tables:
            path += (tables[path] - 1,)
    return path + names[-1:]
