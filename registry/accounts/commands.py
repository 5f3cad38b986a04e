"""Commands ``registry users`` and ``registry tokens``."""

import csv
import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, TextIO

import click

from registry.accounts import account_changes, models, tokens as access
from registry.accounts.account_names import clean_name
from registry.accounts.attempts import COLUMNS as FAILED_COLUMNS, FAILED_SIGN_INS
from registry.accounts.factors import reset_factors
from registry.accounts.handover import hand_over
from registry.accounts.passwords import MAX_LENGTH, generate_password
from registry.accounts.people_import import import_people
from registry.accounts.queries import ACCOUNT_LIST, all_tokens
from registry.accounts.roles import AGENCY_ROLES, Role, Scope
from registry.accounts.schemas import ACCOUNT, LifetimeField
from registry.accounts.service import AccountChanges, NewPerson, add_person, edit_account, person_named
from registry.agencies.service import agency_by_bin
from registry.cli import output
from registry.cli.app_context import RegistryCommands
from registry.cli.output import INVALID, UsageError, problem_lines
from registry.core.errors import Invalid
from registry.core.lists import MAX_LIMIT, Page, every_page
from registry.core.translations import LANGUAGES
from registry.imports.commands import print_row_errors
from registry.signatures.service import forget_signer, rekey_signatures

# ``registry users``: accounts of people, and account administration.

COLUMNS: Final = tuple(name for name in ACCOUNT.fields if name != "reads_restricted")
# The kinds of second factors of a person: totp, passkey.
KINDS: Final = "second_factors"


@click.group(cls=RegistryCommands)
def users() -> None:
    """Add people; list, change, disable, enable and confirm accounts."""


@users.command()
@click.option("--name", required=True, help="The name for signing in.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="The role of the person.")
@click.option("--agency", "agency_bin", metavar="BIN", help="The agency, for the agency roles.")
@click.option("--email", help="Address for notifications.")
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="kk",
    show_default=True,
    help="Language of pages and notifications.",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--ask-password", is_flag=True, help="Ask for the password, twice.")
def add(
    name: str,
    role: str,
    agency_bin: str | None,
    email: str | None,
    language: str,
    password_stdin: bool,
    ask_password: bool,
) -> None:
    """Add a person. Without a password option, generate a password and print only it on standard output, once.

    A generated password must be changed at the first sign-in.
    """
    person_role = Role(role)
    if person_role in AGENCY_ROLES and agency_bin is None:
        raise UsageError(output.cli_text("cli-token-needs-agency", role=role))
    agency_id = None if agency_bin is None else agency_by_bin(agency_bin).id
    entered = _read_password(password_stdin, ask_password)
    person = NewPerson(name, person_role, agency_id, email, language)
    password = entered or generate_password()
    try:
        account = add_person(account_changes.command_actor(), person, password, must_change=entered is None).account
    except Invalid as error:
        raise UsageError(output.cli_text("cli-user-refused"), *problem_lines(error.problems)) from error
    if account.pending_since is not None:
        # Whoever confirms it is displayed another password.
        output.print_message("cli-user-pending", name=account.name, role=role)
        return
    if entered is None:
        click.echo(password)
    output.print_message("cli-user-added", name=account.name, role=role)


@users.command("list")
@click.option("--kind", type=click.Choice(models.AccountKind.codes()), help="People, or service accounts.")
@click.option("--role", type=click.Choice(Role.codes()), help="Accounts with this role.")
@click.option("--status", type=click.Choice(models.AccountStatus.codes()), help="Accounts with this status.")
@click.option("--agency", metavar="BIN", help="Accounts of this agency and of those below it.")
@click.option(
    "--inactive-since", type=output.DAY, metavar="DATE", help="Neither signed in nor used a token since this day."
)
@click.option("--q", "words", metavar="TEXT", help="Words, or parts of them, in name and e-mail address.")
@output.as_json_option
def list_users(as_json: bool, words: str | None, inactive_since: date | None, **choices: str | None) -> None:
    """List the accounts of people and services, by name."""
    filters = {name: value for name, value in {**choices, "q": words}.items() if value is not None}
    if inactive_since is not None:
        filters["inactive_since"] = inactive_since.isoformat()
    rows: list[dict[str, Any]] = []
    for items in every_page(lambda page: ACCOUNT_LIST.read(account_changes.command_actor(), filters, page), list):
        kinds = models.factor_kinds([row["id"] for row in items])
        rows += [{**{name: row[name] for name in COLUMNS}, KINDS: kinds.get(row["id"], [])} for row in items]
    if as_json:
        output.print_json({"items": rows})
    else:
        # In place of whether there is a factor, which ones.
        texts = [row | {"second_factor": ", ".join(row[KINDS])} for row in rows]
        output.print_table(COLUMNS, texts)


@users.command("set")
@click.argument("account_name", metavar="NAME")
@click.option("--name", help="The new name. The former one stays reserved for this account.")
@click.option("--email", help="Address for notifications; empty for none.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Language of pages and notifications.")
@click.option("--role", type=click.Choice(Role.codes()), help="The new role. Sessions and tokens end.")
@click.option("--agency", "agency_bin", metavar="BIN", help="The new agency; empty for none. Sessions and tokens end.")
@click.option("--owner", metavar="NAME", help="The person who answers for a service account.")
def set_values(
    account_name: str,
    name: str | None,
    email: str | None,
    language: str | None,
    role: str | None,
    agency_bin: str | None,
    owner: str | None,
) -> None:
    """Change the account NAME: what is not named stays.

    A new role or address of an account with an oversight role waits for a second person, as on the pages, from when two
    people have such roles.
    """
    account = _account(account_name)
    changes = AccountChanges()
    if name is not None:
        changes["name"] = name
    if email is not None:
        changes["email"] = email or None
    if language is not None:
        changes["language"] = language
    if role is not None:
        changes["role"] = Role(role)
    if agency_bin is not None:
        changes["agency_id"] = agency_by_bin(agency_bin).id if agency_bin else None
    elif role is not None and Role(role) not in AGENCY_ROLES:
        changes["agency_id"] = None
    if owner is not None:
        changes["owner_id"] = _account(owner).id
    if not changes:
        raise UsageError(output.cli_text("cli-nothing-to-set"))
    try:
        changed = edit_account(account_changes.command_actor(), account.id, changes)
    except Invalid as error:
        raise UsageError(output.cli_text("cli-user-not-changed"), *problem_lines(error.problems)) from error
    output.print_message("cli-user-changed", name=changed.name)
    _print_whether_pending(changed)


@users.command()
@click.argument("name")
def disable(name: str) -> None:
    """Disable the account of a person or a service. Its sessions and tokens end immediately."""
    account_changes.disable_account(account_changes.command_actor(), _account(name).id)
    output.print_message("cli-user-disabled", name=name)


@users.command()
@click.argument("name")
def enable(name: str) -> None:
    """Enable an account again. The password is unchanged; earlier sessions and tokens stay ended."""
    account = _account(name)
    account_changes.enable_account(account_changes.command_actor(), account.id)
    output.print_message("cli-user-enabled", name=name)
    _print_whether_pending(account)


@users.command()
@click.argument("name")
def confirm(name: str) -> None:
    """Confirm a pending account, which an administrator created, enabled or gave a new role or password.

    A person's new password is printed, alone, on standard output, this once. It must be changed at the first sign-in.
    """
    account = _account(name)
    password = account_changes.confirm_account(account_changes.command_actor(), account.id, Role(account.role))
    if password is not None:
        click.echo(password)
    output.print_message("cli-user-confirmed", name=account.name, role=account.role)


@users.command("hand-over")
@click.argument("name")
@click.option("--to", "receiver", required=True, metavar="NAME", help="The person who gets the work.")
@output.as_json_option
def hand_over_work(name: str, receiver: str, as_json: bool) -> None:
    """Give all open work of the person NAME to another one: cases, drafts, reports, service accounts."""
    giver, taker = _account(name), _account(receiver)
    try:
        counts = hand_over(account_changes.command_actor(), giver.id, taker.id)
    except Invalid as error:
        raise UsageError(output.cli_text("cli-user-not-changed"), *problem_lines(error.problems)) from error
    if as_json:
        output.print_json(counts)
    else:
        output.print_pairs(counts)
    output.print_message("cli-user-handed-over", name=giver.name, receiver=taker.name)


@users.command("failed-sign-ins")
@click.option("--name", help="The name that was entered, of an account or not.")
@click.option("--source", metavar="ADDRESS", help="The address that they came from.")
@click.option("--limit", type=click.IntRange(1, MAX_LIMIT), default=50, show_default=True, help="How many at most.")
@output.as_json_option
def failed_sign_ins(name: str | None, source: str | None, limit: int, as_json: bool) -> None:
    """List the latest failed and refused sign-ins of the last 90 days. A name that no account has is not stored."""
    filters = {key: value for key, value in (("name", name), ("source", source)) if value}
    rows = FAILED_SIGN_INS.read(account_changes.command_actor(), filters, Page(limit)).items
    shown = [{column: row[column] for column in FAILED_COLUMNS} for row in rows]
    if as_json:
        output.print_json({"items": shown})
    else:
        output.print_table(FAILED_COLUMNS, shown)


@users.command("reset-factor")
@click.argument("name")
def reset_factor(name: str) -> None:
    """Remove all second factors of a person who has lost them. Sessions and tokens of the account end immediately.

    Where the role requires a second factor, the person enrols a new one at the next sign-in.
    """
    account = _account(name)
    reset_factors(account_changes.command_actor(), account.id)
    output.print_message("cli-user-factors-reset", name=account.name)


@users.command("reset-signer")
@click.argument("name")
def reset_signer(name: str) -> None:
    """Let the next electronic signature of an account decide again whose certificates sign for it.

    For a first signature that was made with the certificate of another person.
    """
    account = _account(name)
    forget_signer(account_changes.command_actor(), account.id, account.name)
    output.print_message("cli-user-signer-reset", name=account.name)


def _print_whether_pending(account: models.Account) -> None:
    if account.status == models.AccountStatus.PENDING:
        output.print_message("cli-user-pending", name=account.name, role=account.role)


def _account(name: str) -> models.Account:
    account = models.account_named(name) or models.account_named(clean_name(name))
    if account is None:
        raise models.AccountNameUnknown(name=name)
    return account


def _read_password(from_stdin: bool, ask: bool) -> str | None:
    if from_stdin:
        return sys.stdin.readline(MAX_LENGTH + 2).rstrip("\r\n")
    if ask:
        return str(
            click.prompt(output.cli_text("cli-user-password"), hide_input=True, confirmation_prompt=True, err=True)
        )
    return None


# ``registry users import``: people from a table.


@users.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show the result and the errors, without saving anything.")
def import_file(file: Path, dry_run: bool) -> None:
    """Add the people of a CSV or XLSX file with the columns name, email, role, agency and language.

    Whoever has an e-mail address is invited where there is a mail server. For the others a one-time password is
    printed, this once, on standard output as CSV: name, password. Rows with errors are left out.
    """
    result = import_people(account_changes.command_actor(), file.read_bytes(), dry_run=dry_run)
    print_row_errors(result.errors)
    passwords = [(person.name, person.password) for person in result.created if person.password is not None]
    if passwords:
        csv.writer(sys.stdout).writerows([("name", "password"), *passwords])
    code = "cli-people-checked" if dry_run else "cli-people-added"
    output.print_message(code, count=len(result.created), refused=result.refused)
    if result.unchanged:
        output.print_message("cli-people-unchanged", count=len(result.unchanged))
    if result.refused:
        raise click.exceptions.Exit(INVALID)


# ``registry tokens``: bearer tokens for people and services.

TOKEN_COLUMNS = (
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


@click.group(cls=RegistryCommands)
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
    type=output.FieldType("lifetime", LifetimeField()),
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
    if token_role in AGENCY_ROLES and agency_bin is None and models.account_named(name) is None:
        raise UsageError(output.cli_text("cli-token-needs-agency", role=role))
    agency_id = None if agency_bin is None else agency_by_bin(agency_bin).id
    try:
        issued = access.issue(
            account_changes.command_actor(),
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
        raise UsageError(output.cli_text("cli-token-refused"), *problem_lines(error.problems)) from error
    click.echo(issued.text)
    output.print_message("cli-token-issued", key_id=issued.key_id, name=name, role=issued.role.value)
    if issued.pending:
        output.print_message("cli-token-pending", key_id=issued.key_id)


def _person_id(name: str) -> int:
    person = person_named(name) if name.isprintable() else None
    if person is None:
        raise models.AccountNameUnknown(name=name)
    return person.account_id


@tokens.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke the token with KEY_ID, the part between the two underscores. It stops working immediately."""
    access.revoke(account_changes.command_actor(), key_id)
    output.print_message("cli-token-revoked", key_id=key_id)


@tokens.command("confirm")
@click.argument("key_id")
def confirm_pending_token(key_id: str) -> None:
    """Confirm the token of KEY_ID, which an administrator issued for a service account with an oversight role."""
    account_changes.confirm_token(account_changes.command_actor(), key_id)
    output.print_message("cli-token-confirmed", key_id=key_id)


@tokens.command()
@click.argument("file", type=click.File(encoding="utf-8"))
def rekey(file: TextIO) -> None:
    """Let the tokens go on after a change of REGISTRY_SECRET_KEY, and take the new key for the registry's.

    FILE holds the previous key; `-` reads it from stdin. Tokens that neither key has signed stay invalid; with an empty
    FILE (`/dev/null`) all that the present key has not signed.
    """
    actor, previous = account_changes.command_actor(), file.read().strip()
    rekeyed, foreign = access.rekey_tokens(actor, previous)
    signatures = rekey_signatures(previous) if previous else 0
    output.print_message("cli-tokens-rekeyed", rekeyed=rekeyed, foreign=foreign)
    output.print_message("cli-signatures-rekeyed", rekeyed=signatures)


@tokens.command("list")
@output.as_json_option
def list_tokens(as_json: bool) -> None:
    """List the issued tokens, without their secrets."""
    _print_tokens(all_tokens(account_changes.command_actor()), as_json)


@tokens.command("inactive")
@output.as_json_option
def list_inactive_tokens(as_json: bool) -> None:
    """List the working tokens that nobody used for 90 days, without their secrets."""
    _print_tokens(all_tokens(account_changes.command_actor(), "inactive"), as_json)


def _print_tokens(listed: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    rows = [{name: token[KEYS.get(name, name)] for name in TOKEN_COLUMNS} for token in listed]
    if as_json:
        output.print_json({"items": rows})
    else:
        texts = ({name: " ".join(row[name] or ()) for name in LISTS} for row in rows)
        output.print_table(TOKEN_COLUMNS, [row | text for row, text in zip(rows, texts, strict=True)])
