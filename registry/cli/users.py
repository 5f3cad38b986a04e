"""``registry users``: people who sign in to the pages with a password."""

from __future__ import annotations

import sys

import click

from registry.access import people
from registry.access.actors import local_actor
from registry.access.passwords import LONGEST, new_password
from registry.access.roles import AGENCY_ROLES, Role
from registry.cli.endings import UsageWrong, problem_lines
from registry.cli.opening import in_registry
from registry.cli.speech import say, words
from registry.language.languages import LANGUAGES
from registry.records.agencies import agency_by_bin
from registry.store.errors import Invalid


@click.group()
def users() -> None:
    """Let people sign in to the pages."""


@users.command()
@click.option("--name", required=True, help="What the person signs in with: with tokens of this name, one principal.")
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
    """Add a person. Without a password option one is made and printed, alone, on standard output, this once."""
    wanted = Role(role)
    if wanted in AGENCY_ROLES and agency_bin is None:
        raise UsageWrong(words("cli-token-needs-agency", role=role))
    agency_id = None if agency_bin is None else agency_by_bin(agency_bin).id
    given = _given_password(password_stdin, ask_password)
    person = people.NewPerson(name, wanted, agency_id, email, language)
    password = given or new_password()
    try:
        people.add_person(local_actor(Role.ADMINISTRATOR), person, password)
    except Invalid as refused:
        raise UsageWrong(words("cli-user-refused"), *problem_lines(refused.problems)) from refused
    if given is None:
        click.echo(password)
    say("cli-user-added", name=name.strip(), role=role)


@users.command()
@click.argument("name")
@in_registry
def disable(name: str) -> None:
    """Shut the person out: password, open sessions and tokens of the name, from the next request on."""
    people.disable_person(local_actor(Role.ADMINISTRATOR), _person_id(name))
    say("cli-user-disabled", name=name)


@users.command()
@click.argument("name")
@in_registry
def enable(name: str) -> None:
    """Let the person in again, with the password and the tokens of before."""
    people.enable_person(local_actor(Role.ADMINISTRATOR), _person_id(name))
    say("cli-user-enabled", name=name)


def _person_id(name: str) -> int:
    person = people.person_named(name)
    if person is None:
        raise people.PersonNotFound(id=name)
    return person.id


def _given_password(from_stdin: bool, ask: bool) -> str | None:
    if from_stdin:
        return sys.stdin.readline(LONGEST + 2).rstrip("\r\n")
    if ask:
        return str(click.prompt(words("cli-user-password"), hide_input=True, confirmation_prompt=True, err=True))
    return None
