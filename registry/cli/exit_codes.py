"""Exit codes and error messages of commands: maps exceptions to both."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import IO, Any, Final

import click
from sqlalchemy.exc import DatabaseError, OperationalError

from registry.accounts.oidc_configuration import SignInFileInvalid
from registry.audits.past import AuditNotRepeatable
from registry.cli.output import cli_text
from registry.core import errors
from registry.core.clock import TimeZoneDataStale
from registry.core.database_checks import is_corruption_error
from registry.core.messages import MessageUnknown
from registry.core.postgresql import ConnectionIsPooled
from registry.core.schema import SchemaNotCurrent, SchemaUnknown, ServiceRoleMissing, UpgradeRunning
from registry.freeze.policy_file import PolicyInvalid
from registry.http.error_handlers import error_of
from registry.http.http_errors import DatabaseBusy
from registry.settings import SettingsInvalid

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
    (errors.NotAllowed, FAILED),
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
        return [cli_text(error.code, **error.params), *problem_lines(error.problems)]
    if isinstance(error, errors.RegistryError):
        return [cli_text(error.code, **error.params)]
    if isinstance(error, SettingsInvalid):
        return [cli_text("cli-settings-wrong"), *(f"  {problem}" for problem in error.problems)]
    if isinstance(error, PolicyInvalid):
        return [cli_text("cli-policy-wrong"), *(f"  {problem}" for problem in error.problems)]
    if isinstance(error, errors.CalendarInvalid):
        return [cli_text("cli-calendar-invalid"), f"  {error}"]
    if isinstance(error, SignInFileInvalid):
        return [cli_text("cli-sign-in-file-invalid"), f"  {error}"]
    if isinstance(error, SchemaNotCurrent):
        return [cli_text("cli-schema-not-current")]
    if isinstance(error, SchemaUnknown):
        return [cli_text("cli-schema-unknown", revision=error)]
    if isinstance(error, ServiceRoleMissing):
        return [cli_text("cli-service-role-missing", role=error)]
    if isinstance(error, UpgradeRunning):
        return [cli_text("cli-schema-upgrade-running")]
    if isinstance(error, ConnectionIsPooled):
        return [cli_text("cli-connection-is-pooled")]
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
