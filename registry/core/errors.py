"""Refusals: what a service says no with. Each has a code, which is its name in the catalogue of messages.

Services raise them; only the faces turn them into statuses, exit codes and words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in what was sent: a JSON pointer (RFC 6901), a code, and the message's parameters."""

    pointer: str
    code: str
    params: dict[str, object] = field(default_factory=dict)


class RegistryError(Exception):
    """The base of all refusals. ``params`` fill the message's template."""

    code: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "code" not in cls.__dict__:
            cls.code = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(self, **params: object) -> None:
        super().__init__(self.code, params)
        self.params = params


class NotFound(RegistryError):
    """There is no such thing, or the caller may not see it: the two are told apart nowhere."""


class NotAllowed(RegistryError):
    """The caller sees the thing, but the role does not allow the act."""


class Conflict(RegistryError):
    """The act does not fit what is there now."""


class Stale(RegistryError):
    """The thing changed since the caller read it (RFC 9110, If-Match)."""


class Malformed(RegistryError):
    """The request cannot be read at all, or asks with a parameter that does not exist."""

    def __init__(self, problems: Sequence[Problem] = (), **params: object) -> None:
        super().__init__(**params)
        self.problems = tuple(problems)


class Invalid(RegistryError):
    """What was sent can be read but is wrong; ``problems`` names every wrong place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__()
        self.problems = tuple(problems)


def invalid(pointer: str, code: str, **params: object) -> Invalid:
    """An Invalid of one problem."""
    return Invalid([Problem(pointer, code, params)])


class CalendarInvalid(Exception):
    """The calendar file cannot be used; the message names the file, the key and what is expected."""
