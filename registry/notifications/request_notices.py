"""Notices about requests: to those who can decide, to who asked, and to the agencies that a decision concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from registry.accounts.roles import Permission, Role
from registry.accounts.same_person import account_ever_named
from registry.core.database import db
from registry.notifications.recipients import Directory, Recipient
from registry.notifications.transport import Notice
from registry.requests.carrying_out import CARRIED_OUT_TOPIC
from registry.requests.decisions import DECIDED_TOPIC, FAILED_TOPIC, is_another_person
from registry.requests.handlers import HANDLERS
from registry.requests.models import Request
from registry.requests.restoration import RESTORED_TOPIC
from registry.requests.service import ASKED_TOPIC
from registry.requests.vocabulary import RequestKind, RequestState


def _waiting(request: Request, directory: Directory) -> list[Notice]:
    """To everybody who may confirm it, but for who asked or confirmed first."""
    if request.state != RequestState.WAITING:
        return []
    deciders = directory.who_may(HANDLERS[RequestKind(request.kind)].decides)
    others = [to for to in deciders if is_another_person(to.actor, request)]
    return _notices(request, others, "request-waiting")


def _decided(request: Request, directory: Directory) -> list[Notice]:
    """To who asked, unless that person cancelled it."""
    if request.decided_by == request.asked_by:
        return []
    return _notices(request, _askers(request, directory), "request-decided")


def _carried_out(request: Request, directory: Directory) -> list[Notice]:
    """To the agency that has something now; people of a former agency are its people by then."""
    if request.to_agency_id is None:
        return []
    return _notices(request, directory.of_agency(request.to_agency_id), "request-carried-out")


def _failed(request: Request, directory: Directory) -> list[Notice]:
    """To operators, who find the reason in the log, to those who confirm such requests, and to who asked."""
    deciders = directory.who_may(HANDLERS[RequestKind(request.kind)].decides)
    recipients = dict.fromkeys([*directory.of_role(Role.OPERATOR), *deciders, *_askers(request, directory)])
    return _notices(request, recipients, "request-failed") if request.is_due else []


def _restored(request: Request, directory: Directory) -> list[Notice]:
    """To the agency that has the project."""
    agency_id = request.agency_id if request.project_record is None else request.project_record.agency_id
    return _notices(request, directory.of_agency(agency_id), "request-restored")


def _askers(request: Request, directory: Directory) -> list[Recipient]:
    account = account_ever_named(request.asked_by)
    return [] if account is None else directory.of_account(account.id)


def _notices(request: Request, recipients: Iterable[Recipient], kind: str) -> list[Notice]:
    restricted = request.project_record is not None and request.project_record.is_restricted
    return [
        Notice(to, kind, request.id) for to in recipients if not restricted or to.actor.may(Permission.RESTRICTED_READ)
    ]


def _on_a_request(
    notices_of: Callable[[Request, Directory], list[Notice]],
) -> Callable[[Mapping[str, Any], Directory], list[Notice]]:
    def of(payload: Mapping[str, Any], directory: Directory) -> list[Notice]:
        request = db.session.get(Request, payload["request"], populate_existing=True)
        return [] if request is None else notices_of(request, directory)

    return of


REQUEST_NOTICES: Final[Mapping[str, Callable[[Mapping[str, Any], Directory], list[Notice]]]] = {
    ASKED_TOPIC: _on_a_request(_waiting),
    DECIDED_TOPIC: _on_a_request(_decided),
    CARRIED_OUT_TOPIC: _on_a_request(_carried_out),
    FAILED_TOPIC: _on_a_request(_failed),
    RESTORED_TOPIC: _on_a_request(_restored),
}
