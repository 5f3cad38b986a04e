"""Pages of people: the list, adding, one person, what waits for a confirmation, and handing over work."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from flask import redirect, render_template, request, url_for
from sqlalchemy import select

from registry.accounts import account_changes, account_management, people_import as file_of_people, queries, service
from registry.accounts.absences import absences_of, may_record_absence
from registry.accounts.account_changes import confirm_token, confirming_people, has_confirmer, pending_tokens
from registry.accounts.agency_tree import agency_id_of
from registry.accounts.factors import reset_factors
from registry.accounts.handover import MAX_MOVED, Moves, hand_over, move_people
from registry.accounts.models import Account, Person, account_id_in, find_account, has_factor
from registry.accounts.oidc_configuration import sign_in_configuration
from registry.accounts.passwords import can_be_invited, can_show_first_half, generate_password, show_first_half
from registry.accounts.roles import AGENCY_ROLES, PERMISSIONS, Actor, Permission, Role
from registry.accounts.same_person import count_owned_accounts, owned_by, people_of
from registry.accounts.schemas import HandOverBody
from registry.agencies.models import Agency
from registry.agencies.pages import address_with_agency, agency_choices, agency_filter, agency_name, names_no_agency
from registry.agencies.service import agencies_by_id
from registry.cases.service import count_open_cases
from registry.core.database import db, transaction
from registry.core.errors import Conflict, Invalid, NotAllowed, RegistryError, invalid
from registry.core.fields import BaseSchema, Bin, Boolean, Text
from registry.core.lists import Listing
from registry.core.spreadsheets.reader import open_table
from registry.core.spreadsheets.writer import table_as_csv
from registry.core.translations import LANGUAGES, lazy_text
from registry.core.values import plain_number
from registry.government_reports.service import count_open_reports
from registry.http.responses import xlsx_download
from registry.journal.pages import action_label, history_rows, principal_label
from registry.projects.drafts import count_drafts
from registry.requests.approval_kinds import ADMISSION, propose_admission, waiting_admission
from registry.web import forms
from registry.web.blueprint import BOTH, Answer, flash_changes, flash_message, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import error_message, flash_outcome, problem_message
from registry.web.formats import gettext as _, ngettext
from registry.web.forms import Field, Form, FormPage
from registry.web.labels import display_value, field_label, name_in_page_language, options, role_name
from registry.web.lists import render_list, requested_filters, requested_page


@pages.page("/people/pending", needs=Permission.ACCOUNTS_CONFIRM)
def accounts_to_confirm(actor: Actor) -> Answer:
    """List the pending accounts and tokens, oldest first."""
    return render_template(
        "accounts/pending.html",
        actor=actor,
        pending=list_pending(actor),
        tokens=pending_tokens(actor),
        no_confirmer_note=no_confirmer_note,
    )


def _confirmed(account_id: int) -> str:
    """Return what became of an account that was confirmed just now."""
    account = find_account(account_id)
    text = _("The account %(name)s is confirmed.")
    if account.status == "pending":
        text = _("You have confirmed the account %(name)s. It works when a second person has confirmed it, too.")
    if account.status == "invited":
        text = _("The account %(name)s is confirmed, and an invitation goes out.")
    return text % {"name": account.name}


# Each may need a password hash, of which a process computes four at a time.
MAX_CONFIRMED_AT_ONCE: Final = 50


@pages.page("/people/pending/confirmation", needs=Permission.ACCOUNTS_CONFIRM, methods=BOTH)
def confirm_chosen(actor: Actor) -> Answer:
    """List the chosen accounts, and then confirm each as it was displayed; second halves are displayed once.

    The button of a single account sends it without the list.
    """
    chosen = (request.form if request.method == "POST" else request.args).getlist("account")[:MAX_CONFIRMED_AT_ONCE]
    if request.method == "POST":
        actor.require(Permission.ACCOUNTS_CONFIRM)
        results = [_confirm_one(actor, account_id) for account_id in _ids(chosen)]
        other = _("An administrator other than you sees the first half on the page of the person.")
        note = " ".join((second_behind_first(), other))
        is_any_confirmed = any(each["error"] is None for each in results)
        return render_template("accounts/confirmed.html", results=results, note=note), 200 if is_any_confirmed else 422
    pending = [row for row in list_pending(actor) if row["can_confirm"]]
    if ALL not in chosen:
        pending = [row for row in pending if str(row["account"].id) in chosen]
    if not pending:
        flash_message(_("Choose at least one account."), "error")
        return redirect_to("accounts_to_confirm")
    return render_template("accounts/confirm.html", actor=actor, pending=pending[:MAX_CONFIRMED_AT_ONCE])


def _ids(sent: Iterable[str]) -> list[int]:
    return [number for each in sent if (number := plain_number(each)) is not None]


def _confirm_one(actor: Actor, account_id: int) -> dict[str, str | None]:
    """Confirm an account with the displayed role and address; what is wrong with it stops no other one."""
    result: dict[str, str | None] = {"name": str(account_id), "half": None}
    try:
        result["name"], role = find_account(account_id).name, request.form.get(f"role-{account_id}", "")
        if role not in PERMISSIONS:
            raise invalid("/role", "not-a-choice", options=", ".join(PERMISSIONS))
        email = request.form.get(f"email-{account_id}")
        result["half"] = account_changes.confirm_account(actor, account_id, Role(role), email)
        return {**result, "text": _confirmed(account_id), "error": None}
    except RegistryError as error:
        return {**result, "text": None, "error": error_message(error)}


@pages.page("/people/pending/<row_id:account_id>/rejection", needs=Permission.ACCOUNTS_CONFIRM, methods=BOTH)
def reject(actor: Actor, account_id: int) -> Answer:
    """Reject a pending account, after a confirmation page."""
    account = find_account(account_id)
    if account.status != "pending":
        flash_message(_("The account %(name)s does not wait for a confirmation.") % {"name": account.name}, "error")
        return redirect_to("accounts_to_confirm")
    if request.method == "GET":
        consequences = _(
            "The account is disabled, and the journal records that you rejected it. If that was a mistake, an "
            "administrator enables the account again."
        )
        return forms.question_page(account.name, _("Reject account"), consequences, url_for("web.accounts_to_confirm"))
    with flash_outcome(_("The account %(name)s is rejected and disabled.") % {"name": account.name}):
        account_changes.reject_account(actor, account_id)
    return redirect_to("accounts_to_confirm")


@pages.page("/people/pending/tokens/<key_id>/confirmation", needs=Permission.ACCOUNTS_CONFIRM, methods=("POST",))
def confirm_pending_token(actor: Actor, key_id: str) -> Answer:
    """Confirm a token that an administrator issued for a service account with a role that decides."""
    with flash_outcome(_("The token %(key_id)s is confirmed.") % {"key_id": key_id}):
        confirm_token(actor, key_id)
    return redirect_to("accounts_to_confirm")


def list_pending(actor: Actor) -> list[dict[str, Any]]:
    """Return the pending accounts, each with what a second person must know of it and whether the actor may act on
    it.
    """
    accounts = account_changes.pending_accounts(actor)
    similar, own = queries.similar_accounts(accounts), account_changes.confirmable(actor, accounts)
    own_accounts, confirmers = people_of(actor), confirming_people()
    ids = {account.id for account in accounts} | {other.id for others in similar.values() for other in others}
    people = queries.people_by_account(sorted(ids))
    agencies = agencies_by_id() if accounts else {}
    return [
        {
            "account": account,
            "person": people.get(account.id),
            "email": None if account.id not in people else people[account.id].email,
            "agency": agencies.get(account.agency_id or 0),
            "similar": [(other, people.get(other.id)) for other in similar[account.id]],
            "can_confirm": account.id in own,
            "asked_by_actor": not own_accounts.isdisjoint((account.id, *(account.asked_by or ()))),
            "can_reject": not account_management.is_own(actor, account),
            "has_confirmer": account.id in own or has_confirmer(account, people=confirmers),
        }
        for account in accounts
    ]


def with_confirmation_note(text: str, account: Account) -> str:
    """Return the consequences of a change, plus a note if the account's role then requires a confirmation."""
    if not Role(account.role).needs_two_people:
        return text
    note = _(
        "After that the account works only when a supervisor has confirmed it; without one, another administrator."
    )
    return " ".join((text, note, *_password_note(account)))


def flash_with_confirmation(text: str, account: Account) -> None:
    """Flash a message, plus a note if the account is now pending."""
    if account.status == "pending":
        note = _("The account works when a supervisor has confirmed it; without one, another administrator.")
        if not has_confirmer(account):
            note = " ".join((note, no_confirmer_note(account)))
        text = " ".join((text, note, *_password_note(account)))
    flash_message(text)


def no_confirmer_note(account: Account) -> str:
    """Return what to do where no other administrator or supervisor exists who could confirm the account."""
    command = f'registry users confirm "{account.name}"'
    return _("There is no other administrator or supervisor yet. On the server, run: %(command)s") % {
        "command": command
    }


def _password_note(account: Account) -> list[str]:
    if not account.is_person or account.invited_at is not None:
        return []
    return [
        _(
            "Whoever confirms it is shown the second half of a new password. You, or another administrator, then see "
            "the first half on the page of the person, who changes the password at the first sign-in."
        )
    ]


def second_behind_first() -> str:
    """How the person uses the two halves."""
    return _("Give it to the person yourself. The person types the first half and the second half behind it.")


def confirmation_rule() -> str:
    """Return the note about which roles require a confirmation."""
    return _(
        "The account of a reviewer, supervisor, auditor, operator, administrator or leader works only when a "
        "supervisor has confirmed it; while the register has none, another administrator."
    )


# Pages for the administration of people: the list, and adding one.

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
    """Return the role field, with the roles that the actor may give."""
    roles = account_management.roles_to_give(actor)
    field = forms.form_field("role", "radios", choices=[(role.value, role_name(role.value)) for role in roles])
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
    filters = requested_filters(queries.FILTERS)
    nothing = names_no_agency(filters)
    listing = Listing([], None) if nothing else queries.list_people(actor, filters, requested_page())
    agency = agency_filter(actor, filters, with_below=True)
    accounts = [item["person"].account for item in listing.items]
    movable, total = (
        account_management.manageable(actor, accounts),
        0 if nothing else queries.count_people(actor, filters),
    )
    return render_list(
        "accounts/people.html",
        listing,
        actor=actor,
        filters=filters,
        roles=[(role.value, role_name(role.value)) for role in account_management.visible_roles(actor)],
        agency=agency,
        agencies=agencies_by_id(),
        confirmable=account_changes.confirmable(actor, accounts),
        manageable=movable,
        total=total,
        # With one agency only there is nowhere to move people.
        can_move_all=bool(filters and movable) and agency is not None and total <= MAX_MOVED,
        movable=actor.may(Permission.PEOPLE_MANAGE) and agency is not None,
    )


@pages.page("/people/new", needs=Permission.PEOPLE_MANAGE, methods=BOTH)
def new_person(actor: Actor) -> Answer:
    """Add a person, who is invited by e-mail; without a mail server a generated password is displayed once."""
    page = FormPage(
        _("Add a person"),
        _("Add"),
        url_for("web.people"),
        [
            forms.form_field(
                "name",
                "text",
                hint=_("First name and surname, such as Aigul Serikova. The person signs in with this name."),
            ),
            role_field(actor),
            agency_field(actor),
            forms.form_field("email", "text", hint=_("Address for the invitation and for notifications.")),
            forms.form_field("language", "radios", choices=options("language")),
        ],
        file_of_people.PERSON,
        intro=confirmation_rule() if actor.may(Permission.ACCOUNTS_CONFIRM) else "",
        check=file_of_people.role_and_agency_problems,
    )
    return forms.answer_form(page, lambda values: _add(actor, values), {"language": "kk"})


@pages.page("/people/agency", needs=Permission.PEOPLE_MANAGE, methods=BOTH)
def move_chosen_people(actor: Actor) -> Answer:
    """Ask for the agency of the chosen people, and then give it to them."""
    sent = (request.form if request.method == "POST" else request.args).getlist(CHOSEN)[:MAX_MOVED]
    chosen = _ids(sent)
    if request.method != "POST" and ALL in request.args:
        matching = queries.matching_people(actor, requested_filters(queries.FILTERS), MAX_MOVED)
        own = account_management.manageable(actor, [person.account for person in matching])
        chosen = [person.id for person in matching if person.account_id in own]
    if not chosen:
        flash_message(_("Choose at least one person."), "error")
        return redirect_to("people")
    if request.method != "POST":
        return _move_page(actor, chosen, Form())
    texts = forms.typed_values(["agency", "to"])
    values, problems = MoveForm().load_texts({"agency": "", "to": "", **texts})
    try:
        if problems:
            return _move_page(actor, chosen, Form(texts, problems)), 422
        receiver_id = None if values["to"] is None else account_id_in("to", values["to"])
        moves = move_people(actor, chosen, agency_id_of(values["agency"]), receiver_id)
    except RegistryError as error:
        return _move_page(actor, chosen, forms.invalid_form(texts, error, "agency")), 422
    _flash_moves(moves)
    return redirect_to("people", agency=values["agency"])


def _add(actor: Actor, values: Mapping[str, Any]) -> Answer:
    person, password = service.create_person(actor, service.new_person(values))
    if password is None:
        invited = _("The account %(name)s is added. An invitation goes to %(email)s.")
        added = _("The account %(name)s is added. The invitation goes out when the account is confirmed.")
        text = added if person.is_pending else invited
        return _done(person, text % {"name": person.name, "email": person.email})
    return show_password(person, password, _("The account %(name)s is added.") % {"name": person.name})


def show_password(person: Person, password: str, message: str) -> Answer:
    """Return the page that displays a new password.

    A message only for a pending account, for which whoever confirms it gets a new one, and where passwords are off.
    """
    if not person.is_pending and sign_in_configuration().allows_password(person.name):
        how = _("The person signs in with the name %(name)s and this password, and then chooses another one.")
        hint = f"{message} {how % {'name': person.name}}"
        return display_password(person.name, password, url_for("web.person", person_id=person.id), hint)
    if not person.is_pending:
        off = _("The person signs in with single sign-on: sign-in with a password is switched off.")
        message = f"{message} {off}"
    return _done(person, message)


def display_password(name: str, password: str, back: str, hint: str = "", what: str = "") -> str:
    """Return the password on the answer to the POST itself: it is stored nowhere and cannot be displayed again.

    ``what`` it is, by default a password.
    """
    warning = _("It is displayed only once and cannot be recovered. Copy it now and hand it over securely.")
    return render_template(
        "shown_once.html",
        whose=name,
        what=what or _("Password"),
        secret=password,
        explanation=warning,
        hint=hint,
        back=back,
    )


def agency_field(actor: Actor, hint: str = "") -> Field:
    """Return the agency field for the agency roles: a select, or a text field for the BIN if there are too many
    agencies.
    """
    choices = agency_choices(actor)
    if choices:
        return forms.form_field("agency", "select", hint=hint or _("Only for agency roles."), choices=choices)
    return forms.form_field("agency", "text", hint=hint or _("The BIN; only for agency roles."))


def agency_bin(agency: int | None) -> str:
    """Return the BIN of the agency with that id, as a form has it; empty for None."""
    row = None if agency is None else db.session.get(Agency, agency)
    return "" if row is None else row.bin


def _move_page(actor: Actor, chosen: list[int], form: Form) -> str:
    movers = [service.find_person(actor, person_id) for person_id in chosen]
    drafts = count_drafts([person.account_id for person in movers])
    hint = _("The agency to which these people move.")
    if actor.role in AGENCY_ROLES:
        hint = _("Your agency or one below it. An administrator of the register moves people to other agencies.")
    fields = [agency_field(actor, hint)]
    if drafts:
        fields.append(_drafts_field(movers, drafts))
    form = replace(form, problems=forms.problems_by_control(form.problems, fields))
    return render_template("accounts/move.html", movers=movers, drafts=drafts, chosen=chosen, form=form, fields=fields)


def _drafts_field(movers: list[Person], drafts: Mapping[int, int]) -> Field:
    """Who gets the drafts: a person of an agency that somebody with drafts leaves, who may register projects."""
    agencies = {person.agency_id for person in movers if person.account_id in drafts}
    names = queries.people_of_agencies(
        agencies, Permission.PROJECTS_WRITE, without=[person.account_id for person in movers]
    )
    hint = _("Optional. Otherwise the drafts stay with the people who move, who choose the agency in them again.")
    label = _("Who gets the drafts of registrations")
    return forms.form_field("to", "select", label=label, hint=hint, choices=[(name, name) for name in names])


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


@pages.page("/people/import", needs=Permission.PEOPLE_MANAGE, methods=BOTH, takes_file=True)
def people_import(actor: Actor) -> Answer:
    """Upload a table of people and see what it would create; nothing is written."""
    if request.method != "POST":
        return _form(actor, Form())
    try:
        content = open_table(forms.uploaded_file()[1]).content
        if len(content) > MAX_TABLE_LENGTH:
            raise invalid("/file", "too-many-people", limit=file_of_people.MAX_ROWS)
        result = file_of_people.import_people(actor, content, dry_run=True)
    except Invalid as error:
        return _form(actor, forms.invalid_form({}, error, "file")), 422
    return _result(result, dry_run=True, table=base64.b64encode(content).decode())


@pages.page("/people/import/apply", needs=Permission.PEOPLE_MANAGE, methods=("POST",))
def apply_people_import(actor: Actor) -> Answer:
    """Add the people of the table that the dry run displayed; one-time passwords are displayed once."""
    try:
        content = base64.b64decode(request.form.get(TABLE, ""), validate=True)
        result = file_of_people.import_people(actor, content, dry_run=False)
    except (Invalid, Conflict, NotAllowed) as error:
        return _form(actor, forms.invalid_form({}, error, "file")), 422
    except ValueError:
        return _form(actor, forms.invalid_form({}, invalid("/file", "file-not-a-table"), "file")), 422
    return _result(result, dry_run=False, passwords=_passwords_as_link(result))


@pages.page("/people/import.xlsx", needs=Permission.PEOPLE_MANAGE)
def people_import_template(actor: Actor) -> Answer:
    """Download an empty table with headers in the page's language and lists of roles and languages."""
    labels, roles = (
        {name: field_label(name) for name in file_of_people.COLUMNS},
        account_management.roles_to_give(actor),
    )
    return xlsx_download(
        "people", lambda path: file_of_people.write_people_template(path, labels, roles, page_locale())
    )


def _form(actor: Actor, form: Form) -> str:
    codes = {"role": [role.value for role in account_management.roles_to_give(actor)], "language": list(LANGUAGES)}
    texts = {
        "name": _("First name and surname, such as Aigul Serikova. The person signs in with this name."),
        "email": _("Address for the invitation and for notifications."),
        "agency": _("The BIN; only for agency roles."),
    }
    columns = [
        (name, field_label(name), name in file_of_people.REQUIRED_COLUMNS, codes.get(name), texts.get(name, ""))
        for name in file_of_people.COLUMNS
    ]
    return render_template("accounts/people_import.html", form=form, columns=columns, limit=file_of_people.MAX_ROWS)


def _result(result: file_of_people.PeopleImport, **more: object) -> str:
    agencies = {agency.bin: agency for agency in agencies_by_id().values()} if result.created else {}
    return render_template("accounts/people_import_result.html", result=result, agencies=agencies, **more)


def _passwords_as_link(result: file_of_people.PeopleImport) -> str:
    """Return the one-time passwords as a table in a link: they are stored nowhere, so nothing else can serve the
    file.
    """
    rows = [(person.name, person.password) for person in result.created if person.password is not None]
    if not rows:
        return ""
    content = b"".join(table_as_csv(("name", "password"), [rows]))
    return f"data:text/csv;base64,{base64.b64encode(content).decode()}"


# The page of a person, and what can be done with the account: change, disable, enable, password, second factor.


@pages.page("/people/<row_id:person_id>", needs=Permission.PEOPLE_READ)
def person(actor: Actor, person_id: int) -> Answer:
    """Show a person: the data, absences, and the history of the account."""
    shown = service.find_person(actor, person_id)
    account = shown.account
    return render_template(
        "accounts/person.html",
        actor=actor,
        person=shown,
        agency=None if account.agency_id is None else db.session.get(Agency, account.agency_id),
        has_factor=person_has_factor(shown),
        absences=absences_of(account.id),
        history=queries.account_history(actor, account),
        action_label=action_label,
        history_rows=history_rows,
        principal_label=principal_label,
        unchanged_details=_unchanged_details,
        changed_value=_changed_value,
        can_confirm=account_changes.can_confirm(actor, account),
        has_confirmer=has_confirmer(account),
        no_confirmer_note=no_confirmer_note,
        can_manage=account_management.can_manage(actor, account),
        waiting_admission=waiting_admission(account),
        can_record_absence=may_record_absence(actor, account),
        can_be_invited=can_be_invited(shown.email),
        can_have_password=sign_in_configuration().allows_password(shown.name),
        can_show_first_half=can_show_first_half(actor, shown),
    )


@pages.page("/people/<row_id:person_id>/edit", needs=Permission.PEOPLE_MANAGE, methods=BOTH)
def edit_person(actor: Actor, person_id: int) -> Answer:
    """Change the name, e-mail, language, role and agency of another person."""
    changed = service.find_person(actor, person_id)
    account = changed.account
    page = FormPage(
        _("Change account"),
        _("Save changes"),
        url_for("web.person", person_id=person_id),
        [
            forms.form_field(
                "name",
                "text",
                hint=_("First name and surname: the person signs in with them. Earlier entries keep the former name."),
            ),
            forms.form_field("email", "text", hint=_("Address for the invitation and for notifications.")),
            forms.form_field("language", "radios", choices=options("language")),
            role_field(actor),
            agency_field(actor),
        ],
        file_of_people.PERSON,
        intro=" ".join(
            (_("A change of the role or the agency ends all sessions and tokens of this person."), confirmation_rule())
        ),
        subject=changed.name,
        edits=True,
        check=file_of_people.role_and_agency_problems,
    )

    def act(values: dict[str, Any]) -> Answer:
        if not values:
            flash_changes([])
            return redirect_to("person", person_id=person_id)
        service.edit_account(actor, account.id, service.changes_in(values))
        return _done(changed, _("The account %(name)s is changed.") % {"name": account.name})

    present = {"name": changed.name, "email": changed.email or "", "language": changed.language}
    return forms.answer_form(page, act, {**present, "role": account.role, "agency": agency_bin(account.agency_id)})


@pages.page("/people/accounts/<row_id:account_id>/restricted-access", needs=Permission.PEOPLE_MANAGE, methods=BOTH)
def propose_access(actor: Actor, account_id: int) -> Answer:
    """Propose that a person or service account of an agency reads its restricted projects."""
    account = find_account(account_id)
    account_management.require_may_manage(actor, account)
    person = queries.people_by_account([account_id]).get(account_id)
    back = url_for("web.tokens") if person is None else url_for("web.person", person_id=person.id)
    page = FormPage(
        _("Access to restricted projects"),
        _("Propose"),
        back,
        [forms.schema_field(ADMISSION.inputs["reason"])],
        ADMISSION,
        intro=_("An administrator of the agency, or a supervisor, approves it: another person than you."),
        subject=account.name,
    )

    def act(values: dict[str, Any]) -> Answer:
        approval = propose_admission(actor, account_id, values)
        flash_message(_("Your proposal is sent."))
        return redirect_to("approval_page", approval_id=approval.id)

    return forms.answer_form(page, act)


@pages.page("/people/<row_id:person_id>/disabled", needs=Permission.PEOPLE_MANAGE, methods=BOTH)
def disable_person(actor: Actor, person_id: int) -> Answer:
    """Disable an account, after a confirmation page."""
    disabled = service.find_person(actor, person_id)
    if request.method == "GET":
        consequences = _(
            "All sessions and tokens of this person end immediately. You can enable the account again. To give open "
            "work to another person, hand it over first."
        )
        owned = owned_by(disabled.account_id)
        if owned:
            note = _(
                "This person owns service accounts, which keep working: %(names)s. Choose another owner for "
                "each of them, and issue new tokens if this person knows the present ones."
            )
            consequences += " " + note % {"names": ", ".join(owned)}
        return _question(disabled, _("Disable account"), consequences)
    account_changes.disable_account(actor, disabled.account_id)
    return _done(disabled, _("The account is disabled. Its sessions and tokens have ended."))


@pages.page("/people/<row_id:person_id>/enabled", needs=Permission.PEOPLE_MANAGE, methods=BOTH)
def enable_person(actor: Actor, person_id: int) -> Answer:
    """Enable an account, after a confirmation page."""
    enabled = service.find_person(actor, person_id)
    if request.method == "GET":
        consequences = _("The person can sign in again with the same password. Earlier sessions and tokens stay ended.")
        if enabled.account.invited_at is not None:
            consequences = _("The person has not chosen a password yet. Send another invitation after that.")
        elif Role(enabled.role).needs_two_people:
            consequences = _("Earlier sessions and tokens of this person stay ended.")
        consequences = with_confirmation_note(consequences, enabled.account)
        return _question(enabled, _("Enable account"), consequences, ends=False)
    account_changes.enable_account(actor, enabled.account_id)
    return _done(enabled, _("The account %(name)s is enabled.") % {"name": enabled.name})


@pages.page("/people/<row_id:person_id>/password", needs=Permission.PEOPLE_MANAGE, methods=BOTH)
def renew_password(actor: Actor, person_id: int) -> Answer:
    """Reset the password, after a confirmation page; it is displayed once, and all sessions and tokens end."""
    changed = service.find_person(actor, person_id)
    if request.method == "GET":
        consequences = _(
            "The current password and all sessions and tokens of this person end immediately. The new password is "
            "displayed once, and the person changes it at the first sign-in."
        )
        if Role(changed.role).needs_two_people:
            consequences = _("The current password and all sessions and tokens of this person end immediately.")
        return _question(changed, _("Set a new password"), with_confirmation_note(consequences, changed.account))
    password = generate_password()
    service.set_password(actor, person_id, password)
    return show_password(changed, password, _("The password of %(name)s no longer works.") % {"name": changed.name})


@pages.page("/people/<row_id:person_id>/first-half", needs=Permission.PEOPLE_MANAGE, methods=("POST",))
def first_half(actor: Actor, person_id: int) -> Answer:
    """Display the first half of the password of a person whose account somebody else has confirmed."""
    shown = service.find_person(actor, person_id)
    half = show_first_half(actor, shown.account_id)
    hint = " ".join((_("Whoever confirmed the account has the second half."), second_behind_first()))
    back = url_for("web.person", person_id=person_id)
    return display_password(shown.name, half, back, hint, _("First half of the password"))


@pages.page("/people/<row_id:person_id>/second-factor", needs=Permission.PEOPLE_MANAGE, methods=BOTH)
def reset_second_factor(actor: Actor, person_id: int) -> Answer:
    """Remove the second factors of a person who has lost them, after a confirmation page."""
    changed = service.find_person(actor, person_id)
    if request.method == "GET":
        consequences = _(
            "All second factors of this person are removed, and all sessions and tokens end immediately. Where the "
            "role requires a second factor, the person adds a new one at the next sign-in. Do this only when you are "
            "sure who asks for it."
        )
        return _question(changed, _("Reset second factor"), with_confirmation_note(consequences, changed.account))
    reset_factors(actor, changed.account_id)
    return _done(changed, _("The second factors of %(name)s are removed.") % {"name": changed.name})


@pages.page("/people/<row_id:person_id>/invitation", needs=Permission.PEOPLE_MANAGE, methods=("POST",))
def send_another_invitation(actor: Actor, person_id: int) -> Answer:
    """Invite a person again; the earlier link no longer works."""
    invited = service.find_person(actor, person_id)
    with flash_outcome(_("Another invitation goes to %(email)s.") % {"email": invited.email}):
        service.invite_again(actor, invited.account_id)
    return redirect_to("person", person_id=person_id)


def person_has_factor(shown: Person) -> bool:
    """Return True when the person has an authenticator app or a passkey."""
    statement = select(has_factor()).select_from(Person).where(Person.id == shown.id)
    return bool(db.session.scalar(statement))


def _unchanged_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details of an entry without the fields that it displays as changes."""
    changed = {change["field"] for change in details.get("changes", [])}
    return {name: value for name, value in details.items() if name not in changed}


def _changed_value(field: str, value: Any) -> str:
    """Return a value of a change; an agency by its name."""
    return agency_name(value) if field == "agency" and value else display_value(field, value)


def _done(person: Person, message: str) -> Answer:
    flash_with_confirmation(message, person.account)
    return redirect_to("person", person_id=person.id)


def _question(subject: Person, act: str, consequences: str, *, ends: bool = True) -> str:
    return forms.question_page(subject.name, act, consequences, url_for("web.person", person_id=subject.id), ends=ends)


# The page that hands over the work of a person to another one.

# What a receiver must be allowed to, by kind of work.
NEEDED: Final = {
    "cases": Permission.CASES_REVIEW,
    "drafts": Permission.PROJECTS_WRITE,
    "reports": Permission.GOVERNMENT_REPORTS_READ,
}


class HandOverForm(HandOverBody):
    """Who gets the work, and whether the account is then disabled."""

    disables = Boolean()


@pages.page("/people/<row_id:person_id>/handover", needs=Permission.PEOPLE_MANAGE, methods=BOTH)
def hand_over_work(actor: Actor, person_id: int) -> Answer:
    """Give the open work of a person to another one."""
    giver = service.find_person(actor, person_id)
    work = _open_work(giver)
    # Others could take nothing of it.
    permissions = [permission for kind, permission in NEEDED.items() if work[kind]]
    receivers = [each for each in queries.people_to_choose(actor, permissions) if each.id != giver.account_id]
    page = FormPage(
        _("Hand over work"),
        _("Hand over work"),
        url_for("web.person", person_id=person_id),
        [
            forms.form_field(
                "to",
                "select",
                label=_("New holder"),
                hint=_("A person with an active account who may do this work."),
                choices=person_choices(receivers),
            ),
            forms.form_field("disables", "check", label=_("Disable the account after that")),
        ],
        HandOverForm(),
        intro=_work_text(work)
        + " "
        + _(
            "Open cases, drafts of registrations, reports to the Government that are not issued, and service accounts "
            "of this person go to the new holder in one step. "
            "Absences of this person, and those in which the person is the deputy, end. Proposed decisions still need "
            "the approval of another person than the one who proposed them."
        ),
        subject=giver.name,
    )

    def act(values: dict[str, Any]) -> Answer:
        with transaction():
            counts = hand_over(actor, giver.account_id, account_id_in("to", values["to"]))
            if values.get("disables"):
                account_changes.disable_account(actor, giver.account_id)
        flash_message(_handed_over(values["to"], counts))
        return redirect_to("person", person_id=person_id)

    return forms.answer_form(page, act)


def _open_work(giver: Person) -> dict[str, int]:
    return {
        "cases": count_open_cases(giver.account_id),
        "drafts": count_drafts([giver.account_id]).get(giver.account_id, 0),
        "reports": count_open_reports(giver.account_id),
        "service_accounts": count_owned_accounts(giver.account_id),
    }


def _work_text(work: Mapping[str, int]) -> str:
    text = _(
        "Open work: cases: %(cases)s, drafts: %(drafts)s, reports to the Government: %(reports)s, service accounts: "
        "%(service_accounts)s."
    )
    return text % work


COUNTS: Final = ("cases", "drafts", "reports", "service_accounts", "absences")


def _handed_over(name: str, counts: Mapping[str, int]) -> str:
    text = _(
        "%(name)s has the work now. Cases: %(cases)s, drafts: %(drafts)s, reports to the Government: %(reports)s, "
        "service accounts: %(service_accounts)s; ended absences: %(absences)s."
    )
    return text % {"name": name, **{kind: counts.get(kind, 0) for kind in COUNTS}}
