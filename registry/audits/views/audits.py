"""Audit pages: list, detail with a comparison to the previous run, running and voiding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import render_template, request, url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.promises import differing_projects
from registry.audits.queries import changes_of, count_changes, list_audits, previous_good
from registry.audits.restricted_counts import LATER_COUNTS, visible_run
from registry.audits.schemas import AUDIT_ORDER, VOIDING_PROPOSAL
from registry.audits.service import find_audit, run_audit
from registry.audits.views.findings import rule_titles
from registry.audits.views.held_audits import held_causes_of
from registry.audits.views.verification import why_not_repeatable
from registry.audits.voiding import (
    VoidingProposalChanged,
    confirm_voiding,
    is_voidable,
    may_confirm_voiding,
    propose_voiding,
)
from registry.core.clock import today
from registry.journal.pages import principal_label
from registry.projects.views.links import projects_numbered
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.error_messages import error_message
from registry.web.fields import form_field
from registry.web.flash import flash_message
from registry.web.form_pages import FormPage, answer_form
from registry.web.formats import day
from registry.web.forms import as_typed
from registry.web.lists import first_address, next_address, requested_filters, requested_page
from registry.web.translations import gettext as _

FILTERS = ("status", "trigger", "dry_run")
# Stocks are the totals after a run, which can be compared with another run's. Changes are flows, which cannot.
STOCKS = ("projects_judged", "projects_flagged", "projects_exempt", "projects_out_of_scope", "flags_active")
ACTIVE = ("flags_opened", "flags_kept", "flags_reopened")
JUDGED = ("succeeded", "held")


@pages.page("/audits", needs=Permission.AUDITS_READ)
def audits(actor: Actor) -> Answer:
    """List all runs, newest first."""
    filters = requested_filters(FILTERS)
    listing = list_audits(actor, filters, requested_page())
    return render_template(
        "audits/list.html",
        actor=actor,
        items=listing.items,
        filters=filters,
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page("/audits/<row_id:audit_id>", needs=Permission.AUDITS_READ)
def audit(actor: Actor, audit_id: int) -> Answer:
    """Display one run: its totals beside those of the previous run, and its changes."""
    run = find_audit(actor, audit_id)
    before = previous_good(actor, run) if run.status in JUDGED else None
    listing = changes_of(actor, run, requested_page(50))
    shown = visible_run(actor, run)
    shown_before = None if before is None else visible_run(actor, before)
    return render_template(
        "audits/detail.html",
        actor=actor,
        principal_label=principal_label,
        audit=shown,
        is_voidable=is_voidable(run),
        may_confirm_voiding=may_confirm_voiding(actor, run),
        before=shown_before,
        stocks=_stocks(shown) if run.status in JUDGED else {},
        stocks_before={} if shown_before is None else _stocks(shown_before),
        moves={name: shown[name] for name in LATER_COUNTS},
        moves_before={} if shown_before is None else {name: shown_before[name] for name in LATER_COUNTS},
        flows=count_changes(actor, run),
        flows_before={} if before is None else count_changes(actor, before),
        changes=listing.items,
        causes=held_causes_of(actor, run, shown),
        promised=differing_projects(actor, run),
        why_not_repeatable=why_not_repeatable(run),
        projects=projects_numbered(actor, (change["project"] for change in listing.items)),
        rules=rule_titles(),
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


def _stocks(run: Mapping[str, Any]) -> dict[str, int]:
    counts = {name: run[name] for name in STOCKS[:-1]}
    return counts | {STOCKS[-1]: sum(run[name] for name in ACTIVE)}


@pages.page("/audits/new", needs=Permission.AUDITS_RUN, methods=("GET", "POST"))
def new_audit(actor: Actor) -> Answer:
    """Run an audit or a dry run."""
    page = FormPage(
        _("Run an audit"),
        _("Run the audit"),
        url_for("web.audits"),
        [
            form_field(
                "on",
                "day",
                hint=_(
                    "Leave empty for today. Without a dry run, the date must lie between the "
                    "last audited date and today."
                ),
            ),
            form_field("dry_run", "check", label=_("Dry run: show what would change, without changing any flag")),
        ],
        AUDIT_ORDER,
        intro=_("The audit checks every project and can take some time."),
    )

    def act(values: dict[str, object]) -> Answer:
        day = values["on"]
        run = run_audit(actor, day, dry_run=bool(values["dry_run"]))  # type: ignore[arg-type] # AnyDay gives a date or None
        if run.status == "held":
            flash_message(_("The audit is held and changed nothing. A supervisor must decide on it."), "information")
        else:
            flash_message(_("The audit is done."))
        return redirect_to("audit", audit_id=run.id)

    return answer_form(page, act, {"on": as_typed(today())})


@pages.page("/audits/<row_id:audit_id>/voiding", needs=Permission.AUDITS_VOID, methods=("GET", "POST"))
def propose_to_void(actor: Actor, audit_id: int) -> Answer:
    """Propose to void an audit that a wrong clock dated in the future."""
    run = find_audit(actor, audit_id)
    page = FormPage(
        _("Propose to void the audit"),
        _("Propose voiding"),
        url_for("web.audit", audit_id=audit_id),
        [form_field("reason", "area", label=_("Reason"), hint=_("What was wrong with the clock, and since when."))],
        VOIDING_PROPOSAL,
        intro=_(
            "The audit no longer counts: nightly audits run again from today, and its changes to flags are undone. "
            "An operator and a supervisor do this together; the other one confirms."
        ),
        subject=_("Audit of %(day)s") % {"day": day(run.on)},
    )

    def act(values: dict[str, object]) -> Answer:
        propose_voiding(actor, audit_id, str(values["reason"]))
        flash_message(_("The proposal to void the audit is saved."))
        return redirect_to("audit", audit_id=audit_id)

    return answer_form(page, act)


@pages.page("/audits/<row_id:audit_id>/voiding-confirmation", needs=Permission.AUDITS_VOID, methods=("POST",))
def void_proposed(actor: Actor, audit_id: int) -> Answer:
    """Confirm voiding an audit as the second person, by the proposal that was displayed beside the button."""
    try:
        confirm_voiding(actor, audit_id, request.form.get("proposed_at", ""))
    except VoidingProposalChanged as error:
        flash_message(error_message(error), "error")
    else:
        flash_message(_("The audit is voided."))
    return redirect_to("audit", audit_id=audit_id)
