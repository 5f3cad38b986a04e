"""Whether this installation publishes, where, and under which licence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

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
