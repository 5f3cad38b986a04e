"""The last page of a registration: all answers, similar projects and the verdict."""

from __future__ import annotations

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.pages import agency_name
from registry.audits.verdicts import verdict_to_check
from registry.core.errors import Conflict, Invalid, NotAllowed
from registry.core.transactions import transaction
from registry.projects.drafts import Draft, discard_draft, find_draft
from registry.projects.former_records import REASON, former_records_shown
from registry.projects.questions import is_asked, without_year
from registry.projects.schemas import PROJECT_BODY
from registry.projects.service import check_project, register_project
from registry.projects.similarity.queries import similar_to_values
from registry.projects.views.registration import STEPS, field_of, load_draft
from registry.projects.views.related import similar_for_page
from registry.projects.views.sections import PARTS, part_of, part_title
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import error_message, problem_message
from registry.web.flash import flash_message
from registry.web.formats import gettext
from registry.web.forms import Form, typed_values


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
