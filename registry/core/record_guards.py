"""Triggers that keep records from being rewritten, whoever writes: the service, its role by hand, a planted statement.

- ``journal_chain``: an entry of the journal follows the last one, by number and by hash.
- ``journal_clock``: its time is within ``MAX_SKEW`` of the database's clock, so that nobody writes the past.
- ``FINAL``: columns that stay as they are once a decision, an order, an exemption, a proposal, a request, a report or a
  version of the policy is made, or has ended.
- ``project_status_copies``: what a project's status repeats of the project (``COPIED``) is what the project has,
  and its ``changed_at`` the time of the last edit or a later one.

On PostgreSQL only the owner of the tables can drop or disable a trigger. SQLite has no roles: whoever can write the
file can drop them, and ``registry doctor`` names what is missing. ``journal_clock`` is the only one that is ever off:
while the demo tells its year, and in tests that move the clock.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, inspect, text

from registry.core.change_triggers import PENDING, change_triggers, create_change_triggers, drop_change_triggers

MAX_SKEW: Final = timedelta(minutes=5)
CHAIN: Final = "journal_chain"
CLOCK: Final = "journal_clock"
FIRST_PREVIOUS_HASH: Final = "0" * 64
# The SQLSTATE of an entry at another time: an OperationalError, since the machine is wrong and not the statement.
CLOCK_DIFFERS: Final = "57Q01"
APPEND_ONLY: Final = {"sqlite": ("journal_no_update", "journal_no_delete"), "postgresql": ("journal_append_only",)}


COPIES: Final = "project_status_copies"
PROJECT_STATUSES: Final = "project_statuses"
# Columns of projects that their statuses repeat.
COPIED: Final = ("agency_id", "budget_kzt", "placement_verified_on", "is_restricted", "region", "sector", "placement")


class FinalColumns(NamedTuple):
    """Columns that cannot change where ``once`` is true of the stored row; ``stays``: which is not deleted either.

    Without ``stays``, no row of the table is deleted (``migrations/grants.sql``).
    """

    name: str
    table: str
    columns: tuple[str, ...]
    once: str
    stays: bool = False


FINAL: Final = (
    FinalColumns(
        "case_decisions_decided",
        "case_decisions",
        (
            *("case_id", "decision", "reason_code", "reason", "legal_basis", "reason_kk", "reason_ru"),
            *("legal_basis_kk", "legal_basis_ru", "due_on", "comment", "seen", "proposed_by", "proposed_account_id"),
            *("proposed_at", "outcome", "decided_by", "decided_account_id", "decided_at", "appeal_until", "order_id"),
        ),
        "OLD.outcome IS NOT NULL",
    ),
    FinalColumns("case_decisions_ended", "case_decisions", ("ended_because",), "OLD.ended_because IS NOT NULL"),
    FinalColumns(
        "appeals_made",
        "appeals",
        ("case_id", "decision_id", "event_id", "appealed_at", "appealed_by", "suspends"),
        "1 = 1",
    ),
    FinalColumns("appeals_decided", "appeals", ("outcome", "decided_at", "new_decision_id"), "OLD.outcome IS NOT NULL"),
    FinalColumns("appeals_in_court", "appeals", ("in_court_on",), "OLD.in_court_on IS NOT NULL"),
    FinalColumns("appeals_settled", "appeals", ("settled_on", "court_outcome"), "OLD.settled_on IS NOT NULL"),
    FinalColumns(
        "orders_approved", "orders", ("project_id", "decision", "due_on", "approved_at", "approved_by"), "1 = 1"
    ),
    FinalColumns("orders_ended", "orders", ("ended_at", "ended_because"), "OLD.ended_at IS NOT NULL"),
    FinalColumns(
        "exemptions_recorded",
        "exemptions",
        (
            *("project_id", "decision_number", "decided_on", "valid_from", "valid_to", "scope", "conditions"),
            *("recorded_at", "recorded_by"),
        ),
        "1 = 1",
    ),
    FinalColumns(
        "exemptions_revoked",
        "exemptions",
        ("revoked_at", "revoked_by", "revocation_reason"),
        "OLD.revoked_at IS NOT NULL",
    ),
    FinalColumns(
        "approvals_proposed",
        "approvals",
        (
            *("kind", "subject", "agency_id", "project_id", "payload", "reason", "seen_digest", "proposed_by"),
            *("proposed_account_id", "proposed_role", "proposed_at", "expires_at"),
        ),
        "1 = 1",
    ),
    FinalColumns(
        "approvals_decided",
        "approvals",
        ("state", "decided_by", "decided_account_id", "decided_at", "decision_reason"),
        "OLD.state <> 'waiting'",
    ),
    FinalColumns(
        "requests_asked",
        "requests",
        (
            *("kind", "agency_id", "project_id", "to_agency_id", "act", "reason"),
            *("asked_by", "asked_account_id", "asked_at"),
        ),
        "1 = 1",
    ),
    FinalColumns(
        "requests_ended",
        "requests",
        ('"on"',),
        "OLD.state IN ('refused', 'cancelled') OR OLD.carried_out_at IS NOT NULL",
    ),
    # One that is confirmed for a later day can still be cancelled.
    FinalColumns(
        "requests_decided",
        "requests",
        (
            *("state", "first_decided_by", "first_decided_account_id", "first_decided_at", "decided_by"),
            *("decided_account_id", "decided_at", "decision_reason", "carried_out_at"),
        ),
        "OLD.state IN ('refused', 'cancelled') OR OLD.carried_out_at IS NOT NULL"
        " OR OLD.state = 'confirmed' AND NEW.state = 'confirmed' AND NEW.carried_out_at IS NULL",
    ),
    # A withdrawal that took effect notes when its project is restored.
    FinalColumns(
        "requests_details",
        "requests",
        ("details",),
        "OLD.state IN ('refused', 'cancelled') OR OLD.carried_out_at IS NOT NULL AND OLD.kind <> 'withdrawal'",
    ),
    # An activation can be taken back before its day, so before an audit has compared what it changes.
    FinalColumns(
        "policy_versions_activated",
        "policy_versions",
        ("version", "based_on", "text", "digest", "verdict_cases", "drafted_by", "drafted_at", "editors"),
        "OLD.in_force_from IS NOT NULL",
        stays=True,
    ),
    FinalColumns(
        "policy_versions_audited",
        "policy_versions",
        ("in_force_from", "activated_by", "activated_at", "impact_digest"),
        "OLD.checked_at IS NOT NULL",
    ),
    FinalColumns(
        "government_reports_issued",
        "government_reports",
        (
            *("year", "ordinal", "version", "status", "period_end", "due_on", "responsible"),
            *("introduction_kk", "introduction_ru", "findings_kk", "findings_ru", "measures_kk", "measures_ru"),
            *("conclusions_kk", "conclusions_ru", "audit_id", "policy_version", "frozen_at", "figures"),
            *("figures_sha256", "open_figures", "open_figures_sha256", "correction_reason", "created_by"),
            *("created_at", "authors", "author_accounts", "submitted_by", "submitted_at", "first_approved_by"),
            *("first_approved_account_id", "first_approved_at"),
            *("second_approved_by", "issued_at", "returned_by", "returned_at", "remark", "revision"),
        ),
        "OLD.issued_at IS NOT NULL",
        stays=True,
    ),
)


def create_guards(connection: Connection) -> None:
    """Create the triggers of this version that are not there yet, on the tables and columns that there are.

    For migrations.
    """
    inspected = inspect(connection)
    tables = set(inspected.get_table_names())
    columns = {
        final.table: {column["name"] for column in inspected.get_columns(final.table)}
        for final in FINAL
        if final.table in tables
    }
    columns |= {PROJECT_STATUSES: set()} if PROJECT_STATUSES in tables else {}
    for statement in _statements(connection.dialect.name, columns):
        connection.execute(text(statement))
    if PENDING in tables:
        create_change_triggers(connection)


def drop_guards(connection: Connection) -> None:
    """Drop them; for migrations."""
    on_postgresql = connection.dialect.name == "postgresql"
    for name, table in _created():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}{f' ON {table}' if on_postgresql else ''}")
    if on_postgresql:
        for function in ("journal_entry_follows", "journal_entry_is_of_now", "record_is_final", COPIES):
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {function}()")
    drop_change_triggers(connection)


def switch_journal_clock(connection: Connection, *, on: bool) -> None:
    """Switch ``journal_clock``: as the owner of the tables, in the open transaction, for the demo and for tests."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ALTER TABLE journal {'ENABLE' if on else 'DISABLE'} TRIGGER {CLOCK}")
        return
    connection.exec_driver_sql(SQLITE_CLOCK if on else f"DROP TRIGGER IF EXISTS {CLOCK}")


def missing_guards(connection: Connection) -> list[str]:
    """Return the names of the triggers that the database lacks or has switched off."""
    expected = [*APPEND_ONLY[connection.dialect.name], *(name for name, _ in (*_created(), *change_triggers()))]
    present = set(connection.scalars(text(PRESENT[connection.dialect.name])))
    return [name for name in expected if name not in present]


PRESENT: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
    " WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND relnamespace = 'public'::regnamespace",
}
SQLITE_APPEND_ONLY: Final = tuple(
    f"CREATE TRIGGER IF NOT EXISTS journal_no_{act} BEFORE {act.upper()} ON journal "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
    for act in ("update", "delete")
)
SQLITE_CHAIN: Final = f"""CREATE TRIGGER IF NOT EXISTS {CHAIN} BEFORE INSERT ON journal
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM journal)
  OR NEW.previous_hash <> coalesce((SELECT hash FROM journal ORDER BY seq DESC LIMIT 1), '{FIRST_PREVIOUS_HASH}')
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: this entry does not follow the last one'); END"""  # noqa: S608
# Compared as text elsewhere: an instant has one form.
SQLITE_CLOCK: Final = f"""CREATE TRIGGER IF NOT EXISTS {CLOCK} BEFORE INSERT ON journal
WHEN NEW.at NOT GLOB '????-??-??T??:??:??.??????Z'
  OR coalesce(abs(julianday(NEW.at) - julianday('now')) * 86400 > {MAX_SKEW.seconds}, 1)
BEGIN SELECT RAISE(ABORT, 'the time of this journal entry is not that of the database'); END"""
# Qualified: a temporary table of the same name would be read instead.
POSTGRESQL: Final = (
    "CREATE OR REPLACE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$",
    "CREATE OR REPLACE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal "
    "FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()",
    # A session that has planned it with a few entries would read all of those that it adds, for each one.
    """CREATE OR REPLACE FUNCTION journal_entry_follows() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan TO off AS $$
DECLARE
  last record;
BEGIN
  SELECT seq, hash INTO last FROM public.journal ORDER BY seq DESC LIMIT 1;
  IF NEW.seq <> coalesce(last.seq, 0) + 1 OR NEW.previous_hash <> coalesce(last.hash, repeat('0', 64)) THEN
    RAISE EXCEPTION 'the journal is append-only: entry % does not follow the last one', NEW.seq
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$""",
    f"""CREATE OR REPLACE FUNCTION journal_entry_is_of_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.at !~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\\.[0-9]{{6}}Z$'
     OR abs(extract(epoch FROM NEW.at::timestamptz - clock_timestamp())) > {MAX_SKEW.seconds} THEN
    RAISE EXCEPTION 'the time of this journal entry, %, is not that of the database', NEW.at
      USING ERRCODE = '{CLOCK_DIFFERS}';
  END IF;
  RETURN NEW;
END $$""",
    """CREATE OR REPLACE FUNCTION record_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'this row of % is final', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$""",
    f"CREATE OR REPLACE TRIGGER {CHAIN} BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION journal_entry_follows()",
    f"CREATE OR REPLACE TRIGGER {CLOCK} BEFORE INSERT ON journal"
    " FOR EACH ROW EXECUTE FUNCTION journal_entry_is_of_now()",
)
WATCHED: Final = (*COPIED, "updated_at")
COPY: Final = (
    f"UPDATE project_statuses SET {', '.join(f'{name} = NEW.{name}' for name in COPIED)},"  # noqa: S608
    " changed_at = CASE WHEN NEW.updated_at = OLD.updated_at THEN changed_at ELSE NEW.updated_at END"
    " WHERE project_id = NEW.id"
)
COPIED_CHANGED: Final = f"AFTER UPDATE OF {', '.join(WATCHED)} ON projects"
POSTGRESQL_COPIES: Final = (
    f"CREATE OR REPLACE FUNCTION {COPIES}() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN {COPY.replace('project_statuses', 'public.project_statuses')}; RETURN NULL; END $$",
    f"CREATE OR REPLACE TRIGGER {COPIES} {COPIED_CHANGED} FOR EACH ROW"
    f" WHEN (({', '.join(f'OLD.{name}' for name in WATCHED)}) IS DISTINCT FROM"
    f" ({', '.join(f'NEW.{name}' for name in WATCHED)})) EXECUTE FUNCTION {COPIES}()",
)
SQLITE_COPIES: Final = (
    f"CREATE TRIGGER IF NOT EXISTS {COPIES} {COPIED_CHANGED}"
    f" WHEN {' OR '.join(f'OLD.{name} IS NOT NEW.{name}' for name in WATCHED)} BEGIN {COPY}; END",
)


def _created() -> Iterator[tuple[str, str]]:
    yield from ((CHAIN, "journal"), (CLOCK, "journal"), (COPIES, "projects"))
    yield from ((final.name, final.table) for final in FINAL)
    yield from ((f"{final.name}_stay", final.table) for final in FINAL if final.stays)


def _statements(dialect: str, columns: Mapping[str, set[str]]) -> Iterator[str]:
    guarded = [final for final in FINAL if final.table in columns]
    if PROJECT_STATUSES in columns:
        yield from POSTGRESQL_COPIES if dialect == "postgresql" else SQLITE_COPIES
    if dialect == "postgresql":
        yield from POSTGRESQL
        for final in guarded:
            for name, change in _changes(final, columns[final.table]):
                yield (
                    f"CREATE OR REPLACE TRIGGER {name} BEFORE {change} ON {final.table}"
                    f" FOR EACH ROW WHEN ({final.once}) EXECUTE FUNCTION record_is_final()"
                )
        return
    yield from SQLITE_APPEND_ONLY
    yield SQLITE_CHAIN
    yield SQLITE_CLOCK
    for final in guarded:
        for name, change in _changes(final, columns[final.table]):
            yield (
                f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {change} ON {final.table}"
                f" WHEN {final.once} BEGIN SELECT RAISE(ABORT, 'this row of {final.table} is final'); END"
            )


def _changes(final: FinalColumns, columns: set[str]) -> Iterator[tuple[str, str]]:
    present = [name for name in final.columns if name.strip('"') in columns]
    yield final.name, f"UPDATE OF {', '.join(present)}"
    if final.stays:
        yield f"{final.name}_stay", "DELETE"
