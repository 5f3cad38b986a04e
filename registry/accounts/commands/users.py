"""``registry users``: people who sign in to the pages with a password."""

from __future__ import annotations

import sys

import click

from registry.accounts import people
from registry.accounts.account_changes import confirm_account, disable_account, enable_account
from registry.accounts.account_names import clean_name
from registry.accounts.actors import local_actor
from registry.accounts.models import Account, AccountNotFound, account_named
from registry.accounts.passwords import MAX_LENGTH, generate_password
from registry.accounts.roles import AGENCY_ROLES, Role
from registry.agencies.service import agency_by_bin
from registry.cli.app_context import in_registry
from registry.cli.exit_codes import UsageError, problem_lines
from registry.cli.output import cli_text, print_message
from registry.core.errors import Invalid
from registry.core.languages import LANGUAGES


@click.group()
def users() -> None:
    """People who sign in to the pages, and accounts in general."""


@users.command()
@click.option("--name", required=True, help="What the person signs in with.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="What the person may do.")
@click.option("--agency", "agency_bin", metavar="BIN", help="The agency, for agency_viewer and agency_editor.")
@click.option("--email", help="Where notices go.")
@click.option("--language", type=click.Choice(LANGUAGES), default="kk", show_default=True, help="Of pages and notices.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--ask-password", is_flag=True, help="Ask for the password, twice.")
@in_registry
def add(
    name: str,
    role: str,
    agency_bin: str | None,
    email: str | None,
    language: str,
    password_stdin: bool,
    ask_password: bool,
) -> None:
    """Add a person. Without a password option one is made and printed, alone, on standard output, this once.

    A printed password must be changed at the first sign-in.
    """
    wanted = Role(role)
    if wanted in AGENCY_ROLES and agency_bin is None:
        raise UsageError(cli_text("cli-token-needs-agency", role=role))
    agency_id = None if agency_bin is None else agency_by_bin(agency_bin).id
    given = _given_password(password_stdin, ask_password)
    person = people.NewPerson(name, wanted, agency_id, email, language)
    password = given or generate_password()
    try:
        people.add_person(local_actor(Role.ADMINISTRATOR), person, password, must_change=given is None)
    except Invalid as refused:
        raise UsageError(cli_text("cli-user-refused"), *problem_lines(refused.problems)) from refused
    if given is None:
        click.echo(password)
    print_message("cli-user-added", name=clean_name(name), role=role)


@users.command()
@click.argument("name")
@in_registry
def disable(name: str) -> None:
    """Disable an account, a person's or a service's: its sessions and tokens end with it, from the next request on."""
    disable_account(local_actor(Role.ADMINISTRATOR), _account(name).id)
    print_message("cli-user-disabled", name=name)


@users.command()
@click.argument("name")
@in_registry
def enable(name: str) -> None:
    """Enable an account again. The password counts as before; sessions and tokens of before stay ended."""
    enable_account(local_actor(Role.ADMINISTRATOR), _account(name).id)
    print_message("cli-user-enabled", name=name)


@users.command()
@click.argument("name")
@in_registry
def confirm(name: str) -> None:
    """Confirm an account that an administrator made, re-roled, enabled or gave a password, and that waits for it.

    A person's new password is printed, alone, on standard output, this once. It must be changed at the first sign-in.
    """
    account = _account(name)
    password = confirm_account(local_actor(Role.ADMINISTRATOR), account.id, Role(account.role))
    if password is not None:
        click.echo(password)
    print_message("cli-user-confirmed", name=account.name, role=account.role)


def _account(name: str) -> Account:
    account = account_named(name) or account_named(clean_name(name))
    if account is None:
        raise AccountNotFound(id=name)
    return account


def _given_password(from_stdin: bool, ask: bool) -> str | None:
    if from_stdin:
        return sys.stdin.readline(MAX_LENGTH + 2).rstrip("\r\n")
    if ask:
        return str(click.prompt(cli_text("cli-user-password"), hide_input=True, confirmation_prompt=True, err=True))
    return None
