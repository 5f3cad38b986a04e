"""Shared options and parameter types of commands."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from registry.cli.output import cli_text
from registry.core.fields import Text
from registry.core.value_checks import InvalidValue, exact_day


class Day(click.ParamType[date]):
    """A date in the form ``2026-11-24``."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the date, or fail with a usage error."""
        if isinstance(value, date):
            return value
        try:
            return exact_day(value)
        except InvalidValue as error:
            self.fail(cli_text(error.code, **error.params), param, ctx)


class Reason(click.ParamType[str]):
    """A text that is not blank, of at most 5,000 characters."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the trimmed text, or fail with a usage error."""
        try:
            accepted = Text(5000).deserialize(value)
        except InvalidValue as error:
            self.fail(cli_text(error.code, **error.params), param, ctx)
        if accepted is None:
            self.fail(cli_text("required"), param, ctx)
        return str(accepted)


DAY = Day()
REASON = Reason()
FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
fail_on_flags_option = click.option("--fail-on-flags", is_flag=True, help="Exit with 6 when flags were found.")
