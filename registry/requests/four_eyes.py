"""Whether who decides a request is another person than who asked, and than who decided first."""

from __future__ import annotations

from registry.accounts import same_person
from registry.accounts.actors import Actor
from registry.core.errors import NotAllowed
from registry.requests.models import Request


class RequestNeedsAPerson(NotAllowed):
    """A service account neither asks nor decides where two people are required."""


class RequestNeedsAnotherPerson(NotAllowed):
    """Who asked, or decided first, is the person who wants to confirm."""


def require_another_person(actor: Actor, request: Request) -> None:
    """Raise RequestNeedsAPerson for service accounts, RequestNeedsAnotherPerson for who asked or decided first."""
    if not actor.is_person:
        raise RequestNeedsAPerson(id=request.id)
    if not is_another_person(actor, request):
        raise RequestNeedsAnotherPerson(id=request.id)


def is_another_person(actor: Actor, request: Request) -> bool:
    """True when the actor neither asked nor decided first, under any name and by no service account."""
    earlier = [name for name in (request.asked_by, request.first_decided_by) if name is not None]
    return same_person.is_another_person(actor, earlier, request.asked_at)
