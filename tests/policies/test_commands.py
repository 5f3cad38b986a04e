"""``registry policies``: lists, compares and exports versions, and shows an impact."""

from __future__ import annotations

from tests.fixtures.cli import CommandLine


def test_version_in_force_is_listed_compared_exported_and_has_no_impact(registry: CommandLine) -> None:
    (listed,) = registry("policies", "list", "--json").json["items"]
    assert (listed["version"], listed["state"], listed["in_force_from"]) == ("2026.1", "in_force", "2026-01-01")
    assert registry("policies", "comparison", "2026.1", "--json").json["differences"] == []
    assert 'version = "2026.1"' in registry("policies", "export", "2026.1").out
    shown = registry("policies", "impact", "2026.1", "--json").json
    assert shown["newly_flagged"] == shown["cases_opened"] == []
    assert "digest" in registry("policies", "impact", "2026.1").out
    assert registry("policies", "show", "2026.1").code == 0
    assert registry("policies", "show", "1999").code == 3
