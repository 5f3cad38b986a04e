"""A certification centre as the national one is: a root, an issuing centre, certificates of people, and signatures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from registry.signatures.verification import SignatureSettings

IIN = "850101300123"
DAY = timedelta(days=1)
PERSON = ObjectIdentifier("1.2.398.3.3.4.1.1")
FOR_SIGNING = {"digital_signature", "content_commitment"}
ALL_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@cache
def rsa_key(_number: int, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return the key of a number: keys take long to make."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@dataclass(frozen=True)
class Holder:
    """A key and its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    def sign(self, content: bytes, *, detached: bool = True) -> bytes:
        """Return a CMS (DER) of the content."""
        options = [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities]
        builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
        builder = builder.add_signer(self.certificate, self.key, hashes.SHA256())
        more = [pkcs7.PKCS7Options.DetachedSignature] if detached else []
        return builder.sign(serialization.Encoding.DER, [*options, *more])


class Centre:
    """A root and the centre that issues certificates to people, at the present instant."""

    def __init__(self, name: str = "ҰКО", keys: int = 0) -> None:
        self.root = _issue(_name(f"{name} root"), rsa_key(keys), None, usages={"key_cert_sign", "crl_sign"})
        self.issuing = _issue(_name(name), rsa_key(keys + 1), self.root, usages={"key_cert_sign", "crl_sign"})

    def person(
        self,
        iin: str = IIN,
        name: str = "ТЕСТОВ ТЕСТ",
        *,
        since: timedelta = -DAY,
        until: timedelta = 365 * DAY,
        usages: Iterable[str] = FOR_SIGNING,
        serial: str | None = None,
        key: rsa.RSAPrivateKey | None = None,
        issued_by: Holder | None = None,
        purposes: Sequence[ObjectIdentifier] = (ExtendedKeyUsageOID.EMAIL_PROTECTION, PERSON),
    ) -> Holder:
        """Issue a certificate to a person, as it is named by the national centre."""
        parts = [(NameOID.COMMON_NAME, name), (NameOID.SERIAL_NUMBER, serial or f"IIN{iin}")]
        subject = x509.Name([*(x509.NameAttribute(oid, value) for oid, value in parts), *_name("")])
        return _issue(
            subject,
            key or rsa_key(9),
            issued_by or self.issuing,
            usages=set(usages),
            since=since,
            until=until,
            purposes=purposes,
        )

    def authority(self, **options: Any) -> Holder:
        """Issue a certificate to a time stamping authority (RFC 3161)."""
        purposes = [ExtendedKeyUsageOID.TIME_STAMPING]
        return self.person(
            name="TSA", usages=["digital_signature"], **{"key": rsa_key(7), "purposes": purposes} | options
        )

    def trust(self, folder: Path) -> Path:
        """Write the folder of ``REGISTRY_SIGNATURES_TRUST``."""
        folder.mkdir(exist_ok=True)
        pem = [each.certificate.public_bytes(serialization.Encoding.PEM) for each in (self.root, self.issuing)]
        (folder / "centre.pem").write_bytes(b"".join(pem))
        return folder

    def revoke(self, folder: Path, *serials: int, until: timedelta = DAY, issued_by: Holder | None = None) -> None:
        """Write the list of revoked certificates into the folder."""
        at, issued_by = datetime.now(UTC), issued_by or self.issuing
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.issuing.certificate.subject)
        builder = builder.last_update(min(at, at + until) - DAY).next_update(at + until)
        for serial in serials:
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at - DAY).build()
            builder = builder.add_revoked_certificate(revoked)
        signed = builder.sign(issued_by.key, hashes.SHA256())
        (folder / "centre.crl").write_bytes(signed.public_bytes(serialization.Encoding.DER))


def settings_for(folder: Path, url: str | None = None, *, required: bool = False) -> SignatureSettings:
    """Return settings for verification in Python."""
    return SignatureSettings("python", folder, url, required)


def as_ber(der: bytes, depth: int = 4) -> bytes:
    """Return the same with unknown lengths, as the library of NCALayer writes a CMS."""
    kind, length, head = der[0], der[1], 2
    if length & 0x80:
        head += length & 0x7F
        length = int.from_bytes(der[2:head])
    if not depth or not kind & 0x20:
        return der[: head + length]
    inner, parts = der[head : head + length], b""
    while inner:
        part = as_ber(inner, 0)
        parts, inner = parts + as_ber(part, depth - 1), inner[len(part) :]
    return bytes([kind, 0x80]) + parts + b"\0\0"


def _name(common: str) -> x509.Name:
    names = [(NameOID.COMMON_NAME, common), (NameOID.COUNTRY_NAME, "KZ")]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in names if value])


def _issue(
    subject: x509.Name,
    key: rsa.RSAPrivateKey,
    issued_by: Holder | None,
    *,
    usages: set[str],
    purposes: Sequence[ObjectIdentifier] = (),
    since: timedelta = -DAY,
    until: timedelta = 3650 * DAY,
) -> Holder:
    at = datetime.now(UTC)
    issuer, signer = (subject, key) if issued_by is None else (issued_by.certificate.subject, issued_by.key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at + since)
        .not_valid_after(at + until)
        .add_extension(x509.KeyUsage(**{each: each in usages for each in ALL_USAGES}), critical=True)
    )
    if not purposes:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    else:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage(purposes), critical=ExtendedKeyUsageOID.TIME_STAMPING in purposes
        )
    if issued_by is not None:
        # As the national centre does, and as certificates of web servers may not.
        names = x509.AuthorityKeyIdentifier(
            x509.SubjectKeyIdentifier.from_public_key(issued_by.key.public_key()).digest,
            [x509.DirectoryName(issued_by.certificate.issuer)],
            issued_by.certificate.serial_number,
        )
        builder = builder.add_extension(names, critical=False)
    return Holder(key, builder.sign(signer, hashes.SHA256()))
