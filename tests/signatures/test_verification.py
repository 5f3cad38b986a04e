"""What is a valid signature, and that nothing else is: of whom, by which certificate, of which bytes, when."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from marshmallow import ValidationError

from registry.core.clock import now
from registry.signatures.cms import SignatureAlgorithmUnsupported, SignatureUnreadable, SignatureWrong
from registry.signatures.trust import CertificateNotTrusted, CertificateRevoked
from registry.signatures.verification import (
    CertificateNotForSigning,
    CertificateNotInForce,
    RevocationUnknown,
    SignatureOutOfDate,
    SignatureSettings,
    signature_settings,
    verify,
)
from tests.signatures.certificates import DAY, IIN, Centre, Holder, as_ber, rsa_key, settings_for
from tests.signatures.services import answering, ocsp_answer
from tests.signatures.time_stamps import by_hand, by_openssl, stamped

CONTENT = b'{"act":"case.approve","subject":"case:1"}'
pytestmark = pytest.mark.on_either


@pytest.fixture
def folder(centre: Centre, tmp_path: Path) -> Path:
    return centre.trust(tmp_path / "trust")


def text(cms: bytes) -> str:
    return b64encode(cms).decode()


@pytest.mark.parametrize("form", ["DER", "BER", "PEM"])
def test_signature_of_a_person_is_valid_in_each_form_that_programs_write(
    centre: Centre, folder: Path, form: str
) -> None:
    person = centre.person(name="ИВАНОВ ИВАН")
    cms = person.sign(CONTENT)
    sent = text(as_ber(cms) if form == "BER" else cms)
    sent = f"-----BEGIN CMS-----\r\n{sent}\n-----END CMS-----\n" if form == "PEM" else sent
    verified = verify(settings_for(folder), sent, CONTENT)
    assert (verified.iin, verified.subject, verified.revocation) == (IIN, "ИВАНОВ ИВАН", "unknown")
    assert verified.serial == f"{person.certificate.serial_number:x}" and IIN not in repr(verified)


def test_signature_of_other_bytes_is_out_of_date(centre: Centre, folder: Path) -> None:
    with pytest.raises(SignatureOutOfDate):
        verify(settings_for(folder), text(centre.person().sign(CONTENT + b" ")), CONTENT)


def test_forged_signature_is_wrong(centre: Centre, folder: Path) -> None:
    forger = Holder(rsa_key(8), centre.person().certificate)
    with pytest.raises(SignatureWrong):
        verify(settings_for(folder), text(forger.sign(CONTENT)), CONTENT)


@pytest.mark.parametrize(("since", "until"), [(-10, -1), (1, 10)], ids=["expired", "not yet valid"])
def test_certificate_counts_only_while_it_is_valid(centre: Centre, folder: Path, since: int, until: int) -> None:
    person = centre.person(since=since * DAY, until=until * DAY)
    with pytest.raises(CertificateNotInForce):
        verify(settings_for(folder), text(person.sign(CONTENT)), CONTENT)


@pytest.mark.parametrize("form", ["DER", "BER"])
def test_time_stamp_proves_when_the_signature_existed(centre: Centre, folder: Path, tmp_path: Path, form: str) -> None:
    cms = centre.person().sign(CONTENT)
    cms = stamped(cms, by_openssl(cms, centre.authority(), tmp_path))
    verified = verify(settings_for(folder), text(as_ber(cms) if form == "BER" else cms), CONTENT)
    assert verified.stamped_at is not None and abs(verified.stamped_at - now()) < timedelta(minutes=1)
    assert (verified.issuer, verified.method) == ("ҰКО", "python")


def test_time_stamp_that_proves_nothing_leaves_the_time_of_receipt(centre: Centre, folder: Path) -> None:
    cms, other = centre.person().sign(CONTENT), centre.person(key=rsa_key(6)).sign(CONTENT)
    good = by_hand(cms, centre.authority())
    assert verify(settings_for(folder), text(stamped(cms, good)), CONTENT).stamped_at is not None
    tokens = [
        by_hand(cms, Centre(keys=4).authority()),
        by_hand(cms, centre.authority(since=-10 * DAY, until=-DAY)),
        by_hand(cms, centre.authority(purposes=[ExtendedKeyUsageOID.EMAIL_PROTECTION])),
        by_hand(cms, Holder(rsa_key(8), centre.authority().certificate)),
        by_hand(other, centre.authority()),
        centre.authority().sign(CONTENT, detached=False),
        *(good.replace(b"\x18\x0f20", b"\x18\x0f19"), b"\x04\x01x", b"0\0"),
    ]
    for token in tokens:
        assert verify(settings_for(folder), text(stamped(cms, token)), CONTENT).stamped_at is None


def test_certificate_of_nobody_that_is_trusted_is_refused(centre: Centre, folder: Path) -> None:
    of_same_name = Centre(keys=4)
    self_signed = centre.person(issued_by=Holder(rsa_key(9), centre.person().certificate))
    issued_by_a_person = centre.person(issued_by=centre.person(name="ҰКО", key=rsa_key(7)), key=rsa_key(8))
    for person in (of_same_name.person(), self_signed, issued_by_a_person):
        with pytest.raises(CertificateNotTrusted):
            verify(settings_for(folder), text(person.sign(CONTENT)), CONTENT)


def test_issuing_centre_without_its_root_is_not_trusted(centre: Centre, tmp_path: Path) -> None:
    folder = centre.trust(tmp_path)
    whole = (folder / "centre.pem").read_text()
    (folder / "centre.pem").write_text(whole[whole.index("-----END CERTIFICATE-----") + 26 :])
    with pytest.raises(CertificateNotTrusted):
        verify(settings_for(folder), text(centre.person().sign(CONTENT)), CONTENT)


@pytest.mark.parametrize(
    ("usages", "serial"),
    [
        ({"digital_signature", "key_encipherment"}, None),
        ({"content_commitment"}, None),
        ({"digital_signature", "content_commitment"}, "BIN850101300123"),
        ({"digital_signature", "content_commitment"}, "IIN8501013001234"),
    ],
    ids=["for signing in", "no digital signature", "of an organisation", "no IIN"],
)
def test_certificate_must_be_for_signatures_of_a_person(
    centre: Centre, folder: Path, usages: set[str], serial: str | None
) -> None:
    person = centre.person(usages=usages, serial=serial)
    with pytest.raises(CertificateNotForSigning):
        verify(settings_for(folder), text(person.sign(CONTENT)), CONTENT)


def test_short_key_is_refused(centre: Centre, folder: Path) -> None:
    with pytest.raises(SignatureAlgorithmUnsupported):
        verify(settings_for(folder), text(centre.person(key=rsa_key(6, 1024)).sign(CONTENT)), CONTENT)


def test_revoked_certificate_is_refused_even_by_an_old_list(centre: Centre, folder: Path) -> None:
    person = centre.person()
    for until in (DAY, -DAY):
        centre.revoke(folder, person.certificate.serial_number, until=until)
        with pytest.raises(CertificateRevoked):
            verify(settings_for(folder), text(person.sign(CONTENT)), CONTENT)


def test_list_proves_that_a_certificate_is_not_revoked_while_it_is_in_force(centre: Centre, folder: Path) -> None:
    sent = text(centre.person().sign(CONTENT))
    centre.revoke(folder, 1)
    assert verify(settings_for(folder, required=True), sent, CONTENT).revocation == "good"
    centre.revoke(folder, 1, until=-DAY)
    with pytest.raises(RevocationUnknown):
        verify(settings_for(folder, required=True), sent, CONTENT)
    centre.revoke(folder, 1, issued_by=Holder(rsa_key(7), centre.issuing.certificate))
    with pytest.raises(RevocationUnknown):
        verify(settings_for(folder, required=True), sent, CONTENT)
    assert verify(settings_for(folder), sent, CONTENT).revocation == "unknown"


def test_what_is_no_detached_signature_of_one_person_is_unreadable(centre: Centre, folder: Path) -> None:
    cms = centre.person().sign(CONTENT)
    sent = [
        *("", "!", "MIIB", "AAAA" * 4_000_000, text(b"0\x80" * 20_000), text(b"$\x80" * 20_000), "ә" * 100),
        *(text(each) for each in (cms[:-1], cms + b"\0", cms[40:], b"0\x84\xff\xff\xff\xff", cms * 100)),
        text(centre.person().sign(CONTENT, detached=False)),
    ]
    for each in sent:
        with pytest.raises(SignatureUnreadable):
            verify(settings_for(folder), each, CONTENT)


def test_digest_of_another_type_is_not_read_as_a_length(centre: Centre, folder: Path) -> None:
    cms = centre.person().sign(CONTENT)
    digest = b"\x04\x20" + sha256(CONTENT).digest()
    assert cms.count(digest) == 1
    for other in (b"\x02\x20" + (10**13).to_bytes(32, "big"), b"\x03\x20" + bytes(32), b"\x01\x20" + bytes(32)):
        with pytest.raises(SignatureUnreadable):
            verify(settings_for(folder), text(cms.replace(digest, other)), CONTENT)


def test_no_changed_byte_of_a_signature_goes_unnoticed(centre: Centre, folder: Path) -> None:
    cms = bytearray(centre.person().sign(CONTENT))
    refused = (
        *(SignatureUnreadable, SignatureWrong, SignatureAlgorithmUnsupported, CertificateNotTrusted),
        *(CertificateNotForSigning, CertificateNotInForce),
    )
    certificate = bytes(cms).find(b"IIN850101300123") + 3
    for place in (*range(0, len(cms), 7), certificate):
        changed = cms.copy()
        changed[place] ^= 1
        try:
            verified = verify(settings_for(folder), text(bytes(changed)), CONTENT)
        except refused:
            continue
        # What nobody signs: versions, parameters, the list of digests.
        assert (verified.iin, verified.digest) == (IIN, verify(settings_for(folder), text(bytes(cms)), CONTENT).digest)
        assert b64decode(text(verified.cms)) == bytes(changed)


GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def test_ocsp_service_says_whether_a_certificate_is_revoked(centre: Centre, folder: Path) -> None:
    person, issuer = centre.person(), centre.issuing
    sent, of = text(person.sign(CONTENT)), (person.certificate, issuer.certificate)
    responder = centre.person(name="OCSP", key=rsa_key(7), purposes=[ExtendedKeyUsageOID.OCSP_SIGNING])
    # Services send what leads to them too, in any order.
    path = [centre.root.certificate, issuer.certificate, centre.person(name="ADMIN", usages=()).certificate]
    for answer in (
        *(ocsp_answer(GOOD, *of, issuer, path=each) for each in ((), path)),
        *(ocsp_answer(GOOD, *of, responder, names_responder=True, path=each) for each in ((), path)),
    ):
        with answering(lambda _body, content=answer: (200, content)) as (url, asked):
            assert verify(settings_for(folder, url, required=True), sent, CONTENT).revocation == "good"
        assert ocsp.load_der_ocsp_request(asked[0][1]).serial_number == person.certificate.serial_number
    revoked = ocsp_answer(REVOKED, *of, issuer)
    with answering(lambda _body: (200, revoked)) as (url, _), pytest.raises(CertificateRevoked):
        verify(settings_for(folder, url), sent, CONTENT)


def test_answer_that_proves_nothing_is_no_answer(centre: Centre, folder: Path) -> None:
    person, issuer = centre.person(), centre.issuing
    sent, of = text(person.sign(CONTENT)), (person.certificate, issuer.certificate)
    stranger = centre.person(name="OCSP", key=rsa_key(7))
    answers = [
        *((200, ocsp_answer(GOOD, *of, stranger, names_responder=each)) for each in (True, False)),
        (200, ocsp_answer(GOOD, *of, issuer, age=2 * DAY)),
        (200, ocsp_answer(GOOD, centre.person().certificate, issuer.certificate, issuer)),
        (200, ocsp_answer(UNKNOWN, *of, issuer)),
        (200, b"<html>"),
        (200, b"0" * 10_000_000),
        (302, ocsp_answer(GOOD, *of, issuer)),
        (500, b""),
    ]
    for answer in answers:
        with answering(lambda _body, content=answer: content) as (url, _):
            assert verify(settings_for(folder, url), sent, CONTENT).revocation == "unknown"
            with pytest.raises(RevocationUnknown):
                verify(settings_for(folder, url, required=True), sent, CONTENT)
    with pytest.raises(RevocationUnknown):
        verify(settings_for(folder, "http://127.0.0.1:9", required=True), sent, CONTENT)


def ncanode(url: str, *, required: bool = False) -> SignatureSettings:
    return SignatureSettings("ncanode", None, url, required)


def ncanode_answer(*, valid: bool = True, of: bool = True, iin: str = IIN, certificates: int = 1) -> bytes:
    certificate = {"valid": of, "subject": {"iin": iin, "commonName": "ТЕСТОВ"}, "serialNumber": "1"}
    return json.dumps(
        {"status": 200, "valid": valid, "signers": [{"certificates": [certificate] * certificates}]}
    ).encode()


def test_ncanode_verifies_what_python_cannot(centre: Centre) -> None:
    # Another key than RSA, as those for GOST 34.10-2015 are.
    cms = centre.person(key=rsa_key(6, 1024)).sign(CONTENT)
    with answering(lambda _body: (200, ncanode_answer())) as (url, asked):
        assert verify(ncanode(f"{url}/", required=True), text(cms), CONTENT).revocation == "good"
        assert verify(ncanode(url), text(cms), CONTENT).revocation == "unknown"
    path, body = asked[0]
    sent = {"cms": text(cms), "data": text(CONTENT), "revocationCheck": ["OCSP"]}
    assert (path, json.loads(body)) == ("/cms/verify", sent)


@pytest.mark.parametrize(
    "answer",
    [
        ncanode_answer(valid=False),
        ncanode_answer(of=False),
        ncanode_answer(certificates=0),
        ncanode_answer(certificates=2),
        ncanode_answer(iin="900202400456"),
        b'{"valid": true}',
        b"[]",
        b"<html>",
    ],
)
def test_signature_counts_only_when_ncanode_says_so_of_its_certificate(centre: Centre, answer: bytes) -> None:
    with answering(lambda _body: (200, answer)) as (url, _), pytest.raises(SignatureWrong):
        verify(ncanode(url), text(centre.person().sign(CONTENT)), CONTENT)


def test_ncanode_that_does_not_answer_verifies_nothing(centre: Centre) -> None:
    with answering(lambda _body: (500, b"")) as (url, _), pytest.raises(RevocationUnknown):
        verify(ncanode(url), text(centre.person().sign(CONTENT)), CONTENT)


def test_settings_name_what_is_missing(centre: Centre, tmp_path: Path) -> None:
    trust = str(centre.trust(tmp_path / "trust"))
    (empty := tmp_path / "empty").mkdir()
    assert signature_settings("off", "", "", "required") is None
    made = signature_settings("python", trust, "", "optional")
    assert made == SignatureSettings("python", Path(trust), None, requires_revocation=False)
    for sent, expected in [
        (("yes", trust, "", "required"), "expected off, python or ncanode"),
        (("python", "", "", "required"), "REGISTRY_SIGNATURES_TRUST"),
        (("python", str(empty), "", "required"), "REGISTRY_SIGNATURES_TRUST"),
        (("python", trust, "ocsp.pki.gov.kz", "required"), "REGISTRY_SIGNATURES_URL"),
        (("python", trust, "", "soft"), "REGISTRY_SIGNATURES_REVOCATION"),
        (("ncanode", "", "", "required"), "REGISTRY_SIGNATURES_URL"),
    ]:
        with pytest.raises(ValidationError, match=expected):
            signature_settings(*sent)
    (Path(trust) / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(ValidationError, match="REGISTRY_SIGNATURES_TRUST"):
        signature_settings("python", trust, "", "required")
