"""Flags of a project or case as pages display them, most severe first, and the titles of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from registry.flags.models import SEVERITY_RANK
from registry.freeze.current import policy_in_force
from registry.freeze.texts import in_language
from registry.web.current_user import page_locale


def active_only(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the flags that are not cleared."""
    return _worst_first(flag for flag in flags if flag["status"] != "cleared")


def cleared_flags(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the cleared flags, last cleared first."""
    cleared = [flag for flag in flags if flag["status"] == "cleared"]
    return sorted(cleared, key=lambda flag: (flag["cleared_on"], flag["id"]), reverse=True)


def main_findings(case: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the flags that a list row names: active ones, or those last cleared if the case waits for confirmation.

    A case that waits for confirmation may have weaker active flags, which are not part of the confirmation.
    """
    active = [] if case["status"] == "awaiting_confirmation" else active_only(case["flags"])
    return active or cleared_last(case["flags"])


def cleared_last(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the flags cleared on the latest date on which any flag cleared."""
    cleared = [flag for flag in flags if flag["cleared_on"] is not None]
    latest = max((flag["cleared_on"] for flag in cleared), default=None)
    return _worst_first(flag for flag in cleared if flag["cleared_on"] == latest)


def rule_titles() -> dict[str, str]:
    """Map every rule of the policy to its title in the page's language."""
    language = page_locale()
    return {name: in_language(rule.title, language) for name, rule in policy_in_force().rules.items()}


def _worst_first(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(flags, key=lambda flag: -SEVERITY_RANK[flag["severity"]])
