"""What is measured in a process of its own. Each task answers with seconds, memory and what it counted."""

from __future__ import annotations

import csv
import io
import logging
import os
import time
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select, text, update

from registry.accounts.roles import LOCAL, Actor, Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.sessions import start_session
from registry.accounts.tokens import issue
from registry.agencies.models import Agency
from registry.app import create_app
from registry.audits.policy_activation import ALL_KINDS, calculate_impact, impact_report
from registry.audits.service import run_audit
from registry.cases.models import Case
from registry.cases.queries import find_case_to_change
from registry.cases.service import say
from registry.core.database import db, table_of, transaction
from registry.core.dialects import is_sqlite
from registry.core.schema import upgrade_schema
from registry.flags.models import AuditRun
from registry.freeze.policy import Policy, policy_in_force, set_policy
from registry.imports.service import import_now
from registry.projects.fingerprints import ProjectFingerprint, refresh_fingerprints
from registry.projects.links import similar_to_project, similar_to_values
from registry.projects.models import Project
from registry.projects.schemas import PROJECT_PATCH
from registry.projects.service import register_project
from registry.settings import read_settings
from registry.web.current_user import SESSION_COOKIE
from tests.benchmark import data, duplicates
from tests.benchmark.child import in_child
from tests.benchmark.reads import processor_times
from tests.benchmark.stopwatch import peak_memory, timed
from tests.benchmark.waits import writes_beside

OPERATOR = Actor("benchmark", Role.OPERATOR, None, "cli", "benchmark")
ADMINISTRATOR = Actor("benchmark", Role.ADMINISTRATOR, None, "cli", "benchmark", credential=LOCAL)
REVIEWER = Actor("benchmark", Role.REVIEWER, None, "cli", "benchmark")
SIMILAR_SEARCHES: Final = 60
FORMER_NIGHTS: Final = 1_500
OF_AUDITS = (
    "case_events",
    "case_flags",
    "case_decisions",
    "cases",
    "former_flags",
    "flags",
    "audit_changes",
    "agency_counts",
    "daily_counts",
    "audit_inputs",
    "audits",
)


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


def former_nights() -> dict[str, Any]:
    """Four years of audits before the first one, so that finding the newest one has to be quick."""
    newest = select(AuditRun.id, AuditRun.on, AuditRun.started_at).where(AuditRun.status == "succeeded")
    with transaction() as session:
        first = session.execute(newest.order_by(AuditRun.on).limit(1)).one()
        columns = [column for column in table_of(AuditRun).columns if column.name != "scheduled_for"]
        (run,) = session.execute(select(*columns).where(AuditRun.id == first.id)).mappings()
        copied = {name: value for name, value in run.items() if name not in ("id", "judged_up_to")}
        rows = [
            copied | {"on": first.on - timedelta(days=night), "started_at": first.started_at - timedelta(days=night)}
            for night in range(1, FORMER_NIGHTS + 1)
        ]
        session.execute(insert(table_of(AuditRun)), [row | {"judged_up_to": 0} for row in rows])
    return {"audits": FORMER_NIGHTS}


def quiet_night() -> dict[str, Any]:
    """The audit on the day after, with nothing changed."""
    return _audit()


def writes_beside_an_audit() -> dict[str, Any]:
    """Registrations and comments on cases in this process, while another one audits."""
    logging.disable(logging.INFO)
    cases = db.session.scalars(select(Case.id).order_by(Case.id).limit(1000)).all()
    agency = db.session.scalars(select(Agency.bin).where(Agency.kind != "private").limit(1)).one()
    url, folder = os.environ["REGISTRY_DATABASE_URL"], Path(os.environ["REGISTRY_DATA_DIR"])
    accepted, _ = PROJECT_PATCH.load_filled(data.NEW_PROJECT)
    waiting = cycle(cases)

    def act() -> None:
        with transaction():
            say(REVIEWER, find_case_to_change(REVIEWER, next(waiting)), "seen")

    works = {"registration": lambda: register_project(ADMINISTRATOR, agency, accepted), "case action": act}
    return writes_beside(works, lambda: in_child("quiet_night", url, folder))


def _other_policy() -> Policy:
    """A policy by which old systems are high: every fifth project changes."""
    served = policy_in_force()
    legacy = replace(served.rules["freeze.legacy"], severity="high")
    return replace(served, version="what-if", digest="0" * 64, rules={**served.rules, "freeze.legacy": legacy})


def policy_night() -> dict[str, Any]:
    """The audit on a day on which another policy is in force, confirmed where it was held."""
    set_policy(_other_policy())
    return _audit()


def impact() -> dict[str, Any]:
    """What a supervisor is shown of the other policy."""
    other = _other_policy()
    shown: list[dict[str, Any]] = []
    measured = timed(lambda: shown.append(impact_report(calculate_impact(other, data.AUDITED_ON))))
    counts = {kind: len(shown[0][kind]) for kind in ALL_KINDS}
    return {**measured, "memory": peak_memory(), **counts}


def import_file(path: str) -> dict[str, Any]:
    """A file of projects, every row validated, written and journalled."""
    file, runs = Path(path), []
    measured = timed(lambda: runs.append(import_now(ADMINISTRATOR, "projects", False, file.name, file.read_bytes())))
    (run,) = runs
    return {**measured, "memory": peak_memory(), "created": run.created, "rejected": run.rejected, "rows": run.total}


def similar() -> dict[str, Any]:
    """The likely duplicates of projects all over the table, as a reviewer sees them: milliseconds of each search."""
    refresh_fingerprints()
    newest = db.session.scalars(select(func.max(Project.id))).one()
    ids = range(1, newest + 1, max(1, newest // SIMILAR_SEARCHES))
    numbers = db.session.scalars(select(Project.number).where(Project.id.in_(ids)).order_by(Project.id)).all()
    taken, named = [], 0
    cpu = time.process_time()
    for number in numbers:
        began = time.perf_counter()
        named += len(similar_to_project(REVIEWER, number))
        taken.append((time.perf_counter() - began) * 1000)
        db.session.rollback()
    cpu = (time.process_time() - cpu) / len(numbers) * 1000
    return {"milliseconds": median(taken[1:]), "slowest": max(taken[1:]), "cpu": cpu, "named": named}


def planted_duplicates(folder: str) -> dict[str, Any]:
    """Precision and recall for planted duplicates of the real records, each looked up before its registration."""
    upgrade_schema()
    with (Path(folder) / "projects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    import_now(ADMINISTRATOR, "agencies", False, "agencies.csv", (Path(folder) / "agencies.csv").read_bytes())
    registered, translated = duplicates.translated(rows)
    import_now(ADMINISTRATOR, "projects", False, "projects.csv", _as_csv(rows))
    figures = {"renamed": _looked_up(duplicates.renamed(rows)), "split": _looked_up(duplicates.split(rows))}
    # Not by an import, which would ask whether a row with another name is the same project.
    with transaction() as session:
        names = [
            {"_id": row["external_id"], "name_ru": row["name_ru"], "name_en": row["name_en"] or None}
            for row in registered
        ]
        session.connection().execute(update(table_of(Project)).where(Project.external_id == bindparam("_id")), names)
        session.execute(update(table_of(ProjectFingerprint)).values(version=0))
    refresh_fingerprints()
    return {**figures, "translated": _looked_up(translated)}


def _as_csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _looked_up(planted: list[duplicates.Planted]) -> dict[str, float]:
    agencies = dict(db.session.execute(select(Agency.bin, Agency.id)).tuples().all())
    numbers = dict(db.session.execute(select(Project.external_id, Project.number)).tuples().all())
    right = named = 0
    for each in planted:
        values = {name: text or None for name, text in each.row.items()}
        similar = [item["number"] for item in similar_to_values(REVIEWER, agencies[each.row["agency"]], values)]
        right += numbers[each.of] in similar
        named += len(similar)
    return {"precision": right / named, "recall": right / len(planted), "planted": len(planted)}


def _audit(**how: Any) -> dict[str, Any]:
    run: Any = None

    def audit() -> None:
        nonlocal run
        run = run_audit(OPERATOR, data.AUDITED_ON, **how)

    began = time.time()
    measured = timed(audit) | {"began": began, "ended": time.time()}
    counts = ("flags_opened", "flags_kept", "flags_cleared", "projects_judged", "projects_flagged")
    return {**measured, "memory": peak_memory(), **{name: getattr(run, name) for name in counts}}


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


def reads(paths: list[str]) -> dict[str, Any]:
    """Processor time and bytes of pages and of requests of the API, in Flask's own client."""
    logging.disable(logging.INFO)
    with transaction():
        name = f"supervisor {time.time_ns()}"
        person = add_person(ADMINISTRATOR, NewPerson(name, Role.SUPERVISOR, None), "a long and quiet password")
        secret = start_session(person.id, "127.0.0.1")
    number = db.session.scalar(select(Project.number).where(Project.freeze_status == "flagged").limit(1))
    case, audit = (db.session.scalar(select(func.min(model.id))) for model in (Case, AuditRun))
    secret_of_api = token()["token"]
    client = create_app(read_settings()).test_client()
    client.set_cookie(SESSION_COOKIE, secret)
    filled = {path: path.format(number=number, case=case, audit=audit) for path in paths}
    return {"reads": processor_times(client, filled, secret_of_api)}
