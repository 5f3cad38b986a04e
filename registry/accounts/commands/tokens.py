"""``registry tokens``: bearer tokens for people and services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TextIO

import click

from registry.accounts import tokens as access
from registry.accounts.account_names import clean_name
from registry.accounts.confirmers import command_actor
from registry.accounts.fields import LIFETIME, SECONDS
from registry.accounts.models import AccountNameUnknown, account_named
from registry.accounts.people import person_named
from registry.accounts.roles import AGENCY_ROLES, Role
from registry.accounts.scopes import Scope
from registry.accounts.token_confirmation import confirm_token
from registry.accounts.token_queries import all_tokens, inactive_tokens
from registry.agencies.service import agency_by_bin
from registry.cli.app_context import in_registry
from registry.cli.exit_codes import UsageError, problem_lines
from registry.cli.output import as_json_option, cli_text, print_json, print_message, print_table
from registry.core.errors import Invalid

COLUMNS = (
    "key_id",
    "principal",
    "role",
    "agency",
    "created_at",
    "expires_at",
    "revoked_at",
    "last_used_at",
    "pending_since",
    "scopes",
    "addresses",
    "last_used_from",
    "owner",
    "purpose",
)
# The column, and the key of its value.
KEYS = {"principal": "account"}
LISTS = ("scopes", "addresses")


MAX_LIFETIME_S = 36_500 * SECONDS["d"]


class Lifetime(click.ParamType[timedelta]):
    """An option type: a whole number with a unit (s, m, h or d), at most 100 years."""

    name = "lifetime"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Parse the lifetime; a usage error if it is malformed."""
        if isinstance(value, timedelta):
            return value
        match = LIFETIME.fullmatch(value)
        seconds = int(match[1]) * SECONDS[match[2]] if match else 0
        if not 0 < seconds <= MAX_LIFETIME_S:
            self.fail(cli_text("cli-lifetime-wrong", value=value), param, ctx)
        return timedelta(seconds=seconds)


@click.group()
def tokens() -> None:
    """Issue, confirm, list and revoke bearer tokens."""


@tokens.command()
@click.option("--name", required=True, help="The account of the token; a new name creates a service account.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    help="The role of the token, at most that of an existing account; by default the account's role.",
)
@click.option("--agency", "agency_bin", metavar="BIN", help="The agency, for the agency roles.")
@click.option(
    "--expires-in",
    type=Lifetime(),
    metavar="90d",
    help="Lifetime in s, m, h or d, at most 366 days; by default 90 days.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What the token may be used for; repeatable. By default all scopes of the role but decisions:approve.",
)
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="CIDR",
    help="A range from which the token is accepted, such as 10.1.0.0/16; repeatable. By default any.",
)
@click.option("--owner", metavar="NAME", help="The person who answers for a new service account.")
@click.option("--purpose", metavar="TEXT", help="What the token is for, up to 100 characters.")
@in_registry
def issue(
    name: str,
    role: str | None,
    agency_bin: str | None,
    expires_in: timedelta | None,
    scopes: tuple[str, ...],
    addresses: tuple[str, ...],
    owner: str | None,
    purpose: str | None,
) -> None:
    """Issue a token and print only the token on standard output. It is displayed only once."""
    token_role = None if role is None else Role(role)
    name = clean_name(name)
    if token_role in AGENCY_ROLES and agency_bin is None and account_named(name) is None:
        raise UsageError(cli_text("cli-token-needs-agency", role=role))
    agency_id = None if agency_bin is None else agency_by_bin(agency_bin).id
    try:
        issued = access.issue(
            command_actor(),
            name,
            token_role,
            agency_id,
            expires_in,
            scopes=[Scope(scope) for scope in scopes] or None,
            addresses=addresses,
            owner_account_id=None if owner is None else _person_id(owner),
            purpose=(purpose or "").strip() or None,
        )
    except Invalid as error:
        # All values are options, so this is a usage error.
        raise UsageError(cli_text("cli-token-refused"), *problem_lines(error.problems)) from error
    click.echo(issued.text)
    print_message("cli-token-issued", key_id=issued.key_id, name=name, role=issued.role.value)
    if issued.pending:
        print_message("cli-token-pending", key_id=issued.key_id)


def _person_id(name: str) -> int:
    person = person_named(name) if name.isprintable() else None
    if person is None:
        raise AccountNameUnknown(name=name)
    return person.account_id


@tokens.command()
@click.argument("key_id")
@in_registry
def revoke(key_id: str) -> None:
    """Revoke the token with KEY_ID, the part between the two underscores. It stops working immediately."""
    access.revoke(command_actor(), key_id)
    print_message("cli-token-revoked", key_id=key_id)


@tokens.command()
@click.argument("key_id")
@in_registry
def confirm(key_id: str) -> None:
    """Confirm the token of KEY_ID, which an administrator issued for a service account with an oversight role."""
    confirm_token(command_actor(), key_id)
    print_message("cli-token-confirmed", key_id=key_id)


@tokens.command()
@click.argument("file", type=click.File(encoding="utf-8"))
@in_registry
def rekey(file: TextIO) -> None:
    """Let the tokens go on after a change of REGISTRY_SECRET_KEY, and take the new key for the registry's.

    FILE holds the previous key; `-` reads it from stdin. Tokens that neither key has signed stay invalid; with an empty
    FILE (`/dev/null`) all that the present key has not signed.
    """
    rekeyed, foreign = access.rekey_tokens(command_actor(), file.read().strip())
    print_message("cli-tokens-rekeyed", rekeyed=rekeyed, foreign=foreign)


@tokens.command("list")
@as_json_option
@in_registry
def list_tokens(as_json: bool) -> None:
    """List the issued tokens, without their secrets."""
    _print_tokens(all_tokens(command_actor()), as_json)


@tokens.command("inactive")
@as_json_option
@in_registry
def list_inactive_tokens(as_json: bool) -> None:
    """List the working tokens that nobody used for 90 days, without their secrets."""
    _print_tokens(inactive_tokens(command_actor()), as_json)


def _print_tokens(listed: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    rows = [{name: token[KEYS.get(name, name)] for name in COLUMNS} for token in listed]
    if as_json:
        print_json({"items": rows})
    else:
        texts = ({name: " ".join(row[name] or ()) for name in LISTS} for row in rows)
        print_table(COLUMNS, [row | text for row, text in zip(rows, texts, strict=True)])
