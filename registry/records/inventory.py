"""Applying the platform inventory: what matches is verified, what vanished loses its verification."""

from __future__ import annotations

from typing import Any

from registry.access.actors import Actor


def apply_inventory(by: Actor, file_name: str, content: bytes, dry_run: bool) -> dict[str, Any]:
    """Apply QazTech's list, or tell what it would do.

    The summary: ``dry_run``, the counts ``matched``, ``lost``, ``mismatched``, ``unregistered``, ``total`` and
    ``rejected``, details under ``rows`` and bad rows under ``errors`` (``{row, column, code, params}``), both cut at 1,000.
    Raises RoleNotAllowed and Invalid (pointer /file).
    """
    raise NotImplementedError
