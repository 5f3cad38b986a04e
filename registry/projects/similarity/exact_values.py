"""Values that are compared as a whole: the object's code, the contract, the supplier, the web address."""

from __future__ import annotations

from typing import Any, Final

from registry.core.search import WORD

CONTRACT: Final = ("contract_number", "supplier_bin")
EXACT: Final = ("object_code", "contract_number", "supplier_bin", "url")


def exact_value(name: str, value: Any) -> str | None:
    """The value without what people write differently: case, spaces and signs, of an address also its beginning."""
    if not value:
        return None
    words = WORD.findall(str(value).casefold())
    if name == "url":
        words = [word for word in words if word not in ("https", "http", "www")]
    return "-".join(words) or None
