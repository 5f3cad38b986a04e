"""The flags of a project or case as pages show them, the worst first, and what the rules are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from registry.flags.models import SEVERITY_RANK
from registry.freeze.current import policy_in_force
from registry.web.current_user import page_locale


def standing(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that are not cleared."""
    return _worst_first(flag for flag in flags if flag["status"] != "cleared")


def cleared_flags(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that are cleared, what cleared last in front."""
    cleared = [flag for flag in flags if flag["status"] == "cleared"]
    return sorted(cleared, key=lambda flag: (flag["cleared_on"], flag["id"]), reverse=True)


def main_findings(case: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a line of a list names: what stands, or what cleared last where that is what the case is about.

    A case that waits to be confirmed may have weaker flags that stand: they are not what is confirmed.
    """
    stands = [] if case["status"] == "awaiting_confirmation" else standing(case["flags"])
    return stands or cleared_last(case["flags"])


def cleared_last(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The flags that cleared on the latest date on which any did."""
    cleared = [flag for flag in flags if flag["cleared_on"] is not None]
    latest = max((flag["cleared_on"] for flag in cleared), default=None)
    return _worst_first(flag for flag in cleared if flag["cleared_on"] == latest)


def rule_titles() -> dict[str, str]:
    """Every rule of the policy with its name in the page's language."""
    language = page_locale()
    return {name: rule.title[language] for name, rule in policy_in_force().rules.items()}


def _worst_first(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(flags, key=lambda flag: -SEVERITY_RANK[flag["severity"]])
