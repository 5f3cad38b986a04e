"""Nobody alone, and no number of people without a supervisor, ends a serious flag or opens what is restricted.

People of all roles try straight what guards prevent; and in walks they call whatever writes, found from the
application, with random values and in any order. Who tries alone is a supervisor: whatever another person can do alone,
all who are no supervisors can do together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Final

import pytest
from flask import Flask
from sqlalchemy import make_url

from registry.core.database import db
from registry.freeze.policy import set_policy
from registry.freeze.policy_file import load_policy
from tests.conftest import forget, service_app
from tests.databases import Databases
from tests.faults.processes import ALL
from tests.fixtures.cli import CommandLine
from tests.freeze.factories import POLICY_FILE
from tests.one_person.attempts import DECISIONS
from tests.one_person.broken_guards import BROKEN
from tests.one_person.walk import Catalogue, Shell, Walk
from tests.one_person.world import ALONE, PLATFORM, START, TOGETHER, World, build, ended
from tests.present import Present
from tests.usual_policy import policy_as_entered

# Rules are the same on both databases; what each step does is tried on both.
pytestmark = pytest.mark.sqlite_only

# All of them with scripts/test --faults; by day the first walk alone.
WALKS: Final = 30 if ALL else 2
STEPS: Final = 120 if ALL else 48
COMMANDS: Final = 24 if ALL else 12
MAIL: Final = {
    "REGISTRY_PUBLIC_URL": "https://registry.example.kz",
    "REGISTRY_SMTP_URL": "smtp://mail.example.kz:25",
    "REGISTRY_MAIL_FROM": "registry@example.kz",
}


class Register:
    """A service whose database becomes again what it was."""

    def __init__(self, app: Flask, url: str, folder: Path, world: World) -> None:
        self.app, self.url, self.folder, self.world = app, url, folder, world
        self._path = Path(make_url(url).database or "")
        self._release()
        self._kept = self._path.with_suffix(".kept")
        with closing(sqlite3.connect(self._path)) as source, closing(sqlite3.connect(self._kept)) as target:
            source.backup(target)

    @contextmanager
    def as_in_the_beginning(self, present: Present) -> Iterator[None]:
        """A context of the application in which nothing has been done yet."""
        self._release()
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._path.write_bytes(self._kept.read_bytes())
        present.set(START)
        with self.app.app_context():
            yield

    def _release(self) -> None:
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture(scope="module")
def register(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    """The register that walks begin with."""
    url, folder = databases.make(), tmp_path_factory.mktemp("data")
    # By the shipped policy facts count only when confirmed.
    settings = {"REGISTRY_PLATFORM_ACCOUNT": PLATFORM, "REGISTRY_POLICY_FILE": str(POLICY_FILE), **MAIL}
    app, present = service_app(url, folder, **settings), Present()
    try:
        with app.app_context():
            world = build(present)
        yield Register(app, url, folder, world)
    finally:
        present.release()
        forget(app, databases, url)
        set_policy(load_policy(policy_as_entered()))


def straight(register: Register, catalogue: Catalogue, present: Present, cast: str) -> Walk:
    with register.as_in_the_beginning(present):
        walk = Walk(register.app, catalogue, register.world, register.world.casts[cast], Random(cast), present)
        walk.straight()
    return walk


def test_nothing_that_guards_prevent_is_done_straight(register: Register, present: Present) -> None:
    catalogue = Catalogue(register.app)
    for cast in register.world.casts:
        walk = straight(register, catalogue, present, cast)
        assert walk.broken == [], "\n".join((cast, *walk.story))
    assert {gate: why for gate, why in catalogue.refused.items() if not catalogue.reached[gate]} == {}
    assert DECISIONS - set(catalogue.reached) == set()


@pytest.mark.parametrize("guard", BROKEN if ALL else ["supervisor: ending"])
def test_a_broken_guard_is_noticed(
    register: Register, present: Present, monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    cast, broken = BROKEN[guard]
    for place, instead in broken.items():
        monkeypatch.setattr(place, instead)

    walk = straight(register, Catalogue(register.app), present, cast)

    assert walk.broken != [], "\n".join(walk.story)


@pytest.mark.parametrize("cast", [ALONE, TOGETHER])
def test_no_walk_ends_what_needs_a_supervisor_and_another_person(
    register: Register, present: Present, nightly: bool, cast: str
) -> None:
    players, catalogue = register.world.casts[cast], Catalogue(register.app)
    for seed in range(WALKS if ALL or nightly else 1):
        with register.as_in_the_beginning(present):
            walk = Walk(register.app, catalogue, register.world, players, Random(f"{cast} {seed}"), present)
            walk.go(STEPS)
        assert walk.broken == [], "\n".join((f"{cast}, walk {seed}", *walk.story))
    assert_much_was_done(catalogue, catalogue.of({player.role for player in players}))


class WalkOnTheServer(Walk):
    """Who has the server makes accounts without a second person (docs/reference/cli.md), and none is used here."""

    lost = staticmethod(ended)


def test_no_commands_end_what_needs_a_supervisor_and_another_person(
    register: Register, present: Present, tmp_path: Path
) -> None:
    registry, catalogue = CommandLine(register.url, register.folder), Catalogue(register.app)
    registry.settings["REGISTRY_POLICY_FILE"] = str(POLICY_FILE)
    for seed in range(WALKS):
        with register.as_in_the_beginning(present):
            walk = WalkOnTheServer(register.app, catalogue, register.world, [], Random(f"commands {seed}"), present)
            walk.go(COMMANDS, Shell(walk, registry, tmp_path).step)
        assert walk.broken == [], "\n".join((f"commands, walk {seed}", *walk.story))
    assert_much_was_done(catalogue, list(catalogue.commands))


def assert_much_was_done(catalogue: Catalogue, names: Sequence[str]) -> None:
    """Otherwise the walks have shown nothing. All of them together call whatever writes, and half of it succeeds."""
    assert catalogue.succeeded.total() >= (90 if ALL else 3)
    if ALL:
        assert [name for name in names if not catalogue.called[name]] == []
        assert sum(catalogue.succeeded[name] > 0 for name in names) > len(names) / 2
