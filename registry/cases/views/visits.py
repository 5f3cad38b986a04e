"""Store that a person has seen a case, by the button or by the script of its page."""

from __future__ import annotations

from flask import request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.cases.queries import find_case
from registry.cases.views.list_position import requested_position
from registry.cases.visits import record_visit
from registry.core.errors import invalid
from registry.core.transactions import transaction
from registry.web.blueprint import Answer, pages, redirect_to

MAX_ID_DIGITS = 15
# Sent by the script, which displays no page afterwards.
QUIET = "quiet"


@pages.page("/cases/<row_id:case_id>/visit", needs=Permission.CASES_READ, methods=("POST",))
def see_case(actor: Actor, case_id: int) -> Answer:
    """Store the visit, and display the case again without marks."""
    event = request.form.get("event", "")
    if not (event.isascii() and event.isdigit() and len(event) <= MAX_ID_DIGITS):
        raise invalid("/event", "event-not-of-case", id=event[:MAX_ID_DIGITS])
    with transaction():
        case = find_case(actor, case_id)
        place = requested_position(case)
        record_visit(actor, case, int(event))
    return ("", 204) if QUIET in request.form else redirect_to("case", case_id=case_id, **place)
