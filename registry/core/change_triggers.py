"""Triggers by which the database records what changed, whoever writes: a service, bulk SQL, somebody by hand.

- ``RECORDED``: a row that is added or changed is noted in ``pending_changes``, once for each record and transaction,
  with its state before the transaction and after. The commit numbers it for the feed (``registry/changes/service.py``).
  With it stands the digest of the row as it is written, which the entry of the journal covers
  (``registry/journal/rows.py``).
- ``VIEWS``: of projects that others may see from now on, because they are restricted, of another agency, or below
  another one, it is noted who could see them until then.
- ``KEPT``: a row that is changed is kept as it was.

PostgreSQL has one trigger for each statement, which reads what it added and changed as tables; SQLite one for each row.
Columns are those that the table has: a migration that adds one calls ``create_guards`` again
(``registry/core/record_guards.py``).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import JSON, Boolean, Connection, inspect

PENDING: Final = "pending_changes"
INPUTS: Final = "audit_inputs"
BIN_OF_AGENCY: Final = "(SELECT agency.bin FROM {schema}agencies AS agency WHERE agency.id = {row}.%s)"


class RecordedTable(NamedTuple):
    """A table whose changes are noted. Expressions are SQL on ``{row}``; other tables are in ``{schema}``, as a
    temporary table of the same name would be read instead.

    ``key``: the column with the id of the record, which several tables may be of. ``position``: where its changes stand
    among those of one transaction. ``ignored``: columns whose change is none; ``compared``: the others, None for all.
    ``names``: how the feed names changed columns that are not called so, and None for those that it does not name;
    None: it names none. ``values``: whose values it has before and after, as SQL, by name. ``digest``: the column that
    has the digest of the row but its ``ignored`` columns; None: the journal covers none. ``is_internal``: the feed has
    no such records; what triggers write of them is noted too. ``needs``: the table of which a migration of an earlier
    release has none, nor these triggers.
    """

    kind: str
    position: int
    table: str
    status: str
    severity: str = "NULL"
    version: str = "NULL"
    project_id: str = "NULL"
    key: str = "id"
    condition: str = ""
    compared: tuple[str, ...] | None = None
    ignored: frozenset[str] = frozenset()
    names: Mapping[str, str | None] | None = None
    values: Mapping[str, str] = {}
    digest: str | None = None
    is_internal: bool = False
    needs: str | None = None


class KeptTable(NamedTuple):
    """A table whose former rows are kept: these columns, when one of them changes."""

    table: str
    former: str
    reference: str
    columns: tuple[str, ...]
    others: Mapping[str, str]


RECORDED: Final = (
    RecordedTable(
        "agency",
        1,
        "agencies",
        status="CASE WHEN {row}.closed_on IS NULL THEN 'open' ELSE 'closed' END",
        version="{row}.version",
        names=dict.fromkeys(("id", "bin", "version", "created_at", "updated_at", "closed_on", "successor_id"))
        | {"parent_id": "parent_bin"},
        values={"kind": "{row}.kind", "parent_bin": BIN_OF_AGENCY % "parent_id"},
        digest="digest",
    ),
    RecordedTable(
        "project",
        2,
        "projects",
        status="(SELECT freeze_status FROM {schema}project_statuses WHERE project_id = {row}.id)",
        severity="(SELECT severity FROM {schema}project_statuses WHERE project_id = {row}.id)",
        version="{row}.version",
        project_id="{row}.id",
        ignored=frozenset({"words"}),
        names=dict.fromkeys(
            (
                *("id", "number", "version", "registered_at", "updated_at", "withdrawn_at", "words"),
                *("attested_on", "attested_by"),
            )
        )
        | {"agency_id": "agency"},
        values={
            "agency": BIN_OF_AGENCY % "agency_id",
            **{name: f"{{row}}.{name}" for name in ("stage", "placement", "work_type", "is_restricted")},
        },
        digest="digest",
    ),
    # The status is added with the project, and its ``changed_at`` follows an edit.
    RecordedTable(
        "project",
        2,
        "project_statuses",
        status="{row}.freeze_status",
        severity="{row}.severity",
        version="(SELECT project.version FROM {schema}projects AS project WHERE project.id = {row}.project_id)",
        project_id="{row}.project_id",
        key="project_id",
        digest="status_digest",
    ),
    RecordedTable(
        "flag",
        4,
        "flags",
        status="{row}.status",
        severity="{row}.severity",
        project_id="{row}.project_id",
        digest="digest",
    ),
    RecordedTable(
        "case",
        5,
        "cases",
        status="{row}.status",
        severity="{row}.severity",
        version="{row}.version",
        project_id="{row}.project_id",
        digest="digest",
    ),
    # What the calendar alone changes is no change: an exemption comes into force and expires by its dates.
    RecordedTable(
        "exemption",
        6,
        "exemptions",
        status="CASE WHEN {row}.revoked_at IS NULL THEN 'recorded' ELSE 'revoked' END",
        project_id="{row}.project_id",
        digest="digest",
    ),
    # Not its progress.
    RecordedTable("import", 7, "imports", status="{row}.state", compared=("state", "undone_at")),
    RecordedTable(
        "audit", 8, "audits", status="{row}.status", condition="NOT {row}.dry_run", compared=("status", "finished_at")
    ),
    *(
        RecordedTable(kind, position, table, status="NULL", digest="digest", is_internal=True)
        for position, (kind, table) in enumerate(
            (
                ("decision", "case_decisions"),
                ("order", "orders"),
                ("appeal", "appeals"),
                ("confirmed", "confirmations"),
                ("link", "project_links"),
                ("revision", "revisions"),
                ("former", "former_flags"),
            ),
            9,
        )
    ),
    # What audits read of others than the project. The journal covers no digest of it.
    RecordedTable(
        "match", 16, "procurement_matches", status="NULL", project_id="{row}.project_id", is_internal=True, needs=INPUTS
    ),
    RecordedTable("contract", 17, "procurement_contracts", status="NULL", is_internal=True, needs=INPUTS),
    RecordedTable("deployment", 18, "platform_deployments", status="NULL", is_internal=True, needs=INPUTS),
    # Its CMS is stored again under a new secret key; ``cms_digest`` says whether it is the same.
    RecordedTable(
        "signature",
        19,
        "signatures",
        status="NULL",
        ignored=frozenset({"cms"}),
        digest="digest",
        is_internal=True,
    ),
)
DIGESTS: Final = ("digest", "status_digest")
# Of a function, on PostgreSQL 100.
MAX_ARGUMENTS: Final = 64
KEPT: Final = (
    KeptTable(
        "flags",
        "former_flags",
        "flag_id",
        (
            *("status", "severity", "observed", "fingerprint", "accepted_fingerprint", "opened_on", "last_seen_on"),
            *("cleared_on", "exemption_id"),
        ),
        {"until": "{new}.changed_at", "ended_by_audit": "(SELECT audit_id FROM {schema}flag_writer)"},
    ),
    KeptTable(
        "procurement_contracts",
        "former_contracts",
        "contract_id",
        (
            *("contract_number", "signed_on", "sum_kzt", "current_sum_kzt", "description_kk", "description_ru"),
            *("supplier_bin", "supplier_name", "contract_status", "procurement_codes", "amendments"),
            *("source", "source_sha256"),
        ),
        {"until": "{new}.changed_at"},
    ),
    KeptTable(
        "platform_deployments",
        "former_deployments",
        "deployment_id",
        ("environments", "last_deployed_on", "is_reported"),
        {"until_inventory_id": "{new}.inventory_id"},
    ),
    KeptTable(
        "procurement_matches",
        "former_matches",
        "match_id",
        ("match_state",),
        {"since": "{old}.changed_at", "until": "{new}.changed_at"},
    ),
)
# An agency and those above it, as ``,5,1,``.
PATH: Final = """(WITH RECURSIVE chain(path, above) AS (
  SELECT ',' || agency.id || ',', agency.parent_id FROM {schema}agencies AS agency WHERE agency.id = %s
  UNION ALL
  SELECT chain.path || agency.id || ',', agency.parent_id
    FROM chain JOIN {schema}agencies AS agency ON agency.id = chain.above
) SELECT chain.path FROM chain WHERE chain.above IS NULL)"""
# The agency of a row and those below it, with their paths before the row was changed.
FORMER_PATHS: Final = f"""(WITH RECURSIVE subtree(id, path) AS (
  SELECT {{old}}.id, ',' || {{old}}.id || coalesce({PATH % "{old}.parent_id"}, ',')
  UNION ALL
  SELECT agency.id, ',' || agency.id || subtree.path
    FROM subtree JOIN {{schema}}agencies AS agency ON agency.parent_id = subtree.id
) SELECT subtree.id, subtree.path FROM subtree)"""  # noqa: S608
# Of the tables whose rows decide it: the project, its agency, who could see it, whether it was restricted; and when.
VIEWS: Final = {
    "projects": ("{old}.id", PATH % "{old}.agency_id", "{old}.is_restricted", "", ("agency_id", "is_restricted")),
    "agencies": (
        "project.id",
        "reached.path",
        "project.is_restricted",
        f"{FORMER_PATHS} AS reached JOIN {{schema}}projects AS project ON project.agency_id = reached.id",
        ("parent_id",),
    ),
}
VIEW_POSITION: Final = 3
STATE: Final = ("xact", "position", "record_id", "kind", "project_id", "version")
STATUSES: Final = ("old_status", "new_status", "old_severity", "new_severity")
EDITS: Final = ("fields", "values_before", "values_after")
# Of several changes of one record the state before the first and that after the last. Members of JSON objects, of which
# the last one of a name counts.
MERGED_DIGESTS: Final = ", ".join(f"{name} = coalesce(excluded.{name}, {PENDING}.{name})" for name in DIGESTS)
MERGED: Final = f"""ON CONFLICT (xact, position, record_id) DO UPDATE SET
  project_id = excluded.project_id, version = excluded.version,
  new_status = excluded.new_status, new_severity = excluded.new_severity,
  fields = coalesce({PENDING}.fields || ' ' || excluded.fields, {PENDING}.fields, excluded.fields),
  values_before = coalesce(excluded.values_before || ',' || {PENDING}.values_before,
    {PENDING}.values_before, excluded.values_before),
  values_after = coalesce({PENDING}.values_after || ',' || excluded.values_after,
    {PENDING}.values_after, excluded.values_after)"""


def change_triggers() -> Iterator[tuple[str, str]]:
    """The name and table of each."""
    for recorded in RECORDED:
        yield f"{recorded.table}_added", recorded.table
        yield f"{recorded.table}_changed", recorded.table
    yield from ((f"{table}_seen", table) for table in VIEWS)
    yield from ((f"{kept.table}_kept", kept.table) for kept in KEPT)


def create_change_triggers(connection: Connection) -> None:
    """Create them, or put those of this version in their place; for migrations."""
    on_postgresql = connection.dialect.name == "postgresql"
    internal = {recorded.table for recorded in RECORDED if recorded.is_internal}
    for name, table, event, statement in _all_triggers(connection):
        if on_postgresql:
            # Digests are of instants in UTC.
            connection.exec_driver_sql(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET timezone TO 'UTC' AS"
                f" $$ BEGIN {statement}; RETURN NULL; END $$"
            )
            read = "NEW TABLE AS added" if event == "INSERT" else "OLD TABLE AS former NEW TABLE AS added"
            # What another trigger writes is part of a change that is noted.
            when = "" if table in internal else "WHEN (pg_trigger_depth() = 0) "
            connection.exec_driver_sql(
                f"CREATE OR REPLACE TRIGGER {name} AFTER {event} ON {table} REFERENCING {read}"
                f" FOR EACH STATEMENT {when}EXECUTE FUNCTION {name}()"
            )
        else:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
            connection.exec_driver_sql(f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {statement}; END")


def drop_change_triggers(connection: Connection) -> None:
    """Drop them; for migrations."""
    on_postgresql = connection.dialect.name == "postgresql"
    for name, table in change_triggers():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}{f' ON {table}' if on_postgresql else ''}")
        if on_postgresql:
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}()")


def _all_triggers(connection: Connection) -> Iterator[tuple[str, str, str, str]]:
    """The name, table, event and statement of each."""
    # A migration of an earlier release has neither digests nor what only they are of.
    has_digests = DIGESTS[0] in _columns(connection, PENDING)
    of_status = _columns(connection, "project_statuses")
    dialect = _Dialect(connection.dialect.name == "postgresql", has_digests=has_digests, of_status=of_status)
    # A migration of an earlier release knows fewer tables.
    tables = inspect(connection).get_table_names()
    for recorded in (each for each in RECORDED if has_digests or not each.is_internal):
        if recorded.table not in tables or (recorded.needs is not None and recorded.needs not in tables):
            continue
        columns = _columns(connection, recorded.table)
        yield f"{recorded.table}_added", recorded.table, "INSERT", dialect.note_added(recorded, columns)
        yield f"{recorded.table}_changed", recorded.table, "UPDATE", dialect.note_changed(recorded, columns)
    for table in VIEWS:
        yield f"{table}_seen", table, "UPDATE", dialect.note_views(table)
    for kept in (each for each in KEPT if each.former in tables):
        columns = _columns(connection, kept.table)
        yield f"{kept.table}_kept", kept.table, "UPDATE", dialect.keep(kept, columns)


def row_digest(on_postgresql: bool, table: str, row: str, columns: Iterable[str]) -> str:
    """Return the SQL of the SHA-256 of a row: of JSON lists of its values, in the order of the names of its columns.

    ``to_jsonb`` of the row takes three times as long.
    """
    [ignored] = [recorded.ignored for recorded in RECORDED if recorded.table == table]
    covered = sorted(set(columns) - ignored)
    make = "json_build_array(%s)::text" if on_postgresql else "json_array(%s)"
    values = [f"{row}.{_quoted(name)}" for name in covered]
    if not on_postgresql:
        # Any column of SQLite can have bytes, which JSON cannot.
        values = [f"CASE typeof({value}) WHEN 'blob' THEN 'blob ' || hex({value}) ELSE {value} END" for value in values]
    lists = [values[first : first + MAX_ARGUMENTS] for first in range(0, len(values), MAX_ARGUMENTS)]
    text = " || ".join(make % ", ".join(each) for each in lists)
    # On SQLite a function of each connection (core/database.py); of bytes, as a text may be no UTF-8.
    return f"sha256(convert_to({text}, 'UTF8'))" if on_postgresql else f"sha256(CAST({text} AS BLOB))"


def _columns(connection: Connection, table: str) -> dict[str, Any]:
    return {column["name"]: column["type"] for column in inspect(connection).get_columns(table)}


class _Dialect:
    """The statements of the triggers of one database."""

    def __init__(self, on_postgresql: bool, *, has_digests: bool, of_status: Iterable[str]) -> None:
        self.on_postgresql = on_postgresql
        self.of_status = of_status
        self.has_digests = has_digests
        self.merged = f"{MERGED}, {MERGED_DIGESTS}" if has_digests else MERGED
        self.schema = "public." if on_postgresql else ""
        self.xact = "pg_current_xact_id()::text::bigint" if on_postgresql else "transaction_number()"
        self.old, self.new = ("former", "added") if on_postgresql else ("OLD", "NEW")

    def note_added(self, recorded: RecordedTable, columns: Mapping[str, Any]) -> str:
        new = self._state(recorded, self.new)
        values = [self._fixed(recorded, new), "NULL", new["status"], "NULL", new["severity"]]
        source = f" FROM {self.new}" if self.on_postgresql else ""
        condition = self._on(recorded.condition, self.new) or "TRUE"
        digests = self._digests(recorded, columns)
        names = ", ".join((*STATE, *STATUSES, *digests))
        return (
            f"INSERT INTO {self.schema}{PENDING} ({names})"
            f" SELECT {', '.join((*values, *digests.values()))}{source} WHERE {condition} {self.merged}"
        )

    def note_changed(self, recorded: RecordedTable, columns: Mapping[str, Any]) -> str:
        old = self._state(recorded, self.old)
        new = self._state(recorded, self.new)
        values = [self._fixed(recorded, new), old["status"], new["status"], old["severity"], new["severity"]]
        values += self._edits(recorded, columns)
        compared = recorded.compared or _compared_first(set(columns) - recorded.ignored)
        condition = self._differs(compared, columns)
        if recorded.condition:
            condition = f"{self._on(recorded.condition, self.new)} AND ({condition})"
        digests = self._digests(recorded, columns)
        if digests and self.on_postgresql and recorded.table == "projects":
            # What ``project_status_copies`` has written just now (record_guards.py).
            status = row_digest(True, "project_statuses", "status", self.of_status)
            digests["status_digest"] = (
                f"(SELECT {status} FROM public.project_statuses AS status WHERE status.project_id = {self.new}.id)"  # noqa: S608
            )
        names = ", ".join((*STATE, *STATUSES, *EDITS, *digests))
        return (
            f"INSERT INTO {self.schema}{PENDING} ({names})"
            f" SELECT {', '.join((*values, *digests.values()))}{self._joined(recorded.key)}"
            f" WHERE {condition} {self.merged}"
        )

    def note_views(self, table: str) -> str:
        project, seen_by, was_restricted, source, columns = VIEWS[table]
        values = f"{self.xact}, {VIEW_POSITION}, {project}, 'view', {project}, {seen_by}, {was_restricted}"
        if self.on_postgresql:
            source = f"{self.old} JOIN {self.new} USING (id){source and f' CROSS JOIN LATERAL {source}'}"
        # Of several changes in one transaction the first counts.
        statement = (
            f"INSERT INTO {self.schema}{PENDING} (xact, position, record_id, kind, project_id, seen_by, was_restricted)"  # noqa: S608
            f" SELECT {values}{source and f' FROM {source}'} WHERE {self._differs(columns, {})} ON CONFLICT DO NOTHING"
        )
        return statement.format(old=self.old, schema=self.schema)

    def keep(self, kept: KeptTable, columns: Mapping[str, Any]) -> str:
        others = [sql.format(old=self.old, new=self.new, schema=self.schema) for sql in kept.others.values()]
        values = [f"{self.old}.id", *others, *(f"{self.old}.{name}" for name in kept.columns)]
        names = ", ".join((kept.reference, *kept.others, *kept.columns))
        ordered = f" ORDER BY {self.old}.id" if self.on_postgresql else ""
        return (
            f"INSERT INTO {self.schema}{kept.former} ({names}) SELECT {', '.join(values)}{self._joined()}"
            f" WHERE {self._differs(kept.columns, columns)}{ordered}"
        )

    def _digests(self, recorded: RecordedTable, columns: Mapping[str, Any]) -> dict[str, str]:
        if recorded.digest is None or not self.has_digests:
            return {}
        return {recorded.digest: row_digest(self.on_postgresql, recorded.table, self.new, columns)}

    def _state(self, recorded: RecordedTable, row: str) -> dict[str, str]:
        names = ("status", "severity", "version", "project_id")
        return {name: self._on(getattr(recorded, name), row) for name in names}

    def _on(self, sql: str, row: str) -> str:
        return sql.format(row=row, schema=self.schema)

    def _fixed(self, recorded: RecordedTable, new: Mapping[str, str]) -> str:
        record = f"{self.xact}, {recorded.position}, {self.new}.{recorded.key}, '{recorded.kind}'"
        return f"{record}, {new['project_id']}, {new['version']}"

    def _joined(self, key: str = "id") -> str:
        return f" FROM {self.old} JOIN {self.new} USING ({key})" if self.on_postgresql else ""

    def _differs(self, names: tuple[str, ...], columns: Mapping[str, Any]) -> str:
        return " OR ".join(self._differing(name, columns) for name in names)

    def _differing(self, name: str, columns: Mapping[str, Any]) -> str:
        # PostgreSQL does not compare JSON.
        old, new = (
            f"CAST({row}.{_quoted(name)} AS text)" if isinstance(columns.get(name), JSON) else f"{row}.{_quoted(name)}"
            for row in (self.old, self.new)
        )
        return f"{old} IS DISTINCT FROM {new}"

    def _edits(self, recorded: RecordedTable, columns: Mapping[str, Any]) -> list[str]:
        if recorded.names is None:
            return ["NULL"] * len(EDITS)
        named = [(name, recorded.names.get(name, name)) for name in columns if name not in recorded.ignored]
        changed = [(name, shown, self._differing(name, columns)) for name, shown in named if shown is not None]
        names = " || ".join(f"CASE WHEN {differs} THEN ' {shown}' ELSE '' END" for _, shown, differs in changed)
        sides = []
        for row in (self.old, self.new):
            members = " || ".join(
                f"""CASE WHEN {differs} THEN ',"{shown}":' || {self._json(columns[name], self._on(value, row))}"""
                " ELSE '' END"
                for name, shown, differs in changed
                if (value := recorded.values.get(shown)) is not None
            )
            sides.append(f"nullif(substr({members}, 2), '')")
        return [f"nullif(substr({names}, 2), '')", *sides]

    def _json(self, kind: Any, value: str) -> str:
        if self.on_postgresql:
            return f"coalesce(to_json({value})::text, 'null')"
        if isinstance(kind, Boolean):
            return f"CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END"
        return f"json_quote({value})"


def _compared_first(names: set[str]) -> tuple[str, ...]:
    """Return the columns, first those that nearly every write changes."""
    first = [name for name in ("changed_at", "version") if name in names]
    return (*first, *sorted(names.difference(first)))


def _quoted(name: str) -> str:
    return f'"{name}"' if name == "on" else name
