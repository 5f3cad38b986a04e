"""Optional packages: what to do where a variable asks for one that is not installed."""

from __future__ import annotations

from registry.settings import SettingsInvalid


def extra_missing(variable: str, extra: str) -> SettingsInvalid:
    """The error for a variable that needs an extra of this package, which is not installed."""
    return SettingsInvalid([f"{variable}: needs the extra {extra}; install config/locked/telemetry.txt, or unset it"])
