"""Pages of a list: ``{"items": […], "next": …}`` and the ``Link`` header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g
from marshmallow import Schema

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.lists import Listing
from registry.http.query_parameters import next_link


class PageSchema(Schema):
    """A page of items of one schema; it dumps a Listing. ``counted``: it may have the number of all items."""

    def __init__(self, item: Schema, *, counted: bool = False) -> None:
        super().__init__()
        self.item = item
        self.counted = counted

    def dump(self, obj: Any, **_kwargs: Any) -> Any:
        """The page with each item dumped by its schema."""
        page = {"items": [self.item.dump(item) for item in obj.items], "next": obj.next}
        if obj.count is None:
            return page
        # As ``ApiBlueprint.requires`` found out.
        reader: Actor = g.actor
        return {**page, "count": obj.count, "without_restricted": not reader.may(Permission.RESTRICTED_READ)}

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of the page, in place; the item's own becomes a component."""
        count = {"type": "integer", "minimum": 0, "description": "Of all pages; only with the parameter `count`."}
        restricted = {
            "type": "boolean",
            "description": "True when `count` leaves out restricted projects, as the caller may not see them.",
        }
        return {
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": self.item},
                "next": {"type": ["string", "null"]},
                **({"count": count, "without_restricted": restricted} if self.counted else {}),
            },
            "required": ["items", "next"],
        }


def page_response(listing: Listing) -> tuple[Listing, Mapping[str, str]]:
    """A page and its ``Link`` header, as a view returns them."""
    return listing, ({} if listing.next is None else {"Link": next_link(listing.next)})
