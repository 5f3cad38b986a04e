"""The networks to which webhooks may lead, from their environment variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from marshmallow import ValidationError

from registry.core.networks import normalised_range


def address_ranges(text: str) -> tuple[str, ...]:
    """The ranges in their normal form. Raises ValidationError."""
    try:
        return tuple(normalised_range(each.strip()) for each in text.split(",") if each.strip())
    except ValueError as error:
        raise ValidationError(f"expected addresses or CIDR ranges, such as 10.1.0.0/16, got {text!r}") from error


PARSERS: Final[dict[str, Callable[..., object]]] = {"address_ranges": address_ranges}
