"""Typed exceptions of the services. Each has a code, which is its key in the message catalogue.

Services raise them; only the API, the pages and the CLI map them to exit codes and texts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One validation problem: a JSON pointer (RFC 6901), a message code, and the message's parameters."""

    pointer: str
    code: str
    params: dict[str, object] = field(default_factory=dict)


class RegistryError(Exception):
    """The base of all service errors. ``params`` fill the message's template.

    ``status``: of HTTP. ``retry_after``: the seconds after which it may be tried again; None where time does not help.
    """

    code: ClassVar[str] = ""
    status: ClassVar[int] = 500
    retry_after: int | None = None

    def __init_subclass__(cls, status: int | None = None) -> None:
        super().__init_subclass__()
        cls.status = cls.status if status is None else status
        if "code" not in cls.__dict__:
            cls.code = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(self, **params: object) -> None:
        super().__init__(self.code, params)
        self.params = params


class NotFound(RegistryError, status=404):
    """The object does not exist or the caller may not see it; responses never distinguish the two."""


class NotAllowed(RegistryError, status=403):
    """The caller may see the object, but the role does not permit the action."""


class Conflict(RegistryError, status=409):
    """The action is not possible in the object's current state."""


class Gone(RegistryError, status=410):
    """What was there is deleted, for good."""


class FailedDependency(RegistryError, status=424):
    """The action was not done because others that it belongs with were not (RFC 4918, 11.4)."""


class Stale(RegistryError, status=412):
    """The object changed since the caller read it (RFC 9110, If-Match)."""


class Unavailable(RegistryError, status=503):
    """Something that the service needs is away or busy for a while."""

    retry_after: int | None = 5


class Malformed(RegistryError, status=400):
    """The request cannot be parsed, or has an unknown or unusable parameter."""

    def __init__(self, problems: Sequence[Problem] = (), **params: object) -> None:
        super().__init__(**params)
        self.problems = tuple(problems)


class Invalid(RegistryError, status=422):
    """The request can be parsed but fails validation; ``problems`` lists every problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__()
        self.problems = tuple(problems)


def invalid(pointer: str, code: str, **params: object) -> Invalid:
    """Return an Invalid with a single problem."""
    return Invalid([Problem(pointer, code, params)])


class CalendarInvalid(Exception):
    """The calendar file cannot be used; the message names the file, the key and what is expected."""


# What every request and command may meet: errors of HTTP, before a service is asked, of the database, of this program.


class AuthenticationRequired(RegistryError, status=401):
    """The request carries no bearer token."""


class UnsupportedMediaType(RegistryError, status=415):
    """The body is of a type that this route does not take."""


class PayloadTooLarge(RegistryError, status=413):
    """The body or the file is larger than this route takes."""


class PreconditionRequired(RegistryError, status=428):
    """A change must say which state it was made from."""


class PreconditionFailed(Stale):
    """The resource is no longer in the state that If-Match names."""


class IdempotencyKeyReused(RegistryError, status=422):
    """The key was used with another body before."""


class CsrfTokenInvalid(NotAllowed):
    """The form was not ours, or belongs to a session that ended."""


class CrossOriginRequest(NotAllowed):
    """A page of another origin sent the form."""


class TooManyRequests(RegistryError, status=429):
    """The caller has sent more requests than the service takes in a minute."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds=seconds)
        self.retry_after = seconds


class RouteNotFound(RegistryError, status=404):
    """There is nothing at this address."""


class MethodNotAllowed(RegistryError, status=405):
    """The address does not take this method."""


class BadRequest(RegistryError, status=400):
    """The request cannot be read as HTTP."""


class DatabaseUnavailable(Unavailable):
    """The database does not answer. A change that was on its way may or may not have been made."""


class DatabaseBusy(Unavailable):
    """A lock, a statement or a free connection took longer than its limit. The change was not made."""


class StorageFull(Unavailable):
    """The database has no room for the change, which was not made."""


class InternalError(RegistryError):
    """A mistake in this program; the log tells more under the trace id."""
