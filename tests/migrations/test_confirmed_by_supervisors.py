"""Successions and transfers that administrators confirmed for a later day wait for a supervisor after the upgrade."""

from __future__ import annotations

from registry.core.database import db
from registry.core.schema import downgrade_schema, upgrade_schema
from tests.databases import bare_app
from tests.migrations.test_accounts import rows, run

BEFORE = "2026_11_29_91"
AFTER = "2026_11_29_92"


def an_account(number: int, name: str, role: str) -> str:
    return (
        "INSERT INTO principals (id, name, name_skeleton, role, created_at) "
        f"VALUES ({number}, '{name}', '{name}', '{role}', {{at}})"
    )


def an_agency(number: int) -> str:
    return (
        "INSERT INTO agencies (id, bin, name_ru, kind, created_at, updated_at, version) "
        f"VALUES ({number}, '00014000000{number}', 'x', 'central_body', {{at}}, {{at}}, 1)"
    )


def a_request(number: int, agency: int, state: str, decided_by: str, carried_out: str = "NULL") -> str:
    decided = "NULL, NULL" if state == "waiting" else f"'{decided_by}', {{at}}"
    return (
        'INSERT INTO requests (id, kind, state, agency_id, to_agency_id, "on", reason, details, asked_by, asked_at, '
        "decided_by, decided_at, carried_out_at) "
        f"VALUES ({number}, 'succession', '{state}', {agency}, 9, '2027-01-01', 'x', '{{}}', 'asker', {{at}}, "
        f"{decided}, {carried_out})"
    )


def test_only_what_a_supervisor_confirmed_takes_effect_after_the_upgrade(empty_database: str) -> None:
    app = bare_app(empty_database)
    with app.app_context():
        upgrade_schema(BEFORE)
        run(
            an_account(1, "admin", "administrator"),
            an_account(2, "super", "supervisor"),
            *(an_agency(number) for number in (1, 2, 3, 4, 9)),
            a_request(1, 1, "confirmed", "admin"),
            a_request(2, 2, "confirmed", "super"),
            a_request(3, 3, "confirmed", "admin", "{at}"),
            a_request(4, 4, "confirmed", "admin"),
            a_request(5, 4, "waiting", ""),
        )
        upgrade_schema(AFTER)
        assert rows("SELECT id, state, decided_by FROM requests ORDER BY id") == [
            (1, "waiting", None),
            (2, "confirmed", "super"),
            (3, "confirmed", "admin"),
            (4, "cancelled", "admin"),
            (5, "waiting", None),
        ]
        downgrade_schema(BEFORE)
        assert rows("SELECT count(*) FROM requests WHERE state = 'waiting'") == [(2,)]
        db.session.remove()
        db.engine.dispose()
