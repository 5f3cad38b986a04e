"""Placement, ending and identity as claimed by the agency; editing what was confirmed withdraws its confirmation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

PLACEMENT_CLAIMS = ("placement", "platform_key", "onboarding_due_on")
ENDING_CLAIMS = ("stage", "ended_on")
NAMES: Final = ("name_kk", "name_ru")
# What says which object was confirmed, beside its names.
IDENTITY: Final = ("object_kind", "contract_number", "supplier_bin")
WORD: Final = re.compile(r"\w+")


def withdraw_confirmations(before: Mapping[str, Any], after: dict[str, Any]) -> None:
    """Clear the confirmations in ``after`` that the edit withdraws (docs/reference/fields.md).

    Editing the placement, platform key or onboarding date withdraws the verification and the onboarding confirmation.
    Editing the stage or end date withdraws the ending confirmation, since nobody confirmed the new values.
    Replacing what identifies the object withdraws all of them: they were given to another object.
    """
    is_another = _is_another_object(before, after)
    if is_another or any(before[name] != after[name] for name in PLACEMENT_CLAIMS):
        after["placement_verified_on"] = None
        after["onboarding_confirmed_on"] = None
    if is_another or any(before[name] != after[name] for name in ENDING_CLAIMS):
        after["ending_confirmed_on"] = None


def _is_another_object(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """True when a value that was there is replaced or removed; filling one that was missing changes no object."""
    replaced = any(before[name] is not None and before[name] != after[name] for name in IDENTITY)
    return replaced or any(before[name] and _words(before[name]) != _words(after[name]) for name in NAMES)


def _words(name: str | None) -> list[str]:
    """The words of a name: case, spaces, quotes and other marks are typing."""
    return WORD.findall(unicodedata.normalize("NFKC", name or "").casefold())
