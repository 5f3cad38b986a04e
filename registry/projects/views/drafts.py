"""Drafts of registrations: list, start, copy of a project, and deletion."""

from __future__ import annotations

from flask import render_template, request
from werkzeug.wrappers import Response

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.pages import agency_defaults
from registry.core.transactions import transaction
from registry.projects.drafts import discard_draft, drafts_of, find_draft, save_draft, start_draft
from registry.projects.service import read_project
from registry.projects.views.sections import PARTS, next_part
from registry.projects.views.texts import current_texts
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.formats import gettext


@pages.page("/register", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"))
def register(actor: Actor) -> Answer:
    """List the drafts; a POST creates a new one."""
    if request.method != "POST":
        return render_template("projects/register.html", drafts=drafts_of(actor))
    with transaction():
        draft = start_draft(actor)
        save_draft(actor, draft.id, agency_defaults(actor))
    return redirect_to("register_step", draft_id=draft.id, step=next(iter(PARTS)))


@pages.page("/register/<row_id:draft_id>", needs=Permission.PROJECTS_WRITE)
def register_resume(actor: Actor, draft_id: int) -> Answer:
    """Go on with a draft where answers are missing."""
    part = next_part(find_draft(actor, draft_id).values)
    if part is None:
        return redirect_to("register_check", draft_id=draft_id)
    return redirect_to("register_step", draft_id=draft_id, step=part)


@pages.page("/projects/<number>/copy", needs=Permission.PROJECTS_WRITE, methods=("POST",))
def copy_project(actor: Actor, number: str) -> Response:
    """Start a draft with the values of a project, without its own reference; confirmations are not values."""
    with transaction():
        project = read_project(actor, number, "project")
        texts = {name: text for name, text in current_texts(project).items() if text and name != "external_id"}
        draft = start_draft(actor)
        save_draft(actor, draft.id, {"agency": project.agency.bin, **texts})
    flash_message(gettext("This draft has the values of %s. Change what is different.") % number)
    return redirect_to("register_step", draft_id=draft.id, step=next(iter(PARTS)))


@pages.page("/register/<row_id:draft_id>/discard", needs=Permission.PROJECTS_WRITE, methods=("POST",))
def register_discard(actor: Actor, draft_id: int) -> Answer:
    """Delete a draft."""
    discard_draft(actor, draft_id)
    flash_message(gettext("Draft deleted."))
    return redirect_to("register")
