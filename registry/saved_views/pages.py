"""Pages of saved views, and their line on each list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from flask import redirect, render_template, request, url_for

from registry.accounts.roles import AGENCY_ROLES, Actor, Permission
from registry.core.errors import Malformed, Problem
from registry.projects.filters import AGENCY, BELOW
from registry.saved_views import queries
from registry.saved_views.schemas import MAX_FILTERS, VIEW_BODY
from registry.saved_views.service import delete_view, save_view
from registry.web.blueprint import ANY_SIGNED_IN, BOTH, Answer, flash_message, pages, redirect_to
from registry.web.errors import problem_message
from registry.web.formats import gettext as _, number
from registry.web.forms import FormPage, answer_form, form_field
from registry.web.labels import choice_label, options
from registry.web.lists import render_list, requested_filters, requested_page

# The line of saved views on a list: links with counts, and the link that saves the current filters and sort.


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A view on the line. ``count``: as it is displayed, None without one. ``here``: the list is filtered so now."""

    id: int
    name: str
    count: str | None
    here: bool


@dataclass(frozen=True, slots=True)
class ViewLine:
    """The line. ``save_address``: of the form that saves the list as it is now; None where there is nothing to save."""

    links: Sequence[ViewLink]
    more: bool
    all_address: str
    save_address: str | None


def view_line(actor: Actor, name: str, query: Mapping[str, str]) -> ViewLine:
    """Return the line of a list that is displayed with this query."""
    # The box of the agencies below may be ticked without an agency: it then changes nothing.
    query = {key: value for key, value in query.items() if key != BELOW or AGENCY in query}
    shown, more = queries.views_of_list(actor, name)
    links = [ViewLink(each.view.id, each.view.name, count_text(each), each.view.query == query) for each in shown]
    may_save = bool(query) and actor.may(Permission.OWN_ACCOUNT_MANAGE) and not any(each.here for each in links)
    address = f"{url_for('web.new_saved_view')}?{urlencode({'list': name, **query})}"
    return ViewLine(links, more, url_for("web.saved_views", list=name), address if may_save else None)


def count_text(shown: queries.ShownView) -> str | None:
    """Return the count as it is displayed, None without one."""
    if not shown.is_counted:
        return None
    return f"{number(queries.MAX_COUNTED)}+" if shown.count is None else number(shown.count)


# Pages of saved views: all of them, saving one, opening one, deleting one.

LIST: Final = "list"


@pages.page("/views", needs=ANY_SIGNED_IN)
def saved_views(actor: Actor) -> Answer:
    """List the own views and the shared ones, narrowed by list."""
    filters = requested_filters((LIST,))
    listing = queries.VIEW_LIST.read(actor, filters, requested_page())
    return render_list(
        "saved_views/list.html",
        listing,
        counts=[count_text(each) for each in listing.items],
        deletable={each.view.id for each in listing.items if queries.may_delete(actor, each)},
        problems={each.view.id: problem_message(each.problem) for each in listing.items if each.problem},
        filters=filters,
        lists=[(code, text) for code, text in options("view_list") if code in queries.readable_lists(actor)],
    )


@pages.page("/views/new", needs=Permission.OWN_ACCOUNT_MANAGE, methods=BOTH)
def new_saved_view(actor: Actor) -> Answer:
    """Save the filters and the sort of the list from which the form was opened."""
    name, query = _requested_query(actor)
    everybody = _("Share with everybody in your agency")
    if actor.role not in AGENCY_ROLES:
        everybody = _("Share with everybody in oversight")
    page = FormPage(
        _("Save this view"),
        _("Save"),
        f"{url_for(f'web.{name}')}?{urlencode(query)}",
        [
            form_field("name", "text", label=_("Title")),
            form_field(
                "shared",
                "check",
                label=everybody,
                hint=_("They see its name and filters, and of the list what they may see themselves."),
            ),
        ],
        VIEW_BODY,
        intro=_("The view keeps the filters and the order of the list, not what is on it today."),
        subject=choice_label("view_list", name),
        labels={"name": _("Title")},
    )

    def act(values: dict[str, Any]) -> None:
        save_view(actor, {**values, "list": name, "query": query})

    return answer_form(page, act, done=_("View saved."))


@pages.page("/views/<row_id:view_id>", needs=ANY_SIGNED_IN)
def open_saved_view(actor: Actor, view_id: int) -> Answer:
    """Redirect to the list with the view's query; without it, and with the reason, when the list refuses it."""
    shown = queries.find_view(actor, view_id)
    if shown.problem is None:
        return redirect(f"{url_for(f'web.{shown.view.list}')}?{urlencode(shown.view.query)}", 303)
    texts = {"name": shown.view.name, "problem": problem_message(shown.problem)}
    flash_message(_("The saved view “%(name)s” cannot be used any more: %(problem)s") % texts, "error")
    return redirect_to(shown.view.list)


@pages.page("/views/<row_id:view_id>/deletion", needs=Permission.OWN_ACCOUNT_MANAGE, methods=BOTH)
def delete_saved_view(actor: Actor, view_id: int) -> Answer:
    """Ask whether the view is to be deleted, and delete it."""
    shown = queries.find_view(actor, view_id)
    if not shown.is_own:
        actor.require(Permission.SHARED_VIEWS_DELETE)
    if request.method != "POST":
        return render_template("saved_views/deletion.html", shown=shown)
    delete_view(actor, view_id)
    flash_message(_("View deleted."))
    return redirect_to("saved_views", list=shown.view.list)


def _requested_query(actor: Actor) -> tuple[str, dict[str, str]]:
    """Return the list and its query. Raises Malformed for an unknown list and what the list refuses, and
    RoleNotAllowed.
    """
    name = request.args.get(LIST, "")
    if name not in queries.LISTS:
        raise Malformed([Problem(LIST, "not-a-choice", {"options": ", ".join(queries.LISTS)})])
    actor.require(queries.LISTS[name].permission)
    query = requested_filters([each for each in dict.fromkeys(request.args) if each not in (LIST, queries.SORT)])
    sort = request.args.get(queries.SORT)
    if sort:
        query[queries.SORT] = sort
    problems = queries.problems_of_query(actor, name, query, is_new=True)
    if problems or not 0 < len(query) <= MAX_FILTERS:
        raise Malformed(problems)
    return name, query
