"""What the HTTP interface itself refuses, before a service is asked."""

from registry.core.errors import NotAllowed, RegistryError, Stale, Unavailable


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


class OpenDataNotReady(Unavailable):
    """The files of the open data are being written: there are none yet, or a project in them became private."""

    # The worker looks once a minute.
    retry_after = 60


class InternalError(RegistryError):
    """A mistake in this program; the log tells more under the trace id."""
