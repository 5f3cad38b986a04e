"""Application context for commands: settings, database, policy, and the check of the schema version."""

import gc
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from flask import Flask
from sqlalchemy import make_url

import registry.models  # noqa: F401 - connects the handlers of events
from registry.accounts.models import PUBLIC_URL
from registry.accounts.passwords import BY_EMAIL
from registry.cli.output import NOT_FOUND, CommandFailed, cli_text, print_message
from registry.core.clock import require_current_zone
from registry.core.database import db, init_database
from registry.core.schema import require_current_schema
from registry.flask_config import use_configuration_files
from registry.http.requests import JsonLines
from registry.http.telemetry import init_error_reports
from registry.procurement.classification import PROCUREMENT_WORDS
from registry.settings import Settings, read_settings
from registry.state_systems.sources import STATE_SYSTEMS
from registry.webhooks.sender import WEBHOOK_NETWORKS

LOG_FILE = "commands.log"


@contextmanager
def open_registry(settings: Settings) -> Iterator[Flask]:
    """Create the application with database and policy but without the API, for the duration of the block.

    Raises PolicyInvalid, CalendarInvalid, SignInFileInvalid, TimeZoneDataStale.
    """
    require_current_zone()
    use_configuration_files(settings)
    init_error_reports()
    app = Flask("registry")
    # Commands invite people and write e-mails.
    app.config.update({"SECRET_KEY": settings.secret_key, BY_EMAIL: settings.mail is not None})
    app.config.update({WEBHOOK_NETWORKS: settings.webhook_networks, PUBLIC_URL: settings.public_url})
    app.config.update({PROCUREMENT_WORDS: settings.procurement_words, STATE_SYSTEMS: settings.state_systems})
    init_database(app, settings.database_url, settings.database_limits)
    with connected(app):
        yield app


@contextmanager
def open_database(settings: Settings, *, read_url: str | None = None) -> Iterator[Flask]:
    """Create an application with the database alone, whatever its schema, for the duration of the block."""
    app = Flask("registry")
    app.config["SECRET_KEY"] = settings.secret_key
    init_database(app, settings.database_url, settings.database_limits, read_url=read_url)
    with connected(app):
        yield app


@contextmanager
def connected(app: Flask) -> Iterator[None]:
    """Push the app's context; release its database connections at the end."""
    # Garbage is collected among what is made from now on: the 330,000 objects loaded by now cost 0.2 s each time, a
    # third of an audit of 10,000 projects.
    gc.freeze()
    gc.enable()
    with app.app_context():
        try:
            yield
        finally:
            db.session.remove()
            db.engine.dispose()


def command_settings(*, read_only: bool = False) -> Settings:
    """Read the settings and configure a JSON-lines log in the data folder for unexpected errors.

    Prints which database is used where no setting names it. With ``read_only`` nothing is created in the data folder;
    if it is not writable, the log goes to stderr.
    """
    settings = read_settings(read_only=read_only)
    if not os.environ.keys() & {"REGISTRY_DATA_DIR", "REGISTRY_DATABASE_URL"}:
        print_message("cli-database-used", path=make_url(settings.database_url).database)
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if handler.get_name() == LOG_FILE]:
        root.removeHandler(old)
        old.close()
    handler: logging.Handler
    if read_only and not os.access(settings.data_dir, os.W_OK | os.X_OK):
        handler = logging.StreamHandler()
    else:
        handler = logging.FileHandler(settings.data_dir / LOG_FILE, encoding="utf-8", delay=True)
    handler.set_name(LOG_FILE)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    return settings


def as_owner(settings: Settings) -> tuple[Settings, str | None]:
    """Return the settings for schema changes, and the service's role if the owner is another role."""
    if settings.database_owner_url is None:
        return settings, None
    service_role = make_url(settings.database_url).username
    return replace(settings, database_url=settings.database_owner_url), service_role


class RegistryCommand(click.Command):
    """A command that runs with an application context and a current schema."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command in them."""
        require_database_file()
        with open_registry(command_settings()):
            require_current_schema()
            return super().invoke(ctx)


class RegistryCommands(click.Group):
    """A group of such commands."""

    command_class = RegistryCommand


def has_database_file(settings: Settings) -> bool:
    """Return False where the embedded database does not exist."""
    return not settings.embedded or Path(make_url(settings.database_url).database or "").is_file()


def require_database_file() -> None:
    """Raise CommandFailed where the embedded database does not exist, before anything is made in its folder.

    ``db upgrade`` and ``restore`` make one, so that a command in the wrong folder makes none by accident.
    """
    settings = read_settings(read_only=True)
    if not has_database_file(settings):
        path = make_url(settings.database_url).database
        raise CommandFailed([cli_text("cli-no-database", path=path)], NOT_FOUND)


def shown(names: tuple[str, ...], row: Any) -> dict[str, Any]:
    """Return the named attributes of a row, in that order."""
    return {name: getattr(row, name) for name in names}
