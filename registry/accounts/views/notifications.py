"""The page of one's own notification preferences."""

from __future__ import annotations

from typing import Any

from flask import url_for

from registry.accounts.actors import Actor
from registry.accounts.models import AccountsNeedAPerson
from registry.accounts.notification_preferences import (
    NotificationPreferences,
    change_notification_preferences,
    notification_preferences,
)
from registry.accounts.roles import Permission
from registry.core.base_schema import BaseSchema
from registry.core.fields import Boolean
from registry.web.blueprint import ANY_SIGNED_IN, Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.forms import FormPage, answer_form, form_field


class NotificationsForm(BaseSchema):
    """Which e-mails a person gets."""

    immediate = Boolean()
    digest = Boolean()
    weekly_overview = Boolean()


@pages.page("/account/notifications", needs=ANY_SIGNED_IN, methods=("GET", "POST"))
def own_notifications(actor: Actor) -> Answer:
    """Choose which e-mails the user gets."""
    present = notification_preferences(actor)
    if present is None:
        raise AccountsNeedAPerson
    digest = form_field(
        "digest",
        "check",
        label=_("Daily digest"),
        hint=_("One e-mail on working days about flags, cases and deadlines that are new since the day before."),
    )
    immediate = form_field(
        "immediate",
        "check",
        label=_("E-mails at once about my cases"),
        hint=_("When a case is assigned to you, the agency answers or appeals, or a supervisor returns your proposal."),
    )
    weekly = form_field(
        "weekly_overview",
        "check",
        label=_("Overview of the week"),
        hint=_("One e-mail on Mondays with the main figures of the overview and what changed in seven days."),
    )
    reads_overview = actor.may(Permission.OVERVIEW_READ)
    has_cases = actor.may(Permission.CASES_REVIEW)
    page = FormPage(
        _("Notifications"),
        _("Save changes"),
        url_for("web.my_account"),
        [*([immediate] if has_cases else []), digest, *([weekly] if reads_overview else [])],
        NotificationsForm(),
        intro=_(
            "E-mails about orders, questions and reopened cases of your agency, failed and held audits, tokens that "
            "are about to expire and the security of your account are always sent."
        ),
    )

    def act(values: dict[str, Any]) -> Answer:
        immediate = bool(values.get("immediate")) if has_cases else present.immediate
        weekly = bool(values.get("weekly_overview")) if reads_overview else present.weekly_overview
        change_notification_preferences(actor, NotificationPreferences(immediate, bool(values.get("digest")), weekly))
        flash_message(_("Changes saved."))
        return redirect_to("my_account")

    ticked = {"immediate": present.immediate, "digest": present.digest, "weekly_overview": present.weekly_overview}
    return answer_form(page, act, {name: "yes" for name, is_on in ticked.items() if is_on})
