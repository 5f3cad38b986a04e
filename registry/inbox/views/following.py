"""Buttons that follow a case or a project."""

from __future__ import annotations

from typing import Final

from flask import request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.inbox import service
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.translations import gettext

# The value of the button that stops following.
STOP: Final = "stop"


@pages.page("/inbox/cases/<row_id:case_id>/watch", needs=Permission.CASES_READ, methods=("POST",))
def watch_case(actor: Actor, case_id: int) -> Answer:
    """Follow the case, or stop following it."""
    if request.form.get("following") == STOP:
        service.unwatch_case(actor, case_id)
        flash_message(gettext("You no longer follow this case."))
    else:
        service.watch_case(actor, case_id)
        flash_message(gettext("You follow this case: comments and changes of its status come to your inbox."))
    return redirect_to("case", case_id=case_id)


@pages.page("/inbox/projects/<number>/watch", needs=Permission.CASES_READ, methods=("POST",))
def watch_project(actor: Actor, number: str) -> Answer:
    """Follow the project, or stop following it."""
    if request.form.get("following") == STOP:
        service.unwatch_project(actor, number)
        flash_message(gettext("You no longer follow this project."))
    else:
        service.watch_project(actor, number)
        flash_message(gettext("You follow this project: what happens to its cases comes to your inbox."))
    return redirect_to("project", number=number)
