"""The search page: matches by kind, each with the way to the whole list; a number leads directly to its record."""

from collections.abc import Callable
from typing import Final

from flask import render_template, request

from registry.accounts.queries import people_by_account
from registry.accounts.roles import Actor, Permission
from registry.agencies.pages import agency_names
from registry.core.errors import Malformed
from registry.projects.queries import projects_numbered
from registry.search.service import RecordKind, record_numbered, search as search_register
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.current_user import page_locale
from registry.web.errors import problem_message
from registry.web.lists import MAX_FILTER_LENGTH

PAGES: Final[dict[RecordKind, Callable[[str], Answer]]] = {
    RecordKind.PROJECT: lambda number: redirect_to("project", number=number),
    RecordKind.AGENCY: lambda number: redirect_to("agency", bin=number),
    RecordKind.CASE: lambda number: redirect_to("case", case_id=int(number)),
    RecordKind.LETTER: lambda number: redirect_to("letter", number=number),
}


@pages.page("/search", needs=Permission.PROJECTS_READ)
def search(actor: Actor) -> Answer:
    """Display what matches, or go to the record whose number was entered."""
    text = request.args.get("q", "").strip()[:MAX_FILTER_LENGTH]
    record = record_numbered(actor, text)
    if record is not None:
        return PAGES[record.kind](record.number)
    if "q" not in request.args:
        return render_template("search/search.html", text="", problem=None, matches=None)
    try:
        matches = search_register(actor, text, page_locale())
    except Malformed as error:
        problem = problem_message(error.problems[0])
        return render_template("search/search.html", text=text, problem=problem, matches=None), 422
    people = matches.people.items
    rows = people_by_account([item["id"] for item in people])
    return render_template(
        "search/search.html",
        text=text,
        problem=None,
        matches=matches,
        agencies=agency_names(item["agency"] for item in (*matches.projects.items, *people) if item["agency"]),
        projects=projects_numbered(actor, (case["project"] for case in matches.cases.items)),
        person_ids={account: person.id for account, person in rows.items()},
    )
