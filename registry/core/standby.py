"""The standby of PostgreSQL: whether it answers, and how late it is. Any role may ask; no right is needed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from flask import current_app
from sqlalchemy import text

from registry.core.database import STANDBY, db
from registry.core.postgresql import libpq_address

CONNECT_TIMEOUT_S: Final = 2
# Of a standby that is only just behind, which it always is while somebody writes.
TRIES: Final = 10
PAUSE_S: Final = 0.1
REPLAYED: Final = (
    "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn,"
    " extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float"
)


@dataclass(frozen=True, slots=True)
class Standby:
    """``lag_s``: 0 when it has all changes, else seconds since its last one; None when it does not answer.

    ``reason`` is what the client library says then.
    """

    place: str
    lag_s: float | None
    reason: str = ""


def standby_state() -> Standby | None:
    """The standby of ``REGISTRY_DATABASE_READ_URL``, or of the hosts of ``REGISTRY_DATABASE_URL``; None without one."""
    url: str | None = current_app.extensions.get(STANDBY)
    if url is None:
        return None
    # Imported here: on SQLite psycopg is not needed.
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    address = make_conninfo(
        libpq_address(url), target_session_attrs="standby", connect_timeout=CONNECT_TIMEOUT_S, options="-c timezone=UTC"
    )
    given = conninfo_to_dict(address)
    place = f"{given.get('host')}:{given.get('port') or 5432}"
    written = db.session.scalar(text("SELECT pg_current_wal_lsn()::text"))
    try:
        with psycopg.connect(address, autocommit=True) as connection:
            place = f"{connection.info.host}:{connection.info.port}"
            for _ in range(TRIES):
                has_all, seconds = connection.execute(REPLAYED, (written,)).fetchone() or (False, None)
                if has_all:
                    return Standby(place, 0.0)
                time.sleep(PAUSE_S)
            return Standby(place, max(float(seconds or 0.0), TRIES * PAUSE_S))
    except psycopg.Error as error:
        return Standby(place, None, " ".join(str(error).split()))
