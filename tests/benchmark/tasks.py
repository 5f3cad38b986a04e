"""What is measured in a process of its own. Each task answers with seconds, memory and what it counted."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from registry.accounts.actors import LOCAL, Actor
from registry.accounts.people import NewPerson, add_person
from registry.accounts.roles import Role
from registry.accounts.sessions import start_session
from registry.accounts.tokens import issue
from registry.app import create_app
from registry.audits.service import run_audit
from registry.cases.models import Case
from registry.core.database import db, is_sqlite
from registry.core.schema import downgrade_schema, upgrade_schema
from registry.core.transactions import transaction
from registry.flags.audit_runs import AuditRun
from registry.freeze.current import policy_in_force
from registry.imports.service import import_now
from registry.projects.models import Project
from registry.settings import read_settings
from registry.web.current_user import SESSION_COOKIE
from tests.benchmark import data
from tests.benchmark.stopwatch import peak_memory, timed

OPERATOR = Actor("benchmark", Role.OPERATOR, None, "cli", "benchmark")
ADMINISTRATOR = Actor("benchmark", Role.ADMINISTRATOR, None, "cli", "benchmark", credential=LOCAL)
PAGES: Final = (
    "/home",
    "/projects",
    "/projects?q=система",
    "/projects?freeze_status=flagged&sort=-budget_kzt",
    "/projects/{number}",
    "/projects/{number}/history",
    "/cases",
    "/cases/{case}",
    "/audits",
    "/audits/{audit}",
    "/agencies",
    "/reports/compliance",
    "/journal",
)
OF_AUDITS = ("case_events", "case_flags", "case_decisions", "cases", "flags", "audit_changes", "audits")


def fill(size: int) -> dict[str, Any]:
    """Make the schema and the data."""
    began = time.perf_counter()
    upgrade_schema()
    data.load(size)
    return {"seconds": time.perf_counter() - began}


def first_night() -> dict[str, Any]:
    """The audit of a registry that was never audited."""
    _forget_audits()
    return _audit()


def quiet_night() -> dict[str, Any]:
    """The audit on the day after, with nothing changed."""
    return _audit()


def what_if() -> dict[str, Any]:
    """What another policy would change: a dry run."""
    served = policy_in_force()
    other = replace(served, version="what-if", digest="0" * 64, verification_grace_days=0)
    return _audit(dry_run=True, policy=other)


def import_file(path: str) -> dict[str, Any]:
    """A file of projects, every row validated, written and journalled."""
    content = Path(path).read_bytes()
    runs = []
    told = timed(lambda: runs.append(import_now(ADMINISTRATOR, "projects", False, os.path.basename(path), content)))
    (run,) = runs
    return {**told, "memory": peak_memory(), "created": run.created, "rejected": run.rejected, "rows": run.total}


def _audit(**how: Any) -> dict[str, Any]:
    run: Any = None

    def audit() -> None:
        nonlocal run
        run = run_audit(OPERATOR, data.AUDITED_ON, **how)

    told = timed(audit)
    counts = ("flags_opened", "flags_kept", "flags_cleared", "projects_judged", "projects_flagged")
    return {**told, "memory": peak_memory(), **{name: getattr(run, name) for name in counts}}


def _forget_audits() -> None:
    with transaction() as session:
        if is_sqlite():
            for table in OF_AUDITS:
                session.execute(text(f"DELETE FROM {table}"))
        else:
            session.execute(text(f"TRUNCATE {', '.join(OF_AUDITS)} CASCADE"))
    db.session.rollback()


def token() -> dict[str, Any]:
    """A supervisor's token for the requests that read, who may also register: an administrator's."""
    return {"token": issue(ADMINISTRATOR, f"benchmark {time.time_ns()}", Role.ADMINISTRATOR, None, None).text}


def pages() -> dict[str, Any]:
    """Server time and bytes of each page for a supervisor, in Flask's own client: no server, no network."""
    logging.disable(logging.INFO)
    with transaction():
        name = f"supervisor {time.time_ns()}"
        person = add_person(ADMINISTRATOR, NewPerson(name, Role.SUPERVISOR, None), "a long and quiet password")
        secret = start_session(person.id, "127.0.0.1")
    number = db.session.scalar(select(Project.number).where(Project.freeze_status == "flagged").limit(1))
    case = db.session.scalar(select(func.max(Case.id)))
    audit = db.session.scalar(select(func.min(AuditRun.id)))
    db.session.rollback()
    client = create_app(read_settings()).test_client()
    client.set_cookie(SESSION_COOKIE, secret)
    paths = [page.format(number=number, case=case, audit=audit) for page in PAGES]
    return {"pages": {page: _page(client, path) for page, path in zip(PAGES, paths, strict=True)}}


def _page(client: FlaskClient, path: str) -> dict[str, Any]:
    taken = []
    for _ in range(6):
        began = time.perf_counter()
        answer = client.get(path, follow_redirects=True)
        body = answer.get_data()
        taken.append((time.perf_counter() - began) * 1000)
    # The first time is the templates' compilation.
    return {"milliseconds": median(taken[1:]), "bytes": len(body), "status": answer.status_code}


def downgrade(revision: str) -> dict[str, Any]:
    """The schema of an earlier version."""
    downgrade_schema(revision)
    return {}


def upgrade() -> dict[str, Any]:
    """The migrations from the version before."""
    began = time.perf_counter()
    upgrade_schema()
    return {"seconds": time.perf_counter() - began}
