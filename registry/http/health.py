"""``/healthz`` and ``/readyz``: is the process there, and is the registry doing its work."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Final

from flask import Blueprint, Flask, Response, json
from sqlalchemy.exc import SQLAlchemyError

from registry.audits.schedule import unconfirmed_since
from registry.core.clock import now, rfc3339, today
from registry.core.disk_checks import is_corruption_error, is_damaged, is_disk_full
from registry.core.installation import OTHER_KEY, has_other_key, installed_at
from registry.core.schema import schema_is_current
from registry.flags.models import audit_in_future, last_good_audit
from registry.http.error_handlers import error_of
from registry.http.request_log import LOG
from registry.journal.verification import RUNBOOK, last_verification
from registry.settings import Settings

DAMAGED: Final = "database-damaged: registry restore FILE"
MAX_AUDIT_AGE: Final = timedelta(hours=26)


def init_health(app: Flask, settings: Settings) -> None:
    """Register the two routes."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def healthz() -> Response:
        return _status_text(200, {"status": "ok"})

    @health.get("/readyz")
    def readyz() -> Response:
        try:
            reasons = why_not_ready(audits_are_on=settings.audit_at is not None)
        except (SQLAlchemyError, sqlite3.Error) as error:
            LOG.error("not ready: the database cannot be used", exc_info=error)
            reasons = [DAMAGED if is_corruption_error(getattr(error, "orig", error)) else error_of(error).code]
        if reasons:
            return _status_text(503, {"status": "not ready", "reasons": reasons})
        return _status_text(200, {"status": "ready", "reasons": []})

    app.register_blueprint(health)


def why_not_ready(*, audits_are_on: bool) -> list[str]:
    """What keeps the registry from doing its work: codes, none when all is well."""
    if not schema_is_current():
        return ["schema-not-current"]
    if is_damaged():
        return [DAMAGED]
    if is_disk_full():
        return ["disk-full"]
    ahead = audit_in_future(today())
    if ahead is not None:
        return [f"audit-in-the-future {ahead.on.isoformat()}: registry audits void {ahead.id}"]
    last = last_good_audit()
    reasons = [OTHER_KEY] if has_other_key() else []
    if last_verification().fault is not None:
        reasons.append(f"journal-broken: {RUNBOOK}")
    # A new installation has no audit yet. Whoever starts audits, the scheduler or cron, one a day is due from then on.
    due_since = last.finished_at if last is not None else installed_at()
    if due_since is not None and now() - due_since > MAX_AUDIT_AGE:
        reasons.append(f"no-good-audit-since {rfc3339(due_since)}")
    since = unconfirmed_since(now()) if audits_are_on else None
    if since is not None:
        reasons.append(f"clock-not-confirmed since {rfc3339(since)}: registry audits run")
    return reasons


def _status_text(status: int, body: dict[str, object]) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/json")
