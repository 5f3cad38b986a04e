"""What a client sees from the registration of a project to the answer of its agency, whatever its language."""

from __future__ import annotations

from typing import Any


def assert_flow(seen: dict[str, Any]) -> None:
    """Fail unless a client has seen all of it."""
    assert seen.pop("number").startswith("QT-")
    assert seen.pop("findings") >= 1
    flags = seen.pop("flags")
    assert len(flags) >= 1
    assert seen == {
        "budget": 5_000_000_000,
        "name": "Система учёта",
        "stale": 412,
        "audit": "succeeded",
        "case": ["awaiting_agency", "under_review"],
        "changes": [
            "agency.registered",
            "case.changed",
            "case.opened",
            "flag.opened",
            "project.changed",
            "project.registered",
        ],
        "exported": len(flags),
    }
