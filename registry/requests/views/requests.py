"""Pages of requests: the list of all kinds, and one request with its decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flask import redirect, render_template, url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.pages import address_with_agency, agency_filter, names_no_agency
from registry.agencies.service import may_act_for
from registry.core.errors import Conflict, Malformed, NotAllowed, Problem, RegistryError
from registry.core.lists import Listing
from registry.http.error_handlers import status_of
from registry.projects.views.links import projects_numbered
from registry.requests import service
from registry.requests.four_eyes import is_another_person
from registry.requests.handlers import HANDLERS
from registry.requests.models import Request
from registry.requests.queries import find_request, list_requests, read_request, show_request
from registry.requests.restoration import is_in_effect, restore_project
from registry.requests.schemas import REFUSED, REMARK
from registry.requests.views.facts import facts_of, names_of_agencies, numbers_of_projects
from registry.requests.vocabulary import RequestKind, RequestState
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.forms import Form, invalid_form, typed_values
from registry.web.lists import first_address, next_address, requested_filters, requested_page

KIND: Final = "request_kind"
FILTERS: Final = ("state", "agency", "project")
REASON: Final = "reason"
# Decisions that need a reason.
WITH_REASON: Final = ("refusal", "restoration")


@pages.page("/requests", needs=Permission.REQUESTS_READ)
def requests(actor: Actor) -> Answer:
    """List the requests that the actor may see, newest first, of some kinds or of all."""
    address = address_with_agency(actor)
    if address is not None:
        return redirect(address)
    filters = requested_filters((*FILTERS, KIND))
    kinds = filters[KIND].split(",") if KIND in filters else []
    if not set(kinds) <= set(RequestKind.codes()):
        raise Malformed([Problem(KIND, "not-a-choice", {"options": ", ".join(RequestKind.codes())})])
    narrowed = {name: value for name, value in filters.items() if name != KIND}
    if names_no_agency(filters):
        listing = Listing([], None)
    else:
        listing = list_requests(actor, narrowed, requested_page(), [RequestKind(kind) for kind in kinds])
    return render_template(
        "requests/list.html",
        actor=actor,
        items=listing.items,
        agency=agency_filter(actor, filters),
        agencies=names_of_agencies(listing.items),
        projects=projects_numbered(actor, numbers_of_projects(listing.items)),
        filters=filters,
        kinds=[(each.value, each.label) for each in RequestKind],
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page("/requests/<row_id:request_id>", needs=Permission.REQUESTS_READ)
def request_page(actor: Actor, request_id: int) -> Answer:
    """Show a request and, to whoever may decide it, the decision."""
    return _page(actor, read_request(actor, request_id), Form())


def _confirm(actor: Actor, request: Request, reason: str | None) -> str:
    request = service.confirm(actor, RequestKind(request.kind), request.id, reason)
    if request.details.get("approval") and request.state == RequestState.WAITING:
        return _("Your proposal is sent. Nothing changes until another person approves it.")
    if request.state == RequestState.WAITING:
        return _("You have confirmed the request. It waits for the second person.")
    return (
        _("The request is confirmed and has taken effect.")
        if request.carried_out_at
        else _("The request is confirmed. It takes effect on its day.")
    )


def _refuse(actor: Actor, request: Request, reason: str | None) -> str:
    service.refuse(actor, RequestKind(request.kind), request.id, reason or "")
    return _("The request is refused.")


def _cancel(actor: Actor, request: Request, reason: str | None) -> str:
    service.cancel(actor, RequestKind(request.kind), request.id, reason)
    return _("The request is cancelled.")


def _restore(actor: Actor, request: Request, reason: str | None) -> str:
    restore_project(actor, request.id, reason or "")
    return _("The project is restored.")


DECISIONS: Final[Mapping[str, Callable[[Actor, Request, str | None], str]]] = {
    "confirmation": _confirm,
    "refusal": _refuse,
    "cancellation": _cancel,
    "restoration": _restore,
}


DECIDE: Final = f"/requests/<row_id:request_id>/<any({','.join(DECISIONS)}):decision>"


@pages.page(DECIDE, needs=Permission.REQUESTS_READ, methods=("POST",))
def decide_request(actor: Actor, request_id: int, decision: str) -> Answer:
    """Confirm, refuse or cancel the request, or undo it. The permission of each is checked by its service."""
    request = find_request(actor, request_id)
    texts = typed_values((REASON,))
    values, problems = (REFUSED if decision in WITH_REASON else REMARK).load_texts({REASON: texts.get(REASON, "")})
    if problems:
        return _page(actor, request, Form(texts, problems)), 422
    try:
        text = DECISIONS[decision](actor, request, values.get(REASON))
    except (Conflict, NotAllowed) as error:
        return _with_error(actor, request_id, texts, error)
    flash_message(text)
    return redirect_to("request_page", request_id=request_id)


def _with_error(actor: Actor, request_id: int, texts: Mapping[str, str], error: RegistryError) -> Answer:
    return _page(actor, find_request(actor, request_id), invalid_form(texts, error, REASON)), status_of(error)


def _page(actor: Actor, request: Request, form: Form) -> str:
    handler = HANDLERS[RequestKind(request.kind)]
    shown = show_request(actor, request)
    waits = request.state == RequestState.WAITING
    return render_template(
        "requests/detail.html",
        actor=actor,
        request=shown,
        facts=facts_of(shown),
        agencies=names_of_agencies([shown]),
        projects=projects_numbered(actor, numbers_of_projects([shown])),
        form=form,
        here=url_for("web.request_page", request_id=request.id),
        may_decide=waits and actor.may(handler.decides),
        may_confirm=is_another_person(actor, request) and actor.is_person,
        may_restore=is_in_effect(request) and actor.may(Permission.CASES_APPROVE),
        may_cancel=request.is_open and actor.may(handler.asks) and _has_project(actor, request),
    )


def _has_project(actor: Actor, request: Request) -> bool:
    """False for an agency that has passed the project on since."""
    project = request.project_record
    return project is None or may_act_for(actor, project.agency_id)
