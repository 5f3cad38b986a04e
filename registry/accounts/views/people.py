"""Pages for the administration of people: add, change role, disable, enable, reset password."""

from __future__ import annotations

from typing import Any, Final

from flask import render_template, request, url_for

from registry.accounts import people as access
from registry.accounts.account_changes import can_confirm, change_role
from registry.accounts.actors import Actor
from registry.accounts.forms import display_password
from registry.accounts.models import Person
from registry.accounts.passwords import generate_password
from registry.accounts.roles import Permission, Role
from registry.accounts.views.pending import (
    confirmation_rule,
    flash_with_confirmation,
    with_confirmation_note,
)
from registry.agencies.service import Agency, agencies_by_id, agency_by_bin
from registry.agencies.views.choices import agency_choices
from registry.core.database import db
from registry.core.errors import NotFound, invalid
from registry.core.field_types import Bin, Choice, Email, Text
from registry.core.languages import LANGUAGES
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.fields import Field, form_field
from registry.web.flash import flash_changes, flash_message
from registry.web.form_pages import FormPage, answer_form
from registry.web.labels import options
from registry.web.translations import gettext as _

ROLES: Final = Choice(tuple(role.value for role in Role))
LANGUAGE: Final = Choice(LANGUAGES)


@pages.page("/people", needs=Permission.PEOPLE_MANAGE)
def people(actor: Actor) -> Answer:
    """List all people."""
    return render_template(
        "accounts/people.html",
        actor=actor,
        people=access.all_people(actor),
        agencies=agencies_by_id(),
        can_confirm=can_confirm,
    )


@pages.page("/people/new", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def new_person(actor: Actor) -> Answer:
    """Add a person; the generated password is displayed once."""
    page = FormPage(
        _("Add a person"),
        _("Add"),
        url_for("web.people"),
        [
            form_field("name", "text", hint=_("What the person signs in with, such as a.serikova.")),
            form_field("role", "radios", choices=options("role")),
            agency_field(actor),
            form_field("email", "text", hint=_("Address for notifications.")),
            form_field("language", "radios", choices=options("language")),
        ],
        {"name": Text(), "role": ROLES, "agency": Bin(), "email": Email(), "language": LANGUAGE},
        ("name", "role", "language"),
        intro=confirmation_rule(),
    )

    def act(values: dict[str, Any]) -> Answer:
        password = generate_password()
        new = access.NewPerson(
            values["name"], Role(values["role"]), agency_id(values["agency"]), values["email"], values["language"]
        )
        person = access.add_person(actor, new, password)
        added = _("The account %(name)s is added.") % {"name": person.name}
        return _display_password(person, password, added)

    return answer_form(page, act, {"language": "kk"})


@pages.page("/people/<row_id:person_id>/edit", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def edit_person(actor: Actor, person_id: int) -> Answer:
    """Change the role and agency of another person."""
    person = access.find_person(actor, person_id)
    account = person.account
    agency = None if account.agency_id is None else db.session.get(Agency, account.agency_id)
    page = FormPage(
        _("Change role"),
        _("Change role"),
        url_for("web.people"),
        [form_field("role", "radios", choices=options("role")), agency_field(actor)],
        {"role": ROLES, "agency": Bin()},
        ("role",),
        intro=" ".join((_("A change ends all sessions and tokens of this person."), confirmation_rule())),
        subject=person.name,
        edits=True,
    )

    def act(values: dict[str, Any]) -> Answer:
        if not values:
            flash_changes([])
            return redirect_to("people")
        role = Role(values["role"]) if "role" in values else Role(account.role)
        change_role(actor, account.id, role, agency_id(values["agency"]) if "agency" in values else account.agency_id)
        flash_with_confirmation(_("The role of %(name)s is changed.") % {"name": person.name}, account)
        return redirect_to("people")

    return answer_form(page, act, {"role": account.role, "agency": "" if agency is None else agency.bin})


@pages.page("/people/<row_id:person_id>/disabled", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def disable_person(actor: Actor, person_id: int) -> Answer:
    """Disable an account, after a confirmation page."""
    person = access.find_person(actor, person_id)
    if request.method == "GET":
        consequences = _("All sessions and tokens of this person end immediately. You can enable the account again.")
        return _question(person, _("Disable account"), consequences)
    access.disable_person(actor, person_id)
    flash_message(_("The account is disabled. Its sessions and tokens have ended."))
    return redirect_to("people")


@pages.page("/people/<row_id:person_id>/enabled", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def enable_person(actor: Actor, person_id: int) -> Answer:
    """Enable an account, after a confirmation page."""
    person = access.find_person(actor, person_id)
    if request.method == "GET":
        consequences = _("The person can sign in again with the same password. Earlier sessions and tokens stay ended.")
        if Role(person.role).needs_two_people:
            consequences = _("Earlier sessions and tokens of this person stay ended.")
        return _question(person, _("Enable account"), with_confirmation_note(consequences, person.account))
    access.enable_person(actor, person_id)
    flash_with_confirmation(_("The account %(name)s is enabled.") % {"name": person.name}, person.account)
    return redirect_to("people")


@pages.page("/people/<row_id:person_id>/password", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def renew_password(actor: Actor, person_id: int) -> Answer:
    """Reset the password, after a confirmation page; it is displayed once, and all sessions and tokens end."""
    person = access.find_person(actor, person_id)
    if request.method == "GET":
        consequences = _(
            "The current password and all sessions and tokens of this person end immediately. The new password is "
            "displayed once, and the person changes it at the first sign-in."
        )
        if Role(person.role).needs_two_people:
            consequences = _("The current password and all sessions and tokens of this person end immediately.")
        return _question(person, _("New password"), with_confirmation_note(consequences, person.account))
    password = generate_password()
    access.set_password(actor, person_id, password)
    return _display_password(person, password, _("The password of %(name)s no longer works.") % {"name": person.name})


def agency_field(actor: Actor) -> Field:
    """The agency field for the agency roles: a select, or a text field for the BIN if there are too many agencies."""
    choices = agency_choices(actor)
    if choices:
        return form_field("agency", "select", hint=_("Only for the two agency roles."), choices=choices)
    return form_field("agency", "text", hint=_("The BIN; only for the two agency roles."))


def agency_id(number: str | None) -> int | None:
    """The id of the agency with that BIN. Raises Invalid at ``/agency`` when there is none."""
    if number is None:
        return None
    try:
        return agency_by_bin(number).id
    except NotFound as error:
        raise invalid("/agency", "agency-unknown", bin=number) from error


def _question(person: Person, act: str, consequences: str) -> str:
    return render_template("question.html", subject=person.name, act=act, told=consequences, back=url_for("web.people"))


def _display_password(person: Person, password: str, message: str) -> Answer:
    """The page that displays a new password; for a pending account a message, as whoever confirms it gets a new one."""
    if not person.is_pending:
        return display_password(person.name, password, url_for("web.people"))
    flash_with_confirmation(message, person.account)
    return redirect_to("people")
