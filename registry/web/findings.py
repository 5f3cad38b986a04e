"""The flags of a project or case as pages show them, the worst first, and what the rules are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from registry.records.flags import SEVERITY_RANK
from registry.records.policy_in_force import policy_in_force
from registry.web.visitors import page_language


def standing(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that are not cleared."""
    return _worst_first(flag for flag in flags if flag["status"] != "cleared")


def main_findings(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What a line of a list names: what stands, or all that once stood when nothing does any more."""
    found = list(flags)
    return standing(found) or _worst_first(found)


def rule_titles() -> dict[str, str]:
    """Every rule of the policy with its name in the page's language."""
    language = page_language()
    return {name: rule.title[language] for name, rule in policy_in_force().rules.items()}


def _worst_first(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(flags, key=lambda flag: -SEVERITY_RANK[flag["severity"]])
