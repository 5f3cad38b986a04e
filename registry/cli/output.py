"""CLI output: data to stdout, localized messages to stderr, progress bars to terminals only; exit codes of errors."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import click
from sqlalchemy.exc import DatabaseError, OperationalError

from registry.accounts.oidc_configuration import SignInFileInvalid
from registry.audits.past import AuditNotRepeatable
from registry.core import errors
from registry.core.clock import TimeZoneDataStale, json_ready, rfc3339
from registry.core.database_checks import is_corruption_error
from registry.core.errors import DatabaseBusy
from registry.core.fields import AnyDay, InputField, Text
from registry.core.lists import Listing, Page, every_page
from registry.core.postgresql import ConnectionIsPooled
from registry.core.schema import SchemaNotCurrent, SchemaUnknown, ServiceRoleMissing, UpgradeRunning
from registry.core.translations import DEFAULT_LANGUAGE, LANGUAGES, Language, MessageUnknown, message
from registry.core.values import InvalidValue
from registry.freeze.policy_file import PolicyInvalid
from registry.http.error_handlers import error_of
from registry.settings import SettingsInvalid

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


# Exit codes and error messages: exceptions are mapped to both.

log = logging.getLogger(__name__)

FAILED, USAGE, NOT_FOUND, CONFLICT, INVALID, FLAGS_FOUND, NOT_REPEATABLE = range(1, 8)
MAX_ERRORS_SHOWN = 50

# The first matching class applies. Invalid settings count as invalid usage, like options, and a process supervisor must
# not retry them. A filter that cannot be parsed is an option too.
EXIT_CODES: Final[Sequence[tuple[type[Exception], int]]] = (
    (errors.NotFound, NOT_FOUND),
    (AuditNotRepeatable, NOT_REPEATABLE),
    (errors.Conflict, CONFLICT),
    (errors.Stale, CONFLICT),
    (errors.Invalid, INVALID),
    (errors.Malformed, USAGE),
    (errors.RegistryError, FAILED),
    (SettingsInvalid, USAGE),
    (PolicyInvalid, INVALID),
    (errors.CalendarInvalid, INVALID),
    (SignInFileInvalid, INVALID),
    (SchemaNotCurrent, FAILED),
    (SchemaUnknown, FAILED),
    (ServiceRoleMissing, FAILED),
    (UpgradeRunning, CONFLICT),
    (ConnectionIsPooled, FAILED),
    (TimeZoneDataStale, FAILED),
    (OperationalError, FAILED),
)
# Errors of what an operator configures: a heading, and each problem in a line below.
FILES: Final[Mapping[type[Exception], str]] = {
    SettingsInvalid: "cli-settings-wrong",
    PolicyInvalid: "cli-policy-wrong",
    errors.CalendarInvalid: "cli-calendar-invalid",
    SignInFileInvalid: "cli-sign-in-file-invalid",
}
MESSAGES: Final[Mapping[type[Exception], str]] = {
    SchemaNotCurrent: "cli-schema-not-current",
    SchemaUnknown: "cli-schema-unknown",
    ServiceRoleMissing: "cli-service-role-missing",
    UpgradeRunning: "cli-schema-upgrade-running",
    ConnectionIsPooled: "cli-connection-is-pooled",
}


# The API's headings point to the member of its answers that has the errors; here they are in the lines below.
HEADINGS: Final[Mapping[str, str]] = {"invalid": "cli-invalid", "malformed": "cli-malformed"}


class CommandFailed(click.ClickException):
    """A failed command: its messages for stderr and its exit code."""

    def __init__(self, sentences: Sequence[str], exit_code: int) -> None:
        super().__init__("\n".join(sentences))
        self.exit_code = exit_code  # type: ignore[misc] # click types it as the class's, and reads the instance's

    def show(self, file: IO[Any] | None = None) -> None:
        """Print one message per line."""
        click.echo(self.message, file=file, err=file is None)


class UsageError(CommandFailed):
    """The options are inconsistent or have an invalid value."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(sentences, USAGE)


def command_failure(error: Exception) -> CommandFailed:
    """Map an exception to a failed command. Unexpected exceptions are logged with their traceback."""
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), None)
    # SQLite raises SQLAlchemy's DatabaseError itself, not a subclass, for a file that is no database.
    if code is None and type(error) is DatabaseError:
        code = FAILED
    if code is not None:
        try:
            return CommandFailed(error_lines(error), code)
        except (MessageUnknown, KeyError):
            log.exception("an error has no message")
    log.error("a command failed", exc_info=error)
    return CommandFailed([cli_text("cli-unexpected", error=type(error).__name__)], code or FAILED)


def error_lines(error: Exception) -> list[str]:
    """Return the messages of an expected error."""
    if isinstance(error, errors.Invalid | errors.Malformed) and error.problems:
        return [cli_text(HEADINGS.get(error.code, error.code), **error.params), *problem_lines(error.problems)]
    if isinstance(error, errors.RegistryError):
        return [cli_text(error.code, **error.params)]
    for kind, code in MESSAGES.items():
        if isinstance(error, kind):
            return [cli_text(code, revision=error, role=error)]
    for kind, code in FILES.items():
        if isinstance(error, kind):
            return [cli_text(code), *(f"  {problem}" for problem in getattr(error, "problems", [error]))]
    if isinstance(error, DatabaseError) and isinstance(error_of(error), DatabaseBusy):
        return [cli_text(DatabaseBusy.code)]
    if isinstance(error, DatabaseError) and is_corruption_error(error.orig):
        return [cli_text("cli-database-damaged", reason=" ".join(str(error.orig).split()))]
    if isinstance(error, DatabaseError):
        return [cli_text("cli-database-unusable", reason=" ".join(str(error.orig).split()))]
    return [str(error)]


def problem_lines(problems: Sequence[errors.Problem]) -> list[str]:
    """Return one line per problem: the field and its error."""
    return [
        f"  {problem.pointer.removeprefix('/')}: {cli_text(problem.code, **problem.params)}"
        for problem in problems[:MAX_ERRORS_SHOWN]
    ]
