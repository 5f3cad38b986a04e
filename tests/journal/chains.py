"""Chains of journal entries, their export, and their verification by the service and by ``scripts/verify_journal``."""

from __future__ import annotations

import io
import json
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType
from typing import Any

from registry.journal.service import FIRST_HASH, canonical, entry_hash
from registry.journal.verification import Head, verify
from registry.settings import CHECKOUT

VERIFIER = CHECKOUT / "scripts" / "verify_journal"
Entry = dict[str, Any]


def load_verifier() -> ModuleType:
    """The script as a module."""
    loader = SourceFileLoader("verify_journal", str(VERIFIER))
    module = module_from_spec(spec_from_loader("verify_journal", loader))
    sys.dont_write_bytecode, kept = True, sys.dont_write_bytecode
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = kept
    return module


LONE = load_verifier()


def a_chain(length: int, start: int = 0, last: str = FIRST_HASH, old: int = 0) -> list[Entry]:
    """A journal built in memory, with JSON edge cases; the first ``old`` entries have the original columns."""
    entries = []
    for seq in range(start + 1, start + length + 1):
        entry = {
            "seq": seq,
            "at": f"2026-03-02T{4 + seq // 60:02}:{seq % 60:02}:06.000000Z",
            "principal": "Әсел Құдайберген" if seq % 2 else "service:schedule",
            "role": "supervisor",
            "action": "project.changed",
            "subject": f"project:QT-2026-{seq:07}-1",
            "details": canonical({"changes": [{"field": "name_kk", "old": 'а\n"б"', "new": "\u001f\u2028₸"}]}),
            "source": "10.0.0.1",
            "request_id": f"{seq:032x}",
            **({} if seq <= old else {"credential": f"token:{seq:010}", "client_request_id": f"caller-{seq}"}),
            "previous_hash": last,
        }
        last = entry_hash(entry)
        entries.append({**entry, "hash": last})
    return entries


def exported(entries: list[Entry]) -> bytes:
    """The export of a journal as NDJSON."""
    return b"".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for entry in entries)


def head_of(entries: list[Entry]) -> Head:
    """The head of a journal."""
    return Head(entries[-1]["seq"], entries[-1]["hash"])


def lone_faults(data: bytes, head: Head | None = None) -> list[tuple[str, int]]:
    """(code, number) of the faults that the script finds."""
    pair = None if head is None else (head.seq, head.hash)
    return [fault[:2] for fault in LONE.faults_of(LONE.lines_of(io.BytesIO(data)), pair)][:100]


def own_faults(entries: list[Entry], head: Head | None = None) -> list[tuple[str, int]]:
    """(code, number) of the faults that the service finds."""
    return [(fault.code, fault.seq) for fault in verify(entries, head)]
