"""Pages of the own account: data, password, sessions, tokens, and absences."""

from typing import Any, Final

from flask import current_app, redirect, render_template, request, url_for
from sqlalchemy import select

from registry.accounts import models, service
from registry.accounts.absences import (
    absences_led_by,
    absences_of,
    end_absence,
    may_record_absence,
    people_led_by,
    possible_deputies,
    record_absence,
)
from registry.accounts.attempts import TooManyAttempts
from registry.accounts.factors import is_last_required, list_factors
from registry.accounts.models import Account
from registry.accounts.passwords import SignInBusy
from registry.accounts.queries import own_tokens
from registry.accounts.roles import Actor, Permission, needs_step_up, scopes_of_role
from registry.accounts.sessions import end_other_sessions, end_own_session, list_sessions
from registry.accounts.tokens import find_own_token, issue_own_token, revoke_own_token
from registry.accounts.views import tokens as forms
from registry.accounts.views.second_factor import factor_name
from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.errors import Invalid, Problem, invalid
from registry.core.fields import AnyDay, BaseSchema, Boolean, Text
from registry.notifications.aitu import AITU_BOT_NAME
from registry.web.blueprint import ANY_SIGNED_IN, BOTH, Answer, flash_message, pages, redirect_to
from registry.web.current_user import clear_session_cookie, current_user, keep_device, set_session_cookie
from registry.web.formats import gettext as _, ngettext
from registry.web.forms import Form, FormPage, answer_form, form_field, invalid_form

# Pages for absences with a deputy: the own ones, those of a person, and for supervisors those of the reviewers.


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
    account = models.account_named(request.args.get("name", ""))
    if account is None:
        raise models.AccountNotFound
    return redirect_to("new_absence", account_id=account.id)


@pages.page("/absences/<row_id:account_id>/new", needs=ANY_SIGNED_IN, methods=BOTH)
def new_absence(actor: Actor, account_id: int) -> Answer:
    """Record an absence with a deputy, the own one or that of a person whom the user may record it for."""
    account = models.find_account(account_id)
    if not may_record_absence(actor, account):
        raise models.AccountNotFound(id=account_id)
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
        deputy = models.account_named(values["deputy"])
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
    return int(db.session.scalars(select(models.Person.id).where(models.Person.account_id == account.id)).one())


# Pages of the user's own account: password, language and tokens.
#
# A user whose password an administrator set must change it before using any other page.


@pages.page("/account", needs=ANY_SIGNED_IN)
def my_account(actor: Actor) -> Answer:
    """Show the account of the signed-in user: second factors, sessions, and tokens, newest first."""
    signed_in, own, person = current_user().signed_in, list_factors(actor), models.own_person(actor)
    return render_template(
        "accounts/detail.html",
        actor=actor,
        email=None if person is None else person.email,
        agency=None if actor.agency_id is None else db.session.get(Agency, actor.agency_id),
        language=None if signed_in is None else signed_in.language,
        own=own,
        is_last_required=is_last_required(actor, own.factors),
        factor_name=factor_name,
        required=models.is_required_of(actor.role.value),
        sessions=list_sessions(actor),
        absences=[] if actor.account_id is None else absences_of(actor.account_id),
        notifications=_notifications(actor),
        has_aitu=current_app.config.get(AITU_BOT_NAME) is not None,
        tokens=own_tokens(actor)[::-1],
    )


@pages.page("/account/password", needs=ANY_SIGNED_IN, methods=BOTH, before_password_change=True)
def own_password(actor: Actor) -> Answer:
    """Change the user's own password; all sessions end, and the browser gets a new one."""
    must_change = current_user().must_change_password
    if request.method != "POST":
        return _form(Form(), must_change=must_change)
    old, new = request.form.get("old_password", ""), request.form.get("new_password", "")
    problems = [Problem("/old_password", "enter-current-password")] if not old else []
    problems += [Problem("/new_password", "enter-new-password")] if not new else []
    if problems:
        return _form(Form({}, problems), must_change=must_change), 422
    try:
        secret = service.change_own_password(actor, old, new)
    except (Invalid, SignInBusy, TooManyAttempts) as error:
        return _form(invalid_form({}, error, "old_password"), must_change=must_change), error.status
    flash_message(_("Your password is changed. Your other sessions and your tokens have ended."))
    response = redirect_to("home" if must_change else "my_account")
    set_session_cookie(response, secret)
    # A device cookie is only valid for the password it was issued with.
    keep_device(response, actor.principal, None)
    return response


@pages.page("/account/tokens/new", needs=ANY_SIGNED_IN, methods=BOTH)
def new_own_token(actor: Actor) -> Answer:
    """Create a token for the user's own account; it is displayed once."""
    if request.method == "GET" and needs_step_up(actor.role, scopes_of_role(actor.role)):
        # Also asked when the form is sent, for the scopes that were chosen.
        actor.require_step_up()
    intro = _("The token works until it expires, until you revoke it, or until your password or role changes.")
    back = url_for("web.my_account")
    page = forms.token_form(_("Create token"), back, actor.role, intro, actor.principal, own=True)

    def act(values: dict[str, Any]) -> Answer:
        return forms.display_token(issue_own_token(actor, **forms.token_parameters(values)), actor.principal, back)

    return answer_form(page, act, forms.token_defaults(actor.role))


@pages.page("/account/tokens/<key_id>/revocation", needs=ANY_SIGNED_IN, methods=BOTH)
def revoke_own(actor: Actor, key_id: str) -> Answer:
    """Revoke one of the user's own tokens, after a confirmation page."""
    if request.method == "GET":
        return forms.revocation_question(find_own_token(actor, key_id).key_id, url_for("web.my_account"))
    revoke_own_token(actor, key_id)
    flash_message(_("The token no longer works."))
    return redirect_to("my_account")


def _notifications(actor: Actor) -> str:
    """Return the e-mails that the user gets, in words."""
    person = models.own_person(actor)
    if person is None:
        return ""
    switched_on = [
        text
        for text, is_on in (
            (_("E-mails at once about my cases"), person.immediate_emails and actor.may(Permission.CASES_REVIEW)),
            (_("Daily digest"), person.digest_emails),
            (_("Overview of the week"), person.weekly_overview and actor.may(Permission.OVERVIEW_READ)),
        )
        if is_on
    ]
    return "; ".join(switched_on) or _("Only e-mails that are always sent")


def _form(form: Form, *, must_change: bool) -> str:
    return render_template(
        "accounts/own_password.html", form=form, must_change=must_change, back=url_for("web.my_account")
    )


# The sessions of one's own account: end one, or all others. The page of the account lists them.


@pages.page("/account/sessions/<session_id>/end", needs=ANY_SIGNED_IN, methods=("POST",))
def end_one_session(actor: Actor, session_id: str) -> Answer:
    """End one of the user's own sessions; the present one is a sign-out."""
    is_current = any(session.id == session_id and session.is_current for session in list_sessions(actor))
    end_own_session(actor, session_id)
    if not is_current:
        flash_message(_("The session is ended."))
        return redirect_to("my_account")
    response = redirect(url_for("web.welcome"), 303)
    clear_session_cookie(response)
    return response


@pages.page("/account/sessions/end-others", needs=ANY_SIGNED_IN, methods=("POST",))
def end_all_other_sessions(actor: Actor) -> Answer:
    """End all sessions of the account but the present one."""
    count = end_other_sessions(actor)
    if count:
        flash_message(ngettext("%(num)s session is ended.", "%(num)s sessions are ended.", count) % {"num": count})
    else:
        flash_message(_("You have no other sessions."), "information")
    return redirect_to("my_account")


# The page of one's own notification preferences.


# Checkboxes and the columns of ``Person`` that they change.
PREFERENCES: Final = {"immediate": "immediate_emails", "digest": "digest_emails", "weekly_overview": "weekly_overview"}


class NotificationsForm(BaseSchema):
    """Which e-mails a person gets."""

    immediate = Boolean()
    digest = Boolean()
    weekly_overview = Boolean()


@pages.page("/account/notifications", needs=ANY_SIGNED_IN, methods=BOTH)
def own_notifications(actor: Actor) -> Answer:
    """Choose which e-mails the user gets."""
    person = models.require_own_person(actor)
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
    offered = [
        *([immediate] if actor.may(Permission.CASES_REVIEW) else []),
        digest,
        *([weekly] if actor.may(Permission.OVERVIEW_READ) else []),
    ]
    page = FormPage(
        _("Notifications"),
        _("Save changes"),
        url_for("web.my_account"),
        offered,
        NotificationsForm(),
        intro=_(
            "E-mails about orders, questions and reopened cases of your agency, failed and held audits, tokens that "
            "are about to expire and the security of your account are always sent."
        ),
    )

    def act(values: dict[str, Any]) -> None:
        chosen = {PREFERENCES[field.name]: bool(values.get(field.name)) for field in offered}
        service.change_notification_preferences(actor, chosen)

    ticked = {name: getattr(person, column) for name, column in PREFERENCES.items()}
    return answer_form(page, act, {name: "yes" for name, is_on in ticked.items() if is_on}, done=_("Changes saved."))
