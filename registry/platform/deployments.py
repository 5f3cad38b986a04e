"""Deployments that the platform's inventory reports: what was last deployed of each key, now and as known earlier."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, case, func, select, update

from registry.core.database import db, require_transaction, table_of
from registry.core.dialects import insert_rows, is_among
from registry.freeze.facts import DEPLOYMENT_FACTS
from registry.platform.models import DEPLOYMENT, FORMER_DEPLOYMENT, Deployment, Inventory
from registry.projects.models import Project

PROJECT: Final = table_of(Project).c
VALUES: Final = ("environments", "last_deployed_on", "is_reported")
GONE: Final[Mapping[str, Any]] = dict.fromkeys(VALUES) | {"is_reported": False}
NOT_REPORTED: Final[Mapping[str, Any]] = dict.fromkeys(DEPLOYMENT_FACTS)
# Condition: the inventory reports deployments of the project's key, whichever agency it lists it for. A confirmed
# project has its key from an inventory or from two people, and keeps it when it passes to another agency.
IS_REPORTED: Final[ColumnElement[bool]] = and_(
    DEPLOYMENT.c.platform_key == PROJECT.platform_key, DEPLOYMENT.c.is_reported
)


def keep_deployments(inventory_id: int, listed: Mapping[str, Mapping[str, Any]], leaves: Callable[[str], bool]) -> None:
    """Store what an inventory says of its keys; others are reported no more, unless it ``leaves`` them as they are."""
    session = require_transaction()
    by_key = dict(listed)
    changed = []
    for row in session.execute(select(DEPLOYMENT)).mappings():
        key = row["platform_key"]
        values = by_key.pop(key, None if leaves(key) else GONE)
        if values is not None and any(row[name] != values[name] for name in VALUES):
            changed.append({"_id": row["id"], "inventory_id": inventory_id, **values})
    if changed:
        columns: dict[str, Any] = {name: bindparam(name) for name in ("inventory_id", *VALUES)}
        session.execute(update(DEPLOYMENT).where(DEPLOYMENT.c.id == bindparam("_id")).values(columns), changed)
    by_inventory = {"added_by": inventory_id, "inventory_id": inventory_id}
    new = ({"platform_key": key, **by_inventory, **values} for key, values in by_key.items() if any(values.values()))
    insert_rows(session, Deployment, new)


def last_deployments() -> dict[str, date | None]:
    """Return the day of the last deployment by key, None where nothing was deployed, of the keys that are reported."""
    statement = select(DEPLOYMENT.c.platform_key, DEPLOYMENT.c.last_deployed_on).where(DEPLOYMENT.c.is_reported)
    return dict(map(tuple, db.session.execute(statement)))


def last_deployments_known_at(at: datetime) -> dict[str, date | None]:
    """Return what ``last_deployments`` was at a moment."""
    number = db.session.scalar(select(func.max(Inventory.id)).where(Inventory.at <= at))
    if number is None:
        return {}
    former = FORMER_DEPLOYMENT.c
    # Of what later inventories replaced, the earliest was valid then.
    later = select(func.min(former.id)).where(former.until_inventory_id > number).group_by(former.deployment_id)
    then = {
        name: case((former.id.is_not(None), former[name]), else_=DEPLOYMENT.c[name])
        for name in ("last_deployed_on", "is_reported")
    }
    statement = (
        select(DEPLOYMENT.c.platform_key, then["last_deployed_on"])
        .outerjoin(FORMER_DEPLOYMENT, and_(former.deployment_id == DEPLOYMENT.c.id, former.id.in_(later)))
        .where(DEPLOYMENT.c.added_by <= number, then["is_reported"])
    )
    return dict(map(tuple, db.session.execute(statement)))


def facts_of_key(platform_key: str | None, deployments: Mapping[str, date | None]) -> Mapping[str, Any]:
    """Return the facts of a project with that key."""
    if platform_key is None or platform_key not in deployments:
        return NOT_REPORTED
    return dict(zip(DEPLOYMENT_FACTS, (True, deployments[platform_key]), strict=True))


def deployment_facts(ids: Iterable[int]) -> dict[int, Mapping[str, Any]]:
    """Return the facts of each project of which deployments are reported."""
    statement = select(PROJECT.id, DEPLOYMENT.c.last_deployed_on).join(DEPLOYMENT, IS_REPORTED)
    rows = db.session.execute(statement.where(is_among(PROJECT.id, set(ids))))
    return {row.id: dict(zip(DEPLOYMENT_FACTS, (True, row.last_deployed_on), strict=True)) for row in rows}


def projects_with_deployments(deployments: Collection[int]) -> frozenset[int]:
    """Return the projects that have the keys of these rows."""
    if not deployments:
        return frozenset()
    of_key = and_(DEPLOYMENT.c.platform_key == PROJECT.platform_key, is_among(DEPLOYMENT.c.id, sorted(deployments)))
    return frozenset(db.session.scalars(select(PROJECT.id).join(DEPLOYMENT, of_key)))
