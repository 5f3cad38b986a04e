"""Registration pages: a multi-step form with drafts and a verdict before submission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from flask import render_template, request, url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.views.choices import agency_choices, agency_defaults, agency_name
from registry.audits.verdicts import verdict_to_check
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem, RegistryError
from registry.core.transactions import transaction
from registry.http.http_errors import RouteNotFound
from registry.projects.drafts import Draft, discard_draft, drafts_of, find_draft, save_draft, start_draft
from registry.projects.schemas import PROJECT_BODY
from registry.projects.service import check_project, register_project
from registry.projects.similarity.queries import similar_to_values
from registry.projects.views.related import similar_for_page
from registry.projects.views.sections import PARTS, part_of, part_title
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.error_messages import error_message, problem_message
from registry.web.fields import project_field, schema_field
from registry.web.flash import flash_message
from registry.web.forms import Form, typed_values
from registry.web.translations import gettext

STEPS: Final = tuple(PARTS)


@pages.page("/register", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"))
def register(actor: Actor) -> Answer:
    """List the drafts; a POST creates a new one."""
    if request.method != "POST":
        return render_template("projects/register.html", drafts=drafts_of(actor))
    draft = start_draft(actor)
    save_draft(actor, draft.id, agency_defaults(actor))
    return redirect_to("register_step", draft_id=draft.id, step=STEPS[0])


@pages.page("/register/<row_id:draft_id>/<step>", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"))
def register_step(actor: Actor, draft_id: int, step: str) -> Answer:
    """One step of the form. Entered values are saved even when invalid."""
    if step not in STEPS:
        raise RouteNotFound
    draft = find_draft(actor, draft_id)
    if request.method != "POST":
        return _step(actor, draft, step, Form(draft.values))
    draft = save_draft(actor, draft_id, typed_values(_step_fields(step)))
    if "leave" in request.form:
        flash_message(gettext("Draft saved. You can find it here."))
        return redirect_to("register")
    problems = PROJECT_BODY.load_filled_texts(
        {name: draft.values.get(name, "") for name in _step_fields(step)}
    ).problems
    if problems:
        return _step(actor, draft, step, Form(draft.values, problems)), 422
    place = STEPS.index(step) + 1
    if place < len(STEPS):
        return redirect_to("register_step", draft_id=draft_id, step=STEPS[place])
    return redirect_to("register_check", draft_id=draft_id)


@pages.page("/register/<row_id:draft_id>/check", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"))
def register_check(actor: Actor, draft_id: int) -> Answer:
    """Show all values and the verdict; a POST registers the project."""
    draft = find_draft(actor, draft_id)
    if request.method != "POST":
        return _check(actor, draft)
    agency, values, problems = _validate(draft.values)
    try:
        with transaction():
            project = register_project(actor, agency, values, problems)
            discard_draft(actor, draft_id)
    except (Invalid, Conflict, NotAllowed):
        return _check(actor, draft), 422
    flash_message(gettext("The project is registered under the number %s.") % project.number)
    return redirect_to("project", number=project.number)


@pages.page("/register/<row_id:draft_id>/discard", needs=Permission.PROJECTS_WRITE, methods=("POST",))
def register_discard(actor: Actor, draft_id: int) -> Answer:
    """Delete a draft."""
    discard_draft(actor, draft_id)
    flash_message(gettext("Draft deleted."))
    return redirect_to("register")


def _step_fields(step: str) -> tuple[str, ...]:
    return ("agency", *PARTS[step]) if step == STEPS[0] else PARTS[step]


def _step(actor: Actor, draft: Draft, step: str, form: Form) -> str:
    fields = [project_field(name) for name in PARTS[step]]
    if step == STEPS[0]:
        choices = agency_choices(actor)
        agency = schema_field(PROJECT_BODY.inputs["agency"])
        fields.insert(0, replace(agency, control="select", choices=choices) if choices else agency)
    place = STEPS.index(step)
    back = url_for("web.register_step", draft_id=draft.id, step=STEPS[place - 1]) if place else url_for("web.register")
    title = part_title(step)
    return render_template(
        "projects/register_step.html", draft=draft, form=form, fields=fields, title=title, place=place + 1, back=back
    )


def _validate(texts: Mapping[str, str]) -> tuple[str | None, dict[str, Any], Sequence[Problem]]:
    values, problems = PROJECT_BODY.load_filled_texts(
        {name: texts[name] for name in texts if name in PROJECT_BODY.fields}
    )
    return values.pop("agency", None), values, problems


def _check(actor: Actor, draft: Draft) -> str:
    agency_bin, values, problems = _validate(draft.values)
    verdict, errors, similar = None, [], []
    try:
        agency = check_project(actor, agency_bin, values, problems)
        verdict = verdict_to_check(agency, values, None, page_locale())
        similar = similar_for_page(similar_to_values(actor, agency.id, values))
    except Invalid as error:
        errors = [
            (part_of(problem.pointer[1:]), problem.pointer[1:], problem_message(problem)) for problem in error.problems
        ]
    except (Conflict, NotAllowed) as error:
        errors = [(STEPS[0], _field_of(error), error_message(error))]
    return render_template(
        "projects/register_check.html",
        draft=draft,
        agency=agency_name(agency_bin),
        values=values,
        verdict=verdict,
        similar=similar,
        errors=errors,
        parts=PARTS,
        part_title=part_title,
        last_step=STEPS[-1],
    )


def _field_of(error: RegistryError) -> str:
    return "external_id" if isinstance(error, Conflict) else "agency"
