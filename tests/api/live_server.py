"""The service on a port of this machine, with a little of everything in its database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from flask import Flask

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.cli.serve import WebServer
from registry.exemptions.service import record_exemption
from registry.imports.service import queue_import
from registry.imports.worker import run_next_import
from registry.projects.documents import add_document
from tests.factories import ADMINISTRATOR, a_project, a_token, an_actor, an_agency

ROLES = (Role.ADMINISTRATOR, Role.SUPERVISOR)


@dataclass(frozen=True, slots=True)
class Served:
    """Where the service listens, a token of each role, and the agencies that are there."""

    url: str
    tokens: dict[Role, str]
    bins: list[str]


@contextmanager
def served(app: Flask) -> Iterator[Served]:
    """Serve the app, whose database is its own, from another thread."""
    with app.app_context():
        tokens, bins = _seed()
    server = WebServer(app, "127.0.0.1", 0)
    stopping = threading.Event()
    thread = threading.Thread(target=server.serve_until, args=[stopping])
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.port}", tokens, bins)
    finally:
        stopping.set()
        thread.join()


def _seed() -> tuple[dict[Role, str], list[str]]:
    top = an_agency()
    agencies = [top, an_agency(parent=top), an_agency(kind="private")]
    projects = [a_project(agency) for agency in agencies]
    projects.append(a_project(top, placement="on_platform", platform_key="k-1"))
    projects.append(a_project(top, placement="onboarding", onboarding_due_on="2026-12-01"))
    projects.append(a_project(top, stage="terminated", ended_on="2026-02-01"))
    supervisor = an_actor(Role.SUPERVISOR)
    day = date(2026, 1, 1)
    exemption = {"project": projects[1].number, "decision_number": "5-1", "decided_on": day, "valid_from": day}
    record_exemption(supervisor, {**exemption, "valid_to": date(2030, 1, 1)})
    add_document(ADMINISTRATOR, projects[0], "contract.pdf", "application/pdf", b"%PDF-")
    run_audit(supervisor)
    run_audit(supervisor, dry_run=True)
    file = f"agency,external_id,name_ru,object_kind,work_type,stage,placement\n{top.bin},,Система,,,,\n"
    queue_import(ADMINISTRATOR, "projects", True, "projects.csv", file.encode())
    run_next_import()
    return {role: a_token(role) for role in ROLES}, [agency.bin for agency in agencies]
