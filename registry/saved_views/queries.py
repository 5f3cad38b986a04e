"""The views that the actor sees: the own ones, and those shared with the actor's side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, case, or_, select

from registry.accounts.models import Account
from registry.accounts.roles import Actor, Permission
from registry.cases.lists import CASE_LIST
from registry.core import lists
from registry.core.database import db
from registry.core.errors import Malformed, NotFound, Problem
from registry.core.fields import json_pointer
from registry.core.lists import NOT, ListDeclaration
from registry.flags.queries import FLAG_LIST
from registry.projects.filters import AGENCY, BELOW
from registry.projects.queries import PROJECT_LIST
from registry.saved_views.models import SavedView, ViewList

# The lists that views are of: who may read each, what it accepts, and how many records match.

SORT: Final = "sort"
# Counting more would cost more than what people learn from it.
MAX_COUNTED: Final = 1_000


LISTS: Final[Mapping[str, ListDeclaration[Actor]]] = {
    ViewList.CASES: CASE_LIST,
    ViewList.PROJECTS: PROJECT_LIST,
    ViewList.FLAGS: FLAG_LIST,
}


def readable_lists(actor: Actor) -> list[str]:
    """Return the lists that the actor may read."""
    return [name for name, each in LISTS.items() if actor.may(each.permission)]


def problems_of_query(actor: Actor, name: str, query: Mapping[str, str], *, is_new: bool = False) -> list[Problem]:
    """Return what the list would refuse of the filters and the sort, each with its pointer below ``/query``. Of a new
    query also a filter that has no meaning without another one.
    """
    records = LISTS[name]
    filters = {key: value for key, value in query.items() if key not in (SORT, NOT)}
    # Pages, which display views, negate nothing.
    problems = [Problem(NOT, "unknown-parameter", {"name": NOT})] if NOT in query else []
    try:
        records.criteria(actor, records.split(filters)[0])
    except Malformed as error:
        problems += error.problems
    except NotFound as error:
        problems.append(Problem(AGENCY, error.code, error.params))
    if SORT in query:
        try:
            records.sort_key(query[SORT])
        except Malformed as error:
            problems += error.problems
    if is_new and BELOW in query and AGENCY not in query:
        problems.append(Problem(BELOW, "below-needs-agency"))
    return [replace(problem, pointer=f"/query{json_pointer(problem.pointer)}") for problem in problems]


def count_records(actor: Actor, name: str, query: Mapping[str, str]) -> int | None:
    """Return how many records of a valid view the actor sees, from one statement; None for more than
    ``MAX_COUNTED``.
    """
    return LISTS[name].count(actor, {key: value for key, value in query.items() if key != SORT}, MAX_COUNTED)


# The views themselves.

# Of each answer and of each page; what follows is listed without its count.
MAX_WITH_COUNT: Final = 10


class SavedViewNotFound(NotFound):
    """No view has this id, or it is another person's, or shared on another side."""


@dataclass(frozen=True, slots=True)
class ShownView:
    """A view as the actor sees it. ``owner``: None without one. ``is_own``: it is the actor's.

    ``problem``: why the list refuses its filters today. ``is_counted``: ``count`` is known; it is then None for more
    than ``MAX_COUNTED`` records.
    """

    view: SavedView
    owner: str | None
    is_own: bool
    problem: Problem | None
    is_counted: bool = False
    count: int | None = None


def views_of_list(actor: Actor, name: str) -> tuple[list[ShownView], bool]:
    """Return the first ten views of a list, with counts, the own ones first; and whether there are more."""
    if not actor.may(Permission.OWN_ACCOUNT_READ):
        return [], False
    own_first = case((is_own(actor), 0), else_=1)
    statement = _rows(actor).where(SavedView.list == name).order_by(own_first, SavedView.id)
    rows = [(view, owner) for view, owner in db.session.execute(statement.limit(MAX_WITH_COUNT + 1))]
    return _shown(actor, rows[:MAX_WITH_COUNT]), len(rows) > MAX_WITH_COUNT


def find_view(actor: Actor, view_id: int) -> ShownView:
    """Return the view with that id, without its count. Raises RoleNotAllowed and SavedViewNotFound."""
    view, owner = _row(actor, view_id)
    return _without_count(actor, view, owner)


def with_count(actor: Actor, view_id: int) -> ShownView:
    """Return the same, with its count. Raises RoleNotAllowed and SavedViewNotFound."""
    return _shown(actor, [_row(actor, view_id)])[0]


def may_delete(actor: Actor, shown: ShownView) -> bool:
    """True for the owner, and of shared views for who may delete those of others."""
    return actor.may(Permission.OWN_ACCOUNT_MANAGE) and (shown.is_own or actor.may(Permission.SHARED_VIEWS_DELETE))


def visible_views(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on views that the actor sees: of lists that the actor may read, own or shared on the same
    side.
    """
    same_side = SavedView.agency_id.is_(None) if actor.agency_id is None else SavedView.agency_id == actor.agency_id
    readable = SavedView.list.in_(readable_lists(actor))
    return and_(readable, or_(is_own(actor), and_(SavedView.shared.is_(True), same_side)))


def is_own(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on the actor's own views. No account has the id 0."""
    return SavedView.account_id == (actor.account_id or 0)


def _row(actor: Actor, view_id: int) -> tuple[SavedView, str | None]:
    actor.require(Permission.OWN_ACCOUNT_READ)
    row = db.session.execute(_rows(actor).where(SavedView.id == view_id)).one_or_none()
    if row is None:
        raise SavedViewNotFound(id=view_id)
    return row[0], row[1]


def _shown(actor: Actor, rows: Sequence[tuple[SavedView, str | None]]) -> list[ShownView]:
    shown = []
    for place, (view, owner) in enumerate(rows):
        item = _without_count(actor, view, owner)
        if item.problem is None and place < MAX_WITH_COUNT:
            count = count_records(actor, view.list, view.query)
            item = ShownView(view, owner, item.is_own, None, is_counted=True, count=count)
        shown.append(item)
    return shown


def _without_count(actor: Actor, view: SavedView, owner: str | None) -> ShownView:
    own = view.account_id is not None and view.account_id == actor.account_id
    problems = problems_of_query(actor, view.list, view.query)
    return ShownView(view, owner, own, problems[0] if problems else None)


def _rows(actor: Actor) -> Select[SavedView, str]:
    statement = select(SavedView, Account.name).outerjoin(Account, Account.id == SavedView.account_id)
    return statement.where(visible_views(actor))


# The first ten of a page have counts.
VIEW_LIST: Final = lists.RecordList(
    name="views",
    permission=Permission.OWN_ACCOUNT_READ,
    rows=_rows,
    unique=SavedView.id.expression,
    shown=lambda actor, rows: _shown(actor, [(row["SavedView"], row["name"]) for row in rows]),
    filters={
        "list": lists.ChoiceFilter(SavedView.list.expression, ViewList.codes()),
        "shared": lists.BooleanFilter(SavedView.shared.expression),
    },
    default_sort="id",
)
