"""What the pages of requests show of each kind, and the names of their agencies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import select

from registry.agencies.models import Agency
from registry.core.database import db
from registry.core.translations import lazy_text
from registry.requests.confirmation import FACTS
from registry.requests.handlers import HANDLERS
from registry.requests.vocabulary import RequestKind
from registry.web.labels import choice_label, display_value, field_label, name_in_page_language
from registry.web.translations import gettext

# The agency that gets something: each kind has a name of its own for it.
RECIPIENTS: Final = ("successor", "to")
LABELS: Final[Mapping[str, str]] = {
    "agency": lazy_text("Agency"),
    "successor": lazy_text("Successor"),
    "to": lazy_text("New agency"),
}


# The choices of the field ``kind`` of a request of each kind.
KINDS: Final[Mapping[str, str]] = {
    RequestKind.SUCCESSION.value: "succession_kind",
    RequestKind.CONFIRMATION.value: "confirmation_kind",
}


def names_of_agencies(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The names of the agencies of requests by BIN, in the page's language."""
    bins = {item[name] for item in items for name in LABELS if item.get(name)}
    rows = db.session.scalars(select(Agency).where(Agency.bin.in_(bins)))
    return {agency.bin: name_in_page_language(agency) for agency in rows}


def numbers_of_projects(items: Collection[Mapping[str, Any]]) -> set[str]:
    """The numbers of the projects that requests name."""
    one = {item[name] for item in items for name in ("project", "duplicate_of") if item.get(name)}
    return one.union(*(item.get("projects") or () for item in items))


def agency_label(name: str) -> str:
    """The label of one of the agencies of a request."""
    return gettext(LABELS[name])


def _label(name: str) -> str:
    return gettext(HANDLERS[RequestKind.CONFIRMATION].body.inputs[name].label)


def facts_of(shown: Mapping[str, Any]) -> list[tuple[str, str]]:
    """``(label, text)`` of what was asked, but for agencies, projects and people, which are links or sentences."""
    facts = []
    if shown.get("kind") is not None:
        facts.append((gettext("Kind"), choice_label(KINDS[shown["request_kind"]], shown["kind"])))
    facts += [(_label(name), display_value(name, shown[name])) for name in FACTS if shown.get(name) is not None]
    is_confirmation = shown["request_kind"] == RequestKind.CONFIRMATION
    facts += [(field_label("act"), shown["act"])] if shown["act"] is not None else []
    facts.append((field_label("evidence" if is_confirmation else "reason"), shown["reason"]))
    if shown["on"] is not None:
        facts.insert(0, (gettext("Effective from"), display_value("_on", shown["on"])))
    return facts
