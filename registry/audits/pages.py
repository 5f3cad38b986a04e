"""Audit pages: list, detail, running, held audits, voiding, verification"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask import render_template, request, url_for
from sqlalchemy import select

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.audits import queries, service
from registry.audits.past import AuditNotRepeatable, Difference, require_repeatable, verify_audit
from registry.audits.policy_activation import differing_projects
from registry.audits.schemas import AUDIT_ORDER, HELD_DECISION, VOIDING_PROPOSAL
from registry.core.clock import today
from registry.core.database import db
from registry.flags.models import SEVERITY_RANK, AuditRun
from registry.freeze.policy import policy_in_force
from registry.freeze.vocabulary import in_language
from registry.journal.pages import principal_label
from registry.projects.queries import projects_numbered
from registry.web.blueprint import Answer, flash_message, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import error_message
from registry.web.formats import day, gettext as _
from registry.web.forms import FormPage, answer_form, as_typed, form_field
from registry.web.labels import choice_label
from registry.web.lists import render_list, requested_filters, requested_page

# Flags of a project or case as pages display them, most severe first, and the titles of rules.


def active_only(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the flags that are not cleared."""
    return _worst_first(flag for flag in flags if flag["status"] != "cleared")


def cleared_flags(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the cleared flags, last cleared first."""
    cleared = [flag for flag in flags if flag["status"] == "cleared"]
    return sorted(cleared, key=lambda flag: (flag["cleared_on"], flag["id"]), reverse=True)


def main_findings(case: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the flags that a list row names: active ones, or those last cleared if the case waits for confirmation.

    A case that waits for confirmation may have weaker active flags, which are not part of the confirmation.
    """
    active = [] if case["status"] == "awaiting_confirmation" else active_only(case["flags"])
    return active or cleared_last(case["flags"])


def cleared_last(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the flags cleared on the latest date on which any flag cleared."""
    cleared = [flag for flag in flags if flag["cleared_on"] is not None]
    latest = max((flag["cleared_on"] for flag in cleared), default=None)
    return _worst_first(flag for flag in cleared if flag["cleared_on"] == latest)


def rule_titles() -> dict[str, str]:
    """Map every rule of the policy to its title in the page's language."""
    language = page_locale()
    return {name: in_language(rule.title, language) for name, rule in policy_in_force().rules.items()}


def _worst_first(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(flags, key=lambda flag: -SEVERITY_RANK[flag["severity"]])


# Pages of held audits: why one is held, and the supervisor's confirmation or rejection.


def held_causes_of(actor: Actor, run: AuditRun, shown: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the page shows of ``held_causes``: titles, agencies and example projects; None without causes."""
    causes = shown["held_causes"]
    if causes is None:
        return None
    titles, examples = rule_titles(), queries.example_changes(actor, run)
    agencies = _agencies(row["agency"] for row in causes["agencies"])
    return {
        "causes": causes["causes"],
        "rules": [
            {**row, "title": titles.get(row["rule"], row["rule"]), "examples": examples.get(row["rule"], [])}
            for row in causes["rules"]
        ],
        "agencies": [{**row, "about": agencies.get(row["agency"])} for row in causes["agencies"]],
        "other_agencies": causes["other_agencies"],
        "projects": projects_numbered(actor, (number for numbers in examples.values() for number in numbers)),
    }


@pages.page("/audits/<row_id:audit_id>/confirmation", needs=Permission.AUDITS_CONFIRM, methods=("GET", "POST"))
def confirm_audit(actor: Actor, audit_id: int) -> Answer:
    """Confirm a held run, which then applies its changes."""
    page = _page(
        actor,
        audit_id,
        _("Confirm the held audit"),
        _("Confirm the audit"),
        _("What did you check, and why are the changes right?"),
        _("Every project is judged again as of now, and the changes are applied. They can be many."),
    )

    done = _("The audit is confirmed and done.")
    return answer_form(page, lambda values: service.confirm_held_audit(actor, audit_id, values["reason"]), done=done)


@pages.page("/audits/<row_id:audit_id>/rejection", needs=Permission.AUDITS_CONFIRM, methods=("GET", "POST"))
def reject_audit(actor: Actor, audit_id: int) -> Answer:
    """Reject a held run, which then changes nothing."""
    page = _page(
        actor,
        audit_id,
        _("Reject the held audit"),
        _("Reject the audit"),
        _("Which mistake is behind the changes, and who corrects it?"),
        _(
            "Nothing changes, and the audit does not count. The next audit judges every project again: it will be held "
            "again if the mistake is not corrected by then."
        ),
    )

    done = _("The audit is rejected. Nothing has changed.")
    return answer_form(page, lambda values: service.reject_held_audit(actor, audit_id, values["reason"]), done=done)


def _agencies(bins: Iterable[str]) -> dict[str, Agency]:
    return {agency.bin: agency for agency in db.session.scalars(select(Agency).where(Agency.bin.in_(list(bins))))}


def _page(actor: Actor, audit_id: int, title: str, button: str, question: str, intro: str) -> FormPage:
    run = service.find_audit(actor, audit_id)
    return FormPage(
        title,
        button,
        url_for("web.audit", audit_id=audit_id),
        [
            form_field(
                "reason",
                "area",
                label=question,
                hint=_("Operators and supervisors read it, and it stays in the journal."),
            )
        ],
        HELD_DECISION,
        intro=intro,
        subject=_("Audit of %(day)s") % {"day": day(run.on)},
    )


# Verification of a past audit on a page: what repeating it shows, or why it cannot be repeated.

# The command and the API list all.
MAX_DIFFERENCES: Final = 100


def why_not_repeatable(run: AuditRun) -> str | None:
    """Return why the audit cannot be repeated, None when it can."""
    try:
        require_repeatable(run)
    except AuditNotRepeatable as error:
        return error_message(error)
    return None


@pages.page("/audits/<row_id:audit_id>/verification", needs=Permission.AUDITS_VERIFY)
def audit_verification(actor: Actor, audit_id: int) -> Answer:
    """Repeat an audit and compare; it writes nothing."""
    audit = queries.visible_run(actor, service.find_audit(actor, audit_id))
    try:
        verification = verify_audit(actor, audit_id)
    except AuditNotRepeatable as error:
        return render_template("audits/verification.html", audit=audit, why_not=error_message(error)), 409
    shown = verification.differences[:MAX_DIFFERENCES]
    return render_template(
        "audits/verification.html",
        audit=audit,
        why_not=None,
        verification=verification,
        differences=[_readable(each) for each in shown],
        left_out=len(verification.differences) - len(shown),
        projects=projects_numbered(actor, (each.project for each in shown)),
        rules=rule_titles(),
    )


def _readable(difference: Difference) -> dict[str, Any]:
    values = {name: _value(difference.what, getattr(difference, name)) for name in ("recorded", "repeated")}
    return {"project": difference.project, "rule": difference.rule, "what": difference.what, **values}


def _value(what: str, text: str | None) -> str | None:
    """Return the words of a state of a flag (status, severity, fingerprint) or of a change (change, severity)."""
    if text is None:
        return None
    code, severity, *fingerprint = text.split()
    name = choice_label("flag_status" if what == "flag" else "change", code)
    return ", ".join((name, choice_label("severity", severity), *fingerprint))


# Audit pages: list, detail with a comparison to the previous run, running and voiding.

FILTERS = ("status", "trigger", "dry_run")
# Stocks are the totals after a run, which can be compared with another run's. Changes are flows, which cannot.
STOCKS = (
    "projects_judged",
    "projects_flagged",
    "projects_to_migrate",
    "projects_exempt",
    "projects_out_of_scope",
    "flags_active",
)
ACTIVE = ("flags_opened", "flags_kept", "flags_reopened")
JUDGED = ("succeeded", "held")


@pages.page("/audits", needs=Permission.AUDITS_READ)
def audits(actor: Actor) -> Answer:
    """List all runs, newest first."""
    filters = requested_filters(FILTERS)
    listing = queries.AUDIT_LIST.read(actor, filters, requested_page())
    return render_list("audits/list.html", listing, actor=actor, filters=filters)


@pages.page("/audits/<row_id:audit_id>", needs=Permission.AUDITS_READ)
def audit(actor: Actor, audit_id: int) -> Answer:
    """Display one run: its totals beside those of the previous run, and its changes."""
    run = service.find_audit(actor, audit_id)
    before = queries.previous_good(actor, run) if run.status in JUDGED else None
    listing = queries.changes_of(actor, run, requested_page(50))
    shown = queries.visible_run(actor, run)
    shown_before = None if before is None else queries.visible_run(actor, before)
    return render_list(
        "audits/detail.html",
        listing,
        actor=actor,
        principal_label=principal_label,
        audit=shown,
        is_voidable=service.is_voidable(run),
        may_confirm_voiding=service.may_confirm_voiding(actor, run),
        before=shown_before,
        stocks=_stocks(shown) if run.status in JUDGED else {},
        stocks_before={} if shown_before is None else _stocks(shown_before),
        moves={name: shown[name] for name in queries.MOVES},
        moves_before={} if shown_before is None else {name: shown_before[name] for name in queries.MOVES},
        flows=queries.count_changes(actor, run),
        flows_before={} if before is None else queries.count_changes(actor, before),
        changes=listing.items,
        causes=held_causes_of(actor, run, shown),
        promised=differing_projects(actor, run),
        unexplained=queries.unexplained_projects(actor, run),
        why_not_repeatable=why_not_repeatable(run),
        projects=projects_numbered(actor, (change["project"] for change in listing.items)),
        rules=rule_titles(),
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
            form_field("full", "check", label=_("Judge also the projects of which nothing has changed")),
        ],
        AUDIT_ORDER,
        intro=_("The audit checks every project and can take some time."),
    )

    def act(values: dict[str, object]) -> Answer:
        day, full = values["on"], bool(values["full"])
        run = service.run_audit(actor, day, dry_run=bool(values["dry_run"]), full=full)  # type: ignore[arg-type] # AnyDay gives a date or None
        if run.status == "held":
            flash_message(_("The audit is held and changed nothing. A supervisor must decide on it."), "information")
        else:
            flash_message(_("The audit is done."))
        return redirect_to("audit", audit_id=run.id)

    return answer_form(page, act, {"on": as_typed(today())})


@pages.page("/audits/<row_id:audit_id>/voiding", needs=Permission.AUDITS_VOID, methods=("GET", "POST"))
def propose_to_void(actor: Actor, audit_id: int) -> Answer:
    """Propose to void an audit that a wrong clock dated in the future."""
    run = service.find_audit(actor, audit_id)
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

    done = _("The proposal to void the audit is saved.")
    return answer_form(page, lambda values: service.propose_voiding(actor, audit_id, values["reason"]), done=done)


@pages.page("/audits/<row_id:audit_id>/voiding-confirmation", needs=Permission.AUDITS_VOID, methods=("POST",))
def void_proposed(actor: Actor, audit_id: int) -> Answer:
    """Confirm voiding an audit as the second person, by the proposal that was displayed beside the button."""
    try:
        service.confirm_voiding(actor, audit_id, request.form.get("proposed_at", ""))
    except service.VoidingProposalChanged as error:
        flash_message(error_message(error), "error")
    else:
        flash_message(_("The audit is voided."))
    return redirect_to("audit", audit_id=audit_id)
