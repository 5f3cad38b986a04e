"""What the figures are held against: the least that the same machine, database and data could take."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Final

import psycopg

from tests.benchmark.data import AUDITED_ON
from tests.benchmark.stopwatch import processor_seconds
from tests.postgres_server import client_programs

RULE: Final = "freeze.legacy"
SCOPE: Final = "('central_body','local_executive','state_legal_entity','quasi_public','subsidiary','other_performer')"
# One rule as a person would write it by hand: what freeze.legacy finds among the data of the benchmark.
HOLDS: Final = f"""
    a.kind IN {SCOPE}
    AND NOT (p.placement = 'on_platform' AND p.placement_verified_on IS NOT NULL AND p.placement_verified_on <= %(on)s)
    AND p.stage NOT IN ('terminated', 'archived', 'written_off') AND p.placement = 'off_platform'
    AND p.work_type IN ('maintenance', 'migration') AND p.object_commissioned_on IS NOT NULL
    AND least(p.contract_signed_on, p.work_started_on) < '2026-01-01'
"""
OPEN: Final = f"""
    INSERT INTO floor_flags (project_id, rule, severity, status, observed, fingerprint, opened_on, opened_by_audit)
    SELECT p.id, '{RULE}', 'low', 'open',
        json_build_object('placement', p.placement, 'work_type', p.work_type, 'stage', p.stage,
                          'started_on', least(p.contract_signed_on, p.work_started_on)),
        encode(sha256(convert_to(concat_ws('|', '{RULE}', p.placement, p.work_type, p.stage,
                                           least(p.contract_signed_on, p.work_started_on)), 'UTF8')), 'hex'),
        %(on)s, (SELECT max(id) FROM audits)
    FROM projects p JOIN agencies a ON a.id = p.agency_id
    WHERE {HOLDS} AND NOT EXISTS (
        SELECT FROM floor_flags f WHERE f.project_id = p.id AND f.rule = '{RULE}' AND f.status <> 'cleared')
"""
CLEAR: Final = f"""
    UPDATE floor_flags f SET status = 'cleared', cleared_on = %(on)s, cleared_by_audit = (SELECT max(id) FROM audits)
    WHERE f.status <> 'cleared' AND NOT EXISTS (
        SELECT FROM projects p JOIN agencies a ON a.id = p.agency_id WHERE p.id = f.project_id AND {HOLDS})
"""
TABLE: Final = """
    CREATE TABLE IF NOT EXISTS floor_flags (LIKE flags INCLUDING ALL);
    DO $$ BEGIN
        ALTER TABLE floor_flags
            ADD CONSTRAINT floor_project FOREIGN KEY (project_id) REFERENCES projects (id),
            ADD CONSTRAINT floor_opened FOREIGN KEY (opened_by_audit) REFERENCES audits (id),
            ADD CONSTRAINT floor_cleared FOREIGN KEY (cleared_by_audit) REFERENCES audits (id),
            ADD CONSTRAINT floor_exemption FOREIGN KEY (exemption_id) REFERENCES exemptions (id);
    EXCEPTION WHEN duplicate_object THEN NULL; END $$
"""


def one_rule_night(address: str, *, first: bool) -> dict[str, float]:
    """The raw pass of one rule in SQL: what holds is flagged, what holds no more is cleared.

    A first one begins with no flags.
    """
    with psycopg.connect(address) as connection:
        connection.execute(TABLE)
        if first:
            connection.execute("TRUNCATE floor_flags RESTART IDENTITY")
        connection.commit()
        backend = connection.info.backend_pid
        used, began = processor_seconds(backend), time.perf_counter()
        opened = connection.execute(OPEN, {"on": AUDITED_ON}).rowcount
        connection.execute(CLEAR, {"on": AUDITED_ON})
        connection.commit()
        measured = {"seconds": time.perf_counter() - began, "cpu_database": processor_seconds(backend) - used}
        if first:
            # So that the quiet pass is planned with what a server knows by the next night.
            connection.execute("ANALYZE floor_flags")
    return {**measured, "flags_opened": opened}


def psql_copy(address: str, path: Path) -> dict[str, float]:
    r"""``\copy`` of the whole table by psql, which formats nothing and works nothing out."""
    order = f"\\copy (SELECT * FROM projects ORDER BY id) TO '{path}' (FORMAT csv, HEADER)"
    began = time.perf_counter()
    subprocess.run([client_programs() / "psql", address, "--no-psqlrc", "--quiet", "--command", order], check=True)
    return {"seconds": time.perf_counter() - began, "bytes": path.stat().st_size}
