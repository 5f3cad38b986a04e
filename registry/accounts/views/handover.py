"""The page that hands over the work of a person to another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import url_for

from registry.accounts.account_changes import disable_account
from registry.accounts.actors import Actor
from registry.accounts.handover import hand_over
from registry.accounts.models import Person, account_named
from registry.accounts.people import find_person
from registry.accounts.people_queries import people_to_choose
from registry.accounts.roles import Permission
from registry.accounts.same_person import count_owned_accounts
from registry.accounts.views.people import person_choices
from registry.cases.handover import count_open_cases
from registry.core.base_schema import BaseSchema
from registry.core.errors import invalid
from registry.core.fields import Boolean, Text
from registry.core.transactions import transaction
from registry.government_reports.service import count_open_reports
from registry.projects.drafts import count_drafts
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.forms import FormPage, answer_form, form_field

# What a receiver must be allowed to, by kind of work.
NEEDED: Final = {
    "cases": Permission.CASES_REVIEW,
    "drafts": Permission.PROJECTS_WRITE,
    "reports": Permission.GOVERNMENT_REPORTS_READ,
}


class HandOverForm(BaseSchema):
    """Who gets the work, and whether the account is then disabled."""

    to = Text(required=True)
    disables = Boolean()


@pages.page("/people/<row_id:person_id>/handover", needs=Permission.PEOPLE_MANAGE, methods=("GET", "POST"))
def hand_over_work(actor: Actor, person_id: int) -> Answer:
    """Give the open work of a person to another one."""
    giver = find_person(actor, person_id)
    work = _open_work(giver)
    # Others could take nothing of it.
    permissions = [permission for kind, permission in NEEDED.items() if work[kind]]
    receivers = [each for each in people_to_choose(actor, permissions) if each.id != giver.account_id]
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
                choices=person_choices(receivers),
            ),
            form_field("disables", "check", label=_("Disable the account after that")),
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
        receiver = account_named(values["to"])
        if receiver is None:
            raise invalid("/to", "receiver-not-usable")
        with transaction():
            counts = hand_over(actor, giver.account_id, receiver.id)
            if values.get("disables"):
                disable_account(actor, giver.account_id)
        flash_message(_handed_over(receiver.name, counts))
        return redirect_to("person", person_id=person_id)

    return answer_form(page, act)


def _open_work(giver: Person) -> dict[str, int]:
    return {
        "cases": count_open_cases(giver.name),
        "drafts": count_drafts([giver.name]).get(giver.name, 0),
        "reports": count_open_reports(giver.name),
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
