"""The line of saved views on a list: links with counts, and the link that saves the current filters and sort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.projects.agency_filters import AGENCY, BELOW
from registry.saved_views.lists import MAX_COUNTED
from registry.saved_views.queries import ShownView, views_of_list
from registry.web.formats import number


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
    """The line of a list that is displayed with this query."""
    # The box of the agencies below may be ticked without an agency: it then changes nothing.
    query = {key: value for key, value in query.items() if key != BELOW or AGENCY in query}
    shown, more = views_of_list(actor, name)
    links = [ViewLink(each.view.id, each.view.name, count_text(each), each.view.query == query) for each in shown]
    may_save = bool(query) and actor.may(Permission.OWN_ACCOUNT_MANAGE) and not any(each.here for each in links)
    address = f"{url_for('web.new_saved_view')}?{urlencode({'list': name, **query})}"
    return ViewLine(links, more, url_for("web.saved_views", list=name), address if may_save else None)


def count_text(shown: ShownView) -> str | None:
    """The count as it is displayed, None without one."""
    if not shown.is_counted:
        return None
    return f"{number(MAX_COUNTED)}+" if shown.count is None else number(shown.count)
