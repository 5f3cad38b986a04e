"""``registry setup``: the checklist of a new registry on the command line."""

from __future__ import annotations

from flask import Flask

from tests.factories import an_agency
from tests.fixtures.cli import CommandLine


def test_it_says_what_is_done(own_app: Flask, registry: CommandLine) -> None:
    with own_app.app_context():
        an_agency()

    listed = registry("setup", "--json").json

    assert listed == {
        "is_complete": False,
        "tasks": {
            "agencies": True,
            "people": False,
            "policy": True,
            "mail": False,
            "backup": False,
            "audit": False,
        },
    }
    assert registry("setup").out.splitlines()[0].split() == ["agencies", "true"]
