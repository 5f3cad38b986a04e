"""Time stamps (RFC 3161) of signatures: by OpenSSL, and by hand those that OpenSSL refuses to make."""

from __future__ import annotations

import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from pyasn1.codec.der.decoder import decode
from pyasn1.codec.der.encoder import encode
from pyasn1.type import univ
from pyasn1_modules import rfc3161, rfc5652

from registry.core.clock import now
from registry.signatures.cms import TIME_STAMP
from tests.signatures.certificates import Holder

CONFIG = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.398.3.3.2.6.4
digests = sha256
"""


def stamped(cms: bytes, token: bytes) -> bytes:
    """Return the CMS with the token."""
    info, signed = _read(cms)
    attribute = rfc5652.Attribute()
    attribute["attrType"] = univ.ObjectIdentifier(TIME_STAMP)
    attribute["attrValues"].append(univ.Any(token))
    signed["signerInfos"][0]["unsignedAttrs"].append(attribute)
    info["content"] = encode(signed)
    return bytes(encode(info))


def by_openssl(cms: bytes, authority: Holder, folder: Path) -> bytes:
    """Return the token of a CMS."""
    parts = {
        "signer.pem": authority.certificate.public_bytes(serialization.Encoding.PEM),
        "key.pem": authority.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "signature": signature_of(cms),
        "tsa.cnf": CONFIG.format(folder=folder).encode(),
        "serial": b"01",
    }
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    query = "openssl ts -query -config tsa.cnf -data signature -sha256 -cert -out query"
    reply = "openssl ts -reply -config tsa.cnf -queryfile query -signer signer.pem -inkey key.pem -token_out -out token"
    for command in (query, reply):
        subprocess.run(command.split(), check=True, cwd=folder, capture_output=True)
    return (folder / "token").read_bytes()


def by_hand(cms: bytes, authority: Holder) -> bytes:
    """Return a token of a CMS, whatever the certificate is for."""
    stamp = rfc3161.TSTInfo()
    stamp["version"], stamp["policy"], stamp["serialNumber"] = 1, "1.2.398.3.3.2.6.4", 1
    stamp["messageImprint"]["hashAlgorithm"]["algorithm"] = "2.16.840.1.101.3.4.2.1"
    stamp["messageImprint"]["hashedMessage"] = sha256(signature_of(cms)).digest()
    stamp["genTime"] = f"{now():%Y%m%d%H%M%SZ}"
    info, signed = _read(authority.sign(encode(stamp), detached=False))
    signer = signed["signerInfos"][0]
    attributes = univ.SetOf(componentType=rfc5652.Attribute())
    for each in signer["signedAttrs"]:
        if each["attrType"] == rfc5652.id_contentType:
            each["attrValues"][0] = univ.Any(encode(rfc3161.id_ct_TSTInfo))
        attributes.append(each)
    signed["encapContentInfo"]["eContentType"] = rfc3161.id_ct_TSTInfo
    signer["signature"] = authority.key.sign(encode(attributes), padding.PKCS1v15(), hashes.SHA256())
    info["content"] = encode(signed)
    return bytes(encode(info))


def signature_of(cms: bytes) -> bytes:
    """Return the signature that a time stamp is about."""
    return bytes(_read(cms)[1]["signerInfos"][0]["signature"])


def _read(cms: bytes) -> tuple[Any, Any]:
    info, _ = decode(cms, asn1Spec=rfc5652.ContentInfo())
    signed, _ = decode(bytes(info["content"]), asn1Spec=rfc5652.SignedData())
    return info, signed
