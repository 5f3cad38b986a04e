"""What the HTTP interface itself refuses, before a service is asked."""

from __future__ import annotations

from registry.core.errors import NotAllowed, RegistryError, Stale


class AuthenticationRequired(RegistryError):
    """The request carries no bearer token."""


class UnsupportedMediaType(RegistryError):
    """The body is of a type that this route does not take."""


class PayloadTooLarge(RegistryError):
    """The body or the file is larger than this route takes."""


class PreconditionRequired(RegistryError):
    """A change must say which state it was made from."""


class PreconditionFailed(Stale):
    """The resource is no longer in the state that If-Match names."""


class IdempotencyKeyReused(RegistryError):
    """The key was used with another body before."""


class CsrfTokenInvalid(NotAllowed):
    """The form was not ours, or belongs to a session that ended."""


class CrossOriginRequest(NotAllowed):
    """A page of another origin sent the form."""


class TooManyRequests(RegistryError):
    """The caller has sent more requests than the service takes in a minute."""


class RouteNotFound(RegistryError):
    """There is nothing at this address."""


class MethodNotAllowed(RegistryError):
    """The address does not take this method."""


class BadRequest(RegistryError):
    """The request cannot be read as HTTP."""


class DatabaseUnavailable(RegistryError):
    """The database does not answer. A change that was on its way may or may not have been made."""


class DatabaseBusy(RegistryError):
    """A lock, a statement or a free connection took longer than its limit. The change was not made."""


class StorageFull(RegistryError):
    """The database has no room for the change, which was not made."""


class OpenDataNotReady(RegistryError):
    """The files of the open data are being written: there are none yet, or a project in them became private."""


class InternalError(RegistryError):
    """A mistake in this program; the log tells more under the trace id."""
