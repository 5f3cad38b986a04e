"""Marks texts for the gettext catalogues."""

from __future__ import annotations


def lazy_text(text: str) -> str:
    """Mark a text for the catalogues; it is translated when it is displayed."""
    return text
