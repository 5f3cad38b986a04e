"""Pages of policy versions: list, one version, comparison, impact, activation, deletion."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, render_template, request, url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.views.choices import agency_names
from registry.audits.impact_report import impact_report
from registry.audits.policy_activation import activate_policy, may_activate, withdraw_activation
from registry.audits.policy_impact import impact_of
from registry.audits.views.findings import rule_titles
from registry.core.clock import today
from registry.core.errors import Conflict
from registry.core.transactions import transaction
from registry.freeze.dates import format_date
from registry.policies.api.impact_schemas import ACTIVATION
from registry.policies.queries import compare, find_policy, list_policies
from registry.policies.service import delete_draft, draft_to_change
from registry.policies.verdict_cases import run_cases
from registry.policies.views.labels import rules_shown, setting_label, setting_value, thresholds
from registry.projects.views.links import projects_numbered
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.error_messages import error_message
from registry.web.fields import form_field
from registry.web.flash import flash_message
from registry.web.form_pages import FormPage, answer_form
from registry.web.forms import as_typed
from registry.web.translations import gettext as _

MAX_LISTED: Final = 20
CHANGE_LISTS: Final = ("newly_flagged", "cleared", "changed_severity", "changed_rules")


@pages.page("/policies", needs=Permission.POLICIES_READ)
def policies(actor: Actor) -> Answer:
    """List all versions, newest first."""
    return render_template("policies/list.html", actor=actor, items=list_policies(actor))


@pages.page("/policies/<version>", needs=Permission.POLICIES_READ)
def policy(actor: Actor, version: str) -> Answer:
    """Display one version: thresholds, rules with the wording of today, expected verdicts."""
    record = find_policy(actor, version)
    stored = record.stored
    return render_template(
        "policies/detail.html",
        actor=actor,
        policy=record,
        thresholds=thresholds(record.policy),
        rules=rules_shown(record.policy, page_locale()),
        titles=rule_titles(),
        cases=run_cases(record.verdict_cases, record.policy),
        may_activate=stored is not None and may_activate(actor, stored),
    )


@pages.page("/policies/<version>/comparison", needs=Permission.POLICIES_READ)
def policy_comparison(actor: Actor, version: str) -> Answer:
    """Compare a version with another one, by default with its base."""
    comparison = compare(actor, version, request.args.get("with") or None)
    rows = [
        {
            "label": setting_label(each.setting),
            "setting": each.setting,
            "before": setting_value(each.setting, each.before),
            "after": setting_value(each.setting, each.after),
        }
        for each in comparison.differences
    ]
    return render_template("policies/comparison.html", comparison=comparison, rows=rows, others=list_policies(actor))


@pages.page("/policies/<version>/impact", needs=Permission.POLICIES_WRITE)
def policy_impact(actor: Actor, version: str) -> Answer:
    """Calculate and display what an audit of today by a version would change. Writes nothing."""
    record = find_policy(actor, version)
    report = impact_report(impact_of(actor, version))
    listed = {kind: report[kind][:MAX_LISTED] for kind in CHANGE_LISTS}
    numbers = (each["project"] for changes in listed.values() for each in changes)
    return render_template(
        "policies/impact.html",
        policy=record,
        report=report,
        listed=listed,
        by_agency=report["by_agency"][:MAX_LISTED],
        other_agencies=len(report["by_agency"][MAX_LISTED:]),
        by_region=report["by_region"],
        agencies=agency_names(each["agency"] for each in report["by_agency"][:MAX_LISTED]),
        rules=rule_titles(),
        projects=projects_numbered(actor, numbers),
        may_activate=record.stored is not None and record.in_force_from is None and may_activate(actor, record.stored),
    )


@pages.page("/policies/<version>/file", needs=Permission.POLICIES_READ)
def policy_file(actor: Actor, version: str) -> Answer:
    """Download a version as a policy file."""
    response = Response(find_policy(actor, version).text, content_type="application/toml; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="freeze_policy.toml"'
    return response


@pages.page("/policies/<version>/activation", needs=Permission.POLICIES_ACTIVATE, methods=("GET", "POST"))
def policy_activation(actor: Actor, version: str) -> Answer:
    """Put a draft in force from a day, with the impact that was shown."""
    find_policy(actor, version)
    page = FormPage(
        _("Activate the policy"),
        _("Activate the policy"),
        url_for("web.policy_impact", version=version),
        [
            form_field("on", "day", label=_("In force from"), hint=_("Today or later.")),
            form_field(
                "impact_digest",
                "text",
                label=_("Digest of the impact"),
                hint=_("It stands on the page of the impact that you read today."),
            ),
        ],
        ACTIVATION,
        intro=_(
            "From this day audits use the version, and it never changes again. The first audit by it says whether it "
            "changed what the impact showed."
        ),
        subject=_("Version %(version)s") % {"version": version},
    )

    def act(values: dict[str, Any]) -> Answer:
        activate_policy(actor, version, values["impact_digest"], values["on"])
        day = format_date(values["on"], page_locale())
        flash_message(_("The policy is in force from %(day)s.") % {"day": day})
        return redirect_to("policy", version=version)

    present = {"on": as_typed(today()), "impact_digest": request.args.get("digest", "")[:64]}
    return answer_form(page, act, present)


@pages.page("/policies/<version>/activation/withdrawal", needs=Permission.POLICIES_ACTIVATE, methods=("POST",))
def withdraw_policy_activation(actor: Actor, version: str) -> Answer:
    """Take back an activation before its day."""
    try:
        withdraw_activation(actor, version)
    except Conflict as error:
        flash_message(error_message(error), "error")
    else:
        flash_message(_("The activation is taken back: the version is a draft again."))
    return redirect_to("policy", version=version)


@pages.page("/policies/<version>/deletion", needs=Permission.POLICIES_WRITE, methods=("POST",))
def delete_policy_draft(actor: Actor, version: str) -> Answer:
    """Delete a draft."""
    try:
        with transaction():
            delete_draft(actor, draft_to_change(actor, version))
    except Conflict as error:
        flash_message(error_message(error), "error")
        return redirect_to("policy", version=version)
    flash_message(_("The draft is deleted."))
    return redirect_to("policies")
