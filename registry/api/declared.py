"""What a route declares of itself, and what its view is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from flask import Response
from marshmallow import Schema

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.errors import Problem
from registry.core.languages import Language
from registry.core.pagination import Listing, Page
from registry.http.query_parameters import Parameter
from registry.http.request_bodies import JSON_TYPE, SentFile


class Everybody(Enum):
    """The permission of the few routes that answer without signing in."""

    OPEN = "open"


OPEN: Final = Everybody.OPEN


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A JSON object, read by a schema. ``joins_problems``: the view raises what is wrong together with its own.
    ``may_be_empty``: no body at all means an empty object.
    """

    schema: Schema
    example: Mapping[str, Any]
    content_type: str = JSON_TYPE
    joins_problems: bool = False
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class FormBody:
    """A multipart body: its JSON Schema properties, of which ``file`` is the file."""

    properties: Mapping[str, Any]
    required: tuple[str, ...] = ("file",)


@dataclass(frozen=True, slots=True)
class Answers:
    """The answer of a route when all goes well. ``lists``: the schema is of one item."""

    schema: Schema | None
    example: Any = None
    status: int = 200
    description: str = ""
    lists: bool = False
    content_types: tuple[str, ...] = (JSON_TYPE,)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """One route. The checks run in the order of the fields (docs/reference/api.md).

    ``subject`` finds what the path names (404). ``locks`` finds it again, inside a transaction, in which the
    view then runs. ``tag`` makes the subject's entity tag, which ``If-Match`` must name when ``if_match`` is set.
    ``sorts`` names what a paged list can be sorted by. ``commits_itself``: the view must not run inside a transaction.
    """

    operation: str
    method: str
    rule: str
    needs: Permission | Everybody
    answers: Answers
    subject: Callable[..., Any] | None = None
    query: tuple[Parameter, ...] = ()
    paged: bool = False
    sorts: tuple[str, ...] = ()
    body: JsonBody | FormBody | None = None
    if_match: bool = False
    locks: Callable[..., Any] | None = None
    tag: Callable[[Any], str] | None = None
    commits_itself: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """What a view is given. ``values`` and ``problems`` come from the body, ``query`` holds the filters alone."""

    actor: Actor | None
    language: Language
    path: Mapping[str, Any]
    subject: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    page: Page = field(default_factory=Page)
    values: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    files: Mapping[str, SentFile] = field(default_factory=dict)

    @property
    def by(self) -> Actor:
        """Who calls; only on routes that need a permission."""
        if self.actor is None:
            raise RuntimeError("an open route has no actor")
        return self.actor


@dataclass(frozen=True, slots=True)
class Answer:
    """What a view gives back when the body alone is not enough."""

    body: Any
    location: str | None = None
    tag: str | None = None
    status: int | None = None


View = Callable[[Call], "Answer | Listing | Response | Mapping[str, Any] | object"]
