"""The licence of the open data, from its environment variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from marshmallow import ValidationError

from registry.open_data.publication import Licence

USUAL_LICENCE: Final = "CC-BY-4.0 https://creativecommons.org/licenses/by/4.0/"


def licence(text: str, public: bool) -> Licence | None:
    """The licence that the text names, by default CC BY 4.0; None when nothing is published. Raises ValidationError."""
    name, _, url = (text or USUAL_LICENCE).partition(" ")
    if not name or not url.startswith("https://") or not (url.isascii() and url.isprintable()) or " " in url:
        raise ValidationError("expected a short name and an https address, such as " + USUAL_LICENCE)
    return Licence(name, url) if public else None


PARSERS: Final[dict[str, Callable[..., object]]] = {"licence": licence}
