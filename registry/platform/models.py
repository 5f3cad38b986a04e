"""Tables of confirmed facts and of the platform inventory, QazTech's list of the objects on the platform."""

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from registry.accounts.models import Account
from registry.core.database import Instant, Model, table_of
from registry.core.fields import EntriesText
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Closed vocabulary of confirmations.


class ConfirmationKind(Choices, field="confirmation_kind"):
    """What reviewers and operators confirm of a project."""

    PLACEMENT = "placement", lazy_text("Placement on QazTech")
    ONBOARDING = "onboarding", lazy_text("Onboarding of the object")
    ENDING = "ending", lazy_text("Ending of the work")
    FACT = "fact", lazy_text("Fact of the record")


class Environment(Choices, field="environments"):
    """Environments of the platform. A deployment to any of them counts."""

    DEVELOPMENT = "development", lazy_text("Development environment")
    TEST = "test", lazy_text("Test environment")
    PRODUCTION = "production", lazy_text("Production environment")


# The platform inventory: QazTech's list of the objects on the platform, which verifies placements in bulk.


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


class DeploymentValues:
    """What the last inventory says of a key. ``is_reported``: it lists the key, and reports deployments."""

    environments: Mapped[list[str] | None] = mapped_column(EntriesText)
    last_deployed_on: Mapped[date | None]
    is_reported: Mapped[bool]


class Deployment(DeploymentValues, Model):
    """The deployments of a key. Of the inventories, ``added_by`` was the first that had any, ``inventory_id`` the last
    that changed them; their ids are in the order in which they were applied.

    Apart from the projects, so that a deployment of every night is no edit of a record.
    """

    __tablename__ = "platform_deployments"

    id: Mapped[int] = mapped_column(primary_key=True)
    platform_key: Mapped[str] = mapped_column(String(200), unique=True)
    added_by: Mapped[int] = mapped_column(ForeignKey("inventories.id"))
    inventory_id: Mapped[int] = mapped_column(ForeignKey("inventories.id"), index=True)


class FormerDeployment(DeploymentValues, Model):
    """What was said of a key until an inventory. A trigger writes it (``registry/core/change_triggers.py``)."""

    __tablename__ = "former_deployments"

    id: Mapped[int] = mapped_column(primary_key=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("platform_deployments.id"))
    until_inventory_id: Mapped[int] = mapped_column(index=True)


DEPLOYMENT: Final = table_of(Deployment)
FORMER_DEPLOYMENT: Final = table_of(FormerDeployment)


class ProposedInventory(Model):
    """The file of an inventory that waits, or waited, for a second person."""

    __tablename__ = "proposed_inventories"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))


class Confirmation(Model):
    """A confirmation as it was given. The project's columns contain the confirmations that are still valid."""

    __tablename__ = "confirmations"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    inventory_id: Mapped[int | None] = mapped_column(ForeignKey("inventories.id"))

    __table_args__ = (Index(None, "project_id", "kind"),)


class PendingUpload(Model):
    """An uploaded file, stored for at most a day."""

    __tablename__ = "pending_uploads"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(Account.id), index=True)
    file_name: Mapped[str] = mapped_column(String(200))
    uploaded_at: Mapped[datetime] = mapped_column(Instant)
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))
