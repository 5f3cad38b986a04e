"""What the next page says once: that something was done."""

from __future__ import annotations

from flask import flash


def say(text: str) -> None:
    """Say it on the next page."""
    flash(text)
