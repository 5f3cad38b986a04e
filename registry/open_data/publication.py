"""Whether this installation publishes open data, where, and under which licence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from marshmallow import ValidationError

# The licence of the open data, from its environment variable.

USUAL_LICENCE: Final = "CC-BY-4.0 https://creativecommons.org/licenses/by/4.0/"


def licence(text: str, public: bool) -> Licence | None:
    """Return the licence that the text names, by default CC BY 4.0; None when nothing is published. Raises
    ValidationError.
    """
    name, _, url = (text or USUAL_LICENCE).partition(" ")
    if not name or not url.startswith("https://") or not (url.isascii() and url.isprintable()) or " " in url:
        raise ValidationError("expected a short name and an https address, such as " + USUAL_LICENCE)
    return Licence(name, url) if public else None


PARSERS: Final[dict[str, Callable[..., object]]] = {"licence": licence}


# Whether this installation publishes, where, and under which licence.

PUBLICATION: Final = "OPEN_DATA_LICENCE"
"""The key of ``app.config``: the Licence; None when the open data are off."""


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence: its short name, of SPDX where it has one, and the address of its text."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Publication:
    """``home``: the full address of the public page, without a query; the files are below it."""

    home: str
    licence: Licence
