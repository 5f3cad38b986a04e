"""Exports of projects: everything known, as CSV or XLSX, with the filters of the list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from registry.access.actors import Actor


def export_csv(by: Actor, raw_filters: Mapping[str, str]) -> Iterator[bytes]:
    """The CSV in UTF-8 with BOM, piece by piece. The filters are read before the first piece: Malformed is raised at once."""
    raise NotImplementedError


def export_xlsx(by: Actor, raw_filters: Mapping[str, str], path: Path) -> None:
    """Write the XLSX file. Raises Malformed, and TooManyRows when a sheet cannot hold them."""
    raise NotImplementedError
