"""An act is recorded once: nothing but its followers writes what follows from it."""

from __future__ import annotations

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Table

import registry.app  # noqa: F401 # imports every table

CHECKOUT = Path(__file__).parents[2]
WRITING = {"insert", "update", "delete", "insert_rows", "insert_or_ignore", "insert_from_table"}
# Statements that are written as text, as triggers are.
TEXT = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) (?:\{[\w.]+\}|main\.|public\.)?(\w+)")


def test_services_write_nothing_that_follows_from_acts() -> None:
    writers = _writers()
    followers = {
        "journal": {"registry.journal.service"},
        "outbox": {"registry.core.outbox"},
        # Those of audits are written for all their cases at once.
        "case_events": {"registry.cases.models", "registry.cases.sync"},
        # A person marks what the person has read.
        "inbox_entries": {"registry.inbox.events", "registry.inbox.service"},
        "changes": {"registry.changes.service"},
        "pending_changes": {"registry.changes.service"},
        # A successor gets what waits for the agency before it.
        "emails": {"registry.notifications.models", "registry.notifications.service"},
        # A test is requested; old ones and those of a deleted webhook go.
        "webhook_deliveries": {"registry.webhooks.queue", "registry.webhooks.service"},
        # The trigger alone writes them.
        "former_flags": set(),
        # A revision has the reason and the old value of each field, which no other row has.
        "revisions": {"registry.projects.bulk_writes", "registry.projects.revisions"},
    }
    assert {table: writers[table] for table in followers} == followers


def test_only_followers_call_what_writes_for_them() -> None:
    callers: dict[str, set[str]] = {"enqueue": set(), "write_entries": set(), "queue_notice": set()}
    for name, module in _modules().items():
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            match node:
                case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called in callers:
                    callers[called].add(name)
    assert callers == {
        # Who asks for a link to a new password did nothing yet, and an address that nobody has is no account.
        "enqueue": {"registry.accounts.service", "registry.notifications.immediate"},
        "write_entries": {"registry.notifications.immediate"},
        # The digest and the overview of the week are due by the calendar; a test e-mail is requested.
        "queue_notice": {
            "registry.notifications.digest",
            "registry.notifications.immediate",
            "registry.notifications.service",
            "registry.notifications.weekly_overview",
        },
    }


def _modules() -> dict[str, ModuleType]:
    paths = sorted((CHECKOUT / "registry").rglob("*.py"))
    names = (".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__") for path in paths)
    return {name: import_module(name) for name in names}


def _writers() -> dict[str, set[str]]:
    """The modules that write each table."""
    writers: dict[str, set[str]] = defaultdict(set)
    for name, module in _modules().items():
        for table in _written(module, ast.parse(inspect.getsource(module))):
            writers[table].add(name)
    return writers


def _written(module: ModuleType, tree: ast.Module) -> Iterator[str]:
    names: dict[str, Any] = dict(vars(module))
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in names:
                names[name] = _table(names, value)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments) if name in WRITING:
                owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
                tables = [_table(names, each) for each in (*arguments, *owner)]
            case ast.Call(func=ast.Name(id=name)) if isinstance(names.get(name), type):
                tables = [_table(names, node.func)]
            case ast.Constant(value=str() as text):
                tables = TEXT.findall(text)
            case _:
                continue
        yield from (getattr(each, "name", each) for each in tables if each is not None)


def _table(names: dict[str, Any], node: ast.expr) -> Table | None:
    """The table that an expression is, if any."""
    value: Any = None
    match node:
        case ast.Name(id=name):
            value = names.get(name)
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if isinstance(names.get(name), ModuleType):
            value = getattr(names[name], attribute, None)
        case ast.Call(func=ast.Name(id="table_of"), args=[argument]):
            value = _table(names, argument)
        case ast.Call(func=ast.Attribute(value=of, attr="alias")):
            value = _table(names, of)
    if isinstance(value, type):
        value = getattr(value, "__table__", None)
    return value if isinstance(value, Table) else None
