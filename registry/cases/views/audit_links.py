"""Names and links of audits on a case's timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask import url_for
from sqlalchemy import select

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.database import db
from registry.flags.audit_runs import AuditRun
from registry.web.formats import day
from registry.web.formats import gettext as _

ACTS_AS: Final = "audit:"


def audit_names(
    actor: Actor, events: Iterable[Mapping[str, Any]], more: Iterable[int] = ()
) -> dict[str, tuple[str, str | None]]:
    """Map ``audit:<id>`` to ``(name, URL)``; the URL is None for actors who may not open audits.

    ``more``: ids of audits that no timeline event names.
    """
    ids = {int(event["by"].removeprefix(ACTS_AS)) for event in events if event["by"].startswith(ACTS_AS)} | set(more)
    runs = db.session.execute(select(AuditRun.id, AuditRun.on, AuditRun.trigger).where(AuditRun.id.in_(ids)))
    opens = actor.may(Permission.AUDITS_READ)
    return {
        f"{ACTS_AS}{run.id}": (
            (_("An audit of %(day)s") if run.trigger == "manual" else _("The nightly audit of %(day)s"))
            % {"day": day(run.on)},
            url_for("web.audit", audit_id=run.id) if opens else None,
        )
        for run in runs
    }
