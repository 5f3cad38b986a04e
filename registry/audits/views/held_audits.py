"""Pages of held audits: why one is held, and the supervisor's confirmation or rejection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import url_for
from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.models import Agency
from registry.audits.held_decisions import confirm_held_audit, reject_held_audit
from registry.audits.queries import example_changes
from registry.audits.schemas import HELD_DECISION
from registry.audits.service import find_audit
from registry.audits.views.findings import rule_titles
from registry.core.database import db
from registry.flags.audit_runs import AuditRun
from registry.projects.views.links import projects_numbered
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.fields import form_field
from registry.web.flash import flash_message
from registry.web.form_pages import FormPage, answer_form
from registry.web.formats import day
from registry.web.translations import gettext as _


def held_causes_of(actor: Actor, run: AuditRun, shown: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the page shows of ``held_causes``: titles, agencies and example projects; None without causes."""
    causes = shown["held_causes"]
    if causes is None:
        return None
    titles, examples = rule_titles(), example_changes(actor, run)
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

    def act(values: dict[str, object]) -> Answer:
        confirm_held_audit(actor, audit_id, str(values["reason"]))
        flash_message(_("The audit is confirmed and done."))
        return redirect_to("audit", audit_id=audit_id)

    return answer_form(page, act)


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

    def act(values: dict[str, object]) -> Answer:
        reject_held_audit(actor, audit_id, str(values["reason"]))
        flash_message(_("The audit is rejected. Nothing has changed."))
        return redirect_to("audit", audit_id=audit_id)

    return answer_form(page, act)


def _agencies(bins: Iterable[str]) -> dict[str, Agency]:
    return {agency.bin: agency for agency in db.session.scalars(select(Agency).where(Agency.bin.in_(list(bins))))}


def _page(actor: Actor, audit_id: int, title: str, button: str, question: str, intro: str) -> FormPage:
    run = find_audit(actor, audit_id)
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
