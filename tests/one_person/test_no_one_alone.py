"""Nobody alone, and no number of people without a supervisor, ends a serious flag or opens what is restricted.

People of all roles call whatever writes, found from the application, with random values and in any order. Who tries
alone is a supervisor: whatever another person can do alone, all who are no supervisors can do together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final

import pytest
from flask import Flask
from sqlalchemy import make_url

from registry.core.database import db
from tests.conftest import forget, service_app
from tests.databases import Databases
from tests.faults.processes import ALL
from tests.fixtures.cli import CommandLine
from tests.one_person.walk import Catalogue, Shell, Walk
from tests.one_person.world import START, Player, World, build, ended
from tests.present import Present

# Rules are the same on both databases; what each step does is tried on both.
pytestmark = pytest.mark.sqlite_only

# All of them with scripts/test --faults.
WALKS: Final = 60 if ALL else 3
STEPS: Final = 120 if ALL else 48
COMMANDS: Final = 24 if ALL else 12


class Register:
    """A service whose database becomes again what it was."""

    def __init__(self, app: Flask, url: str, folder: Path, world: World) -> None:
        self.app, self.url, self.folder, self.world = app, url, folder, world
        self._path = Path(make_url(url).database or "")
        self._release()
        self._kept = self._path.with_suffix(".kept")
        with closing(sqlite3.connect(self._path)) as source, closing(sqlite3.connect(self._kept)) as target:
            source.backup(target)

    def reset(self) -> None:
        """As in the beginning."""
        self._release()
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._path.write_bytes(self._kept.read_bytes())

    def _release(self) -> None:
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture(scope="module")
def register(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    """The register that walks begin with."""
    url, folder = databases.make(), tmp_path_factory.mktemp("data")
    app, present = service_app(url, folder), Present()
    try:
        with app.app_context():
            world = build(present)
        yield Register(app, url, folder, world)
    finally:
        present.release()
        forget(app, databases, url)


CASTS: Final[dict[str, Callable[[World], list[Player]]]] = {
    "a supervisor": lambda world: world.alone,
    "everybody but supervisors": lambda world: world.together,
}


@pytest.mark.parametrize("cast", CASTS)
def test_no_walk_ends_what_needs_a_supervisor_and_another_person(
    register: Register, present: Present, cast: str
) -> None:
    players, catalogue = CASTS[cast](register.world), Catalogue(register.app)
    for seed in range(WALKS):
        register.reset()
        present.set(START)
        with register.app.app_context():
            walk = Walk(register.app, catalogue, players, Random(f"{cast} {seed}"), present)
            broken = walk.go(STEPS)
        assert broken == [], "\n".join((f"{cast}, walk {seed}", *walk.story))
    roles = {player.role for player in players}
    assert_much_was_done(catalogue, [*catalogue.operations_of(roles), *catalogue.forms_of(roles)])


class WalkOnTheServer(Walk):
    """Who has the server makes accounts without a second person (docs/reference/cli.md), and none is used here."""

    lost = staticmethod(ended)


def test_no_commands_end_what_needs_a_supervisor_and_another_person(
    register: Register, present: Present, tmp_path: Path
) -> None:
    registry, catalogue = CommandLine(register.url, register.folder), Catalogue(register.app)
    for seed in range(WALKS):
        register.reset()
        present.set(START)
        with register.app.app_context():
            walk = WalkOnTheServer(register.app, catalogue, [], Random(f"commands {seed}"), present)
            broken = walk.go(COMMANDS, Shell(walk, registry, tmp_path).step)
        assert broken == [], "\n".join((f"commands, walk {seed}", *walk.story))
    assert_much_was_done(catalogue, list(catalogue.commands))


def assert_much_was_done(catalogue: Catalogue, names: Sequence[str]) -> None:
    """Otherwise the walks have shown nothing. All of them together call whatever writes, and half of it succeeds."""
    assert catalogue.succeeded.total() >= 3 * WALKS
    if ALL:
        assert [name for name in names if not catalogue.called[name]] == []
        assert sum(catalogue.succeeded[name] > 0 for name in names) > len(names) / 2
