"""The tree of agencies as far as accounts need it: the agencies slice, which owns the table, is above this one."""

from collections.abc import Collection, Hashable, Mapping
from typing import Final, TypeVar

from sqlalchemy import CTE, BindParameter, Date, Integer, String, column, select, table

from registry.core.database import db, require_transaction
from registry.core.errors import Invalid, Problem, invalid

AGENCIES: Final = table(
    "agencies",
    column("id", Integer),
    column("bin", String),
    column("parent_id", Integer),
    column("closed_on", Date),
    column("successor_id", Integer),
)


Node = TypeVar("Node", bound=Hashable)


def subtree(agency_id: int | BindParameter[int]) -> CTE:
    """Return a recursive CTE of the ids of an agency and all its subordinate agencies.

    The CTE is anonymous, because a statement may contain two: one for visibility and one for a filter.
    """
    below = select(AGENCIES.c.id).where(AGENCIES.c.id == agency_id).cte(recursive=True)
    return below.union(select(AGENCIES.c.id).join(below, AGENCIES.c.parent_id == below.c.id))


def paths(agency_ids: Collection[int]) -> dict[int, str]:
    """Return each agency with all above it, as ``,1,5,``: those whose accounts see what is of the agency."""
    if not agency_ids:
        return {}
    above = {row.id: row.parent_id for row in db.session.execute(select(AGENCIES.c.id, AGENCIES.c.parent_id))}
    paths_by_id = {}
    for agency_id in agency_ids:
        path, current = [agency_id], above[agency_id]
        while current is not None:
            path.append(current)
            current = above[current]
        paths_by_id[agency_id] = f",{','.join(map(str, path))},"
    return paths_by_id


def tops() -> dict[int, int]:
    """Return the topmost agency above each agency; its own where none is above it."""
    return topmost({row.id: row.parent_id for row in db.session.execute(select(AGENCIES.c.id, AGENCIES.c.parent_id))})


def topmost(above: Mapping[Node, Node | None]) -> dict[Node, Node]:
    """Return the topmost node above each, given what is directly above it."""
    tops_by_node: dict[Node, Node] = {}
    for node in above:
        top = node
        while (parent := above[top]) is not None:
            top = parent
        tops_by_node[node] = top
    return tops_by_node


def agency_id_of(number: str | None) -> int | None:
    """Return the id of the agency with that BIN; None without one. Raises Invalid at ``/agency`` for an unknown one."""
    agency_id = db.session.scalar(select(AGENCIES.c.id).where(AGENCIES.c.bin == number))
    if number is not None and agency_id is None:
        raise invalid("/agency", "agency-unknown", bin=number)
    return agency_id


def last_successor(agency_id: int) -> int:
    """Return the agency that has what the agency had: itself, or the last of those that succeeded one another."""
    successor_id: int | None = agency_id
    while successor_id is not None:
        agency_id = successor_id
        successor_id = db.session.scalar(select(AGENCIES.c.successor_id).where(AGENCIES.c.id == agency_id))
    return agency_id


def last_successors(bins: Collection[str]) -> dict[str, int]:
    """Return the agency that has what the one with a BIN had, by BIN; nothing of BINs that are not known."""
    rows = db.session.execute(select(AGENCIES.c.bin, AGENCIES.c.id, AGENCIES.c.successor_id)).all()
    last = topmost({row.id: row.successor_id for row in rows})
    return {row.bin: last[row.id] for row in rows if row.bin in bins}


def closed_agency(agency_id: int | None) -> dict[str, str] | None:
    """Return the BIN of a closed agency and that of its successor, for messages; None for every other one."""
    successor = AGENCIES.alias()
    statement = (
        select(AGENCIES.c.bin, successor.c.bin.label("successor"))
        .join(successor, successor.c.id == AGENCIES.c.successor_id)
        .where(AGENCIES.c.id == agency_id, AGENCIES.c.closed_on.is_not(None))
    )
    row = None if agency_id is None else db.session.execute(statement).mappings().one_or_none()
    return None if row is None else dict(row)


def require_open_agency(agency_id: int | None) -> None:
    """Keep the agency of an account open until the open transaction ends. Raises Invalid for one closed meanwhile."""
    locked = select(AGENCIES.c.id).where(AGENCIES.c.id == agency_id).with_for_update(read=True, key_share=True)
    require_transaction().execute(locked)
    closed = closed_agency(agency_id)
    if closed is not None:
        raise Invalid([Problem("/agency", "agency-closed", {**closed})])


def is_in_subtree(agency_id: int, root_id: int) -> bool:
    """Return True when the agency is the root or subordinate to it."""
    return agency_id in agencies_below(root_id, {agency_id})


def agencies_below(root_id: int | None, agency_ids: Collection[int]) -> frozenset[int]:
    """Return those of the agencies that are the root or subordinate to it; none without a root."""
    if root_id is None or not agency_ids:
        return frozenset()
    tree = subtree(root_id)
    return frozenset(db.session.scalars(select(tree.c.id).where(tree.c.id.in_(agency_ids))))
