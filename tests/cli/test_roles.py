"""Separate owner role of the schema: the restricted service role can do its work and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import make_url

from registry.core.postgresql import libpq_address
from tests.databases import SERVICE_ROLE, Databases
from tests.factories import a_bin
from tests.fixtures.cli import CommandLine
from tests.postgres_server import client_programs

pytestmark = pytest.mark.postgres_only

OWNER = "registry_owner"
FORBIDDEN = (
    "UPDATE journal SET principal = 'nobody'",
    "DELETE FROM journal",
    "TRUNCATE journal",
    "INSERT INTO journal SELECT * FROM journal ON CONFLICT (seq) DO UPDATE SET principal = 'nobody'",
    "ALTER TABLE journal DISABLE TRIGGER ALL",
    "DROP TRIGGER journal_append_only ON journal",
    "CREATE OR REPLACE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "SET session_replication_role = replica",
    "DELETE FROM journal_head",
    "INSERT INTO journal_head VALUES (2, 0, '')",
    "UPDATE changes SET new_status = 'clear'",
    "DELETE FROM change_head",
    "UPDATE alembic_version SET version_num = 'another'",
    "DROP TABLE journal",
    "TRUNCATE projects CASCADE",
    "ALTER TABLE projects ADD COLUMN more integer",
    "CREATE INDEX ON projects (number)",
    "CREATE TABLE more (id integer)",
    "CREATE SCHEMA more",
    "CREATE RULE more AS ON DELETE TO projects DO INSTEAD NOTHING",
)


@pytest.fixture
def two_roles(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """Return commands of a service whose role owns nothing; the owner has created the schema."""
    monkeypatch.setenv("PATH", f"{client_programs()}{os.pathsep}{os.environ['PATH']}")
    url = databases.make(empty=True)
    registry = owned(url, databases, tmp_path)
    assert registry("db", "upgrade").code == 0
    yield registry
    databases.drop(url)


def owned(url: str, databases: Databases, data_dir: Path) -> CommandLine:
    """Return commands of a service that knows both roles; the owner role owns the database."""
    with psycopg.connect(libpq_address(url), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone():
            connection.execute(f"CREATE ROLE {OWNER} LOGIN")
        connection.execute(f"ALTER DATABASE {make_url(url).database} OWNER TO {OWNER}")
    registry = CommandLine(databases.for_service(url), data_dir)
    owner = make_url(url).set(username=OWNER).render_as_string(hide_password=False)
    registry.settings["REGISTRY_DATABASE_OWNER_URL"] = owner
    return registry


def attempt(registry: CommandLine, statement: str) -> None:
    with psycopg.connect(libpq_address(registry.url)) as connection:
        connection.execute(statement)


def refused(registry: CommandLine, statement: str) -> bool:
    try:
        attempt(registry, statement)
    except InsufficientPrivilege:
        return True
    return False


def rights(registry: CommandLine) -> tuple[bool, ...] | None:
    """Return whether the role may change the journal, and register a project."""
    with psycopg.connect(libpq_address(registry.url)) as connection:
        return connection.execute(
            "SELECT has_table_privilege('journal', 'UPDATE'), has_table_privilege('projects', 'INSERT')"
        ).fetchone()


def test_service_role_can_change_neither_journal_nor_schema(two_roles: CommandLine) -> None:
    assert two_roles("tokens", "issue", "--name", "x", "--role", "auditor").code == 0
    assert [statement for statement in FORBIDDEN if not refused(two_roles, statement)] == []
    assert two_roles("journal", "verify").code == 0


def test_service_role_replaces_the_fingerprint_of_the_secret_key_and_nothing_else(two_roles: CommandLine) -> None:
    another = {"REGISTRY_SECRET_KEY": "another-key-of-the-service"}
    assert two_roles("tokens", "rekey", "/dev/null", **another).code == 0
    assert state_of_key(two_roles, **another) == "ok" and state_of_key(two_roles) == "failure"
    assert refused(two_roles, "UPDATE installation SET installed_at = now()")


def state_of_key(registry: CommandLine, **settings: str) -> str:
    checks = registry("doctor", "--json", **settings).json["checks"]
    return next(str(check["state"]) for check in checks if check["check"] == "secret key")


def test_service_role_works_without_owner_url(two_roles: CommandLine, tmp_path: Path) -> None:
    del two_roles.settings["REGISTRY_DATABASE_OWNER_URL"]
    number = a_bin()
    (tmp_path / "agencies.csv").write_text(f"bin,name_ru,kind\n{number},Акимат,local_executive\n")
    (tmp_path / "projects.csv").write_text(
        "agency,external_id,name_ru,object_kind,work_type,stage,placement\n"
        f"{number},1,Учёт,system,creation,creation,off_platform\n"
    )
    assert two_roles("agencies", "import", tmp_path / "agencies.csv").code == 0
    assert two_roles("projects", "import", tmp_path / "projects.csv").code == 0
    assert two_roles("audits", "run").code == 0
    assert two_roles("journal", "verify").code == 0
    assert two_roles("projects", "export").code == 0
    assert two_roles("backup", tmp_path / "backup").code == 0


def test_second_upgrade_restores_the_service_roles_rights_only(two_roles: CommandLine) -> None:
    owner = CommandLine(two_roles.settings["REGISTRY_DATABASE_OWNER_URL"], two_roles.data_dir)
    attempt(owner, f"GRANT UPDATE ON journal TO {SERVICE_ROLE}")
    attempt(owner, f"REVOKE INSERT ON projects FROM {SERVICE_ROLE}")
    assert rights(two_roles) == (True, False)
    for _ in range(2):
        assert two_roles("db", "upgrade").code == 0
        assert rights(two_roles) == (False, True)


def test_restored_backup_keeps_rights(two_roles: CommandLine, databases: Databases, tmp_path: Path) -> None:
    assert two_roles("tokens", "issue", "--name", "x", "--role", "auditor").code == 0
    taken = two_roles("backup", tmp_path / "backup")
    url = databases.make(empty=True)
    elsewhere = owned(url, databases, tmp_path)
    restored = elsewhere("restore", tmp_path / "backup")
    assert (restored.code, restored.out) == (0, taken.out), restored.err
    assert refused(elsewhere, FORBIDDEN[0])
    assert elsewhere("audits", "run").code == 0
    databases.drop(url)


def test_missing_role_is_named_and_nothing_created(databases: Databases, tmp_path: Path, empty_database: str) -> None:
    registry = owned(empty_database, databases, tmp_path)
    nobody = make_url(empty_database).set(username="nobody_here").render_as_string(hide_password=False)
    ran = registry("db", "upgrade", REGISTRY_DATABASE_URL=nobody)
    assert (ran.code, ran.raw) == (1, b"")
    assert "nobody_here" in ran.err
    with psycopg.connect(libpq_address(empty_database)) as connection:
        assert connection.execute("SELECT to_regclass('public.journal')").fetchone() == (None,)
