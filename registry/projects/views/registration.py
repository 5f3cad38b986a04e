"""Registration: short pages, each with what the answers before it ask, and its own errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.pages import agency_choices, agency_defaults, agency_name
from registry.audits.verdicts import verdict_to_check
from registry.core.errors import Conflict, Invalid, NotAllowed, Problem, RegistryError
from registry.core.transactions import transaction
from registry.http.http_errors import RouteNotFound
from registry.projects.drafts import Draft, discard_draft, drafts_of, find_draft, save_draft, start_draft
from registry.projects.fields import cross_field_problems, merge_problems
from registry.projects.former_records import REASON, former_records_shown
from registry.projects.questions import CONDITIONS, asked_texts, is_asked, newly_asked, with_budget, without_year
from registry.projects.schemas import PROJECT_BODY
from registry.projects.service import check_project, check_reference, read_project, register_project
from registry.projects.similarity.queries import similar_to_values
from registry.projects.views.related import similar_for_page
from registry.projects.views.sections import PARTS, current_texts, next_part, part_of, part_title, shown_fields
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import error_message, problem_message
from registry.web.flash import flash_message
from registry.web.formats import gettext
from registry.web.forms import Form, invalid_form, project_field, schema_field, typed_values

STEPS: Final = tuple(PARTS)
CHECK: Final = "check"


@pages.page(
    "/register/<row_id:draft_id>/<step>", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"), keeps_entries=True
)
def register_step(actor: Actor, draft_id: int, step: str, resumed: bool) -> Answer:
    """One step of the form. Entered values are saved even when invalid."""
    if step not in STEPS:
        raise RouteNotFound
    draft = find_draft(actor, draft_id)
    if request.method != "POST":
        return _step(actor, draft, step, Form(draft.values))
    typed = with_budget({**draft.values, **typed_values(("agency", *PARTS[step]))})
    if resumed:
        flash_message(gettext("You are signed in again. What you entered is below and not saved yet."), "information")
        return _step(actor, draft, step, Form(typed))
    before = dict(draft.values)
    draft = save_draft(actor, draft_id, typed)
    if "autosave" in request.form:
        return Response(status=204)
    if "leave" in request.form:
        flash_message(gettext("Draft saved. You can find it here."))
        return redirect_to("register")
    form = _form_with_errors(actor, draft.values, step)
    if form is not None:
        return _step(actor, draft, step, form), 422
    return _next(draft, step, before)


def _next(draft: Draft, step: str, before: Mapping[str, str]) -> Response:
    """The next step; for a change from the last page back to it, or to what the change asks."""
    place = STEPS.index(step) + 1
    following = STEPS[place] if place < len(STEPS) else None
    if CHECK in request.values:
        needed = newly_asked(before, draft.values)
        following = next((part for part in STEPS[place:] if set(PARTS[part]) & set(needed)), None)
    if following is None:
        return redirect_to("register_check", draft_id=draft.id)
    again = {CHECK: "yes"} if CHECK in request.values else {}
    return redirect_to("register_step", draft_id=draft.id, step=following, **again)


def load_draft(texts: Mapping[str, str]) -> tuple[str | None, dict[str, Any], Sequence[Problem]]:
    """The agency, the values and the problems of the questions that a draft asks."""
    asked = {name: text for name, text in asked_texts(texts).items() if name in PROJECT_BODY.fields}
    values, problems = PROJECT_BODY.load_filled_texts(asked)
    return values.pop("agency", None), values, problems


def field_of(error: RegistryError) -> str:
    """The field of an error of the service that names none."""
    return "external_id" if isinstance(error, Conflict) else "agency"


def _form_with_errors(actor: Actor, texts: Mapping[str, str], step: str) -> Form | None:
    """The form with what is wrong on this page, None when nothing is; later pages have not been answered yet."""
    agency, values, known = load_draft(texts)
    problems = merge_problems(known, cross_field_problems(values))
    here = [problem for problem in problems if part_of(problem.pointer[1:]) == step]
    if here:
        return Form(texts, here)
    if step == STEPS[0]:
        try:
            check_reference(actor, agency, values.get("external_id"))
        except (Invalid, Conflict, NotAllowed) as error:
            return invalid_form(texts, error, field_of(error))
    return None


def _step(actor: Actor, draft: Draft, step: str, form: Form) -> str:
    fields = [project_field(name) for name in shown_fields(step, form.values)]
    if step == STEPS[0]:
        choices = agency_choices(actor)
        agency = schema_field(PROJECT_BODY.inputs["agency"])
        fields.insert(0, replace(agency, control="select", choices=choices) if choices else agency)
    place = STEPS.index(step)
    back = url_for("web.register_step", draft_id=draft.id, step=STEPS[place - 1]) if place else url_for("web.register")
    checking = CHECK in request.values
    return render_template(
        "projects/register_step.html",
        form=form,
        fields=fields,
        conditions=CONDITIONS,
        title=part_title(step),
        place=place + 1,
        back=url_for("web.register_check", draft_id=draft.id) if checking else back,
        check=CHECK if checking else None,
    )


# The last page of a registration: all answers, similar projects and the verdict.


@pages.page("/register/<row_id:draft_id>/check", needs=Permission.PROJECTS_WRITE, methods=("GET", "POST"))
def register_check(actor: Actor, draft_id: int) -> Answer:
    """Show all values and the verdict; a POST registers the project."""
    draft = find_draft(actor, draft_id)
    if request.method != "POST":
        return _check(actor, draft, Form())
    agency, values, problems = load_draft(draft.values)
    texts = typed_values((REASON,))
    loaded, wrong = PROJECT_BODY.load_filled_texts(texts)
    of_reason = [problem for problem in wrong if problem.pointer == f"/{REASON}"]
    try:
        with transaction():
            project = register_project(actor, agency, values, (*problems, *of_reason), loaded.get(REASON))
            discard_draft(actor, draft_id)
    except (Invalid, Conflict, NotAllowed) as error:
        problems = error.problems if isinstance(error, Invalid) else ()
        form = Form(texts, [problem for problem in problems if problem.pointer == f"/{REASON}"])
        return _check(actor, draft, form), 422
    flash_message(gettext("The project is registered under the number %s.") % project.number)
    return redirect_to("project", number=project.number)


def _check(actor: Actor, draft: Draft, form: Form) -> str:
    agency_bin, values, problems = load_draft(draft.values)
    verdict, errors, similar, former = None, [], [], None
    try:
        agency = check_project(actor, agency_bin, values, problems)
        former = former_records_shown(actor, agency.id, values)
        verdict = verdict_to_check(agency, values, None, page_locale(), former.pasts)
        similar = similar_for_page(similar_to_values(actor, agency.id, values))
    except Invalid as error:
        errors = [
            (part_of(problem.pointer[1:]), problem.pointer[1:], problem_message(problem)) for problem in error.problems
        ]
    except (Conflict, NotAllowed) as error:
        errors = [(STEPS[0], field_of(error), error_message(error))]
    return render_template(
        "projects/register_check.html",
        draft=draft,
        form=form,
        former=former,
        agency=agency_name(agency_bin),
        values=values,
        verdict=verdict,
        similar=similar,
        errors=errors,
        parts={part: [name for name in names if is_asked(name, draft.values)] for part, names in PARTS.items()},
        part_title=part_title,
        last_step=STEPS[-1],
        without_year=without_year(values),
    )


# Drafts of registrations: list, start, copy of a project, and deletion.


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
