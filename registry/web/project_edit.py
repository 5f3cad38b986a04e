"""Changing a project. Who comes second sees what the first changed, and loses nothing of what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from flask import render_template, request

from registry.access.actors import Actor
from registry.access.roles import Permission
from registry.records.project_fields import FIELDS
from registry.records.project_table import Project
from registry.records.projects import change_project, find_project_to_change, read_project
from registry.records.revisions import history
from registry.records.values import Day
from registry.store.errors import Conflict, Invalid
from registry.store.transaction import transaction
from registry.web.fields import present_text, project_field
from registry.web.forms import Form, accept, changed_texts, refused_form, typed
from registry.web.pages import Answer, pages, see
from registry.web.project_parts import PARTS, part_title
from registry.web.said import say_changes

VERSION: Final = "version"


@pages.page("/projects/<number>/edit", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"))
def edit_project(by: Actor, number: str) -> Answer:
    """The form with the present values; a POST writes what was changed in it."""
    if request.method != "POST":
        found = read_project(by, number, "project")
        return _form(found, Form(_present(found)), [])
    texts = typed(FIELDS)
    with transaction():
        found = find_project_to_change(by, number)
        seen = _asked_version(found)
        since = history(found.id)[seen:]
        mine = _changed_by_me(found, texts, since)
        if since:
            # Nothing is written until the second person has seen what the first one did.
            return _form(found, Form({**_present(found), **mine}), since), 409
        values, problems = accept(mine, FIELDS)
        try:
            made = change_project(by, found, values, problems)
        except (Invalid, Conflict) as refused:
            return _form(found, refused_form({**_present(found), **mine}, refused, "external_id"), []), 422
    say_changes(made)
    return see("project", number=number)


def _form(project: Project, form: Form, since: list[dict[str, Any]]) -> str:
    parts = {part: [project_field(name) for name in names] for part, names in PARTS.items()}
    return render_template(
        "project_edit.html", project=project, form=form, parts=parts, part_title=part_title, since=since
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
