"""Which certificates are trusted: the path to a root of the operator's folder, and whether one is revoked."""

from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import ocsp, verification as paths
from cryptography.x509.oid import ExtendedKeyUsageOID
from urllib3.exceptions import HTTPError

from registry.core.clock import now
from registry.core.errors import NotAllowed

MAX_ANSWER: Final = 256 * 1024
TIMEOUT_S: Final = (3, 7)
MAX_PATH: Final = 3
# What the clocks of a revocation service and of this machine may differ.
MAX_SKEW: Final = timedelta(minutes=5)


class CertificateNotTrusted(NotAllowed):
    """The certificate leads to none of the centres that the operator trusts."""


class CertificateRevoked(NotAllowed):
    """The centre has revoked the certificate."""


def trusted_certificates(folder: Path) -> list[x509.Certificate]:
    """Return the certificates (PEM) of the folder. Raises OSError and ValueError."""
    files = sorted(folder.glob("*.pem"))
    return [each for file in files for each in x509.load_pem_x509_certificates(file.read_bytes())]


def path_to_root(folder: Path | None, certificate: x509.Certificate, at: datetime) -> list[x509.Certificate]:
    """Return the certificate, its issuer and so on up to a root of the folder, all valid then.

    Raises CertificateNotTrusted.
    """
    try:
        trusted = [] if folder is None else trusted_certificates(folder)
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
            .time(at)
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
    return path


def _is_centre(_policy: object, _certificate: object, extension: x509.BasicConstraints) -> None:
    if not extension.ca:
        raise ValueError("no certification centre")


def _signs_certificates(_policy: object, _certificate: object, extension: x509.KeyUsage) -> None:
    if not extension.key_cert_sign:
        raise ValueError("a key that signs no certificates")


def revocation(folder: Path | None, url: str | None, certificate: x509.Certificate, issuer: x509.Certificate) -> str:
    """Return good or unknown, by the lists of the folder and the OCSP service. Raises CertificateRevoked."""
    known = [_listed(folder, certificate, issuer)]
    if url is not None:
        known.append(_ask_ocsp(url, certificate, issuer))
    if "revoked" in known:
        raise CertificateRevoked
    return "good" if "good" in known else "unknown"


def _listed(folder: Path | None, certificate: x509.Certificate, issuer: x509.Certificate) -> str:
    status = "unknown"
    for file in sorted((folder or Path()).glob("*.crl")):
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
    answer = post(url, asked.public_bytes(serialization.Encoding.DER), "application/ocsp-request")
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


def post(url: str, body: bytes, kind: str) -> bytes | None:
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
