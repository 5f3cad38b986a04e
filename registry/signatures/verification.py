"""Verification of electronic signatures: a detached CMS (RFC 5652) of one signer with a certificate of the national
centre, in Python or by a service of NCANode, as ``REGISTRY_SIGNATURES`` says.

Python verifies RSA. GOST 34.10-2015 takes NCANode: no maintained Python library has it.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from marshmallow import ValidationError
from pyasn1.codec.der.decoder import decode
from pyasn1.error import PyAsn1Error
from pyasn1_modules import rfc3161

from registry.core.clock import now
from registry.core.errors import Conflict, NotAllowed
from registry.signatures.cms import OneSignature, SignatureUnreadable, SignatureWrong, digest, read_signature
from registry.signatures.trust import path_to_root, post, revocation, trusted_certificates


def stamped_at(stamped: OneSignature, folder: Path | None) -> datetime | None:
    """Return when the signature existed by its time stamp.

    None where it has none, and for one that proves nothing: of another signature, of an authority that leads to no
    trusted root or is not for time stamps, or damaged. Its own revocation is not asked for.
    """
    if stamped.time_stamp is None:
        return None
    try:
        token = read_signature(stamped.time_stamp, rfc3161.id_ct_TSTInfo, is_detached=False)
        content = token.content or b""
        token.require_valid()
        info, rest = decode(content, asn1Spec=rfc3161.TSTInfo())
        imprint = info["messageImprint"]
        at: datetime = info["genTime"].asDateTime
        imprinted = digest(str(imprint["hashAlgorithm"]["algorithm"]), stamped.signature)
        usage = token.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        is_for_stamps = list(usage) == [ExtendedKeyUsageOID.TIME_STAMPING]
        is_of_signature = token.is_of(content) and imprinted == bytes(imprint["hashedMessage"])
        if rest or at.tzinfo is None or not (is_of_signature and is_for_stamps):
            return None
        at = at.astimezone(UTC)
        path_to_root(folder, token.certificate, at)
    except (NotAllowed, PyAsn1Error, ValueError, TypeError, OverflowError, x509.ExtensionNotFound):
        return None
    return at


# The largest that a signature with its certificate, time stamp and answers of revocation services was seen: 20 KiB.
MAX_CMS: Final = 64 * 1024
OFF, PYTHON, NCANODE = "off", "python", "ncanode"
IIN: Final = re.compile(r"IIN([0-9]{12})")
PEM_LINE: Final = re.compile(r"-----[^-]*-----")


class SignatureOutOfDate(Conflict):
    """What was signed is not what would be done now, or it was signed too long ago."""


class CertificateNotInForce(NotAllowed):
    """The certificate has expired or is not valid yet."""


class CertificateNotForSigning(NotAllowed):
    """The certificate is for signing in or encryption, not for signatures, or names no person."""


class RevocationUnknown(NotAllowed):
    """It could not be found out whether the certificate is revoked, and the settings require it."""


@dataclass(frozen=True, slots=True)
class SignatureSettings:
    """How signatures are verified. ``trust``: the folder of trusted certificates (PEM) and revocation lists.

    ``url``: of the OCSP service, or of NCANode. ``requires_revocation``: what cannot be checked is refused.
    """

    method: str
    trust: Path | None
    url: str | None
    requires_revocation: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that was verified. ``digest``: SHA-256 (hex) of what was signed; ``revocation``: good or unknown.

    ``subject`` names the person and the organisation, without the IIN; ``issuer``: the centre; ``method``: what
    verified it, python or ncanode; ``stamped_at``: by a time stamp that proves it.
    """

    cms: bytes = field(repr=False)
    digest: str
    iin: str = field(repr=False)
    serial: str
    subject: str
    valid_from: datetime
    valid_to: datetime
    revocation: str
    issuer: str
    method: str
    stamped_at: datetime | None


def verify(settings: SignatureSettings, text: str, content: bytes) -> Verified:
    """Verify the signature, in base64 or PEM, of the content. It may ask other services, and takes seconds then.

    Raises the errors of this module.
    """
    cms = _decoded(text)
    read = read_signature(cms)
    certificate = read.certificate
    iin = _require_signer(certificate)
    if settings.method == NCANODE:
        status = _ask_ncanode(settings, cms, content, iin)
    else:
        read.require_valid()
        if not read.is_of(content):
            raise SignatureOutOfDate
        issuer = path_to_root(settings.trust, certificate, now())[1]
        status = revocation(settings.trust, settings.url, certificate, issuer)
    if status != "good" and settings.requires_revocation:
        raise RevocationUnknown
    names = [_only(certificate.subject, oid) for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)]
    return Verified(
        cms=cms,
        digest=sha256(content).hexdigest(),
        iin=iin,
        serial=f"{certificate.serial_number:x}",
        subject=", ".join(name for name in names if name),
        valid_from=certificate.not_valid_before_utc,
        valid_to=certificate.not_valid_after_utc,
        revocation=status,
        issuer=_only(certificate.issuer, NameOID.COMMON_NAME),
        method=settings.method,
        stamped_at=stamped_at(read, settings.trust),
    )


def iin_of(cms: bytes) -> str:
    """Return the IIN of the certificate in a signature that was verified before."""
    return _require_person(read_signature(cms).certificate)


def _decoded(text: str) -> bytes:
    packed = "".join(PEM_LINE.sub("", text[: MAX_CMS * 2]).split())
    try:
        cms = b64decode(packed, validate=True)
    except ValueError as error:
        raise SignatureUnreadable from error
    if len(text) > MAX_CMS * 2 or not 0 < len(cms) <= MAX_CMS:
        raise SignatureUnreadable
    return cms


def _require_signer(certificate: x509.Certificate) -> str:
    """Return the IIN of a certificate that is valid now and for signatures."""
    at = now()
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        since, until = (each.date().isoformat() for each in _validity(certificate))
        raise CertificateNotInForce(since=since, until=until)
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError) as error:
        raise CertificateNotForSigning from error
    if not (usage.digital_signature and usage.content_commitment):
        raise CertificateNotForSigning
    return _require_person(certificate)


def _validity(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _require_person(certificate: x509.Certificate) -> str:
    match = IIN.fullmatch(_only(certificate.subject, NameOID.SERIAL_NUMBER))
    if match is None:
        raise CertificateNotForSigning
    return match[1]


def _only(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    """Return the only value of a part of a name; empty without one, and where there are several."""
    with suppress(ValueError):
        values = [str(each.value) for each in name.get_attributes_for_oid(oid)]
        return values[0] if len(values) == 1 else ""
    return ""


def _ask_ncanode(settings: SignatureSettings, cms: bytes, content: bytes, iin: str) -> str:
    """Have NCANode (version 3) verify the signature, path and revocation. Raises SignatureWrong, RevocationUnknown."""
    asked = {
        "cms": b64encode(cms).decode(),
        "data": b64encode(content).decode(),
        "revocationCheck": ["OCSP"] if settings.requires_revocation else [],
    }
    answer = post(f"{(settings.url or '').rstrip('/')}/cms/verify", json.dumps(asked).encode(), "application/json")
    if answer is None:
        raise RevocationUnknown
    try:
        answered: dict[str, Any] = json.loads(answer)
        [signer] = answered["signers"]
        # Of a certificate that NCANode did not find it says nothing, and that the signature is valid.
        [certificate] = signer["certificates"]
        is_valid = answered["valid"] is True and certificate["valid"] is True and certificate["subject"]["iin"] == iin
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureWrong from error
    if not is_valid:
        raise SignatureWrong
    return "good" if settings.requires_revocation else "unknown"


# Settings.


def signature_settings(method: str, trust: str, url: str, revocation: str) -> SignatureSettings | None:
    """Return the settings of ``REGISTRY_SIGNATURES`` and those with its name; None when off. Raises ValidationError."""
    if method == OFF:
        return None
    if method not in (PYTHON, NCANODE):
        raise ValidationError(f"expected {OFF}, {PYTHON} or {NCANODE}, got {method!r}")
    if revocation not in ("required", "optional"):
        raise ValidationError("REGISTRY_SIGNATURES_REVOCATION: expected required or optional")
    if url and (not url.startswith(("https://", "http://")) or any(map(str.isspace, url))):
        raise ValidationError("REGISTRY_SIGNATURES_URL: expected an address such as http://ocsp.pki.gov.kz")
    if method == NCANODE and not url:
        raise ValidationError("with ncanode set REGISTRY_SIGNATURES_URL, the address of NCANode")
    folder = Path(trust).absolute() if trust else None
    try:
        has_root = folder is not None and any(each.issuer == each.subject for each in trusted_certificates(folder))
    except (OSError, ValueError) as error:
        raise ValidationError(f"REGISTRY_SIGNATURES_TRUST: {error}") from error
    if method == PYTHON and not has_root:
        raise ValidationError(
            "with python set REGISTRY_SIGNATURES_TRUST, a folder with the certificates of the national centre and its "
            "root, as *.pem"
        )
    return SignatureSettings(method, folder, url or None, revocation == "required")


PARSERS: Final[dict[str, Callable[..., object]]] = {"signature_settings": signature_settings}
