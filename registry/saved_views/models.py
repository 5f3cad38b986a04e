"""Table of saved views, and their closed sets."""

from datetime import datetime
from typing import Final

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Instant, Model
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Closed vocabulary of saved views: the lists that they are of (docs/reference/api.md).


class ViewList(Choices, field="view_list"):
    """Lists whose filters and sort can be saved."""

    CASES = "cases", lazy_text("Cases")
    PROJECTS = "projects", lazy_text("Projects")
    FLAGS = "flags", lazy_text("Flags")


# Saved views: named filters and sorts of a list.

MAX_NAME_LENGTH: Final = 100


class SavedView(Model):
    """A view. ``query``: the filters and the sort by their names in the list's query string.

    ``account_id``: the owner; None once the owner of a shared view has left the agency with which it was shared.
    ``agency_id``: the agency with which it is shared; None for one shared within oversight, and for own ones.
    """

    __tablename__ = "saved_views"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    list: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    query: Mapped[dict[str, str]] = mapped_column(JSON)
    shared: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (
        Index("uq_saved_views_account_id_name", "account_id", "name", unique=True),
        Index(None, "agency_id", "shared"),
    )
