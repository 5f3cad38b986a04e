"""Journal entries of requests: what was asked, decided and carried out, with the subject ``request:<id>``."""

from __future__ import annotations

from typing import Any

from registry.accounts.actors import Actor
from registry.journal import service as journal
from registry.requests.models import Request


def record(actor: Actor, action: str, request: Request, details: dict[str, Any] | None = None) -> None:
    """Write the entry ``request.<action>`` in the open transaction."""
    subject: dict[str, Any] = {
        "request_kind": request.kind,
        "agency": request.agency,
        "project": request.project,
        "to_agency": request.to_agency,
        "on": None if request.on is None else request.on.isoformat(),
    }
    record_row(actor, action, request.id, {**subject, **(details or {})})


def record_row(actor: Actor, action: str, request_id: int, details: dict[str, Any]) -> None:
    """The same for a request that was written by a bulk insert."""
    entry = {name: value for name, value in details.items() if value is not None}
    journal.record(actor, f"request.{action}", f"request:{request_id}", entry)
