"""``/metrics``: what is counted, what is read from the database, and several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select

from registry.accounts.roles import Role
from registry.app import create_app
from registry.audits.service import run_audit
from registry.cases.models import Case
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.installation import save_job_run
from registry.core.outbox import enqueue
from registry.flags.models import AuditRun
from registry.http.metrics import STORED
from registry.journal import service as journal
from registry.notifications.models import OutboundEmail
from registry.settings import CHECKOUT, read_settings
from tests.factories import a_project, an_actor, an_agency, restrict
from tests.fixtures.cli import CommandLine
from tests.present import Present

Scrape = Callable[[], dict[str, float]]


@pytest.fixture
def scrape(app: Flask, client: FlaskClient, present: Present) -> Iterator[Scrape]:
    """Read the samples as they are now, at noon of 1 March 2026 at first."""
    present.set(date(2026, 3, 1))

    def read() -> dict[str, float]:
        app.extensions[STORED].forget()
        return samples(client.get("/metrics").get_data(as_text=True))

    yield read
    app.extensions[STORED].forget()


def samples(text: str) -> dict[str, float]:
    """Samples by name and labels, as they are written."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def a_run(status: str, *, minutes: int = 0) -> None:
    with transaction() as session:
        session.add(
            AuditRun(
                on=now().date(),
                trigger="manual",
                status=status,
                dry_run=False,
                policy_version="1",
                policy_digest="0" * 64,
                started_by="tests",
                started_at=now() - timedelta(minutes=minutes),
                finished_at=now(),
            )
        )


def test_requests_are_counted_by_method_route_and_status(scrape: Scrape, client: FlaskClient) -> None:
    client.get("/api/v1/projects/QT-2026-0000001-5")
    shown = scrape()
    labels = 'method="GET",route="/api/v1/projects/<project:number>",status="401"'
    assert shown[f"registry_http_requests_total{{{labels}}}"] >= 1
    assert 'registry_http_request_duration_seconds_count{route="/api/v1/projects/<project:number>"}' in shown


def test_methods_that_do_not_exist_are_counted_as_other(scrape: Scrape, client: FlaskClient) -> None:
    for method in ("BREW", "brew", "PROPFIND", "Z" * 100):
        assert client.open("/healthz", method=method).status_code == 405
    client.options("/healthz")
    shown = scrape()
    assert 'registry_http_requests_total{method="other",route="none",status="405"}' in shown
    assert 'registry_http_requests_total{method="OPTIONS",route="/healthz",status="200"}' in shown
    assert not any(word in name for name in shown for word in ("BREW", "PROPFIND", "ZZZ"))


def test_every_metric_has_a_help_text_and_a_unit_or_total_in_its_name(client: FlaskClient, scrape: Scrape) -> None:
    scrape()
    families = list(text_string_to_metric_families(client.get("/metrics").get_data(as_text=True)))
    assert [family.name for family in families if not family.name.startswith("registry_")] == []
    assert [family.name for family in families if not family.documentation] == []
    times = {family.name for family in families if "timestamp" in family.name or "age" in family.name.split("_")}
    assert times and all(name.endswith("_seconds") for name in times)


def test_version_is_exported_as_build_info(scrape: Scrape) -> None:
    [info] = [name for name in scrape() if name.startswith("registry_build_info")]
    assert 'version="0.3.0"' in info


def test_audits_are_exported_with_age_duration_and_status(scrape: Scrape) -> None:
    a_run("succeeded", minutes=2)
    good_at = now().timestamp()
    a_run("held")
    shown = scrape()
    assert shown["registry_audit_last_success_timestamp_seconds"] == good_at
    assert shown["registry_audit_last_duration_seconds"] == 120
    assert shown['registry_audit_last_status{status="held"}'] == 1
    assert shown['registry_audit_last_status{status="succeeded"}'] == 0
    assert shown["registry_audits_held"] == 1


def test_flags_are_exported_by_severity_as_of_the_last_audit(scrape: Scrape, present: Present) -> None:
    present.set(date(2026, 11, 25))
    a_project(an_agency())
    run_audit(an_actor(Role.OPERATOR))
    flags = {name: value for name, value in scrape().items() if name.startswith("registry_flags{")}
    assert sum(flags.values()) > 0
    assert all('severity="' in name and 'status="' in name for name in flags)


def test_queues_are_exported_with_size_and_age(scrape: Scrape, present: Present) -> None:
    with transaction():
        enqueue("tests", {})
    agency = an_agency(email="office@agency.kz")
    for state, minutes in (("waiting", 7), ("waiting", 3), ("failed", 60), ("sent", 60)):
        with transaction() as session:
            session.add(
                OutboundEmail(
                    key=f"{state} {minutes}",
                    agency_id=agency.id,
                    is_digest=False,
                    events=[],
                    created_at=now() - timedelta(minutes=minutes),
                    state=state,
                    tries=1,
                    next_try_at=now(),
                )
            )
    present.move(timedelta(seconds=90))
    shown = scrape()
    assert shown['registry_queue_size{queue="emails"}'] == 2
    assert shown['registry_queue_oldest_age_seconds{queue="emails"}'] == 510
    assert shown['registry_queue_oldest_age_seconds{queue="outbox"}'] == 90
    assert shown['registry_queue_size{queue="imports"}'] == 0
    assert shown['registry_queue_oldest_age_seconds{queue="requests"}'] == 0
    assert shown["registry_emails_failed"] == 1


def test_backup_that_failed_does_not_count_as_the_last_one(scrape: Scrape, present: Present) -> None:
    assert "registry_backup_last_timestamp_seconds" not in scrape()
    operator = an_actor(Role.OPERATOR)
    for action in ("database.backup-started", "database.backup-started", "database.backup-failed"):
        present.move(timedelta(hours=1))
        with transaction():
            journal.record(operator, action, "database:registry", {"file": "x"})
    last = (now() - timedelta(hours=2)).timestamp()
    assert scrape()["registry_backup_last_timestamp_seconds"] == last


def test_jobs_of_the_scheduler_are_exported_with_their_last_success_and_failure(scrape: Scrape) -> None:
    save_job_run("notices", 12)
    save_job_run("digest", 5, "ValueError")
    shown = scrape()
    success, failure = (f"registry_scheduled_job_last_{end}_timestamp_seconds" for end in ("success", "failure"))
    assert shown[f'{success}{{scheduled_job="notices"}}'] == now().timestamp()
    assert shown[f'{failure}{{scheduled_job="digest"}}'] == now().timestamp()
    assert f'{success}{{scheduled_job="digest"}}' not in shown


def test_stored_numbers_are_read_once_in_ten_seconds(app: Flask, client: FlaskClient, scrape: Scrape) -> None:
    assert scrape()['registry_queue_size{queue="outbox"}'] == 0
    with transaction():
        enqueue("tests", {})
    again = samples(client.get("/metrics").get_data(as_text=True))
    assert again['registry_queue_size{queue="outbox"}'] == 0
    assert scrape()['registry_queue_size{queue="outbox"}'] == 1


def test_database_that_is_away_leaves_the_numbers_of_the_process(tmp_path: Path) -> None:
    app = create_app(
        read_settings(
            {
                "REGISTRY_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/nothing",
                "REGISTRY_DATA_DIR": str(tmp_path),
                "REGISTRY_SECRET_KEY": "of-the-tests-and-nobody-else",
            }
        )
    )
    shown = samples(app.test_client().get("/metrics").get_data(as_text=True))
    assert shown["registry_database_up"] == 0
    assert any(name.startswith("registry_build_info") for name in shown)
    with app.app_context():
        db.engine.dispose()


@pytest.mark.postgres_only
def test_clock_and_lock_waits_of_the_server_are_exported(scrape: Scrape, present: Present) -> None:
    present.release()
    shown = scrape()
    assert abs(shown["registry_clock_skew_seconds"]) < 60
    assert shown["registry_database_sessions_waiting_for_locks"] == 0


# Counts with the name of its route, then shows what it has.
PROCESS = """
from registry.app import create_app
client = create_app().test_client()
client.get("/healthz")
print(client.get("/metrics").get_data(as_text=True))
"""


# Counts, loses the folder, and goes on.
PROCESS_WITHOUT_ITS_FOLDER = """
import os, shutil
from registry.app import create_app
client = create_app().test_client()
shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"])
print(client.get("/healthz").status_code, client.get("/metrics").status_code)
print(client.get("/metrics").get_data(as_text=True))
"""


@pytest.mark.sqlite_only
def test_removed_folder_leaves_the_stored_numbers_and_every_request_its_answer(
    registry: CommandLine, tmp_path: Path
) -> None:
    environment = registry.environment(PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "shared"))
    command = [sys.executable, "-c", PROCESS_WITHOUT_ITS_FOLDER]
    out = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, check=True).stdout.decode()
    assert out.splitlines()[0] == "200 200"
    assert samples(out.partition("\n")[2])["registry_database_up"] == 1


def test_restricted_projects_change_no_metric(scrape: Scrape, present: Present) -> None:
    present.set(date(2026, 8, 1))
    supervisor = an_actor(Role.SUPERVISOR)
    a_project()
    run_audit(supervisor)
    with_one = scrape()
    hidden = a_project()
    restrict(hidden.number)
    run_audit(supervisor)
    present.set(date(2026, 12, 1))
    assert db.session.scalar(select(func.count()).select_from(Case).where(Case.due_on < now().date())) == 2
    with_two = scrape()
    for name in with_two:
        if name.startswith("registry_flags"):
            assert with_one[name] == with_two[name]
    assert with_two["registry_cases_overdue"] == 1


# The processes share files.
@pytest.mark.sqlite_only
def test_requests_of_all_processes_are_counted_and_pools_of_those_that_live(
    registry: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    environment = registry.environment(PROMETHEUS_MULTIPROC_DIR=str(folder))
    processes = [
        subprocess.run([sys.executable, "-c", PROCESS], env=environment, cwd=CHECKOUT, capture_output=True, check=True)
        for _ in range(2)
    ]
    shown = samples(processes[1].stdout.decode())
    assert shown['registry_http_requests_total{method="GET",route="/healthz",status="200"}'] == 2
    assert shown['registry_http_request_duration_seconds_count{route="/healthz"}'] == 2
    assert shown["registry_database_connections_limit"] == (15 if "sqlite" in registry.url else 20)
    assert shown["registry_database_up"] == 1
    assert os.stat(folder).st_mode & 0o777 == 0o700
