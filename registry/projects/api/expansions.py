"""What the list of projects has beside each of them on request: its agency, its active flags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from registry.accounts.actors import Actor
from registry.agencies.models import Agency
from registry.agencies.queries import list_agencies
from registry.agencies.schemas import AGENCY
from registry.core.database import table_of
from registry.core.lists import MAX_LIMIT, Listing, Page
from registry.core.translations import Language
from registry.flags.queries import active_flags_of
from registry.flags.schemas import FLAG
from registry.projects.schemas import ACTIVE_FLAGS, AGENCY_RECORD

OF_AGENCY: Final = "agency"
OF_FLAGS: Final = "flags"
EXPANSIONS: Final = (OF_AGENCY, OF_FLAGS)


def expanded(actor: Actor, listing: Listing, expand: Sequence[str], language: Language) -> Listing:
    """The projects with what is asked for: one statement for the agencies of all, two for their flags."""
    items: list[dict[str, Any]] = listing.items
    if OF_AGENCY in expand and items:
        named = table_of(Agency).c.bin.in_({item["agency"] for item in items})
        agencies = {
            each["bin"]: AGENCY.dump(each) for each in list_agencies(actor, {}, Page(MAX_LIMIT), only=(named,)).items
        }
        items = [{**item, AGENCY_RECORD: agencies[item["agency"]]} for item in items]
    if OF_FLAGS in expand and items:
        flags = active_flags_of(actor, [item["number"] for item in items], language)
        items = [{**item, ACTIVE_FLAGS: [FLAG.dump(flag) for flag in flags[item["number"]]]} for item in items]
    return Listing(items, listing.next, listing.count)
