"""What must be known to one alone never enters a log, whatever is done and whatever goes wrong."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from flask import Flask
from sqlalchemy import text

from registry.accounts.roles import Role
from registry.accounts.service import NewPerson, add_person
from registry.accounts.tokens import issue
from registry.core.database import db, transaction
from registry.http.requests import JsonLines
from registry.imports.service import import_now, queue_import
from tests.api.callers import BASE, Caller
from tests.conftest import service_app
from tests.factories import ADMINISTRATOR, an_actor, an_agency, project_values
from tests.fixtures.web import Visit

PASSWORD = "Құпия-сөз-hunter2-of-nobody"
NAME_IN_A_FIELD = "Name-of-somebody-hunter3"


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str]) -> Iterator[io.StringIO]:
    """Everything that is logged at any level, as the service writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(before)
    root.removeHandler(handler)


def everything(log: io.StringIO, capfd: pytest.CaptureFixture[str]) -> str:
    out, err = capfd.readouterr()
    return (log.getvalue() + out + err).encode().decode("unicode_escape", "replace") + log.getvalue() + out + err


def test_no_token_password_or_cookie_is_logged(
    own_app: Flask, log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(**path: object) -> NoReturn:
        raise RuntimeError("a mistake")

    with own_app.app_context():
        agency = an_agency()
        token = issue(ADMINISTRATOR, "robot", Role.ADMINISTRATOR, None, timedelta(days=1)).text
        add_person(ADMINISTRATOR, NewPerson("a.serikova", Role.AUDITOR, None), PASSWORD)
        bin_number = agency.bin
    secret = token.split("_")[2]

    robot = Caller(own_app.test_client(), token)
    sent = {"agency": bin_number, **project_values(external_id="X", responsible_name=NAME_IN_A_FIELD)}
    assert [robot.post("/projects", sent).status_code for _ in range(2)] == [201, 409]
    robot.post("/projects", {**sent, "responsible_name": [NAME_IN_A_FIELD]})
    robot.get(f"/projects?q={NAME_IN_A_FIELD}&token={token}")
    Caller(own_app.test_client(), token[:-1] + "_").get("/projects")
    Caller(own_app.test_client(), token.swapcase()).get(f"/projects/{bin_number}")

    visit = Visit(own_app.test_client())
    assert visit.sign_in("a.serikova", PASSWORD + "?").status_code == 401
    assert visit.sign_in("a.serikova", PASSWORD).status_code == 200
    cookie = visit.client.get_cookie("registry_session")
    visit.get("/projects")

    with own_app.app_context():
        content = f"agency,external_id,responsible_name\n{bin_number},Y,{NAME_IN_A_FIELD}\n".encode()
        import_now(an_actor(Role.ADMINISTRATOR), "projects", False, "list.csv", content)
        queue_import(an_actor(Role.ADMINISTRATOR), "projects", False, "list.csv", content)
        with transaction() as session:
            session.execute(text("DROP TABLE import_errors"))
    robot.get("/imports/1/errors")
    own_app.view_functions["projects.Projects"] = broken
    assert robot.get("/projects").status_code == 500
    with own_app.app_context(), transaction() as session:
        session.execute(text("ALTER TABLE revisions RENAME TO elsewhere"))
    assert robot.post("/projects", {**sent, "external_id": "Z"}).status_code in (500, 503)

    logged = everything(log, capfd)
    assert f"{BASE}/projects" in logged
    assert "a mistake" in logged
    for kept in (token, secret, secret.swapcase(), PASSWORD, cookie.value, NAME_IN_A_FIELD):
        assert kept not in logged


def test_no_password_of_database_or_mail_is_logged_when_they_are_away(
    tmp_path: Path, log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    app = service_app(
        "postgresql+psycopg://registry:hunter2-database@127.0.0.1:1/registry",
        tmp_path,
        REGISTRY_PUBLIC_URL="https://registry.example",
        REGISTRY_SMTP_URL="smtp://registry:hunter2-mail@127.0.0.1:1",
        REGISTRY_SECRET_KEY="hunter2-of-the-cookies",
    )
    assert app.test_client().get("/readyz").status_code == 503
    assert app.test_client().get("/metrics").status_code == 200
    assert app.test_client().post("/sign-in", data={"name": "a"}).status_code in (400, 403, 503)
    with app.app_context():
        db.engine.dispose()

    logged = everything(log, capfd)
    assert "the database" in logged
    assert "hunter2" not in logged
