"""CMS (RFC 5652) of one signer, as signatures of acts and time stamps are: reading, and the signature itself (RSA)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pyasn1.codec.ber.decoder import decode
from pyasn1.codec.der.encoder import encode
from pyasn1.error import PyAsn1Error
from pyasn1.type import namedtype, tag, univ
from pyasn1_modules import rfc5652

from registry.core.errors import NotAllowed

MIN_RSA_BITS: Final = 2048
DIGESTS: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
# RFC 3161, appendix A.
TIME_STAMP: Final = "1.2.840.113549.1.9.16.2.14"


class SignatureUnreadable(NotAllowed):
    """The signature is not a detached CMS of exactly one signer with its certificate."""


class SignatureWrong(NotAllowed):
    """The signature is not of this certificate's key."""


class SignatureAlgorithmUnsupported(NotAllowed):
    """The key or the digest is one that the way of verification does not know."""


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
class OneSignature:
    """A CMS as it was read. ``content``: what it carries, None for a detached one; ``time_stamp``: its token (DER)."""

    certificate: x509.Certificate
    digest_algorithm: str
    signed_attributes: bytes
    message_digest: bytes
    signature: bytes
    content: bytes | None
    time_stamp: bytes | None

    def require_valid(self) -> None:
        """Raise SignatureWrong unless the certificate's key signed, and SignatureAlgorithmUnsupported."""
        algorithm = DIGESTS.get(self.digest_algorithm)
        try:
            key = self.certificate.public_key()
        except (UnsupportedAlgorithm, ValueError) as error:
            raise SignatureAlgorithmUnsupported from error
        if algorithm is None or not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_RSA_BITS:
            raise SignatureAlgorithmUnsupported
        try:
            key.verify(self.signature, self.signed_attributes, padding.PKCS1v15(), algorithm)
        except InvalidSignature as error:
            raise SignatureWrong from error

    def is_of(self, content: bytes) -> bool:
        """Return True when these bytes were signed."""
        return digest(self.digest_algorithm, content) == self.message_digest


def digest(algorithm: str, content: bytes) -> bytes | None:
    """Return the digest by the algorithm's object identifier; None for one that does not count."""
    if algorithm not in DIGESTS:
        return None
    computed = hashes.Hash(DIGESTS[algorithm])
    computed.update(content)
    return computed.finalize()


def read_signature(cms: bytes, content_type: Any = rfc5652.id_data, *, is_detached: bool = True) -> OneSignature:
    """Return the only signature of a CMS (DER or BER), which is not verified. Raises SignatureUnreadable."""
    try:
        info, rest = decode(cms, asn1Spec=_ContentInfo())
        signed = info["content"]
        [signer] = signed["signerInfos"]
        attributes = univ.SetOf(componentType=rfc5652.Attribute())
        attributes.extend(signer["signedAttrs"])
        of_type = {str(each["attrType"]): each["attrValues"] for each in attributes}
        [named_type] = of_type[str(rfc5652.id_contentType)]
        [message_digest] = of_type[str(rfc5652.id_messageDigest)]
        serial = int(signer["sid"]["issuerAndSerialNumber"]["serialNumber"])
        certificates = [x509.load_der_x509_certificate(bytes(each)) for each in signed["certificates"]]
        [certificate] = [each for each in certificates if each.serial_number == serial]
        content = signed["encapContentInfo"]["eContent"]
        # Of their types: others would be read as what they are not, a number as the length of so many bytes.
        is_of_type = decode(named_type, asn1Spec=univ.ObjectIdentifier())[0] == content_type
        is_as_expected = is_of_type and content.isValue is not is_detached and len(of_type) == len(attributes)
        if rest or not is_as_expected:
            raise SignatureUnreadable
        unsigned = signer["unsignedAttrs"] if signer["unsignedAttrs"].isValue else ()
        stamps = [value for each in unsigned if str(each["attrType"]) == TIME_STAMP for value in each["attrValues"]]
        return OneSignature(
            certificate=certificate,
            digest_algorithm=str(signer["digestAlgorithm"]["algorithm"]),
            signed_attributes=encode(attributes),
            message_digest=bytes(decode(message_digest, asn1Spec=univ.OctetString())[0]),
            signature=bytes(signer["signature"]),
            content=None if is_detached else bytes(content),
            time_stamp=bytes(stamps[0]) if len(stamps) == 1 else None,
        )
    # The decoder and certificates come from anybody: whatever is wrong in them, it is no signature.
    except (PyAsn1Error, ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise SignatureUnreadable from error
