"""What the HTTP interface itself refuses, before a service is asked."""

from __future__ import annotations

from registry.core.errors import NotAllowed, Refusal, Stale


class SignInNeeded(Refusal):
    """The request carries no bearer token."""


class ContentTypeNotTaken(Refusal):
    """The body is of a type that this route does not take."""


class ContentTooLarge(Refusal):
    """The body or the file is larger than this route takes."""


class IfMatchNeeded(Refusal):
    """A change must say which state it was made from."""


class ChangedSinceRead(Stale):
    """The resource is no longer in the state that If-Match names."""


class IdempotencyKeyReused(Refusal):
    """The key was used with another body before."""


class CrossOriginRequest(NotAllowed):
    """A page of another origin sent the form."""


class TooManyRequests(Refusal):
    """The caller has sent more requests than the service takes in a minute."""


class RouteNotFound(Refusal):
    """There is nothing at this address."""


class MethodNotTaken(Refusal):
    """The address does not take this method."""


class RequestMalformed(Refusal):
    """The request cannot be read as HTTP."""


class DatabaseNotReachable(Refusal):
    """The database does not answer. A change that was on its way may or may not have been made."""


class DatabaseBusy(Refusal):
    """A lock, a statement or a free connection took longer than its limit. The change was not made."""


class StorageFull(Refusal):
    """The database has no room for the change, which was not made."""


class InternalFault(Refusal):
    """A mistake in this program; the log tells more under the trace id."""
