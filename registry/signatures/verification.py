"""Verification of electronic signatures: a detached CMS (RFC 5652) of one signer with a certificate of the national
centre, in Python or by a service of NCANode, as ``REGISTRY_SIGNATURES`` says.

Python verifies RSA. GOST 34.10-2015 takes NCANode: no maintained Python library has it.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import ocsp, verification as paths
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from marshmallow import ValidationError
from pyasn1.codec.ber.decoder import decode
from pyasn1.codec.der.encoder import encode
from pyasn1.error import PyAsn1Error
from pyasn1.type import namedtype, tag, univ
from pyasn1_modules import rfc5652
from urllib3.exceptions import HTTPError

from registry.core.clock import now
from registry.core.errors import NotAllowed

# The largest that a signature with its certificate, time stamp and answers of revocation services was seen: 20 KiB.
MAX_CMS: Final = 64 * 1024
MAX_ANSWER: Final = 256 * 1024
TIMEOUT_S: Final = (3, 7)
MIN_RSA_BITS: Final = 2048
MAX_PATH: Final = 3
# What the clocks of a revocation service and of this machine may differ.
MAX_SKEW: Final = timedelta(minutes=5)
OFF, PYTHON, NCANODE = "off", "python", "ncanode"
IIN: Final = re.compile(r"IIN([0-9]{12})")
PEM_LINE: Final = re.compile(r"-----[^-]*-----")
DIGESTS: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}


class SignatureUnreadable(NotAllowed):
    """The signature is not a detached CMS of exactly one signer with its certificate."""


class SignatureWrong(NotAllowed):
    """The signature is not of this certificate's key, or another content was signed."""


class SignatureAlgorithmUnsupported(NotAllowed):
    """The key or the digest is one that the way of verification does not know."""


class CertificateNotInForce(NotAllowed):
    """The certificate has expired or is not valid yet."""


class CertificateNotTrusted(NotAllowed):
    """The certificate leads to none of the centres that the operator trusts."""


class CertificateNotForSigning(NotAllowed):
    """The certificate is for signing in or encryption, not for signatures, or names no person."""


class CertificateRevoked(NotAllowed):
    """The centre has revoked the certificate."""


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

    ``subject`` names the person and the organisation, without the IIN.
    """

    cms: bytes = field(repr=False)
    digest: str
    iin: str = field(repr=False)
    serial: str
    subject: str
    valid_from: datetime
    valid_to: datetime
    revocation: str


def _implicit(number: int) -> tag.Tag:
    return tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, number)


class _SignedData(univ.Sequence):  # type: ignore[misc]  # pyasn1 has no types
    """As in RFC 5652, but that certificates stay the bytes that their centre signed."""

    componentType = namedtype.NamedTypes(  # noqa: N815 - pyasn1's name
        namedtype.NamedType("version", rfc5652.CMSVersion()),
        namedtype.NamedType("digestAlgorithms", rfc5652.DigestAlgorithmIdentifiers()),
        namedtype.NamedType("encapContentInfo", rfc5652.EncapsulatedContentInfo()),
        namedtype.OptionalNamedType(
            "certificates", univ.SetOf(componentType=univ.Any()).subtype(implicitTag=_implicit(0))
        ),
        namedtype.OptionalNamedType("crls", univ.SetOf(componentType=univ.Any()).subtype(implicitTag=_implicit(1))),
        namedtype.NamedType("signerInfos", rfc5652.SignerInfos()),
    )


class _ContentInfo(univ.Sequence):  # type: ignore[misc]  # pyasn1 has no types
    """Whole: the decoder cannot take BER of indefinite length, as NCALayer writes it, in parts."""

    componentType = namedtype.NamedTypes(  # noqa: N815 - pyasn1's name
        namedtype.NamedType("contentType", rfc5652.ContentType()),
        namedtype.NamedType("content", _SignedData().subtype(explicitTag=_implicit(0))),
    )


@dataclass(frozen=True, slots=True)
class _Signature:
    certificate: x509.Certificate
    digest_algorithm: str
    signed_attributes: bytes
    message_digest: bytes
    signature: bytes


def verify(settings: SignatureSettings, text: str, content: bytes) -> Verified:
    """Verify the signature, in base64 or PEM, of the content. It may ask other services, and takes seconds then.

    Raises the errors of this module.
    """
    cms = _decoded(text)
    read = _read(cms)
    certificate = read.certificate
    iin = _require_signer(certificate)
    if settings.method == NCANODE:
        revocation = _ask_ncanode(settings, cms, content, iin)
    else:
        _require_signature(read, content)
        revocation = _revocation(settings, certificate, _require_trusted(settings, certificate))
    if revocation != "good" and settings.requires_revocation:
        raise RevocationUnknown
    names = [_name(certificate, NameOID.COMMON_NAME), _name(certificate, NameOID.ORGANIZATION_NAME)]
    return Verified(
        cms=cms,
        digest=sha256(content).hexdigest(),
        iin=iin,
        serial=f"{certificate.serial_number:x}",
        subject=", ".join(name for name in names if name),
        valid_from=certificate.not_valid_before_utc,
        valid_to=certificate.not_valid_after_utc,
        revocation=revocation,
    )


def iin_of(cms: bytes) -> str:
    """Return the IIN of the certificate in a signature that was verified before."""
    return _require_person(_read(cms).certificate)


def _decoded(text: str) -> bytes:
    packed = "".join(PEM_LINE.sub("", text[: MAX_CMS * 2]).split())
    try:
        cms = b64decode(packed, validate=True)
    except ValueError as error:
        raise SignatureUnreadable from error
    if len(text) > MAX_CMS * 2 or not 0 < len(cms) <= MAX_CMS:
        raise SignatureUnreadable
    return cms


def _read(cms: bytes) -> _Signature:
    """Return the only signature of a detached CMS. Raises SignatureUnreadable."""
    try:
        info, rest = decode(cms, asn1Spec=_ContentInfo())
        signed = info["content"]
        [signer] = signed["signerInfos"]
        attributes = univ.SetOf(componentType=rfc5652.Attribute())
        attributes.extend(signer["signedAttrs"])
        of_type = {str(each["attrType"]): each["attrValues"] for each in attributes}
        [content_type] = of_type[str(rfc5652.id_contentType)]
        [digest] = of_type[str(rfc5652.id_messageDigest)]
        serial = int(signer["sid"]["issuerAndSerialNumber"]["serialNumber"])
        certificates = [x509.load_der_x509_certificate(bytes(each)) for each in signed["certificates"]]
        [certificate] = [each for each in certificates if each.serial_number == serial]
        is_detached = not signed["encapContentInfo"]["eContent"].isValue
        # Of their types: others would be read as what they are not, a number as the length of so many bytes.
        is_data = decode(content_type, asn1Spec=univ.ObjectIdentifier())[0] == rfc5652.id_data
        if rest or not is_detached or not is_data or len(of_type) != len(attributes):
            raise SignatureUnreadable
        return _Signature(
            certificate=certificate,
            digest_algorithm=str(signer["digestAlgorithm"]["algorithm"]),
            signed_attributes=encode(attributes),
            message_digest=bytes(decode(digest, asn1Spec=univ.OctetString())[0]),
            signature=bytes(signer["signature"]),
        )
    # The decoder and certificates come from anybody: whatever is wrong in them, it is no signature.
    except (PyAsn1Error, ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise SignatureUnreadable from error


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
    match = IIN.fullmatch(_name(certificate, NameOID.SERIAL_NUMBER))
    if match is None:
        raise CertificateNotForSigning
    return match[1]


def _name(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    """Return the only value of a part of the subject; empty without one, and where there are several."""
    with suppress(ValueError):
        values = [str(each.value) for each in certificate.subject.get_attributes_for_oid(oid)]
        return values[0] if len(values) == 1 else ""
    return ""


def _require_signature(read: _Signature, content: bytes) -> None:
    algorithm = DIGESTS.get(read.digest_algorithm)
    try:
        key = read.certificate.public_key()
    except (UnsupportedAlgorithm, ValueError) as error:
        raise SignatureAlgorithmUnsupported from error
    if algorithm is None or not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        raise SignatureAlgorithmUnsupported
    digest = hashes.Hash(algorithm)
    digest.update(content)
    if digest.finalize() != read.message_digest:
        raise SignatureWrong
    try:
        key.verify(read.signature, read.signed_attributes, padding.PKCS1v15(), algorithm)
    except InvalidSignature as error:
        raise SignatureWrong from error


# Trust: the path to a root of the folder, and whether the certificate is revoked.


def trusted_certificates(folder: Path) -> list[x509.Certificate]:
    """Return the certificates (PEM) of the folder. Raises OSError and ValueError."""
    files = sorted(folder.glob("*.pem"))
    return [each for file in files for each in x509.load_pem_x509_certificates(file.read_bytes())]


def _require_trusted(settings: SignatureSettings, certificate: x509.Certificate) -> x509.Certificate:
    """Return the issuer. Raises CertificateNotTrusted."""
    try:
        trusted = [] if settings.trust is None else trusted_certificates(settings.trust)
        roots = [each for each in trusted if each.issuer == each.subject]
        # Certificates of the national centre have extensions that web servers may not have.
        of_centres = (
            paths.ExtensionPolicy.permit_all()
            .require_present(x509.BasicConstraints, paths.Criticality.AGNOSTIC, _is_centre)
            .require_present(x509.KeyUsage, paths.Criticality.AGNOSTIC, _signs_certificates)
        )
        verifier = (
            paths.PolicyBuilder()
            .store(paths.Store(roots))
            .time(now())
            .max_chain_depth(MAX_PATH)
            .extension_policies(ca_policy=of_centres, ee_policy=paths.ExtensionPolicy.permit_all())
            .build_client_verifier()
        )
        path = verifier.verify(certificate, [each for each in trusted if each not in roots]).chain
    except (paths.VerificationError, ValueError, OSError) as error:
        raise CertificateNotTrusted(issuer=certificate.issuer.rfc4514_string()) from error
    if len(path) < 2:
        # A root itself signs no acts.
        raise CertificateNotTrusted(issuer=certificate.issuer.rfc4514_string())
    return path[1]


def _is_centre(_policy: object, _certificate: object, extension: x509.BasicConstraints) -> None:
    if not extension.ca:
        raise ValueError("no certification centre")


def _signs_certificates(_policy: object, _certificate: object, extension: x509.KeyUsage) -> None:
    if not extension.key_cert_sign:
        raise ValueError("a key that signs no certificates")


def _revocation(settings: SignatureSettings, certificate: x509.Certificate, issuer: x509.Certificate) -> str:
    """Return good or unknown, by the lists of the folder and the OCSP service. Raises CertificateRevoked."""
    known = [_listed(settings, certificate, issuer)]
    if settings.url is not None:
        known.append(_ask_ocsp(settings.url, certificate, issuer))
    if "revoked" in known:
        raise CertificateRevoked
    return "good" if "good" in known else "unknown"


def _listed(settings: SignatureSettings, certificate: x509.Certificate, issuer: x509.Certificate) -> str:
    status = "unknown"
    for file in sorted((settings.trust or Path()).glob("*.crl")):
        try:
            data = file.read_bytes()
            is_pem = data.startswith(b"-----")
            revoked = x509.load_pem_x509_crl(data) if is_pem else x509.load_der_x509_crl(data)
            is_of_issuer = revoked.issuer == issuer.subject and revoked.is_signature_valid(_issuer_key(issuer))
            if not is_of_issuer:
                continue
            if revoked.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
                return "revoked"
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
            continue
        until = revoked.next_update_utc
        if until is not None and revoked.last_update_utc - MAX_SKEW <= now() <= until:
            status = "good"
    return status


def _issuer_key(issuer: x509.Certificate) -> rsa.RSAPublicKey:
    key = issuer.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise UnsupportedAlgorithm("the centre has another key than RSA")
    return key


def _ask_ocsp(url: str, certificate: x509.Certificate, issuer: x509.Certificate) -> str:
    """Return what the OCSP service (RFC 6960) says: good, revoked or unknown; unknown also when it does not answer."""
    # SHA-1 names the issuer, and proves nothing: every service knows it.
    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1()).build()  # noqa: S303
    answer = _post(url, asked.public_bytes(serialization.Encoding.DER), "application/ocsp-request")
    if answer is None:
        return "unknown"
    try:
        response = ocsp.load_der_ocsp_response(answer)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return "unknown"
        key, algorithm = _responder_key(response, issuer), response.signature_hash_algorithm
        if algorithm is None:
            return "unknown"
        key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        names_it = (response.serial_number, response.issuer_key_hash) == (asked.serial_number, asked.issuer_key_hash)
        until = response.next_update_utc or response.this_update_utc + timedelta(days=1)
        if not names_it or not response.this_update_utc - MAX_SKEW <= now() <= until + MAX_SKEW:
            return "unknown"
        status = response.certificate_status
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return "unknown"
    return {ocsp.OCSPCertStatus.GOOD: "good", ocsp.OCSPCertStatus.REVOKED: "revoked"}.get(status, "unknown")


def _responder_key(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> rsa.RSAPublicKey:
    """The key of the centre, or of the service to which the centre gave a certificate for it (RFC 6960, 4.2.2.2)."""
    for each in response.certificates:
        try:
            each.verify_directly_issued_by(issuer)
            usage = each.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (x509.ExtensionNotFound, ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            # The centre itself, or what leads to it.
            continue
        is_in_force = each.not_valid_before_utc <= now() <= each.not_valid_after_utc
        if ExtendedKeyUsageOID.OCSP_SIGNING in usage and is_in_force:
            return _issuer_key(each)
    return _issuer_key(issuer)


def _ask_ncanode(settings: SignatureSettings, cms: bytes, content: bytes, iin: str) -> str:
    """Have NCANode (version 3) verify the signature, path and revocation. Raises SignatureWrong, RevocationUnknown."""
    asked = {
        "cms": b64encode(cms).decode(),
        "data": b64encode(content).decode(),
        "revocationCheck": ["OCSP"] if settings.requires_revocation else [],
    }
    answer = _post(f"{(settings.url or '').rstrip('/')}/cms/verify", json.dumps(asked).encode(), "application/json")
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


def _post(url: str, body: bytes, kind: str) -> bytes | None:
    """Return the answer of a configured service; None when there is none, or one that is too long."""
    headers = {"Content-Type": kind}
    try:
        with requests.post(
            url, body, headers=headers, timeout=TIMEOUT_S, stream=True, allow_redirects=False
        ) as response:
            answer = bytes(response.raw.read(MAX_ANSWER + 1, decode_content=True))
            is_usable = response.status_code == HTTPStatus.OK and len(answer) <= MAX_ANSWER
    except (requests.RequestException, HTTPError, OSError):
        return None
    return answer if is_usable else None


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
