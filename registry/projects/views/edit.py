"""Edit pages of a project: by section or whole, with the verdict before saving and detection of concurrent edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.verdicts import PROJECT_FACTS, is_reason_required, verdict_after_change
from registry.core.errors import Conflict, Invalid, Problem
from registry.core.fields import Day
from registry.core.transactions import transaction
from registry.http.http_errors import RouteNotFound
from registry.projects.fields import FIELDS
from registry.projects.models import Project
from registry.projects.questions import CONDITIONS, in_order, newly_asked, with_budget
from registry.projects.revisions import differences, history
from registry.projects.schemas import PROJECT_PATCH
from registry.projects.service import change_project, find_project_to_change, planned_change, read_project_to_change
from registry.projects.views.sections import PARTS, current_texts, part_title, shown_fields
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.flash import flash_changes, flash_message
from registry.web.formats import gettext
from registry.web.forms import (
    Form,
    changed_texts,
    invalid_form,
    present_text,
    project_field,
    schema_field,
    typed_values,
)

VERSION: Final = "version"
REASON: Final = "change_reason"
# Buttons and marks of the pages between the form and the saving.
BACK: Final = "back_to_form"
ASKED: Final = "asked"
CONFIRMED: Final = "confirmed"
Parts = Mapping[str, Sequence[str]]


@pages.page("/projects/<number>/edit", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"), keeps_entries=True)
def edit_project(actor: Actor, number: str, resumed: bool) -> Answer:
    """Change any field of a project."""
    return _edit(actor, number, None, resumed)


@pages.page(
    "/projects/<number>/edit/<section>", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"), keeps_entries=True
)
def edit_section(actor: Actor, number: str, section: str, resumed: bool) -> Answer:
    """Change the fields of one section."""
    if section not in PARTS:
        raise RouteNotFound
    return _edit(actor, number, section, resumed)


def _edit(actor: Actor, number: str, section: str | None, resumed: bool) -> Answer:
    """Show the form with the current values; a POST saves the changed fields, once their effect was shown."""
    if request.method != "POST":
        project = read_project_to_change(actor, number, "project")
        return _form(project, Form(current_texts(project)), section)
    texts = with_budget(typed_values(FIELDS))
    if resumed:
        project = read_project_to_change(actor, number, "project")
        flash_message(gettext("You are signed in again. What you entered is below and not saved yet."), "information")
        return _form(project, Form({**current_texts(project), **texts}), section, tuple(texts))
    with transaction():
        project = find_project_to_change(actor, number)
        seen = _form_version(project)
        since = history(project.id)[seen:]
        edited = _own_changes(project, texts, since)
        form = Form({**current_texts(project), **edited})
        if since:
            # Nothing is saved until the user has seen the concurrent changes.
            return _form(project, form, section, tuple(edited), since), 409
        if BACK in request.form:
            return _form(project, form, section, tuple(edited))
        return _save(actor, project, section, edited)


def _save(actor: Actor, project: Project, section: str | None, edited: Mapping[str, str]) -> Answer:
    """Save the changes, or show the page that stands before it: errors, further questions, the effect."""
    values, problems = PROJECT_PATCH.load_filled_texts(edited)
    loaded, reason_problems = PROJECT_PATCH.load_filled_texts({REASON: request.form.get(REASON, "")})
    reason = loaded.get(REASON)
    try:
        before, after = planned_change(actor, project, values, problems)
    except (Invalid, Conflict) as error:
        form = invalid_form({**current_texts(project), **edited}, error, "external_id")
        wrong = [name for name, _ in form.errors]
        return _form(project, form, section, (*edited, *wrong)), 422
    needed = [] if section is None or ASKED in request.form else newly_asked(before, after)
    if needed:
        return _follow_up(project, section, edited, needed)
    changes = differences(before, after)
    required = is_reason_required(changes)
    if required and reason is None and not reason_problems:
        reason_problems = (Problem(f"/{REASON}", "change-reason-required"),)
    if any(change["field"] in PROJECT_FACTS for change in changes):
        if CONFIRMED not in request.form:
            return _confirmation(project, section, edited, after, Form(), required)
        if reason_problems:
            texts = {REASON: request.form.get(REASON, "")}
            return _confirmation(project, section, edited, after, Form(texts, reason_problems), required), 422
    flash_changes(change_project(actor, project, values, (), reason))
    return _to_project(project, section)


def _to_project(project: Project, section: str | None) -> Response:
    return redirect_to("project", number=project.number, _anchor=None if section is None else f"facts-{section}")


def _form(
    project: Project,
    form: Form,
    section: str | None,
    further: Sequence[str] = (),
    since: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The form of a section, or of all; ``further``: fields of other sections that were changed or are wrong."""
    parts: dict[str, Sequence[str]] = dict(PARTS)
    if section is not None:
        shown = shown_fields(section, form.values)
        others = {part: [name for name in names if name in further] for part, names in PARTS.items()}
        parts = {section: in_order({*shown, *others.pop(section)}, PARTS[section])}
        parts |= {part: names for part, names in others.items() if names}
    return _page(project, form, parts, section, since=since)


def _follow_up(project: Project, section: str | None, edited: Mapping[str, str], needed: Sequence[str]) -> str:
    """The page that asks what the changed answers need."""
    parts = {part: [name for name in names if name in needed] for part, names in PARTS.items()}
    form = Form(current_texts(project))
    hidden = {**edited, ASKED: "yes"}
    return _page(project, form, {part: names for part, names in parts.items() if names}, section, hidden=hidden)


def _page(
    project: Project,
    form: Form,
    parts: Parts,
    section: str | None,
    *,
    hidden: Mapping[str, str] | None = None,
    since: Sequence[Mapping[str, Any]] = (),
) -> str:
    return render_template(
        "projects/edit.html",
        project=project,
        form=form,
        section=section,
        parts={part: [project_field(name) for name in names] for part, names in parts.items()},
        part_title=part_title,
        conditions={} if section is None else CONDITIONS,
        hidden=hidden or {},
        since=since,
        to_project=_project_address(project, section),
    )


def _confirmation(
    project: Project,
    section: str | None,
    edited: Mapping[str, str],
    after: Mapping[str, Any],
    form: Form,
    required: bool,
) -> str:
    before = {name: getattr(project, name) for name in after}
    return render_template(
        "projects/edit_check.html",
        project=project,
        form=form,
        changes=differences(before, after),
        verdict=verdict_after_change(project, after, page_locale()),
        reason=schema_field(PROJECT_PATCH.inputs[REASON]) if required else None,
        hidden={**edited, ASKED: "yes", CONFIRMED: "yes"},
        back_to_form=BACK,
        to_project=_project_address(project, section),
    )


def _project_address(project: Project, section: str | None) -> str:
    return url_for("web.project", number=project.number, _anchor=None if section is None else f"facts-{section}")


def _form_version(project: Project) -> int:
    text = request.form.get(VERSION, "")
    version = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return min(version, project.version) or project.version


def _own_changes(project: Project, texts: Mapping[str, str], since: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The texts that differ from the values with which the form was opened."""
    opened_with = current_texts(project)
    for revision in reversed(since):
        for change in revision["changes"]:
            if change["field"] in FIELDS:
                opened_with[change["field"]] = _typed_before(change["field"], change["old"])
    return changed_texts(texts, opened_with)


def _typed_before(name: str, old: Any) -> str:
    # A revision stores dates as ISO 8601 text.
    value = date.fromisoformat(old) if old and isinstance(FIELDS.get(name), Day) else old
    return present_text(project_field(name), value)
