"""Home page: the actor's tasks, most urgent first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from flask import redirect, render_template, url_for

from registry.accounts.absences import substitutions
from registry.accounts.account_editing import local_changes_since, previous_sign_in
from registry.accounts.actors import Actor
from registry.accounts.people_queries import active_and_invited_people
from registry.accounts.roles import AGENCY_ROLES, Permission, Role
from registry.accounts.same_person import ownerless_accounts
from registry.accounts.token_confirmation import pending_tokens
from registry.accounts.token_queries import ending_tokens
from registry.accounts.views.pending import list_pending
from registry.approvals.queries import count_waiting_for
from registry.audits.queries import list_audits
from registry.audits.restricted_counts import visible_run
from registry.cases.lists import count_cases, list_cases
from registry.cases.views.work_lists import own_assignees
from registry.core.clock import today
from registry.core.lists import Page
from registry.core.working_days import national_calendar
from registry.flags.models import last_good_audit
from registry.freeze.vocabulary import Severity
from registry.help.setup import setup_to_show
from registry.inbox.pages import inbox_on_home
from registry.journal.pages import action_label, principal_label
from registry.journal.service import JournalEntry
from registry.projects.attestations import count_attestations
from registry.projects.drafts import Draft, drafts_of
from registry.projects.queries import list_projects
from registry.projects.views.links import projects_of
from registry.reports.compliance import UNFLAGGED, compliance
from registry.requests.queries import count_to_decide, count_waiting, kinds_to_decide
from registry.web.blueprint import ANY_SIGNED_IN, Answer, pages
from registry.web.current_user import page_locale

WORST: Final = 10
TO_APPROVE: Final = {"to_approve": "true"}
ORDERED: Final = {"status": "remediation"}
# Work lists whose counts oversight sees.
COUNTED: Final = ({"status": "new"}, {"overdue": "true"}, TO_APPROVE)
SOON: Final = timedelta(days=60)
# Those who keep the calendar file.
CALENDAR_ROLES: Final = (Role.OPERATOR, Role.ADMINISTRATOR)


@pages.page("/home", needs=ANY_SIGNED_IN)
def home(actor: Actor) -> Answer:
    """Display the actor's tasks, most urgent first; who has none is led to the overview."""
    if not actor.may(Permission.CASES_READ):
        return redirect(url_for("web.overview_page"), 303)
    totals = compliance(actor, "kind")["totals"]
    # First, because journalling a restricted read expires what was read before.
    inbox = inbox_on_home(actor)
    if actor.role in AGENCY_ROLES:
        questions = list_cases(actor, {"status": "awaiting_agency"}, Page(WORST), page_locale()).items
        ordered = list_cases(actor, ORDERED, Page(WORST), page_locale()).items
        worst, ending = worst_projects(actor), onboarding_ending(actor)
        return render_template(
            "reports/home_agency.html",
            actor=actor,
            **inbox,
            questions=questions,
            orders=[(case, order_of(case)) for case in ordered],
            projects=projects_of(actor, [*questions, *ordered]),
            requests_waiting=count_waiting(actor),
            approvals_waiting=count_waiting_for(actor),
            totals=totals,
            unflagged_statuses=UNFLAGGED,
            last=last_good_audit(),
            worst=worst,
            ending=ending,
            people=active_and_invited_people(actor) if actor.may(Permission.PEOPLE_READ) else None,
            ending_tokens=ending_tokens(actor) if actor.may(Permission.TOKENS_READ) else [],
            ownerless=ownerless_accounts(actor)[:WORST] if actor.may(Permission.PEOPLE_MANAGE) else [],
            attestations=count_attestations(actor) if actor.may(Permission.PROJECTS_ATTEST) else {},
            drafts=_drafts(actor),
        )
    last = last_good_audit()
    held = list_audits(actor, {"status": "held"}, Page(WORST)).items
    assigned_filters = {"status": "under_review,awaiting_confirmation", "assignee": own_assignees(actor)}
    assigned = (
        list_cases(actor, assigned_filters, Page(WORST), page_locale()).items
        if actor.may(Permission.CASES_REVIEW)
        else []
    )
    waiting = (
        list_cases(actor, TO_APPROVE, Page(WORST), page_locale()).items if actor.may(Permission.CASES_APPROVE) else []
    )
    may_confirm = actor.may(Permission.ACCOUNTS_CONFIRM)
    return render_template(
        "reports/home_oversight.html",
        actor=actor,
        **inbox,
        setup=setup_to_show(actor),
        mine=assigned,
        mine_filters=assigned_filters,
        waiting=waiting,
        waiting_filters=TO_APPROVE,
        projects=projects_of(actor, [*assigned, *waiting]),
        totals=totals,
        unflagged_statuses=UNFLAGGED,
        last=None if last is None else visible_run(actor, last),
        held=held,
        pending=[row for row in list_pending(actor) if row["can_confirm"]] if may_confirm else [],
        substitutes=[each for each in substitutions() if each.deputy == actor.principal],
        local_changes=_local_changes(actor) if may_confirm else [],
        to_decide=count_to_decide(actor),
        kinds_to_decide=[kind.value for kind in kinds_to_decide(actor)],
        approvals_waiting=count_waiting_for(actor),
        ownerless=ownerless_accounts(actor)[:WORST] if actor.may(Permission.PEOPLE_MANAGE) else [],
        action_label=action_label,
        principal_label=principal_label,
        tokens=[row for row in pending_tokens(actor) if row["can_confirm"]] if may_confirm else [],
        worst=WORST,
        drafts=_drafts(actor),
        estimated=national_calendar().estimated_next_year(today()) if actor.role in CALENDAR_ROLES else [],
        counts=dict(zip(("new", "overdue", "to_approve"), count_cases(actor, COUNTED), strict=True)),
    )


def _drafts(actor: Actor) -> list[Draft]:
    """Return the registrations that the actor has begun."""
    return drafts_of(actor) if actor.may(Permission.PROJECTS_WRITE) else []


def _local_changes(actor: Actor) -> list[JournalEntry]:
    """Return what the command line changed in accounts and tokens since the actor's previous sign-in."""
    since = previous_sign_in(actor)
    return [] if since is None else local_changes_since(actor, since, WORST)


def order_of(case: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the order that the case waits for: the newest approved decision that has not ended."""
    return next((decision for decision in reversed(case["decisions"]) if decision["ended_because"] is None), None)


def worst_projects(actor: Actor) -> list[Any]:
    """Return the visible flagged projects, most severe first, at most WORST."""
    projects: list[Any] = []
    for severity in Severity.worst_first():
        if len(projects) < WORST:
            filters = {"freeze_status": "flagged", "severity": severity.value}
            projects += list_projects(actor, filters, Page(WORST - len(projects))).items
    return projects


def onboarding_ending(actor: Actor) -> list[Any]:
    """Return projects whose onboarding is due soon or overdue."""
    until = (today() + SOON).isoformat()
    return list_projects(actor, {"placement": "onboarding", "onboarding_due_on_to": until}, Page(WORST)).items
