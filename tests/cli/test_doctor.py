"""``registry doctor``: what it finds, and that it works when the database does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from registry.cli.doctor import unusable
from registry.core.clock import now
from registry.core.database import db, transaction
from registry.core.installation import save_job_run
from registry.core.outbox import enqueue
from registry.core.translations import MESSAGES_OF
from registry.flags.models import AuditRun
from registry.freeze.policy import first_policy
from registry.settings import CHECKOUT, read_settings
from tests.databases import bare_app, journal_clock
from tests.fixtures.cli import CommandLine, Ran
from tests.present import Present
from tests.running import free_port

Services = Callable[[], Any]


# A command, as the others: tests/conftest.py.
pytestmark = pytest.mark.on_either


@pytest.fixture
def registry(registry: CommandLine) -> CommandLine:
    """The command line of a registry whose journal takes entries of now alone, as in production."""
    journal_clock(registry.url, on=True)
    return registry


def found(ran: Ran) -> dict[str, dict[str, Any]]:
    """The worst finding of each check."""
    order = ("ok", "skipped", "warning", "failure")
    checks = sorted(ran.json["checks"], key=lambda finding: order.index(finding["state"]))
    return {finding["check"]: finding for finding in checks}


def states(ran: Ran) -> dict[str, str]:
    return {name: finding["state"] for name, finding in found(ran).items()}


def test_new_registry_has_no_failure_and_says_what_is_missing(registry: CommandLine) -> None:
    ran = registry("doctor", "--json")
    assert ran.code == 0, ran.out
    assert states(ran) | {"disk": "ok", "rights": "ok", "calendar": "ok"} == {
        "time zone": "ok",
        "settings": "ok",
        "policy": "ok",
        "calendar": "ok",
        "disk": "ok",
        "database": "ok",
        "schema": "ok",
        "rights": "ok",
        "guards": "ok",
        "indexes": "ok",
        "secret key": "ok",
        "locks": "ok",
        "journal": "ok",
        "clock": "ok",
        "scheduler": "warning",
        "audit": "warning",
        "queues": "ok",
        "backup": "warning",
        "restore drill": "warning",
        "mail": "warning",
    }
    assert ran.json["failures"] == 0


def test_lines_have_state_check_advice_and_runbook(registry: CommandLine) -> None:
    ran = registry("doctor")
    lines = ran.out.splitlines()
    at = lines.index("WARNING  backup         The journal has no entry of a backup.")
    assert [line.strip() for line in lines[at + 1 : at + 3]] == [
        "Take one, and do so every day: registry backup FILE.",
        "docs/runbooks/backup-too-old.md",
    ]
    assert "Failures: 0" in ran.err


@pytest.mark.usefixtures("server_programs")
def test_backup_and_drill_that_were_made_are_found(registry: CommandLine, tmp_path: Path) -> None:
    folder = {"REGISTRY_BACKUP_DIR": str(tmp_path)}
    assert registry("doctor", "--json", **folder).code == 1
    assert registry("backup", **folder).code == 0
    assert registry("restore-drill", **folder).code == 0
    ended = states(registry("doctor", "--json", **folder))
    assert (ended["backup folder"], ended["backup"], ended["restore drill"]) == ("ok", "ok", "ok")


def test_wrong_settings_are_named_and_nothing_else_is_tried(registry: CommandLine) -> None:
    ran = registry("doctor", "--json", REGISTRY_PORT="0", REGISTRY_LOG_LEVEL="loud")
    assert ran.code == 1
    assert states(ran) == {"time zone": "ok", "settings": "failure"}
    text = found(ran)["settings"]["text"]
    assert "REGISTRY_PORT" in text and "REGISTRY_LOG_LEVEL: expected one of debug, info, warning, error" in text


@pytest.mark.sqlite_only
def test_error_reports_that_cannot_be_sent_are_a_wrong_setting(registry: CommandLine) -> None:
    ran = registry("doctor", "--json", SENTRY_DSN="sentry.example.kz")
    assert (ran.code, states(ran)) == (1, {"time zone": "ok", "settings": "failure"})
    assert "SENTRY_DSN: expected an address" in found(ran)["settings"]["text"]


def test_wrong_policy_file_is_named(registry: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("version = 1\n")
    ran = registry("doctor", "--json", REGISTRY_POLICY_FILE=str(tmp_path / "policy.toml"))
    assert (ran.code, states(ran)["policy"], states(ran)["database"]) == (1, "failure", "ok")


def test_policy_file_that_no_audit_has_used_is_named(registry: CommandLine, services: Callable[[], Any]) -> None:
    with services():
        an_audit(now().date())
    assert states(registry("doctor", "--json"))["policy"] == "ok"
    with services():
        an_audit(now().date(), policy_digest="0" * 64)
    finding = found(registry("doctor", "--json"))["policy"]
    assert (finding["state"], "the last audit judged by another one (1)" in finding["text"]) == ("warning", True)


def test_policy_that_asks_for_signatures_which_nobody_can_give_is_named(
    registry: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The policy of the process is that of other tests too.
    monkeypatch.setattr("registry.freeze.policy._current", [])
    text = (CHECKOUT / "config/freeze_policy.toml").read_text(encoding="utf-8")
    (tmp_path / "policy.toml").write_text(f"{text}\n[signatures]\norders = true\n", encoding="utf-8")
    ran = registry("doctor", "--json", REGISTRY_POLICY_FILE=str(tmp_path / "policy.toml"))
    finding = found(ran)["policy"]
    assert (finding["state"], "REGISTRY_SIGNATURES is off" in finding["text"]) == ("failure", True)


def test_database_that_is_away_leaves_the_other_checks(registry: CommandLine) -> None:
    ran = registry("doctor", "--json", REGISTRY_DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    assert ran.code == 1
    finding = found(ran)["database"]
    assert (finding["state"], finding["runbook"]) == ("failure", "docs/runbooks/failover.md")
    assert {name for name, state in states(ran).items() if state == "skipped"} >= {"schema", "journal", "audit"}
    assert states(ran)["mail"] == "warning"


@pytest.mark.sqlite_only
def test_missing_file_is_not_created(registry: CommandLine, tmp_path: Path) -> None:
    ran = registry("doctor", "--json", REGISTRY_DATABASE_URL=f"sqlite:///{tmp_path}/none.sqlite3")
    assert (ran.code, states(ran)["database"], states(ran)["schema"]) == (1, "failure", "skipped")
    assert not (tmp_path / "none.sqlite3").exists()


@pytest.mark.sqlite_only
@pytest.mark.parametrize(("at", "content"), [(0, b"no database"), (4096, bytes(4096 * 20))])
def test_damaged_file_leads_to_its_runbook(registry: CommandLine, at: int, content: bytes) -> None:
    with open(registry.url.removeprefix("sqlite:///"), "r+b") as file:
        file.seek(at)
        file.write(content)
    ran = registry("doctor", "--json")
    assert ran.code == 1
    assert found(ran)["database"]["runbook"] == "docs/runbooks/damaged-sqlite.md"
    assert "registry restore" in found(ran)["database"]["advice"]


def test_schema_of_another_version_is_named(registry: CommandLine, services: Services) -> None:
    with services(), db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '2026_11_24_1'"))
    ran = registry("doctor", "--json")
    assert (ran.code, states(ran)["schema"], states(ran)["journal"]) == (1, "failure", "skipped")


def test_days_off_that_are_estimated_are_named_before_the_new_year(
    registry: CommandLine, present: Present, tmp_path: Path
) -> None:
    present.set(date(2026, 9, 30))
    assert states(registry("doctor", "--json"))["calendar"] == "ok"
    present.set(date(2026, 10, 1))
    finding = found(registry("doctor", "--json"))["calendar"]
    assert (finding["state"], finding["text"]) == ("warning", "Days off of 2027 that are only estimated: 2027-05-16.")
    (tmp_path / "calendar.toml").write_text("days_off = [2027-05-16]\n")
    confirmed = registry("doctor", "--json", REGISTRY_CALENDAR_FILE=str(tmp_path / "calendar.toml"))
    assert states(confirmed)["calendar"] == "ok"


def test_missing_index_is_named(registry: CommandLine, services: Services) -> None:
    with services(), db.engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_projects_platform_key"))
    finding = found(registry("doctor", "--json"))["indexes"]
    assert finding["state"] == "failure"
    assert finding["text"] == "Indexes that are missing or invalid: ix_projects_platform_key."


@pytest.mark.postgres_only
def test_invalid_index_is_named(registry: CommandLine, services: Services) -> None:
    with services(), db.engine.begin() as connection:
        name = "'ix_projects_platform_key'::regclass"
        connection.execute(text(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = {name}"))
    finding = found(registry("doctor", "--json"))["indexes"]
    assert (finding["state"], "ix_projects_platform_key" in finding["text"]) == ("failure", True)


def test_refused_password_leads_to_key_rotation_and_not_to_failover(registry: CommandLine) -> None:
    settings = read_settings(
        {
            **registry.settings,
            "REGISTRY_DATABASE_URL": "postgresql+psycopg://registry:old@127.0.0.1/registry",
            "REGISTRY_SECRET_KEY": "of-the-tests-and-nobody-else",
        }
    )
    reason = 'connection to server at "127.0.0.1" failed: FATAL:  password authentication failed for user "registry"'
    error = OperationalError(None, None, psycopg.OperationalError(reason))
    assert unusable(error, settings).runbook == "docs/runbooks/key-rotation.md"
    away = OperationalError(None, None, psycopg.OperationalError("connection refused"))
    assert unusable(away, settings).runbook == "docs/runbooks/failover.md"


def test_clock_that_jumped_is_noticed(registry: CommandLine, services: Services, present: Present) -> None:
    with services():
        an_audit(now().date() + timedelta(days=400))
    finding = found(registry("doctor", "--json"))["clock"]
    assert (finding["state"], finding["runbook"]) == ("failure", "docs/runbooks/clock-jumped.md")
    assert "registry audits void" in finding["advice"]


def test_scheduler_is_alive_then_stuck_then_failing(
    registry: CommandLine, services: Services, present: Present
) -> None:
    present.set(now().date())
    with services():
        save_job_run("notices", 5)
    assert states(registry("doctor", "--json"))["scheduler"] == "ok"
    present.move(timedelta(minutes=4))
    quiet = found(registry("doctor", "--json"))["scheduler"]
    assert (quiet["state"], quiet["text"]) == ("warning", "No job of the scheduler has ended for 4 min.")
    present.move(timedelta(minutes=13))
    stuck = found(registry("doctor", "--json"))["scheduler"]
    assert (stuck["state"], stuck["runbook"]) == ("failure", "docs/runbooks/frozen-scheduler.md")
    assert "notices" in stuck["text"]
    with services():
        save_job_run("notices", 5)
        save_job_run("nightly audit", 5, "AuditFailed")
    failing = found(registry("doctor", "--json"))["scheduler"]
    assert failing["state"] == "failure" and "AuditFailed" in failing["text"]


def test_old_and_held_audits_and_stuck_queues_are_failures(
    registry: CommandLine, services: Services, present: Present
) -> None:
    present.set(date(2026, 3, 1))
    with services():
        an_audit(now().date())
        an_audit(now().date(), "held")
        with transaction():
            enqueue("tests", {})
    assert states(registry("doctor", "--json"))["queues"] == "ok"
    present.move(timedelta(hours=27))
    checks = found(registry("doctor", "--json"))
    assert (checks["audit"]["state"], checks["audit"]["runbook"]) == ("failure", "docs/runbooks/held-audit.md")
    assert (checks["queues"]["state"], checks["queues"]["runbook"]) == ("failure", "docs/runbooks/queue-stuck.md")


def test_audit_that_never_ran_is_a_failure_after_a_day_whoever_starts_audits(
    registry: CommandLine, present: Present
) -> None:
    present.move(timedelta(hours=25))
    assert states(registry("doctor", "--json"))["audit"] == "warning"
    present.move(timedelta(hours=2))
    for audit_at in ("off", "02:00"):
        assert states(registry("doctor", "--json", REGISTRY_AUDIT_AT=audit_at))["audit"] == "failure"


def test_mail_server_that_does_not_answer_leads_to_its_runbook(registry: CommandLine) -> None:
    mail = {
        "REGISTRY_SMTP_URL": f"smtp://127.0.0.1:{free_port()}",
        "REGISTRY_PUBLIC_URL": "https://registry.example.kz",
    }
    ran = registry("doctor", "--json", **mail)
    assert (ran.code, found(ran)["mail"]["runbook"]) == (1, "docs/runbooks/mail-down.md")


def test_journal_whose_head_does_not_match_is_a_failure(registry: CommandLine, services: Services) -> None:
    with services(), db.engine.begin() as connection:
        connection.execute(text("UPDATE journal_head SET seq = 99"))
    assert states(registry("doctor", "--json"))["journal"] == "failure"


@pytest.mark.postgres_only
def test_service_role_has_its_rights_and_the_owner_too_many(registry: CommandLine, databases: Any) -> None:
    assert states(registry("doctor", "--json"))["rights"] == "warning"
    as_service = {"REGISTRY_DATABASE_URL": databases.for_service(registry.url)}
    assert states(registry("doctor", "--json", **as_service))["rights"] == "ok"
    grants = {
        "GRANT UPDATE ON revisions TO registry_service": "revisions UPDATE",
        "GRANT DELETE ON case_events TO registry_service": "case_events DELETE",
        "GRANT UPDATE ON journal TO registry_service": "journal UPDATE",
        "REVOKE INSERT ON revisions FROM registry_service": "revisions INSERT",
        "REVOKE SELECT ON tokens FROM registry_service": "tokens SELECT",
    }
    for statement, named in grants.items():
        as_owner(registry, statement)
        finding = found(registry("doctor", "--json", **as_service))["rights"]
        assert finding["state"] == "failure"
        assert named in finding["text"]


def as_owner(registry: CommandLine, statement: str) -> None:
    with bare_app(registry.url).app_context():
        with db.engine.begin() as connection:
            connection.execute(text(statement))
        db.engine.dispose()


def test_missing_triggers_are_a_failure(registry: CommandLine, database_kind: str) -> None:
    on_journal = " ON journal" if database_kind == "postgresql" else ""
    as_owner(registry, f"DROP TRIGGER journal_chain{on_journal}")
    finding = found(registry("doctor", "--json"))["guards"]
    assert (finding["state"], finding["runbook"]) == ("failure", "docs/runbooks/journal-broken.md")
    assert "journal_chain" in finding["text"]
    journal_clock(registry.url, on=False)
    assert "journal_chain, journal_clock" in found(registry("doctor", "--json"))["guards"]["text"]


def test_another_secret_key_is_a_failure_until_it_becomes_the_registrys(registry: CommandLine, tmp_path: Path) -> None:
    previous = registry.settings["REGISTRY_SECRET_KEY"]
    another = {"REGISTRY_SECRET_KEY": "another-key-of-the-service"}
    assert registry("db", "upgrade").code == 0
    assert found(registry("doctor", "--json"))["secret key"]["state"] == "ok"
    # Neither another upgrade nor another process replaces the first key.
    registry("db", "upgrade", **another)
    finding = found(registry("doctor", "--json", **another))["secret key"]
    assert (finding["state"], finding["runbook"]) == ("failure", "docs/runbooks/key-rotation.md")
    (tmp_path / "previous").write_text(previous)
    assert registry("tokens", "rekey", tmp_path / "previous", **another).code == 0
    assert found(registry("doctor", "--json", **another))["secret key"]["state"] == "ok"
    assert found(registry("doctor", "--json"))["secret key"]["state"] == "failure"


@pytest.mark.sqlite_only
def test_secret_key_of_the_data_folder_is_the_one_of_the_registry(registry: CommandLine) -> None:
    registry.settings.pop("REGISTRY_SECRET_KEY")
    assert registry("db", "upgrade").code == 0
    assert found(registry("doctor", "--json"))["secret key"]["state"] == "ok"


@pytest.mark.postgres_only
def test_disabled_trigger_is_a_missing_one(registry: CommandLine) -> None:
    as_owner(registry, "ALTER TABLE orders DISABLE TRIGGER orders_ended")
    assert "orders_ended" in found(registry("doctor", "--json"))["guards"]["text"]


def test_every_problem_has_advice_and_every_runbook_exists() -> None:
    codes = set(MESSAGES_OF["doctor"])
    assert {code.removesuffix("-advice") for code in codes if code.endswith("-advice")} <= codes
    code = (CHECKOUT / "registry/cli/doctor.py").read_text("utf-8")
    runbooks = {path.stem for path in (CHECKOUT / "docs/runbooks").glob("*.md")} - {"README"}
    assert {name for name in runbooks if f'"{name}"' not in code} == set()


def an_audit(on: date, status: str = "succeeded", at: datetime | None = None, policy_digest: str | None = None) -> None:
    with transaction() as session:
        session.add(
            AuditRun(
                on=on,
                trigger="manual",
                status=status,
                dry_run=False,
                policy_version="1",
                policy_digest=policy_digest or first_policy().digest,
                started_by="tests",
                started_at=at or now(),
                finished_at=at or now(),
            )
        )
