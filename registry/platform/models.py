"""The platform inventory: QazTech's list of the objects on the platform, which verifies placements in bulk."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from registry.core.database import Instant, Model


class Inventory(Model):
    """An applied inventory with its summary."""

    __tablename__ = "inventories"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    summary: Mapped[dict[str, Any]] = mapped_column(JSON)


class InventoryKey(Model):
    """A key that the last inventory lists, and that one person may therefore confirm by hand.

    What one person listed alone is not in it: it would be that person's word twice.
    """

    __tablename__ = "inventory_keys"

    platform_key: Mapped[str] = mapped_column(String(200), primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    verified_on: Mapped[date]
    inventory_id: Mapped[int] = mapped_column(ForeignKey("inventories.id"))


class ProposedInventory(Model):
    """The file of an inventory that waits, or waited, for a second person."""

    __tablename__ = "proposed_inventories"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))
