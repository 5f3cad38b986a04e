"""State systems of the tests: their keys, the file that names them, and files that they sign."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from flask import Flask
from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import transaction
from registry.state_systems.models import ExternalConfirmation
from registry.state_systems.sources import STATE_SYSTEMS, state_systems

PORTAL, TESTS = "architecture-portal", "security-tests"
KEYS: dict[str, Key] = {
    "portal-1": OKPKey.generate_key("Ed25519"),
    "portal-2": ECKey.generate_key("P-256"),
    "portal-old": OKPKey.generate_key("Ed25519"),
    "tests-1": RSAKey.generate_key(2048),
}
STRANGER = OKPKey.generate_key("Ed25519")
SECRET = OctKey.generate_key(256)
ALGORITHMS = {"OKP": "Ed25519", "EC": "ES256", "RSA": "RS256", "oct": "HS256"}
OF_SOURCE = {
    PORTAL: (["object_commissioned_on", "object_original_cost_kzt", "consent_number", "commissioned_on"], 2),
    TESTS: (["security_conclusion_number"], 1),
}
EXPIRY = {"portal-old": "2026-09-29"}


def systems_text() -> str:
    """The file of state systems, with the public keys."""
    lines = []
    for source, (facts, _count) in OF_SOURCE.items():
        lines += [f"[{source}]", *(f'name_{language} = "{source}"' for language in ("kk", "ru", "en"))]
        lines.append(f"facts = {json.dumps(facts)}")
        for kid, key in KEYS.items():
            if kid.startswith(source.split("-")[1][:5] if source == TESTS else "portal"):
                day = EXPIRY.get(kid, "2027-12-31")
                lines += [f"[[{source}.keys]]", f'kid = "{kid}"', f"expires_on = {day}"]
                lines += [f'{name} = "{value}"' for name, value in key.as_dict(private=False).items() if name != "kid"]
    return "\n".join(lines)


def set_up(app: Flask, folder: Path) -> None:
    """Let the app know the state systems."""
    file = folder / "state_systems.toml"
    file.write_text(systems_text(), encoding="utf-8")
    app.config[STATE_SYSTEMS] = state_systems(str(file))


def payload(*confirmations: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "issuer": PORTAL,
        "issued_at": "2026-09-30T09:00:00+05:00",
        "sequence": 1,
        "confirmations": list(confirmations),
    } | values


def passport(agency: str, **values: Any) -> dict[str, Any]:
    """A confirmation of an object passport."""
    return {
        "reference": "P-1",
        "kind": "object_passport",
        "agency": agency,
        "document_number": "77",
        "document_on": "2019-05-01",
        "facts": {"object_commissioned_on": "2019-04-01"},
    } | values


def signed(content: dict[str, Any] | bytes, kid: str = "portal-1", key: Key | None = None, **header: Any) -> bytes:
    """The compact serialisation of what a system signs, by default with its own key."""
    key = key or KEYS[kid]
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    algorithm = ALGORITHMS[key.key_type]
    text = jws.serialize_compact({"alg": algorithm, "kid": kid, **header}, raw, key, algorithms=[algorithm])
    return text.encode()


def as_json(compact: bytes, *, general: bool = False) -> bytes:
    """The same signature in the JSON serialisation."""
    protected, body, signature = compact.decode().split(".")
    if general:
        return json.dumps({"payload": body, "signatures": [{"protected": protected, "signature": signature}]}).encode()
    return json.dumps({"payload": body, "protected": protected, "signature": signature}).encode()


def an_external_confirmation(agency: Agency, **values: Any) -> int:
    """The id of a confirmation of an agency's object, as an import stores it."""
    usual: dict[str, Any] = {
        "source": PORTAL,
        "reference": f"P-{agency.bin}",
        "kind": "object_passport",
        "sequence": 1,
        "issued_at": now(),
        "sha256": "0" * 64,
        "agency_bin": agency.bin,
        "agency_id": agency.id,
        "name_ru": "Информационная система учёта",
        "document_number": "77",
        "document_on": date(2019, 5, 1),
        "facts": {"object_commissioned_on": "2019-04-01"},
        "is_revoked": False,
        "changed_at": now(),
    }
    with transaction() as session:
        row = ExternalConfirmation(**usual | values)
        session.add(row)
        session.flush()
        return row.id
