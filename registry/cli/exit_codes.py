"""Exit codes and error messages of commands: maps exceptions to both."""

import logging
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

import click
from sqlalchemy.exc import DatabaseError, OperationalError

from registry.accounts.oidc_configuration import SignInFileInvalid
from registry.audits.past import AuditNotRepeatable
from registry.cli.output import cli_text
from registry.core import errors
from registry.core.clock import TimeZoneDataStale
from registry.core.database_checks import is_corruption_error
from registry.core.postgresql import ConnectionIsPooled
from registry.core.schema import SchemaNotCurrent, SchemaUnknown, ServiceRoleMissing, UpgradeRunning
from registry.core.translations import MessageUnknown
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
