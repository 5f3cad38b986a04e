"""Time stamps (RFC 3161) of signatures: the time at which a signature existed, by an authority that is trusted."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyasn1.codec.der.decoder import decode
from pyasn1.error import PyAsn1Error
from pyasn1_modules import rfc3161

from registry.core.errors import NotAllowed
from registry.signatures.cms import OneSignature, digest, read_signature
from registry.signatures.trust import path_to_root


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
