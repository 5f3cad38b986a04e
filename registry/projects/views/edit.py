"""Edit page of a project, with detection of concurrent edits; entered values are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.errors import Conflict, Invalid
from registry.core.fields import Day
from registry.core.transactions import transaction
from registry.projects.fields import FIELDS
from registry.projects.models import Project
from registry.projects.revisions import history
from registry.projects.schemas import PROJECT_PATCH
from registry.projects.service import change_project, find_project_to_change, read_project
from registry.projects.views.sections import PARTS, part_title
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.fields import present_text, project_field
from registry.web.flash import flash_changes
from registry.web.forms import Form, changed_texts, invalid_form, typed_values

VERSION: Final = "version"


@pages.page("/projects/<number>/edit", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"))
def edit_project(actor: Actor, number: str) -> Answer:
    """Show the form with the current values; a POST saves the changed fields."""
    if request.method != "POST":
        project = read_project(actor, number, "project")
        return _form(project, Form(_current_texts(project)), [])
    texts = typed_values(FIELDS)
    with transaction():
        project = find_project_to_change(actor, number)
        seen = _form_version(project)
        since = history(project.id)[seen:]
        edited = _own_changes(project, texts, since)
        if since:
            # Nothing is saved until the user has seen the concurrent changes.
            return _form(project, Form({**_current_texts(project), **edited}), since), 409
        values, problems = PROJECT_PATCH.load_filled_texts(edited)
        try:
            changes = change_project(actor, project, values, problems)
        except (Invalid, Conflict) as error:
            return _form(project, invalid_form({**_current_texts(project), **edited}, error, "external_id"), []), 422
    flash_changes(changes)
    return redirect_to("project", number=number)


def _form(project: Project, form: Form, since: list[dict[str, Any]]) -> str:
    parts = {part: [project_field(name) for name in names] for part, names in PARTS.items()}
    return render_template(
        "projects/edit.html", project=project, form=form, parts=parts, part_title=part_title, since=since
    )


def _current_texts(project: Project) -> dict[str, str]:
    return {name: present_text(project_field(name), getattr(project, name)) for name in FIELDS}


def _form_version(project: Project) -> int:
    text = request.form.get(VERSION, "")
    version = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return min(version, project.version) or project.version


def _own_changes(project: Project, texts: Mapping[str, str], since: list[dict[str, Any]]) -> dict[str, str]:
    """The texts that differ from the values with which the form was opened."""
    opened_with = _current_texts(project)
    for revision in reversed(since):
        for change in revision["changes"]:
            opened_with[change["field"]] = _typed_before(change["field"], change["old"])
    return changed_texts(texts, opened_with)


def _typed_before(name: str, old: Any) -> str:
    # A revision stores dates as ISO 8601 text.
    value = date.fromisoformat(old) if old and isinstance(FIELDS.get(name), Day) else old
    return present_text(project_field(name), value)
