"""Pages for the administration of people: the list, and adding one."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from flask import redirect, render_template, request, url_for

from registry.accounts import people as access
from registry.accounts.account_changes import confirmable
from registry.accounts.account_management import manageable, roles_to_give, visible_roles
from registry.accounts.actors import Actor
from registry.accounts.forms import display_password
from registry.accounts.handover import MAX_MOVED, Moves, move_people
from registry.accounts.invitations import can_be_invited
from registry.accounts.models import Account, Person, account_named
from registry.accounts.oidc.configuration import sign_in_configuration
from registry.accounts.passwords import generate_password
from registry.accounts.people import invite_person
from registry.accounts.people_import import (
    COLUMNS,
    MAX_ROWS,
    REQUIRED_COLUMNS,
    PeopleImport,
    PersonFields,
    import_people,
    role_and_agency_problems,
    write_people_template,
)
from registry.accounts.people_queries import FILTERS, count_people, list_people, matching_people, people_of_agencies
from registry.accounts.roles import AGENCY_ROLES, Permission, Role
from registry.accounts.views.pending import confirmation_rule, flash_with_confirmation
from registry.agencies.models import Agency
from registry.agencies.pages import address_with_agency, agency_choices, agency_filter, names_no_agency
from registry.agencies.service import agencies_by_id, agency_by_bin
from registry.core.base_schema import BaseSchema
from registry.core.database import db
from registry.core.errors import Conflict, Invalid, NotAllowed, NotFound, RegistryError, invalid
from registry.core.fields import Bin, Text
from registry.core.lists import Listing
from registry.core.spreadsheets.reader import open_table
from registry.core.spreadsheets.writer import table_as_csv
from registry.core.translations import LANGUAGES, lazy_text
from registry.http.downloads import xlsx_download
from registry.platform.pages import uploaded_file
from registry.projects.drafts import count_drafts
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import error_message, problem_message
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.formats import ngettext
from registry.web.forms import (
    Field,
    Form,
    FormPage,
    answer_form,
    form_field,
    invalid_form,
    problems_by_control,
    typed_values,
)
from registry.web.labels import field_label, name_in_page_language, options, role_name
from registry.web.lists import first_address, next_address, requested_filters, requested_page

# The role field of forms for people: each role with what it may do.

ROLE_HINTS: Final[Mapping[Role, str]] = {
    Role.AGENCY_VIEWER: lazy_text("Reads what concerns the agency and those below it."),
    Role.AGENCY_EDITOR: lazy_text("Also registers and changes projects, imports tables, answers and appeals."),
    Role.AGENCY_ADMINISTRATOR: lazy_text("Also manages viewers and editors of the agency and those below it."),
    Role.REVIEWER: lazy_text("Reviews cases, proposes decisions and confirms facts."),
    Role.SUPERVISOR: lazy_text("Also approves decisions, confirms audits and accounts, and records exemptions."),
    Role.AUDITOR: lazy_text("Reads everything and changes nothing."),
    Role.OPERATOR: lazy_text("Runs audits and confirms facts of the platform."),
    Role.ADMINISTRATOR: lazy_text("Manages agencies, people and tokens. Takes no decisions."),
    Role.LEADER: lazy_text("Reads figures, agencies and projects; no cases and no restricted projects."),
}


def role_field(actor: Actor) -> Field:
    """The role field, with the roles that the actor may give."""
    roles = roles_to_give(actor)
    field = form_field("role", "radios", choices=[(role.value, role_name(role.value)) for role in roles])
    return replace(field, hints={role.value: _(ROLE_HINTS[role]) for role in roles})


# Choices of people in forms: each with role and agency, which tell namesakes apart.


def person_choices(accounts: Iterable[Account]) -> list[tuple[str, str]]:
    """``(name, "name – role, agency")`` of people."""
    agencies = agencies_by_id()
    choices = []
    for account in accounts:
        agency = agencies.get(account.agency_id or 0)
        parts = [role_name(account.role), *([] if agency is None else [name_in_page_language(agency)])]
        choices.append((account.name, f"{account.name} – {', '.join(parts)}"))
    return choices


CHOSEN: Final = "person"
ALL: Final = "all"


class MoveForm(BaseSchema):
    """The agency to which the chosen people move, and who gets their drafts."""

    agency = Bin(required=True)
    to = Text()


@pages.page("/people", needs=Permission.PEOPLE_READ)
def people(actor: Actor) -> Answer:
    """List the people whom the user sees, by name, with search and filters."""
    address = address_with_agency(actor)
    if address is not None:
        return redirect(address)
    filters = requested_filters(FILTERS)
    nothing = names_no_agency(filters)
    listing = Listing([], None) if nothing else list_people(actor, filters, requested_page())
    agency = agency_filter(actor, filters, with_below=True)
    accounts = [item["person"].account for item in listing.items]
    movable, total = manageable(actor, accounts), 0 if nothing else count_people(actor, filters)
    return render_template(
        "accounts/people.html",
        actor=actor,
        items=listing.items,
        filters=filters,
        roles=[(role.value, role_name(role.value)) for role in visible_roles(actor)],
        agency=agency,
        agencies=agencies_by_id(),
        confirmable=confirmable(actor, accounts),
        manageable=movable,
        total=total,
        # With one agency only there is nowhere to move people.
        can_move_all=bool(filters and movable) and agency is not None and total <= MAX_MOVED,
        movable=actor.may(Permission.PEOPLE_MANAGE) and agency is not None,
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page("/people/new", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def new_person(actor: Actor) -> Answer:
    """Add a person, who is invited by e-mail; without a mail server a generated password is displayed once."""
    page = FormPage(
        _("Add a person"),
        _("Add"),
        url_for("web.people"),
        [
            form_field(
                "name",
                "text",
                hint=_("First name and surname, such as Aigul Serikova. The person signs in with this name."),
            ),
            role_field(actor),
            agency_field(actor),
            form_field("email", "text", hint=_("Address for the invitation and for notifications.")),
            form_field("language", "radios", choices=options("language")),
        ],
        PersonFields(),
        intro=confirmation_rule() if actor.may(Permission.ACCOUNTS_CONFIRM) else "",
        check=role_and_agency_problems,
    )
    return answer_form(page, lambda values: _add(actor, values), {"language": "kk"})


@pages.page("/people/agency", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def move_chosen_people(actor: Actor) -> Answer:
    """Ask for the agency of the chosen people, and then give it to them."""
    sent = (request.form if request.method == "POST" else request.args).getlist(CHOSEN)[:MAX_MOVED]
    chosen = [int(each) for each in sent if each.isascii() and each.isdigit() and len(each) < 10]
    if request.method != "POST" and ALL in request.args:
        matching = matching_people(actor, requested_filters(FILTERS), MAX_MOVED)
        own = manageable(actor, [person.account for person in matching])
        chosen = [person.id for person in matching if person.account_id in own]
    if not chosen:
        flash_message(_("Choose at least one person."), "error")
        return redirect_to("people")
    if request.method != "POST":
        return _move_page(actor, chosen, Form())
    texts = typed_values(["agency", "to"])
    values, problems = MoveForm().load_texts({"agency": "", "to": "", **texts})
    try:
        if problems:
            return _move_page(actor, chosen, Form(texts, problems)), 422
        moves = move_people(actor, chosen, agency_id(values["agency"]), _receiver_id(values["to"]))
    except RegistryError as error:
        return _move_page(actor, chosen, invalid_form(texts, error, "agency")), 422
    _flash_moves(moves)
    return redirect_to("people", agency=values["agency"])


def _add(actor: Actor, values: Mapping[str, Any]) -> Answer:
    new = access.NewPerson(
        values["name"], Role(values["role"]), agency_id(values["agency"]), values["email"], values["language"]
    )
    if can_be_invited(new.email):
        person = invite_person(actor, new)
        invited = _("The account %(name)s is added. An invitation goes to %(email)s.")
        added = _("The account %(name)s is added. The invitation goes out when the account is confirmed.")
        text = added if person.is_pending else invited
        flash_with_confirmation(text % {"name": person.name, "email": person.email}, person.account)
        return redirect_to("person", person_id=person.id)
    password = generate_password()
    person = access.add_person(actor, new, password)
    return show_password(person, password, _("The account %(name)s is added.") % {"name": person.name})


def show_password(person: Person, password: str, message: str) -> Answer:
    """The page that displays a new password.

    A message only for a pending account, for which whoever confirms it gets a new one, and where passwords are off.
    """
    if not person.is_pending and sign_in_configuration().allows_password(person.name):
        how = _("The person signs in with the name %(name)s and this password, and then chooses another one.")
        hint = f"{message} {how % {'name': person.name}}"
        return display_password(person.name, password, url_for("web.person", person_id=person.id), hint)
    if not person.is_pending:
        off = _("The person signs in with single sign-on: sign-in with a password is switched off.")
        message = f"{message} {off}"
    flash_with_confirmation(message, person.account)
    return redirect_to("person", person_id=person.id)


def agency_field(actor: Actor, hint: str = "") -> Field:
    """The agency field for the agency roles: a select, or a text field for the BIN if there are too many agencies."""
    choices = agency_choices(actor)
    if choices:
        return form_field("agency", "select", hint=hint or _("Only for agency roles."), choices=choices)
    return form_field("agency", "text", hint=hint or _("The BIN; only for agency roles."))


def agency_id(number: str | None) -> int | None:
    """The id of the agency with that BIN. Raises Invalid at ``/agency`` when there is none."""
    if number is None:
        return None
    try:
        return agency_by_bin(number).id
    except NotFound as error:
        raise invalid("/agency", "agency-unknown", bin=number) from error


def agency_bin(agency: int | None) -> str:
    """The BIN of the agency with that id, as a form has it; empty for None."""
    row = None if agency is None else db.session.get(Agency, agency)
    return "" if row is None else row.bin


def _move_page(actor: Actor, chosen: list[int], form: Form) -> str:
    movers = [access.find_person(actor, person_id) for person_id in chosen]
    drafts = count_drafts([person.name for person in movers])
    hint = _("The agency to which these people move.")
    if actor.role in AGENCY_ROLES:
        hint = _("Your agency or one below it. An administrator of the register moves people to other agencies.")
    fields = [agency_field(actor, hint)]
    if drafts:
        fields.append(_drafts_field(movers, drafts))
    form = replace(form, problems=problems_by_control(form.problems, fields))
    return render_template("accounts/move.html", movers=movers, drafts=drafts, chosen=chosen, form=form, fields=fields)


def _drafts_field(movers: list[Person], drafts: Mapping[str, int]) -> Field:
    """Who gets the drafts: a person of an agency that somebody with drafts leaves, who may register projects."""
    agencies = {person.agency_id for person in movers if person.name in drafts}
    names = people_of_agencies(agencies, Permission.PROJECTS_WRITE, without=[person.account_id for person in movers])
    hint = _("Optional. Otherwise the drafts stay with the people who move, who choose the agency in them again.")
    label = _("Who gets the drafts of registrations")
    return form_field("to", "select", label=label, hint=hint, choices=[(name, name) for name in names])


def _receiver_id(name: str | None) -> int | None:
    if name is None:
        return None
    receiver = account_named(name)
    if receiver is None:
        raise invalid("/to", "receiver-not-usable")
    return receiver.id


def _flash_moves(moves: Moves) -> None:
    if moves.moved:
        number = len(moves.moved)
        flash_message(ngettext("%(num)s person has moved.", "%(num)s people have moved.", number) % {"num": number})
    if moves.unchanged:
        flash_message(_("Already in this agency: %(names)s.") % {"names": ", ".join(moves.unchanged)})
    for name, error in moves.failed:
        texts = [problem_message(each) for each in error.problems] if isinstance(error, Invalid) else []
        flash_message(f"{name}: {' '.join(texts) or error_message(error)}", "error")


# Pages for adding many people from a table, with a dry run.

TABLE: Final = "table"
# The table goes from the dry run's page to the next request in a form field.
MAX_TABLE_LENGTH: Final = 60_000


@pages.page("/people/import", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"), takes_file=True)
def people_import(actor: Actor) -> Answer:
    """Upload a table of people and see what it would create; nothing is written."""
    if request.method != "POST":
        return _form(actor, Form())
    try:
        content = open_table(uploaded_file()[1]).content
        if len(content) > MAX_TABLE_LENGTH:
            raise invalid("/file", "too-many-people", limit=MAX_ROWS)
        result = import_people(actor, content, dry_run=True)
    except Invalid as error:
        return _form(actor, invalid_form({}, error, "file")), 422
    return _result(result, dry_run=True, table=base64.b64encode(content).decode())


@pages.page("/people/import/apply", needs=Permission.PEOPLE_MANAGE, methods=("POST",))
def apply_people_import(actor: Actor) -> Answer:
    """Add the people of the table that the dry run displayed; one-time passwords are displayed once."""
    try:
        content = base64.b64decode(request.form.get(TABLE, ""), validate=True)
        result = import_people(actor, content, dry_run=False)
    except (Invalid, Conflict, NotAllowed) as error:
        return _form(actor, invalid_form({}, error, "file")), 422
    except ValueError:
        return _form(actor, invalid_form({}, invalid("/file", "file-not-a-table"), "file")), 422
    return _result(result, dry_run=False, passwords=_passwords_as_link(result))


@pages.page("/people/import.xlsx", needs=Permission.PEOPLE_MANAGE)
def people_import_template(actor: Actor) -> Answer:
    """Download an empty table with headers in the page's language and lists of roles and languages."""
    labels, roles = {name: field_label(name) for name in COLUMNS}, roles_to_give(actor)
    return xlsx_download("people", lambda path: write_people_template(path, labels, roles, page_locale()))


def _form(actor: Actor, form: Form) -> str:
    codes = {"role": [role.value for role in roles_to_give(actor)], "language": list(LANGUAGES)}
    texts = {
        "name": _("First name and surname, such as Aigul Serikova. The person signs in with this name."),
        "email": _("Address for the invitation and for notifications."),
        "agency": _("The BIN; only for agency roles."),
    }
    columns = [
        (name, field_label(name), name in REQUIRED_COLUMNS, codes.get(name), texts.get(name, "")) for name in COLUMNS
    ]
    return render_template("accounts/people_import.html", form=form, columns=columns, limit=MAX_ROWS)


def _result(result: PeopleImport, **more: object) -> str:
    agencies = {agency.bin: agency for agency in agencies_by_id().values()} if result.created else {}
    return render_template("accounts/people_import_result.html", result=result, agencies=agencies, **more)


def _passwords_as_link(result: PeopleImport) -> str:
    """The one-time passwords as a table in a link: they are stored nowhere, so nothing else can serve the file."""
    rows = [(person.name, person.password) for person in result.created if person.password is not None]
    if not rows:
        return ""
    content = b"".join(table_as_csv(("name", "password"), [rows]))
    return f"data:text/csv;base64,{base64.b64encode(content).decode()}"
