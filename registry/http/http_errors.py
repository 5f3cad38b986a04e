"""What the HTTP interface itself refuses, before a service is asked."""

from __future__ import annotations

from registry.core.errors import NotAllowed, RegistryError, Stale, Unavailable


class AuthenticationRequired(RegistryError):
    """The request carries no bearer token."""

    status = 401


class UnsupportedMediaType(RegistryError):
    """The body is of a type that this route does not take."""

    status = 415


class PayloadTooLarge(RegistryError):
    """The body or the file is larger than this route takes."""

    status = 413


class PreconditionRequired(RegistryError):
    """A change must say which state it was made from."""

    status = 428


class PreconditionFailed(Stale):
    """The resource is no longer in the state that If-Match names."""


class IdempotencyKeyReused(RegistryError):
    """The key was used with another body before."""

    status = 422


class CsrfTokenInvalid(NotAllowed):
    """The form was not ours, or belongs to a session that ended."""


class CrossOriginRequest(NotAllowed):
    """A page of another origin sent the form."""


class TooManyRequests(RegistryError):
    """The caller has sent more requests than the service takes in a minute."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds=seconds)
        self.retry_after = seconds


class RouteNotFound(RegistryError):
    """There is nothing at this address."""

    status = 404


class MethodNotAllowed(RegistryError):
    """The address does not take this method."""

    status = 405


class BadRequest(RegistryError):
    """The request cannot be read as HTTP."""

    status = 400


class DatabaseUnavailable(Unavailable):
    """The database does not answer. A change that was on its way may or may not have been made."""


class DatabaseBusy(Unavailable):
    """A lock, a statement or a free connection took longer than its limit. The change was not made."""


class StorageFull(Unavailable):
    """The database has no room for the change, which was not made."""


class OpenDataNotReady(Unavailable):
    """The files of the open data are being written: there are none yet, or a project in them became private."""

    # The worker looks once a minute.
    retry_after = 60


class InternalError(RegistryError):
    """A mistake in this program; the log tells more under the trace id."""
