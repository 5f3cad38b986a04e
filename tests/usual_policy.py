"""The policy file of the apps and commands of tests."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from registry.settings import CHECKOUT

FOLDER = TemporaryDirectory(prefix="registry-policy-")


@lru_cache(maxsize=1)
def policy_as_entered() -> Path:
    """The shipped policy as version 2026.1, with facts that count as entered: most tests are of other rules."""
    shipped = (CHECKOUT / "config" / "freeze_policy.toml").read_text(encoding="utf-8")
    table, rules = shipped.index("\n[confirmed_facts]"), shipped.index("\n# The rules.")
    file = Path(FOLDER.name) / "freeze_policy.toml"
    text = shipped[:table] + shipped[rules:]
    file.write_text(text.replace('version = "2026.12.1"', 'version = "2026.1"'), encoding="utf-8")
    return file
