"""Changing a project. Who comes second sees what the first changed, and loses nothing of what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.errors import Conflict, Invalid
from registry.core.field_types import Day
from registry.core.transactions import transaction
from registry.projects.fields import FIELDS
from registry.projects.models import Project
from registry.projects.revisions import history
from registry.projects.service import change_project, find_project_to_change, read_project
from registry.projects.views.sections import PARTS, part_title
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.fields import present_text, project_field
from registry.web.flash import flash_changes
from registry.web.forms import Form, accept, changed_texts, invalid_form, typed_values

VERSION: Final = "version"


@pages.page("/projects/<number>/edit", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"))
def edit_project(actor: Actor, number: str) -> Answer:
    """The form with the present values; a POST writes what was changed in it."""
    if request.method != "POST":
        found = read_project(actor, number, "project")
        return _form(found, Form(_present(found)), [])
    texts = typed_values(FIELDS)
    with transaction():
        found = find_project_to_change(actor, number)
        seen = _asked_version(found)
        since = history(found.id)[seen:]
        mine = _changed_by_me(found, texts, since)
        if since:
            # Nothing is written until the second person has seen what the first one did.
            return _form(found, Form({**_present(found), **mine}), since), 409
        values, problems = accept(mine, FIELDS)
        try:
            made = change_project(actor, found, values, problems)
        except (Invalid, Conflict) as refused:
            return _form(found, invalid_form({**_present(found), **mine}, refused, "external_id"), []), 422
    flash_changes(made)
    return redirect_to("project", number=number)


def _form(project: Project, form: Form, since: list[dict[str, Any]]) -> str:
    parts = {part: [project_field(name) for name in names] for part, names in PARTS.items()}
    return render_template(
        "projects/edit.html", project=project, form=form, parts=parts, part_title=part_title, since=since
    )


def _present(project: Project) -> dict[str, str]:
    return {name: present_text(project_field(name), getattr(project, name)) for name in FIELDS}


def _asked_version(project: Project) -> int:
    sent = request.form.get(VERSION, "")
    version = int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else 0
    return min(version, project.version) or project.version


def _changed_by_me(project: Project, texts: Mapping[str, str], since: list[dict[str, Any]]) -> dict[str, str]:
    """What differs from the values that the form was opened with."""
    opened_with = _present(project)
    for revision in reversed(since):
        for change in revision["changes"]:
            opened_with[change["field"]] = _typed_before(change["field"], change["old"])
    return changed_texts(texts, opened_with)


def _typed_before(name: str, old: Any) -> str:
    # A revision keeps dates as JSON does.
    value = date.fromisoformat(old) if old and isinstance(FIELDS.get(name), Day) else old
    return present_text(project_field(name), value)
