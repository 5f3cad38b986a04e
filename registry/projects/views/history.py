"""The history of a project: all changes, and the record and the verdict as known on a past date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.past import AuditPolicyMissing, KnownStatus, status_known_at, values_known_at, verdict_known_at
from registry.core.base_schema import BaseSchema
from registry.core.clock import local_date
from registry.core.errors import Invalid, Problem
from registry.core.fields import AnyDay
from registry.core.known_at import NAME, parse_known_at
from registry.flags.former_flags import FlagsNotKnown
from registry.projects.models import Project
from registry.projects.revisions import history
from registry.projects.service import read_project
from registry.projects.views.sections import CONFIRMED, PARTS, part_title
from registry.web.blueprint import Answer, pages
from registry.web.current_user import page_locale
from registry.web.forms import Form, invalid_form

MAX_LENGTH: Final = 100


class KnownOn(BaseSchema):
    """The date of the form."""

    known_at = AnyDay()


KNOWN_ON: Final = KnownOn()


@dataclass(frozen=True, slots=True)
class Past:
    """What was known on a date; ``status`` and ``verdict`` are None when the register cannot tell."""

    on: date
    values: dict[str, Any]
    status: KnownStatus | None
    verdict: dict[str, Any] | None

    @property
    def given(self) -> frozenset[str]:
        """The fields that had a value."""
        return frozenset(name for name, value in self.values.items() if value is not None)


@pages.page("/projects/<number>/history", needs=Permission.PROJECTS_READ)
def project_history(actor: Actor, number: str) -> Answer:
    """Show all changes, newest first; for a date above them what was known on it."""
    text = request.args.get(NAME, "").strip()[:MAX_LENGTH]
    project = read_project(actor, number, "history")
    form, past = Form({NAME: text}), None
    try:
        past = _past(project, text) if text else None
        if past:
            # As the form asks for it, also when a link has another notation.
            form = Form({NAME: f"{past.on:%d.%m.%Y}"})
    except Invalid as error:
        form = invalid_form({NAME: text}, error, NAME)
    page = render_template(
        "projects/history.html",
        project=project,
        revisions=history(project.id)[::-1],
        form=form,
        past=past,
        parts=PARTS,
        confirmed=CONFIRMED,
        part_title=part_title,
    )
    return (page, 422) if form.errors else page


def _past(project: Project, text: str) -> Past:
    loaded = KNOWN_ON.load_texts({NAME: text})
    day: date | None = loaded.values.get(NAME)
    if loaded.problems or day is None:
        raise Invalid(loaded.problems or [Problem(NAME, "expected-date")])
    at = parse_known_at(day.isoformat())
    registered = local_date(project.registered_at)
    if day < registered:
        raise Invalid([Problem(NAME, "known-at-before-registration", {"registered": registered.isoformat()})])
    present = {name: getattr(project, name) for name in ("id", "number", "registered_at")}
    values = values_known_at(present, at)
    try:
        status = status_known_at(present, at)
    except (FlagsNotKnown, AuditPolicyMissing):
        status = None
    try:
        verdict = verdict_known_at(project, day, at, page_locale())
    except AuditPolicyMissing:
        verdict = None
    return Past(day, values, status, verdict)
