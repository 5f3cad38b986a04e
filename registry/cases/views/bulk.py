"""Actions on the cases chosen in a list: the form of an action, and a page with what was done and what was refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from flask import render_template, request, url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.cases.bulk import MAX_AT_ONCE, SERVICES, BulkResult, act_on_cases, open_cases
from registry.cases.forms import field_names, fields_of, load_action
from registry.cases.views.lists import no_case_chosen, requested_list
from registry.cases.vocabulary import ActionName
from registry.core.errors import Problem
from registry.core.translations import lazy_text
from registry.http.http_errors import RouteNotFound
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.errors import problem_message
from registry.web.flash import flash_message
from registry.web.formats import gettext, ngettext
from registry.web.forms import Form, typed_values
from registry.web.labels import choice_label

# Actions with a form of their own, between the list and the result.
WITH_FORM: Final = (ActionName.ASSIGN, ActionName.ASK)
# Sent by the form of an action, and not by the list.
READY: Final = "ready"
MAX_ID_DIGITS: Final = 9
DONE: Final[dict[str, Callable[[int], str]]] = {
    ActionName.CLAIM: lambda count: ngettext("%(num)s case is taken.", "%(num)s cases are taken.", count),
    ActionName.ASSIGN: lambda count: ngettext("%(num)s case is assigned.", "%(num)s cases are assigned.", count),
    ActionName.ASK: lambda count: ngettext("%(num)s question is sent.", "%(num)s questions are sent.", count),
    ActionName.CONFIRM: lambda count: ngettext(
        "%(num)s case is confirmed and closed.", "%(num)s cases are confirmed and closed.", count
    ),
    "open": lambda count: ngettext("%(num)s case is opened.", "%(num)s cases are opened.", count),
}
OPENING: Final = lazy_text("Open the cases")


@pages.page("/cases/bulk/<action>", needs=Permission.CASES_REVIEW, methods=("POST",))
def act_on_chosen_cases(actor: Actor, action: str) -> Answer:
    """Run an action on the chosen cases, each independently; some actions ask for their fields first."""
    if action not in SERVICES:
        raise RouteNotFound
    chosen = [int(sent) for sent in request.form.getlist("case") if _is_id(sent)][:MAX_AT_ONCE]
    if not chosen:
        return no_case_chosen(actor), 422
    names = field_names(action)
    texts = typed_values(f"{action}-{name}" for name in names)
    if action in WITH_FORM and READY not in request.form:
        return _form(actor, action, chosen, Form({}))
    values, problems = load_action(action, {name: texts.get(f"{action}-{name}", "") for name in names})
    if problems:
        return _form(actor, action, chosen, Form(texts, [_renamed(action, each) for each in problems])), 422
    return _result(action, choice_label("case_action", action), act_on_cases(actor, action, chosen, values))


@pages.page("/cases/watch-list/opening", needs=Permission.CASES_REVIEW, methods=("POST",))
def open_chosen_cases(actor: Actor) -> Answer:
    """Open cases for the chosen projects of the watch list, each independently."""
    chosen = request.form.getlist("project")[:MAX_AT_ONCE]
    if not chosen:
        flash_message(gettext("Choose at least one project"), "error")
        return redirect_to("watch_list")
    return _result("open", gettext(OPENING), open_cases(actor, chosen), back=url_for("web.watch_list"))


def _form(actor: Actor, action: str, chosen: list[int], form: Form) -> str:
    fields = fields_of(actor, action)
    return render_template(
        "cases/bulk_form.html",
        action=action,
        title=choice_label("case_action", action),
        chosen=chosen,
        fields=fields,
        labels={field.name: field.label for field in fields},
        form=form,
        place=requested_list(),
    )


def _result(action: str, title: str, result: BulkResult[Any], back: str | None = None) -> str:
    count = len(result.done)
    if count:
        flash_message(DONE[action](count) % {"num": count})
    return render_template(
        "cases/bulk_result.html",
        title=title,
        done=result.done,
        refused=[(subject, problem_message(problem)) for subject, problem in result.refused],
        back=back,
        place=requested_list(),
    )


def _renamed(action: str, problem: Problem) -> Problem:
    return replace(problem, pointer=f"/{action}-{problem.pointer.lstrip('/')}")


def _is_id(sent: str) -> bool:
    return sent.isascii() and sent.isdigit() and len(sent) <= MAX_ID_DIGITS
