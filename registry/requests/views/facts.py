"""What the pages of requests show of each kind, and the names of their agencies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from registry.agencies.pages import agency_names
from registry.requests.confirmed_facts import FACTS
from registry.requests.handlers import HANDLERS
from registry.requests.vocabulary import RequestKind
from registry.web.formats import gettext
from registry.web.labels import choice_label, display_value, field_label

# Where a request names agencies: each kind has a name of its own for the one that gets something.
AGENCIES: Final = ("agency", "successor", "to")
# The choices of the field ``kind`` of a request of each kind.
KINDS: Final[Mapping[str, str]] = {
    RequestKind.SUCCESSION.value: "succession_kind",
    RequestKind.CONFIRMATION.value: "confirmation_kind",
}


def names_of_agencies(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The names of the agencies of requests by BIN, in the page's language."""
    return agency_names(item[name] for item in items for name in AGENCIES if item.get(name))


def numbers_of_projects(items: Collection[Mapping[str, Any]]) -> set[str]:
    """The numbers of the projects that requests name."""
    one = {item[name] for item in items for name in ("project", "duplicate_of") if item.get(name)}
    return one.union(*(item.get("projects") or () for item in items))


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
