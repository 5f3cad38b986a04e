"""Applied inventories of the platform: the list, single ones, the present one, and what is deployed of a project."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select

from registry.accounts.roles import Actor, Permission
from registry.core import lists
from registry.core.database import db
from registry.core.errors import NotFound
from registry.platform.inventory import ARE_CHANGES, SEEN_WITH_RESTRICTED
from registry.platform.models import DEPLOYMENT, Inventory, InventoryKey
from registry.projects.models import Project

COUNTS: Final = ("total", "rejected", "deployments")
# They count restricted projects where whoever applied it may see these.
COUNTS_OF_PROJECTS: Final = (
    *("matched", "lost", "shared", "flagged", "changed_since_audit", "mismatched", "unregistered"),
)


class InventoryNotFound(NotFound):
    """No inventory has that id, or none was applied yet."""


def _rows(_actor: Actor) -> Select[Any]:
    return select(Inventory)


def _represented(actor: Actor, inventory: Inventory) -> dict[str, Any]:
    summary = inventory.summary
    is_seen = actor.may(Permission.RESTRICTED_READ) or summary.get(SEEN_WITH_RESTRICTED) is False
    return {
        "id": inventory.id,
        "applied_at": inventory.at,
        "applied_by": inventory.by,
        "file_name": inventory.file_name,
        "sha256": inventory.sha256,
        "are_changes": bool(summary.get(ARE_CHANGES)),
        **{name: summary.get(name) for name in COUNTS},
        **{name: summary.get(name) if is_seen else None for name in COUNTS_OF_PROJECTS},
    }


INVENTORY_LIST: Final = lists.RecordList(
    name="inventories",
    permission=Permission.PLACEMENTS_CONFIRM,
    rows=_rows,
    unique=Inventory.id.expression,
    shown=lambda actor, inventories: [_represented(actor, each) for each in inventories],
    filters={
        "applied_by": lists.TextFilter(Inventory.by.expression),
        "sha256": lists.TextFilter(Inventory.sha256.expression),
        **lists.instant_filters("applied_at", Inventory.at.expression),
    },
    sorts={
        **lists.sort_keys(Inventory.id.expression),
        "applied_at": lists.SortKey("applied_at", Inventory.at.expression, datetime),
    },
    default_sort="-applied_at",
)


def find_inventory(actor: Actor, inventory_id: int | None) -> dict[str, Any]:
    """Return an applied inventory; without an id the last one, which is the present one.

    Raises RoleNotAllowed and InventoryNotFound.
    """
    actor.require(Permission.PLACEMENTS_CONFIRM)
    which = select(func.max(Inventory.id)).scalar_subquery() if inventory_id is None else inventory_id
    inventory = db.session.scalar(select(Inventory).where(Inventory.id == which))
    if inventory is None:
        raise InventoryNotFound
    keys = select(func.count()).select_from(InventoryKey)
    return {**_represented(actor, inventory), "keys": db.session.scalar(keys)}


def deployment_of(project: Project) -> Mapping[str, Any] | None:
    """Return the environments and the last deployment that the inventory reports of a project; None for nothing.

    Of a project that is confirmed on the platform: anybody can enter a key.
    """
    if project.placement_verified_on is None:
        return None
    values = (DEPLOYMENT.c.environments, DEPLOYMENT.c.last_deployed_on, DEPLOYMENT.c.is_reported)
    row = (
        db.session.execute(select(*values).where(DEPLOYMENT.c.platform_key == project.platform_key))
        .mappings()
        .one_or_none()
    )
    return dict(row) if row is not None and any(row.values()) else None
