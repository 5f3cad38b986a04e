"""What a command says: data to stdout, messages in the locale's language to stderr, progress only to a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import click

from registry.core.clock import rfc3339
from registry.core.languages import DEFAULT_LANGUAGE, LANGUAGES, Language
from registry.core.messages import message

WIDEST_CELL = 60
OnProgress = Callable[[int, int], None]


def language(environ: Mapping[str, str] | None = None) -> Language:
    """The language of the locale, by gettext's order: LANGUAGE, LC_ALL, LC_MESSAGES, LANG; English for any other.

    A locale of ``C`` or ``POSIX`` means English even if LANGUAGE names another.
    """
    env = os.environ if environ is None else environ
    locale = env.get("LC_ALL") or env.get("LC_MESSAGES") or env.get("LANG") or ""
    if locale in ("C", "POSIX"):
        return DEFAULT_LANGUAGE
    for wanted in (*env.get("LANGUAGE", "").split(":"), locale):
        for known in LANGUAGES:
            if wanted.partition("_")[0].partition(".")[0].lower() == known:
                return known
    return DEFAULT_LANGUAGE


def cli_text(code: str, /, **params: object) -> str:
    """The message of a code in the language of the locale."""
    return message(code, language(), params)


def print_message(code: str, /, **params: object) -> None:
    """A message to the person, on stderr."""
    click.echo(cli_text(code, **params), err=True)


def print_json(value: Any) -> None:
    """Data as JSON on stdout, with letters as they are."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=plain))


def plain(value: object) -> str:
    """Dates and instants as the API has them. Raises TypeError for anything else."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_table(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows in columns on stdout; a missing value is a dash."""
    cells = [list(names), *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_pairs(values: Mapping[str, Any]) -> None:
    """Names and values in two columns on stdout, each value whole."""
    width = max(map(len, values))
    for name, value in values.items():
        click.echo(f"{name.ljust(width)}  {_text(value)}")


def _cell(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 1] + "…"


def _text(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return rfc3339(value)[:19] + "Z"
    return " ".join(str(value).split())


@contextmanager
def progress(code: str) -> Iterator[OnProgress]:
    """A bar on stderr, fed with (done, total); nothing is drawn where no terminal is there."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=1, label=cli_text(code), file=sys.stderr, hidden=hidden) as bar:

        def on_progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield on_progress
