"""The shape of a database as text, reflected from it: columns, constraints, indexes, triggers, functions."""

from __future__ import annotations

from sqlalchemy import Connection, Inspector, inspect

POSTGRES = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || coalesce(' = ' || pg_get_expr(adbin, adrelid), '')
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef ON (adrelid, adnum) = (c.oid, a.attnum)
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S', 'v') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) || ' ' || tgenabled::text
  FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', '', proname, pg_get_functiondef(oid)
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
# Tables are reflected: their SQL text depends on whether a column was added to the table or the table rebuilt with it.
SQLITE_TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
# What was reflected of a table with this name and SQL text; between two migrations most tables stay as they are.
_reflected: dict[tuple[str, str], list[tuple[str, ...]]] = {}
SQLITE = "SELECT type, tbl_name, name, coalesce(sql, '') FROM sqlite_master WHERE type <> 'table'"


def shape(connection: Connection) -> list[tuple[str, ...]]:
    """Sorted lines; two databases of one schema give the same."""
    if connection.dialect.name != "sqlite":
        return sorted(tuple(map(str, row)) for row in connection.exec_driver_sql(POSTGRES))
    objects = [tuple(map(str, row)) for row in connection.exec_driver_sql(SQLITE)]
    return sorted((*row[:-1], _plain(row[-1])) for row in (*objects, *_sqlite_tables(connection)))


def _sqlite_tables(connection: Connection) -> list[tuple[str, ...]]:
    looked = inspect(connection)
    lines: list[tuple[str, ...]] = []
    for table, sql in connection.exec_driver_sql(SQLITE_TABLES).all():
        if (table, sql) not in _reflected:
            _reflected[table, sql] = _sqlite_table(looked, table)
        lines += _reflected[table, sql]
    return lines


def _sqlite_table(looked: Inspector, table: str) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for column in looked.get_columns(table):
        facts = {name: str(column[name]) for name in ("type", "nullable", "default", "primary_key")}  # type: ignore[literal-required] # keys of ReflectedColumn
        lines.append(("column", table, column["name"], str(facts)))
    constraints = {
        "primary key": [looked.get_pk_constraint(table)],
        "foreign key": looked.get_foreign_keys(table),
        "unique": looked.get_unique_constraints(table),
        "check": looked.get_check_constraints(table),
    }
    lines += [(kind, table, str(each["name"]), str(each)) for kind, rows in constraints.items() for each in rows]
    return lines


def _plain(sql: str) -> str:
    """SQLite writes the name of a rebuilt table in quotes."""
    return "\n".join(line.strip(" ,\t") for line in sql.replace('"', "").splitlines())
