"""Pages for the work of a person: hand it over, and absences with a deputy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import url_for
from sqlalchemy import select

from registry.accounts.absences import (
    end_absence,
    may_record_absence,
    possible_deputies,
    record_absence,
    require_absence_of,
)
from registry.accounts.account_changes import disable_account
from registry.accounts.actors import Actor
from registry.accounts.handover import hand_over
from registry.accounts.models import Account, AccountNotFound, Person, account_named, find_account
from registry.accounts.people import find_person
from registry.accounts.people_queries import people_to_choose
from registry.accounts.roles import Permission
from registry.core.base_schema import BaseSchema
from registry.core.database import db
from registry.core.errors import invalid
from registry.core.fields import AnyDay, Boolean, Text
from registry.core.transactions import transaction
from registry.web.blueprint import ANY_SIGNED_IN, Answer, pages, redirect_to
from registry.web.fields import form_field
from registry.web.flash import flash_message
from registry.web.form_pages import FormPage, answer_form
from registry.web.translations import gettext as _


class HandOverForm(BaseSchema):
    """Who gets the work, and whether the account is then disabled."""

    to = Text(required=True)
    disables = Boolean()


class AbsenceForm(BaseSchema):
    """An absence and its deputy."""

    first_day = AnyDay(required=True)
    last_day = AnyDay(required=True)
    deputy = Text(required=True)


@pages.page("/people/<row_id:person_id>/handover", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def hand_over_work(actor: Actor, person_id: int) -> Answer:
    """Give the open work of a person to another one."""
    giver = find_person(actor, person_id)
    receivers = [name for name in people_to_choose(actor) if name != giver.name]
    page = FormPage(
        _("Hand over work"),
        _("Hand over work"),
        url_for("web.person", person_id=person_id),
        [
            form_field(
                "to",
                "select",
                label=_("New holder"),
                hint=_("A person with an active account who may do this work."),
                choices=[(name, name) for name in receivers],
            ),
            form_field("disables", "check", label=_("Disable the account after that")),
        ],
        HandOverForm(),
        intro=_(
            "Open cases, drafts of registrations and service accounts of this person go to the new holder in one step. "
            "Absences of this person, and those in which the person is the deputy, end. Proposed decisions still need "
            "the approval of another person than the one who proposed them."
        ),
        subject=giver.name,
    )

    def act(values: dict[str, Any]) -> Answer:
        receiver = _named(values["to"], "/to", "receiver-not-usable")
        with transaction():
            counts = hand_over(actor, giver.account_id, receiver.id)
            if values.get("disables"):
                disable_account(actor, giver.account_id)
        flash_message(_handed_over(receiver.name, counts))
        return redirect_to("person", person_id=person_id)

    return answer_form(page, act)


@pages.page("/absences/<row_id:account_id>/new", needs=ANY_SIGNED_IN, methods=("GET", "POST"))
def new_absence(actor: Actor, account_id: int) -> Answer:
    """Record an absence with a deputy, the own one or that of a person whom the user may record it for."""
    account = find_account(account_id)
    if not may_record_absence(actor, account):
        raise AccountNotFound(id=account_id)
    page = FormPage(
        _("Record an absence"),
        _("Record absence"),
        _back(actor, account),
        [
            form_field("first_day", "day", label=_("First day")),
            form_field("last_day", "day", label=_("Last day")),
            form_field(
                "deputy",
                "select",
                label=_("Deputy"),
                hint=_("Gets the work and the notifications during the absence."),
                choices=[(each.name, each.name) for each in possible_deputies(account)],
            ),
        ],
        AbsenceForm(),
        intro=_("The deputy sees the cases of the absent person under My work, and can act on them."),
        subject=account.name,
    )

    def act(values: dict[str, Any]) -> Answer:
        deputy = _named(values["deputy"], "/deputy", "deputy-not-usable")
        record_absence(actor, account_id, deputy.id, values["first_day"], values["last_day"])
        flash_message(_("The absence is recorded. %(deputy)s is the deputy.") % {"deputy": deputy.name})
        return redirect_back(actor, account)

    return answer_form(page, act)


@pages.page("/absences/<row_id:account_id>/<row_id:absence_id>/end", needs=ANY_SIGNED_IN, methods=("POST",))
def end_recorded_absence(actor: Actor, account_id: int, absence_id: int) -> Answer:
    """End an absence, or cancel one that has not begun."""
    require_absence_of(account_id, absence_id)
    account = end_absence(actor, absence_id)
    flash_message(_("The absence has ended."))
    return redirect_back(actor, account)


def redirect_back(actor: Actor, account: Account) -> Answer:
    """Redirect to the page from which the absence was recorded."""
    person_id = _person_id(account)
    if not actor.may(Permission.PEOPLE_READ) or account.id == actor.account_id:
        return redirect_to("my_account" if account.id == actor.account_id else "home")
    return redirect_to("person", person_id=person_id)


def _back(actor: Actor, account: Account) -> str:
    if account.id == actor.account_id:
        return url_for("web.my_account")
    return (
        url_for("web.person", person_id=_person_id(account))
        if actor.may(Permission.PEOPLE_READ)
        else url_for("web.home")
    )


def _person_id(account: Account) -> int:
    return int(db.session.scalars(select(Person.id).where(Person.account_id == account.id)).one())


def _named(name: str, pointer: str, code: str) -> Account:
    account = account_named(name)
    if account is None:
        raise invalid(pointer, code)
    return account


COUNTS: Final = ("cases", "drafts", "service_accounts", "absences")


def _handed_over(name: str, counts: Mapping[str, int]) -> str:
    text = _(
        "%(name)s has the work now. Cases: %(cases)s, drafts: %(drafts)s, service accounts: %(service_accounts)s; "
        "ended absences: %(absences)s."
    )
    return text % {"name": name, **{kind: counts.get(kind, 0) for kind in COUNTS}}
