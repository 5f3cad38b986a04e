"""Pages for absences with a deputy: the own ones, those of a person, and for supervisors those of the reviewers."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from sqlalchemy import select

from registry.accounts.absences import (
    absences_led_by,
    end_absence,
    may_record_absence,
    people_led_by,
    possible_deputies,
    record_absence,
)
from registry.accounts.actors import Actor
from registry.accounts.models import Account, AccountNotFound, Person, account_named, find_account
from registry.accounts.roles import Permission
from registry.core.base_schema import BaseSchema
from registry.core.database import db
from registry.core.errors import invalid
from registry.core.fields import AnyDay, Text
from registry.web.blueprint import ANY_SIGNED_IN, Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.forms import FormPage, answer_form, form_field


class AbsenceForm(BaseSchema):
    """An absence and its deputy."""

    first_day = AnyDay(required=True)
    last_day = AnyDay(required=True)
    deputy = Text(required=True)


@pages.page("/absences", needs=Permission.CASES_LEAD)
def absences(actor: Actor) -> Answer:
    """List the present and coming absences of reviewers and supervisors."""
    return render_template(
        "accounts/absences.html", actor=actor, absences=absences_led_by(actor), people=people_led_by(actor)
    )


@pages.page("/absences/new", needs=Permission.CASES_LEAD)
def choose_absent_person(_actor: Actor) -> Answer:
    """Lead to the form for the person that was chosen on the list."""
    account = account_named(request.args.get("name", ""))
    if account is None:
        raise AccountNotFound
    return redirect_to("new_absence", account_id=account.id)


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
        deputy = account_named(values["deputy"])
        if deputy is None:
            raise invalid("/deputy", "deputy-not-usable")
        record_absence(actor, account_id, deputy.id, values["first_day"], values["last_day"])
        flash_message(_("The absence is recorded. %(deputy)s is the deputy.") % {"deputy": deputy.name})
        return _redirect_back(actor, account)

    return answer_form(page, act)


@pages.page("/absences/<row_id:account_id>/<row_id:absence_id>/end", needs=ANY_SIGNED_IN, methods=("POST",))
def end_recorded_absence(actor: Actor, account_id: int, absence_id: int) -> Answer:
    """End an absence, or cancel one that has not begun."""
    account = end_absence(actor, absence_id, account_id)
    flash_message(_("The absence has ended."))
    return _redirect_back(actor, account)


def _redirect_back(actor: Actor, account: Account) -> Answer:
    """Redirect to the page from which the absence was recorded or ended."""
    return redirect(_back(actor, account), 303)


def _back(actor: Actor, account: Account) -> str:
    if account.id == actor.account_id:
        return url_for("web.my_account")
    if actor.may(Permission.PEOPLE_READ):
        return url_for("web.person", person_id=_person_id(account))
    return url_for("web.absences")


def _person_id(account: Account) -> int:
    return int(db.session.scalars(select(Person.id).where(Person.account_id == account.id)).one())
