"""The whole shape of a database as text, as it tells it itself: columns, constraints, indexes, triggers, functions."""

from __future__ import annotations

from sqlalchemy import Connection

POSTGRES = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || coalesce(' = ' || pg_get_expr(adbin, adrelid), '')
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef ON (adrelid, adnum) = (c.oid, a.attnum)
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S', 'v') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) || ' ' || tgenabled::text
  FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', '', proname, pg_get_functiondef(oid)
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
SQLITE = "SELECT type, tbl_name, name, coalesce(sql, '') FROM sqlite_master"


def shape(connection: Connection) -> list[tuple[str, ...]]:
    """Sorted lines; two databases of one schema give the same."""
    is_sqlite = connection.dialect.name == "sqlite"
    rows = connection.exec_driver_sql(SQLITE if is_sqlite else POSTGRES)
    return sorted((*map(str, row[:-1]), _unordered(row[-1]) if is_sqlite else str(row[-1])) for row in rows)


def _unordered(sql: str) -> str:
    """SQLite rebuilds a table to change it, and writes its name in quotes then and its constraints in another order."""
    return "\n".join(sorted(line.strip(" ,\t") for line in sql.replace('"', "").splitlines()))
