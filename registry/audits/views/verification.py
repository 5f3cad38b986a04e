"""Verification of a past audit on a page: what repeating it shows, or why it cannot be repeated."""

from __future__ import annotations

from typing import Any, Final

from flask import render_template

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.repeatable import AuditNotRepeatable, require_repeatable
from registry.audits.restricted_counts import visible_run
from registry.audits.service import find_audit
from registry.audits.verification import Difference, verify_audit
from registry.audits.views.findings import rule_titles
from registry.flags.audit_runs import AuditRun
from registry.projects.views.links import projects_numbered
from registry.web.blueprint import Answer, pages
from registry.web.error_messages import error_message
from registry.web.labels import choice_label

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
    audit = visible_run(actor, find_audit(actor, audit_id))
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
    """The words of a state of a flag (status, severity, fingerprint) or of a change (change, severity)."""
    if text is None:
        return None
    code, severity, *fingerprint = text.split()
    name = choice_label("flag_status" if what == "flag" else "change", code)
    return ", ".join((name, choice_label("severity", severity), *fingerprint))
