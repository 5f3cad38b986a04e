"""The page of a person, and what can be done with the account: change, disable, enable, password, second factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import render_template, request, url_for
from sqlalchemy import select

from registry.accounts import people as access
from registry.accounts.absences import absences_of, may_record_absence
from registry.accounts.account_changes import can_confirm
from registry.accounts.account_editing import AccountChanges, edit_account
from registry.accounts.account_management import can_manage, require_may_manage
from registry.accounts.actors import Actor
from registry.accounts.confirmers import has_confirmer
from registry.accounts.factors.management import reset_factors
from registry.accounts.factors.models import has_factor
from registry.accounts.forms import display_password
from registry.accounts.invitations import can_be_invited
from registry.accounts.models import Person, find_account
from registry.accounts.oidc.configuration import sign_in_configuration
from registry.accounts.passwords import can_show_first_half, generate_password, show_first_half
from registry.accounts.people import invite_again
from registry.accounts.people_import import PersonFields, role_and_agency_problems
from registry.accounts.people_queries import account_history, people_by_account
from registry.accounts.roles import Permission, Role
from registry.accounts.same_person import owned_by
from registry.accounts.views.pending import (
    confirmation_rule,
    flash_with_confirmation,
    no_confirmer_note,
    second_behind_first,
    with_confirmation_note,
)
from registry.accounts.views.people import agency_bin, agency_field, agency_id, role_field, show_password
from registry.agencies.models import Agency
from registry.agencies.pages import agency_name
from registry.core.database import db
from registry.core.errors import Conflict
from registry.journal.pages import action_label, history_rows, principal_label
from registry.projects.restriction import ADMISSION, propose_admission, waiting_admission
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.errors import error_message
from registry.web.flash import flash_changes, flash_message
from registry.web.formats import gettext as _
from registry.web.forms import FormPage, answer_form, form_field, schema_field
from registry.web.labels import display_value, options


@pages.page("/people/<row_id:person_id>", needs=Permission.PEOPLE_READ)
def person(actor: Actor, person_id: int) -> Answer:
    """Show a person: the data, absences, and the history of the account."""
    shown = access.find_person(actor, person_id)
    account = shown.account
    return render_template(
        "accounts/person.html",
        actor=actor,
        person=shown,
        agency=None if account.agency_id is None else db.session.get(Agency, account.agency_id),
        has_factor=person_has_factor(shown),
        absences=absences_of(account.id),
        history=account_history(actor, account),
        action_label=action_label,
        history_rows=history_rows,
        principal_label=principal_label,
        unchanged_details=_unchanged_details,
        changed_value=_changed_value,
        can_confirm=can_confirm(actor, account),
        has_confirmer=has_confirmer(account),
        no_confirmer_note=no_confirmer_note,
        can_manage=can_manage(actor, account),
        waiting_admission=waiting_admission(account),
        can_record_absence=may_record_absence(actor, account),
        can_be_invited=can_be_invited(shown.email),
        can_have_password=sign_in_configuration().allows_password(shown.name),
        can_show_first_half=can_show_first_half(actor, shown),
    )


@pages.page("/people/<row_id:person_id>/edit", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def edit_person(actor: Actor, person_id: int) -> Answer:
    """Change the name, e-mail, language, role and agency of another person."""
    changed = access.find_person(actor, person_id)
    account = changed.account
    page = FormPage(
        _("Change account"),
        _("Save changes"),
        url_for("web.person", person_id=person_id),
        [
            form_field(
                "name",
                "text",
                hint=_("First name and surname: the person signs in with them. Earlier entries keep the former name."),
            ),
            form_field("email", "text", hint=_("Address for the invitation and for notifications.")),
            form_field("language", "radios", choices=options("language")),
            role_field(actor),
            agency_field(actor),
        ],
        PersonFields(),
        intro=" ".join(
            (_("A change of the role or the agency ends all sessions and tokens of this person."), confirmation_rule())
        ),
        subject=changed.name,
        edits=True,
        check=role_and_agency_problems,
    )

    def act(values: dict[str, Any]) -> Answer:
        if not values:
            flash_changes([])
            return redirect_to("person", person_id=person_id)
        edit_account(actor, account.id, _changes(values))
        flash_with_confirmation(_("The account %(name)s is changed.") % {"name": account.name}, account)
        return redirect_to("person", person_id=person_id)

    present = {"name": changed.name, "email": changed.email or "", "language": changed.language}
    return answer_form(page, act, {**present, "role": account.role, "agency": agency_bin(account.agency_id)})


@pages.page(
    "/people/accounts/<row_id:account_id>/restricted-access", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST")
)
def propose_access(actor: Actor, account_id: int) -> Answer:
    """Propose that a person or service account of an agency reads its restricted projects."""
    account = find_account(account_id)
    require_may_manage(actor, account)
    person = people_by_account([account_id]).get(account_id)
    back = url_for("web.tokens") if person is None else url_for("web.person", person_id=person.id)
    page = FormPage(
        _("Access to restricted projects"),
        _("Propose"),
        back,
        [schema_field(ADMISSION.inputs["reason"])],
        ADMISSION,
        intro=_("An administrator of the agency, or a supervisor, approves it: another person than you."),
        subject=account.name,
    )

    def act(values: dict[str, Any]) -> Answer:
        approval = propose_admission(actor, account_id, values)
        flash_message(_("Your proposal is sent."))
        return redirect_to("approval_page", approval_id=approval.id)

    return answer_form(page, act)


@pages.page("/people/<row_id:person_id>/disabled", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def disable_person(actor: Actor, person_id: int) -> Answer:
    """Disable an account, after a confirmation page."""
    disabled = access.find_person(actor, person_id)
    if request.method == "GET":
        consequences = _(
            "All sessions and tokens of this person end immediately. You can enable the account again. To give open "
            "work to another person, hand it over first."
        )
        owned = owned_by(disabled.account_id)
        if owned:
            note = _(
                "This person answers for service accounts, which go on working: %(names)s. Choose another owner for "
                "each of them, and issue new tokens if this person knows the present ones."
            )
            consequences += " " + note % {"names": ", ".join(owned)}
        return _question(disabled, _("Disable account"), consequences)
    access.disable_person(actor, person_id)
    flash_message(_("The account is disabled. Its sessions and tokens have ended."))
    return redirect_to("person", person_id=person_id)


@pages.page("/people/<row_id:person_id>/enabled", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def enable_person(actor: Actor, person_id: int) -> Answer:
    """Enable an account, after a confirmation page."""
    enabled = access.find_person(actor, person_id)
    if request.method == "GET":
        consequences = _("The person can sign in again with the same password. Earlier sessions and tokens stay ended.")
        if enabled.account.invited_at is not None:
            consequences = _("The person has not chosen a password yet. Send another invitation after that.")
        elif Role(enabled.role).needs_two_people:
            consequences = _("Earlier sessions and tokens of this person stay ended.")
        return _question(enabled, _("Enable account"), with_confirmation_note(consequences, enabled.account))
    access.enable_person(actor, person_id)
    flash_with_confirmation(_("The account %(name)s is enabled.") % {"name": enabled.name}, enabled.account)
    return redirect_to("person", person_id=person_id)


@pages.page("/people/<row_id:person_id>/password", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def renew_password(actor: Actor, person_id: int) -> Answer:
    """Reset the password, after a confirmation page; it is displayed once, and all sessions and tokens end."""
    changed = access.find_person(actor, person_id)
    if request.method == "GET":
        consequences = _(
            "The current password and all sessions and tokens of this person end immediately. The new password is "
            "displayed once, and the person changes it at the first sign-in."
        )
        if Role(changed.role).needs_two_people:
            consequences = _("The current password and all sessions and tokens of this person end immediately.")
        return _question(changed, _("Set a new password"), with_confirmation_note(consequences, changed.account))
    password = generate_password()
    access.set_password(actor, person_id, password)
    return show_password(changed, password, _("The password of %(name)s no longer works.") % {"name": changed.name})


@pages.page("/people/<row_id:person_id>/first-half", needs=Permission.PEOPLE_MANAGE, methods=("POST",))
def first_half(actor: Actor, person_id: int) -> Answer:
    """Display the first half of the password of a person whose account somebody else has confirmed."""
    shown = access.find_person(actor, person_id)
    half = show_first_half(actor, shown.account_id)
    hint = " ".join((_("Whoever confirmed the account has the second half."), second_behind_first()))
    back = url_for("web.person", person_id=person_id)
    return display_password(shown.name, half, back, hint, _("First half of the password"))


@pages.page("/people/<row_id:person_id>/second-factor", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def reset_second_factor(actor: Actor, person_id: int) -> Answer:
    """Remove the second factors of a person who has lost them, after a confirmation page."""
    changed = access.find_person(actor, person_id)
    if request.method == "GET":
        consequences = _(
            "All second factors of this person are removed, and all sessions and tokens end immediately. Where the "
            "role requires a second factor, the person adds a new one at the next sign-in. Do this only when you are "
            "sure who asks for it."
        )
        return _question(changed, _("Reset second factor"), with_confirmation_note(consequences, changed.account))
    reset_factors(actor, changed.account_id)
    text = _("The second factors of %(name)s are removed.") % {"name": changed.name}
    flash_with_confirmation(text, changed.account)
    return redirect_to("person", person_id=person_id)


@pages.page("/people/<row_id:person_id>/invitation", needs=Permission.PEOPLE_MANAGE, methods=("POST",))
def send_another_invitation(actor: Actor, person_id: int) -> Answer:
    """Invite a person again; the earlier link no longer works."""
    invited = access.find_person(actor, person_id)
    try:
        invite_again(actor, invited.account_id)
    except Conflict as error:
        flash_message(error_message(error), "error")
    else:
        flash_message(_("Another invitation goes to %(email)s.") % {"email": invited.email})
    return redirect_to("person", person_id=person_id)


def person_has_factor(shown: Person) -> bool:
    """True when the person has an authenticator app or a passkey."""
    statement = select(has_factor()).select_from(Person).where(Person.id == shown.id)
    return bool(db.session.scalar(statement))


def _unchanged_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details of an entry without the fields that it displays as changes."""
    changed = {change["field"] for change in details.get("changes", [])}
    return {name: value for name, value in details.items() if name not in changed}


def _changed_value(field: str, value: Any) -> str:
    """A value of a change; an agency by its name."""
    return agency_name(value) if field == "agency" and value else display_value(field, value)


def _changes(values: dict[str, Any]) -> AccountChanges:
    changes = AccountChanges()
    if "name" in values:
        changes["name"] = values["name"]
    if "email" in values:
        changes["email"] = values["email"]
    if "language" in values:
        changes["language"] = values["language"]
    if "role" in values:
        changes["role"] = Role(values["role"])
    if "agency" in values:
        changes["agency_id"] = agency_id(values["agency"])
    return changes


def _question(subject: Person, act: str, consequences: str) -> str:
    back = url_for("web.person", person_id=subject.id)
    return render_template("question.html", subject=subject.name, act=act, explanation=consequences, back=back)
