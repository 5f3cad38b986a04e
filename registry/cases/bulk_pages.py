"""Pages of actions on several chosen cases: the form of an action, review one by one, and approval together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any, Final

from flask import render_template, request, url_for

from registry.accounts.roles import Actor, Permission, StepUpRequired
from registry.audits.pages import active_only
from registry.cases.actions import MAX_AT_ONCE, ON_SEVERAL, BulkResult, act_on_cases, of_one, open_cases
from registry.cases.decisions import TEXTS
from registry.cases.list_pages import BULK_LABELS, REVIEW, no_case_chosen, requested_list
from registry.cases.lists import list_cases, show_cases
from registry.cases.models import Case
from registry.cases.pages import (
    INSERT,
    PREVIEW,
    WITH_LETTER,
    control_name,
    field_names,
    fields_of,
    is_id,
    legal_bases,
    load_action,
    offered_templates,
    seen_tag,
    with_inserted_text,
)
from registry.cases.queries import find_case, last_answers
from registry.cases.text_templates import PLACEHOLDERS, placeholder_values
from registry.cases.vocabulary import ActionName, Status
from registry.core.errors import Invalid, Problem, RegistryError
from registry.core.lists import MAX_LIMIT, Page
from registry.core.translations import Language, lazy_text
from registry.http.error_handlers import status_of
from registry.http.http_errors import RouteNotFound
from registry.letters.service import preview_letter
from registry.projects.models import Project
from registry.projects.queries import projects_numbered
from registry.web.blueprint import Answer, flash_message, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import error_message, problem_message
from registry.web.formats import gettext as _
from registry.web.formats import ngettext
from registry.web.forms import Form, typed_values
from registry.web.labels import choice_label

# Actions with a form of their own, between the list and the result.
WITH_FORM: Final = (ActionName.ASSIGN, ActionName.ASK, ActionName.PROPOSE)
# What is done on pages of the chosen cases alone: their list has their ids as its filter.
ON_OWN_PAGES: Final = {REVIEW: "next_case", ActionName.APPROVE.value: "approve_chosen_cases"}
# Sent by the form of an action, and not by the list.
READY: Final = "ready"
DONE_TO_SEVERAL: Final[dict[str, Callable[[int], str]]] = {
    ActionName.CLAIM: lambda count: ngettext("%(num)s case is taken.", "%(num)s cases are taken.", count),
    ActionName.ASSIGN: lambda count: ngettext("%(num)s case is assigned.", "%(num)s cases are assigned.", count),
    ActionName.ASK: lambda count: ngettext("%(num)s question is sent.", "%(num)s questions are sent.", count),
    ActionName.CONFIRM: lambda count: ngettext(
        "%(num)s case is confirmed and closed.", "%(num)s cases are confirmed and closed.", count
    ),
    ActionName.PROPOSE: lambda count: ngettext(
        "%(num)s decision is proposed.", "%(num)s decisions are proposed.", count
    ),
    ActionName.APPROVE: lambda count: ngettext(
        "%(num)s decision is approved.", "%(num)s decisions are approved.", count
    ),
    "open": lambda count: ngettext("%(num)s case is opened.", "%(num)s cases are opened.", count),
}
# What the page of the result offers for the same cases, which their list has no longer.
FOLLOWING: Final[Mapping[str, Sequence[str]]] = {
    ActionName.CLAIM: (ActionName.PROPOSE, ActionName.ASK, REVIEW),
}
OPENING: Final = lazy_text("Open the cases")


@pages.page("/cases/bulk/<action>", needs=Permission.CASES_REVIEW, methods=("POST",))
def act_on_chosen_cases(actor: Actor, action: str) -> Answer:
    """Run an action on the chosen cases, each independently; some actions ask for their fields first."""
    if action not in (*ON_SEVERAL, *ON_OWN_PAGES):
        raise RouteNotFound
    chosen = _sent_ids(request.form.getlist("case"))
    if not chosen:
        return no_case_chosen(actor), 422
    if action in ON_OWN_PAGES:
        return redirect_to(ON_OWN_PAGES[action], **_set_of(chosen))
    names = field_names(action)
    texts = typed_values(f"{action}-{name}" for name in names)
    if action in WITH_FORM and READY not in request.form:
        return _bulk_form(actor, action, chosen, Form(_first_texts(actor, action, chosen)))
    if INSERT in request.form:
        return _bulk_form(actor, action, chosen, Form(with_inserted_text(actor, None, action, texts)))
    values, problems = load_action(action, {name: texts.get(f"{action}-{name}", "") for name in names})
    if problems:
        return _bulk_form(actor, action, chosen, _form_with(action, texts, problems)), 422
    try:
        if PREVIEW in request.form:
            return _bulk_form(actor, action, chosen, Form(texts), _first_letter(actor, action, chosen, values))
        result = act_on_cases(actor, action, chosen, values)
    except Invalid as error:
        return _bulk_form(actor, action, chosen, _form_with(action, texts, error.problems)), 422
    if action in WITH_FORM and result.refused:
        left = [case_id for case_id, _problem in result.refused]
        return _bulk_form(actor, action, left, Form(texts), result=result)
    return _bulk_result(action, choice_label("case_action", action), result)


@pages.page("/cases/watch-list/opening", needs=Permission.CASES_REVIEW, methods=("POST",))
def open_chosen_cases(actor: Actor) -> Answer:
    """Open cases for the chosen projects of the watch list, each independently."""
    chosen = request.form.getlist("project")[:MAX_AT_ONCE]
    if not chosen:
        flash_message(_("Choose at least one project"), "error")
        return redirect_to("watch_list")
    return _bulk_result("open", _(OPENING), open_cases(actor, chosen), back=url_for("web.watch_list"))


def _sent_ids(sent: Iterable[str]) -> list[int]:
    return [int(each) for each in sent if is_id(each)][:MAX_AT_ONCE]


def _set_of(ids: Iterable[int]) -> dict[str, str]:
    """Return the filters of the list that has these cases alone, in the order of the list from which they come."""
    sort = requested_list().get("sort")
    return {"id": ",".join(map(str, ids)), **({"sort": sort} if sort else {})}


def _first_texts(actor: Actor, action: str, chosen: list[int]) -> dict[str, str]:
    if action != ActionName.PROPOSE:
        return {}
    return {f"propose-legal_basis_{language}": text for language, text in legal_bases(actor, chosen).items()}


def _form_with(action: str, texts: Mapping[str, str], problems: Iterable[Problem]) -> Form:
    return Form(texts, [replace(each, pointer=f"/{action}-{control_name(each.pointer)}") for each in problems])


def _first_letter(actor: Actor, action: str, chosen: list[int], values: Mapping[str, Any]) -> dict[Language, Any]:
    """Preview the letter of the first case on which the action is possible; empty when it is on none."""
    for case_id in chosen:
        with suppress(RegistryError):
            return preview_letter(actor, case_id, action, of_one(find_case(actor, case_id), action, values))
    return {}


def _bulk_form(
    actor: Actor,
    action: str,
    chosen: list[int],
    form: Form,
    letter: Mapping[Language, Any] | None = None,
    result: BulkResult[int] | None = None,
) -> str:
    fields = [replace(field, fold="" if field.control == "note" else field.fold) for field in fields_of(actor, action)]
    items = _cases_of(actor, chosen)
    rules = [{flag["rule"] for flag in active_only(item["flags"])} for item in items]
    result = result or BulkResult([], [])
    _flash_done(action, result)
    return _bulk_page(
        choice_label("case_action", action),
        result,
        action=action,
        items=items,
        projects=projects_numbered(actor, (item["project"] for item in items)),
        fields=fields,
        labels={field.name: field.label for field in fields},
        form=form,
        letter=letter,
        with_letter=WITH_LETTER,
        placeholders=", ".join(f"{{{name}}}" for name in PLACEHOLDERS) if action == ActionName.PROPOSE else "",
        templates=offered_templates(actor, [action], set.intersection(*rules) if rules else set()),
    )


def _bulk_result(action: str, title: str, result: BulkResult[Any], back: str | None = None) -> str:
    _flash_done(action, result)
    following = FOLLOWING.get(action, ()) if result.done else ()
    place: Mapping[str, Any] = requested_list()
    addresses = {url_for("web.act_on_chosen_cases", action=each, **place): _(BULK_LABELS[each]) for each in following}
    return _bulk_page(title, result, back=back, following=addresses)


def _flash_done(action: str, result: BulkResult[Any]) -> None:
    count = len(result.done)
    if count:
        flash_message(DONE_TO_SEVERAL[action](count) % {"num": count})


def _bulk_page(title: str, result: BulkResult[Any], **shown: Any) -> str:
    return render_template(
        "cases/bulk.html",
        title=title,
        done=result.done,
        refused=[(subject, problem_message(problem)) for subject, problem in result.refused],
        place=requested_list(),
        **{"form": None, "back": None, "following": {}, **shown},
    )


def _cases_of(actor: Actor, ids: Sequence[int]) -> list[Mapping[str, Any]]:
    """Return the visible ones of these cases as lists display them."""
    if not ids:
        return []
    chosen = {"id": ",".join(map(str, ids))}
    return list_cases(actor, chosen, Page(MAX_LIMIT, sort=request.args.get("sort")), page_locale()).items


# Approval together: the chosen proposals in one table, with what differs between them.

COMPARED: Final = ("decision", "due_on", "reason_code", *TEXTS, "comment", "proposed_by")
# A name that is shorter is not looked for in texts.
MIN_NAME: Final = 4


@pages.page("/cases/approval", needs=Permission.CASES_APPROVE, methods=("GET", "POST"))
def approve_chosen_cases(actor: Actor) -> Answer:
    """Display the proposals on the chosen cases, and approve the ticked ones as they were displayed."""
    chosen = _sent_ids(request.args.get("id", "").split(","))
    if request.method != "POST":
        return _approval_page(actor, chosen, Form(), ticked=chosen)
    action, ticked = ActionName.APPROVE.value, _sent_ids(request.form.getlist("case"))
    texts = typed_values([f"{action}-comment"])
    values, problems = load_action(action, {"comment": texts.get(f"{action}-comment", "")})
    form = _form_with(action, texts, problems)
    if problems:
        return _approval_page(actor, chosen, form, ticked=ticked), 422
    of = request.form.get("letter", "")
    if is_id(of):
        return _approval_page(actor, chosen, form, ticked=ticked, letter_of=int(of))
    if not ticked:
        return _approval_page(actor, chosen, form, error=_("Choose at least one case")), 422
    try:
        result = act_on_cases(actor, action, ticked, values, is_as_seen=_is_as_displayed(actor))
    except StepUpRequired as error:
        return _approval_page(actor, chosen, form, ticked=ticked, needs_step_up=True), status_of(error)
    if not result.refused:
        return _bulk_result(action, choice_label("case_action", action), result)
    _flash_done(action, result)
    refused = {case_id: problem_message(problem) for case_id, problem in result.refused}
    return _approval_page(actor, [each for each in chosen if each not in result.done], form, refused=refused)


def _is_as_displayed(actor: Actor) -> Callable[[Case], bool]:
    """Return the check of a locked case against the digest that the page sent for it."""

    def check(case: Case) -> bool:
        (item,) = show_cases(actor, [case], page_locale())
        return request.form.get(f"seen-{case.id}") == seen_tag(item, case.project_record.version)

    return check


def _approval_page(
    actor: Actor,
    chosen: Sequence[int],
    form: Form,
    *,
    ticked: Sequence[int] = (),
    refused: Mapping[int, str] | None = None,
    letter_of: int | None = None,
    needs_step_up: bool = False,
    error: str | None = None,
) -> str:
    # First: it is rolled back, and so is what was read before.
    letter: Mapping[Language, Any] | None = None
    if letter_of is not None and letter_of in chosen:
        try:
            letter = preview_letter(actor, letter_of, ActionName.APPROVE, {})
        except RegistryError as problem:
            error = error_message(problem)
    cases = _cases_of(actor, chosen)
    items = [item for item in cases if item["status"] == Status.AWAITING_APPROVAL]
    projects = projects_numbered(actor, (item["project"] for item in items))
    same, others = compared_proposals([(item["proposal"], projects[item["project"]]) for item in items])
    return render_template(
        "cases/approval.html",
        items=items,
        projects=projects,
        same=same,
        others=others,
        tags={item["id"]: seen_tag(item, projects[item["project"]].version) for item in items},
        answers=last_answers([item["id"] for item in items]),
        left_out=[item for item in cases if item not in items],
        ticked=ticked,
        refused=refused or {},
        letter=letter,
        letter_of=letter_of,
        fields=fields_of(actor, ActionName.APPROVE),
        form=form,
        needs_step_up=needs_step_up,
        error_text=error,
        place=requested_list(),
    )


def compared_proposals(
    proposals: Sequence[tuple[Mapping[str, Any], Project]],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what all the proposals have in common, and of each what it has alone.

    In texts, what is filled in for each case counts as the same; the common ones have its placeholder instead.
    """
    general = [{name: _general(name, proposal, project) for name in COMPARED} for proposal, project in proposals]
    first = general[0] if general else {}
    same = {name: value for name, value in first.items() if all(each[name] == value for each in general)}
    alone = [
        {name: proposal[name] for name in COMPARED if name not in same and proposal[name]} for proposal, _ in proposals
    ]
    return {name: value for name, value in same.items() if value}, alone


def _general(name: str, proposal: Mapping[str, Any], project: Project) -> Any:
    value = proposal[name]
    if name not in TEXTS or not value:
        return value
    due_on = date.fromisoformat(proposal["due_on"]) if proposal["due_on"] else None
    for placeholder, text in placeholder_values(project, name[-2:], due_on).items():
        if len(text) >= MIN_NAME:
            value = value.replace(text, f"{{{placeholder}}}")
    return value
