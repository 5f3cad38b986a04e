"""Blueprints whose routes declare, in one readable place, who may call them and what they take and give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import flask
import flask_smorest
from flask import Response
from werkzeug.routing import BaseConverter

from registry.accounts.roles import Permission
from registry.api.declared import Answers, Declared, Everybody, FormBody, JsonBody, View
from registry.api.endpoint import answer_request
from registry.api.operations import operation_of
from registry.http.query_parameters import Parameter
from registry.http.required_permission import REQUIRED_PERMISSION

BASE = "/api/v1"
HANDLER = "registry_declared"


class PermissionNotDeclared(RuntimeError):
    """A route of the application does not say who may call it."""


class ProjectName(BaseConverter):
    """What stands for a project's number in its own path; ``check`` is another route's."""

    regex = "(?!check$)[^/]+"


class Routes(flask_smorest.Blueprint):  # type: ignore[misc] # flask-smorest is untyped
    """A blueprint below ``/api/v1``."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name, __name__, url_prefix=BASE, description=description)

    def declare(
        self,
        method: str,
        rule: str,
        *,
        needs: Permission | Everybody,
        answers: Answers,
        subject: Callable[..., Any] | None = None,
        locks: Callable[..., Any] | None = None,
        query: tuple[Parameter, ...] = (),
        paged: bool = False,
        sorts: tuple[str, ...] = (),
        body: JsonBody | FormBody | None = None,
        if_match: bool = False,
        tag: Callable[[Any], str] | None = None,
        commits_itself: bool = False,
    ) -> Callable[[View], View]:
        """Make the decorated view the route's. Its name is the operation's id, its docstring the documentation."""

        def register(view: View) -> View:
            name = view.__name__
            declared = Declared(
                *(name, method, rule, needs, answers, subject, query, paged, sorts, body, if_match, locks, tag),
                commits_itself,
            )
            operation = operation_of(declared, view.__doc__ or "")

            def handle(**path: Any) -> Response:
                return answer_request(declared, view, path)

            handle.__name__ = name
            setattr(handle, HANDLER, declared)
            setattr(handle, "_apidoc", {"manual_doc": operation})  # noqa: B010 - the attribute that flask-smorest reads
            self.route(rule, methods=[method], endpoint=name)(handle)
            return view

        return register


def declared_routes(app: flask.Flask) -> Iterator[tuple[str, Declared]]:
    """Every declared route of the application with its whole rule."""
    for rule in app.url_map.iter_rules():
        declared = getattr(app.view_functions[rule.endpoint], HANDLER, None)
        if declared is not None:
            yield rule.rule, declared


def require_declared_permissions(app: flask.Flask, open_endpoints: Mapping[str, str]) -> None:
    """Raise PermissionNotDeclared for a route that neither declares a permission nor is named as open."""
    missing = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in open_endpoints and not _declares(app.view_functions[rule.endpoint])
    ]
    if missing:
        raise PermissionNotDeclared(f"routes without a declared permission: {', '.join(sorted(missing))}")


def _declares(view: object) -> bool:
    return hasattr(view, HANDLER) or hasattr(view, REQUIRED_PERMISSION)
