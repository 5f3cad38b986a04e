"""A software authenticator: answers WebAuthn options as a browser with a P-256 passkey would."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url

ORIGIN = "https://registry.tests"
USER_PRESENT, USER_VERIFIED, HAS_CREDENTIAL = 0x01, 0x04, 0x40


class SoftwareAuthenticator:
    """One passkey. ``sign_count`` goes up by one at each use, or stays 0 when ``counts`` is False."""

    def __init__(self, origin: str = ORIGIN, *, counts: bool = True) -> None:
        self.origin = origin
        self.counts = counts
        self.sign_count = 0
        self.credential_id = secrets.token_bytes(32)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: str) -> dict[str, Any]:
        """The response to the options of a registration."""
        asked = json.loads(options)
        point = self._key.public_key().public_numbers()
        # COSE: key type EC2, algorithm ES256, curve P-256.
        key = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        length = len(self.credential_id).to_bytes(2, "big")
        credential = bytes(16) + length + self.credential_id + cbor2.dumps(key)
        data = self._data(asked["rp"]["id"], USER_PRESENT | USER_VERIFIED | HAS_CREDENTIAL) + credential
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", asked["challenge"])
        return self._credential(clientDataJSON=client_data, attestationObject=attestation)

    def get(self, options: str) -> dict[str, Any]:
        """The response to the options of a verification."""
        asked = json.loads(options)
        self.sign_count += int(self.counts)
        data = self._data(asked["rpId"], USER_PRESENT | USER_VERIFIED)
        client_data = self._client_data("webauthn.get", asked["challenge"])
        signature = self._key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._credential(clientDataJSON=client_data, authenticatorData=data, signature=signature)

    def _data(self, site: str, flags: int) -> bytes:
        return hashlib.sha256(site.encode()).digest() + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _credential(self, **response: bytes) -> dict[str, Any]:
        name = bytes_to_base64url(self.credential_id)
        encoded = {key: bytes_to_base64url(value) for key, value in response.items()}
        return {"id": name, "rawId": name, "type": "public-key", "response": encoded}
