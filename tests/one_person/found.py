"""What writes, found from the application: operations of the API, forms of pages, commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from typing import Any, Final

import click
from flask import Flask

from registry.accounts.roles import PERMISSIONS, Permission, Role
from registry.api.specification import make_specification
from registry.cli.main import main
from registry.http.security import REQUIRED_PERMISSION
from tests.api.routes import declared_routes

READING: Final = {"GET", "HEAD", "OPTIONS"}
# These run until they are stopped, or replace, copy or upgrade the whole database.
OF_THE_DATABASE: Final = {
    "serve",
    "scheduler",
    "backup",
    "restore",
    "restore-drill",
    "db downgrade",
    "db upgrade",
    "demo load",
    "init",
    # It compares the files and programs of the machine.
    "doctor",
}


@dataclass(frozen=True)
class Operation:
    """An operation of the API that writes. ``body``: content type and schema."""

    name: str
    method: str
    rule: str
    permissions: frozenset[Permission]
    body: tuple[str, Any] | None
    needs_if_match: bool

    def is_for(self, role: Role) -> bool:
        """True when the role has all permissions that it needs."""
        return self.permissions <= PERMISSIONS[role]


@dataclass(frozen=True)
class Page:
    """An address of pages; ``name`` is its endpoint."""

    name: str
    rule: str
    permission: object

    def is_for(self, role: Role) -> bool:
        """True when the role has the permission, or none is needed."""
        return not isinstance(self.permission, Permission) or self.permission in PERMISSIONS[role]


def operations(app: Flask) -> dict[str, Operation]:
    """All operations of the API but those that read."""
    bodies = _bodies()
    return {
        each.name: Operation(
            each.name,
            each.method,
            each.rule,
            frozenset(each.permissions),
            bodies.get(each.name),
            each.needs_if_match,
        )
        for each in declared_routes(app)
        if each.method not in READING
    }


def pages(app: Flask, method: str) -> dict[str, Page]:
    """All addresses outside the API that take the method."""
    operations_of_api = {each.endpoint for each in declared_routes(app)}
    return {
        rule.endpoint: Page(
            rule.endpoint, rule.rule, getattr(app.view_functions[rule.endpoint], REQUIRED_PERMISSION, None)
        )
        for rule in app.url_map.iter_rules()
        if method in (rule.methods or ()) and rule.endpoint not in operations_of_api
    }


@cache
def commands() -> dict[str, click.Command]:
    """All commands but those of the whole database."""
    return {name: command for name, command in _commands(main, ()) if name not in OF_THE_DATABASE}


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


@cache
def _bodies() -> dict[str, tuple[str, Any]]:
    document = make_specification()
    schemas = document["components"]["schemas"]

    def resolved(schema: Any, depth: int = 0) -> Any:
        if isinstance(schema, list):
            return [resolved(each, depth) for each in schema]
        if not isinstance(schema, dict) or depth > 12:
            return schema
        if "$ref" in schema:
            return resolved(schemas[schema["$ref"].rpartition("/")[2]], depth + 1)
        return {name: resolved(value, depth + 1) for name, value in schema.items()}

    return {
        operation["operationId"]: next(
            (content_type, resolved(content["schema"]))
            for content_type, content in operation["requestBody"]["content"].items()
        )
        for path in document["paths"].values()
        for method, operation in path.items()
        if method.upper() not in READING and "requestBody" in operation
    }


@dataclass
class Control:
    """A field of a form: its name, its type (or ``select``, ``textarea``), value and choices."""

    name: str
    type: str
    value: str = ""
    choices: tuple[str, ...] = ()
    is_required: bool = False
    is_chosen: bool = False


@dataclass
class Form:
    """A form that is sent by POST."""

    action: str
    controls: list[Control]


def forms_of(page: str) -> list[Form]:
    """The forms of a page that write."""
    parser = _Forms()
    parser.feed(page)
    return parser.forms


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select: Control | None = None
        # The controls that stand outside their form, and name it.
        self._named: dict[str, Form] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._form = Form(given.get("action") or "", [])
            if given.get("id"):
                self._named[str(given["id"])] = self._form
            if (given.get("method") or "").lower() == "post":
                self.forms.append(self._form)
            return
        form = self._named.get(given.get("form") or "", self._form)
        name, value = given.get("name") or "", given.get("value") or ""
        if form is None:
            return
        if tag in ("input", "textarea", "select", "button") and name:
            kind = given.get("type") or "text" if tag in ("input", "button") else tag
            control = Control(name, kind, value, (), "required" in given, "checked" in given)
            form.controls.append(control)
            self._select = control if tag == "select" else None
        elif tag == "option" and self._select is not None:
            self._select.choices = (*self._select.choices, value)
            if "selected" in given:
                self._select.value = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
