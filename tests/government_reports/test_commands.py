"""Commands of reports to the Government."""

from __future__ import annotations

import hashlib

from flask import Flask

from registry.accounts.roles import Role
from registry.audits.service import run_audit
from registry.core.database import db
from tests.factories import a_project, an_actor
from tests.fixtures.cli import CommandLine
from tests.government_reports.steps import begin, issued


def test_reports_are_listed_shown_and_exported(own_app: Flask, registry: CommandLine) -> None:
    with own_app.app_context():
        a_project()
        run_audit(an_actor(Role.OPERATOR))
        number, draft = issued(), begin().number
        db.session.remove()
    listed = registry("government-reports", "list", "--json").json
    assert [(item["number"], item["status"]) for item in listed] == [(draft, "draft"), (number, "issued")]
    assert number in registry("government-reports", "list").out
    shown = registry("government-reports", "show", number, "--json").json
    assert shown["approved_by"] == ["aigerim", "saule"] and shown["findings_kk"] == "findings kk"
    assert "introduction ru" in registry("government-reports", "show", number).out
    data = registry("government-reports", "export", number).raw
    assert hashlib.sha256(data).hexdigest() == shown["data_sha256"]
    table = registry("government-reports", "export", number, "--format", "csv").raw.decode("utf-8-sig")
    assert "totals,,projects,1" in table.splitlines()
    assert registry("government-reports", "export", draft).code == 3
    assert registry("government-reports", "show", "2020-1").code == 3
