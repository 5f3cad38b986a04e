"""People: who signs in, with which role; shut out and let in again, and new passwords shown once."""

from __future__ import annotations

from typing import Any, Final

from flask import render_template, request, url_for

from registry.access import people as access
from registry.access.actors import Actor
from registry.access.passwords import new_password
from registry.access.roles import Permission, Role
from registry.records.agencies import agencies_by_id, agency_by_bin
from registry.records.values import Bin, Choice, Email, Text
from registry.store.errors import NotFound, invalid
from registry.web.catalogues import gettext as _
from registry.web.fields import Field, asked
from registry.web.form_pages import FormPage, answer_form
from registry.web.labels import options
from registry.web.own_agencies import agency_choices
from registry.web.pages import Answer, pages, see
from registry.web.said import say

ROLES: Final = Choice(tuple(role.value for role in Role))
LANGUAGE: Final = Choice(("kk", "ru", "en"))


@pages.page("/people", needs=Permission.PEOPLE_MANAGE)
def people(by: Actor) -> Answer:
    """Everybody."""
    return render_template("people.html", by=by, people=access.all_people(by), agencies=agencies_by_id())


@pages.page("/people/new", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def new_person(by: Actor) -> Answer:
    """Let somebody sign in; the password is made and shown once."""
    page = FormPage(
        _("Add a person"),
        _("Add"),
        url_for("web.people"),
        [
            asked("name", "text", hint=_("What the person signs in with, such as a.serikova.")),
            asked("role", "radios", choices=options("role")),
            agency_field(by),
            asked("email", "text", hint=_("Address for notifications.")),
            asked("language", "radios", choices=options("language")),
        ],
        {"name": Text(), "role": ROLES, "agency": Bin(), "email": Email(), "language": LANGUAGE},
        ("name", "role", "language"),
    )

    def act(values: dict[str, Any]) -> Answer:
        password = new_password()
        wanted = access.NewPerson(
            values["name"], Role(values["role"]), agency_id(values["agency"]), values["email"], values["language"]
        )
        person = access.add_person(by, wanted, password)
        return shown_once(person.name, _("Password"), password, url_for("web.people"))

    return answer_form(page, act, {"language": "kk"})


@pages.page("/people/<row_id:person_id>/disabled", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def disable_person(by: Actor, person_id: int) -> Answer:
    """Shut somebody out, after a question."""
    if request.method == "GET":
        told = _("All sessions and tokens of this person end immediately. You can enable the account again.")
        return _question(by, person_id, _("Disable account"), told)
    access.disable_person(by, person_id)
    say(_("The account is disabled. Its sessions and tokens have ended."))
    return see("people")


@pages.page("/people/<row_id:person_id>/enabled", needs=Permission.PEOPLE_MANAGE, methods=("POST",))
def enable_person(by: Actor, person_id: int) -> Answer:
    """Let somebody in again."""
    access.enable_person(by, person_id)
    say(_("The account is enabled. The person can sign in again."))
    return see("people")


@pages.page("/people/<row_id:person_id>/password", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def renew_password(by: Actor, person_id: int) -> Answer:
    """A new password, after a question, shown once; sessions of the person end."""
    if request.method == "GET":
        told = _(
            "The current password and all sessions of this person end immediately. The new password is displayed once."
        )
        return _question(by, person_id, _("New password"), told)
    password = new_password()
    access.set_password(by, person_id, password)
    return shown_once(access.find_person(by, person_id).name, _("Password"), password, url_for("web.people"))


def agency_field(by: Actor) -> Field:
    """The agency of somebody with an agency role, chosen by name; the BIN is typed where there are very many."""
    choices = agency_choices(by)
    if choices:
        return asked("agency", "select", hint=_("Only for the two agency roles."), choices=choices)
    return asked("agency", "text", hint=_("The BIN; only for the two agency roles."))


def agency_id(number: str | None) -> int | None:
    """The id of the agency of that BIN. Raises Invalid at the field when there is none."""
    if number is None:
        return None
    try:
        return agency_by_bin(number).id
    except NotFound as error:
        raise invalid("/agency", "agency-unknown", bin=number) from error


def _question(by: Actor, person_id: int, act: str, told: str) -> str:
    person = access.find_person(by, person_id)
    return render_template("question.html", subject=person.name, act=act, told=told, back=url_for("web.people"))


def shown_once(whose: str, what: str, secret: str, back: str) -> str:
    """A secret on the answer to the POST itself: it is stored nowhere and cannot be shown again."""
    return render_template("shown_once.html", whose=whose, what=what, secret=secret, back=back)
