"""CLI output: data to stdout, localized messages to stderr, progress bars to terminals only."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from registry.core.clock import json_ready, rfc3339
from registry.core.fields import AnyDay, InputField, Text
from registry.core.lists import Listing, Page, every_page
from registry.core.translations import DEFAULT_LANGUAGE, LANGUAGES, Language, message
from registry.core.values import InvalidValue

MAX_CELL_WIDTH = 60
OnProgress = Callable[[int, int], None]


def language(environ: Mapping[str, str] | None = None) -> Language:
    """Return the locale's language by gettext's order: LANGUAGE, LC_ALL, LC_MESSAGES, LANG; English for any other.

    The locales ``C`` and ``POSIX`` mean English, even if LANGUAGE names another language.
    """
    env = os.environ if environ is None else environ
    locale = env.get("LC_ALL") or env.get("LC_MESSAGES") or env.get("LANG") or ""
    if locale in ("C", "POSIX"):
        return DEFAULT_LANGUAGE
    for candidate in (*env.get("LANGUAGE", "").split(":"), locale):
        for language_code in LANGUAGES:
            if candidate.partition("_")[0].partition(".")[0].lower() == language_code:
                return language_code
    return DEFAULT_LANGUAGE


def cli_text(code: str, /, **params: object) -> str:
    """Return the message of a code in the language of the locale."""
    return message(code, language(), params)


def print_message(code: str, /, **params: object) -> None:
    """Print a message to stderr."""
    click.echo(cli_text(code, **params), err=True)


def print_json(value: Any) -> None:
    """Print JSON to stdout, without escaping non-ASCII characters."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=json_ready))


def print_table(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows as a table to stdout; a missing value is a dash."""
    cells = [list(names), *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_pairs(values: Mapping[str, Any]) -> None:
    """Print names and values in two columns to stdout, without truncation."""
    width = max(map(len, values))
    for name, value in values.items():
        click.echo(f"{name.ljust(width)}  {_text(value)}")


def _cell(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= MAX_CELL_WIDTH else text[: MAX_CELL_WIDTH - 1] + "…"


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
    """Display a progress bar on stderr, updated with (done, total); without a terminal, display nothing."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=1, label=cli_text(code), file=sys.stderr, hidden=hidden) as bar:

        def on_progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield on_progress


# Shared options and parameter types of commands.


class FieldType(click.ParamType[Any]):
    """An option or argument that is read as a field of the API is. ``name``: of the value, in usage errors."""

    def __init__(self, name: str, field: InputField) -> None:
        self.name = name
        self.field = field

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or fail with a usage error; a default is converted already."""
        if not isinstance(value, str):
            return value
        try:
            accepted = self.field.deserialize(value)
        except InvalidValue as error:
            self.fail(cli_text(error.code, **error.params), param, ctx)
        if accepted is None:
            self.fail(cli_text("required"), param, ctx)
        return accepted


DAY = FieldType("date", AnyDay())
"""A date in the form ``2026-11-24``."""
REASON = FieldType("text", Text(5000))
"""A text that is not blank, of at most 5,000 characters."""
FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
fail_on_flags_option = click.option("--fail-on-flags", is_flag=True, help="Exit with 6 when flags were found.")


# Pagination for commands: reads all pages of a list.


def every_item(read: Callable[[Page], Listing]) -> list[Any]:
    """Return all rows of a list, page by page."""
    return [row for rows in every_page(read, list) for row in rows]
