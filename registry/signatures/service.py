"""Electronic signatures of acts: what is signed, and the signature that is stored with its act.

The service of an act takes one keyword argument, a ``SignedAct`` or None, and calls ``attach`` in its transaction with
the values that it has then: the signature is good only for these, this account and half an hour.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from registry.accounts.models import PUBLIC_URL, Account
from registry.accounts.roles import STEP_UP_MAX_AGE, Actor, StepUpRequired, is_fresh
from registry.core.clock import now, rfc3339
from registry.core.database import db, require_transaction, transaction, violates
from registry.core.errors import Conflict, NotAllowed
from registry.core.installation import decrypt, encrypt, keyed_hash
from registry.journal import service as journal
from registry.signatures.models import Signature, Signer
from registry.signatures.trust import MAX_SKEW
from registry.signatures.verification import SignatureOutOfDate, SignatureSettings, Verified, iin_of, verify

# The key in ``app.config`` of how signatures are verified; None when there are none.
SIGNATURES: Final = "SIGNATURES"
# For HKDF.
IIN_OF_SIGNER: Final = b"IIN of a signer"
STORED_CMS: Final = b"signatures"
# Long enough to read what is signed, find the token and enter its password.
VALID_FOR: Final = timedelta(minutes=30)


class SignatureRequired(NotAllowed):
    """The policy requires an electronic signature for this act, which several acts at once cannot have."""


class SignaturesOff(NotAllowed):
    """The settings have no electronic signatures, or not any more."""


class SignatureUsed(Conflict):
    """The signature belongs to an act that was done with it."""


class SignerNeedsSecondFactor(NotAllowed):
    """The first signature says who has the account: a password alone, which others may know, does not."""


class ServiceAccountSigns(NotAllowed):
    """A certificate is a person's; a service account signs nothing, for anybody."""


class CertificateOfAnotherPerson(NotAllowed):
    """The certificate belongs to another person than the one who has the account."""


class ActToSign(NamedTuple):
    """What is signed of an act. ``act``: ``case.approve``; ``subject``: as in the journal; ``values``: JSON."""

    act: str
    subject: str
    values: Mapping[str, Any]


class SentSignature(NamedTuple):
    """A signature as it was sent: when the content was offered, and the CMS in base64 or PEM."""

    signed_at: str
    cms: str


@dataclass(frozen=True, slots=True)
class SignedAct:
    """A verified signature of content that was offered at ``at``."""

    at: datetime
    verified: Verified


def signature_settings() -> SignatureSettings | None:
    """Return how signatures are verified; None when acts are not signed."""
    settings: SignatureSettings | None = current_app.config.get(SIGNATURES)
    return settings


def content_to_sign(actor: Actor, to_sign: ActToSign, at: datetime) -> bytes:
    """Return the bytes that the actor signs: canonical JSON of the act, its values, the account and the time."""
    content = {
        **to_sign._asdict(),
        "account": actor.principal,
        "at": rfc3339(at),
        # A signature of a test installation is worth nothing here.
        "register": current_app.config[PUBLIC_URL],
    }
    return journal.canonical(content).encode()


def check_signature(actor: Actor, sent: SentSignature | None, act_to_sign: Callable[[], ActToSign]) -> SignedAct | None:
    """Verify a signature before its act, outside of its transaction: services are asked. Nothing sent: None.

    ``act_to_sign`` returns the act as it would be done now. Raises what it raises, SignaturesOff, ServiceAccountSigns,
    SignatureOutOfDate and the errors of ``verify``.
    """
    if sent is None:
        return None
    settings = _require_signing(actor)
    offered_at = _offered_at(sent.signed_at)
    verified = verify(settings, sent.cms, content_to_sign(actor, act_to_sign(), offered_at))
    stamped_at = verified.stamped_at
    if stamped_at is not None and not offered_at - MAX_SKEW <= stamped_at <= now() + MAX_SKEW:
        # What was signed has the time at which it was offered: the authority's clock is wrong.
        verified = replace(verified, stamped_at=None)
    return SignedAct(offered_at, verified)


def require_ready_to_sign(actor: Actor) -> None:
    """Raise SignaturesOff and ServiceAccountSigns; StepUpRequired or SignerNeedsSecondFactor before the first signature
    of an account.
    """
    _require_signing(actor)
    known = select(Signer.account_id).where(Signer.account_id == actor.account_id)
    if db.session.scalar(known) is None:
        _require_fresh_factor(actor)


def attach(
    actor: Actor, to_sign: ActToSign, signed: SignedAct | None, *, required: bool = False, made: str | None = None
) -> None:
    """Store the signature with the act of the open transaction, and journal it; without one do nothing.

    ``required``: by the policy. ``made``: the subject that the act made, and that the signature belongs to; nobody
    knows its number before.

    Raises SignatureRequired, SignatureOutOfDate, SignatureUsed, CertificateOfAnotherPerson and, at the first signature
    of an account, StepUpRequired and SignerNeedsSecondFactor.
    """
    if signed is None:
        if required:
            raise SignatureRequired
        return
    session, verified = require_transaction(), signed.verified
    content = content_to_sign(actor, to_sign, signed.at)
    if sha256(content).hexdigest() != verified.digest:
        raise SignatureOutOfDate
    _require_own(actor, verified.iin)
    cms = b64encode(verified.cms).decode()
    signature = Signature(
        act=to_sign.act,
        subject=made or to_sign.subject,
        account_id=actor.account_id,
        signed_by=actor.principal,
        signed_at=now(),
        content=content.decode(),
        content_digest=verified.digest,
        cms=encrypt(STORED_CMS, cms),
        cms_digest=sha256(verified.cms).hexdigest(),
        certificate_serial=verified.serial,
        certificate_subject=verified.subject,
        certificate_from=verified.valid_from,
        certificate_to=verified.valid_to,
        revocation=verified.revocation,
        certificate_issuer=verified.issuer,
        method=verified.method,
        stamped_at=verified.stamped_at,
    )
    try:
        with session.begin_nested():
            session.add(signature)
    except IntegrityError as error:
        if not violates(error, "uq_signatures_content_digest"):
            raise
        raise SignatureUsed from error
    details = {
        "act": signature.act,
        "sha256": signature.cms_digest,
        "content_sha256": signature.content_digest,
        "certificate": signature.certificate_serial,
        "certificate_subject": signature.certificate_subject,
        "certificate_issuer": signature.certificate_issuer,
        "revocation": signature.revocation,
        "method": signature.method,
        **({} if signature.stamped_at is None else {"stamped_at": rfc3339(signature.stamped_at)}),
    }
    journal.record(actor, "signature.attached", signature.subject, details)


# What whoever may read an act sees of its signature: never the IIN.
SIGNATURE_FACTS: Final = (
    *("act", "signed_at", "stamped_at", "certificate_subject", "certificate_issuer", "certificate_serial"),
    *("certificate_from", "certificate_to", "revocation", "method", "content_digest", "cms_digest"),
)


def signatures_of(subjects: Iterable[str]) -> list[Signature]:
    """Return the signatures of acts on the subjects, in their order."""
    statement = select(Signature).where(Signature.subject.in_(sorted(subjects))).order_by(Signature.id)
    return list(db.session.scalars(statement))


def shown_signatures(*subjects: str) -> list[Signature]:
    """Return the same for a page; none, unread, where acts are not signed."""
    return [] if signature_settings() is None else signatures_of(subjects)


def stored_cms(signature: Signature) -> bytes | None:
    """Return the signature's bytes (DER or BER); None when they were stored under a secret key that is lost."""
    text = decrypt(STORED_CMS, signature.cms)
    return None if text is None else b64decode(text)


def forget_signer(actor: Actor, account_id: int, name: str) -> None:
    """Let another person's certificates sign for an account from its next signature on, after it got another owner."""
    with transaction() as session:
        signer = session.get(Signer, account_id)
        if signer is not None:
            session.delete(signer)
            journal.record(actor, "signature.signer-forgotten", f"account:{name}", {})


def rekey_signatures(previous_key: str) -> int:
    """Store all signatures and signers that the previous secret key reads under the present one. Returns how many."""
    rekeyed = 0
    with transaction() as session:
        for signature in session.scalars(select(Signature).order_by(Signature.id)):
            text = decrypt(STORED_CMS, signature.cms, previous_key)
            if text is None:
                continue
            signature.cms = encrypt(STORED_CMS, text)
            signer, iin = session.get(Signer, signature.account_id), iin_of(b64decode(text))
            if signer is not None and signer.iin_hash == keyed_hash(IIN_OF_SIGNER, iin, secret_key=previous_key):
                signer.iin_hash = keyed_hash(IIN_OF_SIGNER, iin)
            rekeyed += 1
    return rekeyed


def _require_signing(actor: Actor) -> SignatureSettings:
    settings = signature_settings()
    if settings is None:
        raise SignaturesOff
    if not actor.is_person:
        raise ServiceAccountSigns
    return settings


def _offered_at(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        is_recent = -MAX_SKEW <= now() - at <= VALID_FOR
    except (ValueError, TypeError, OverflowError) as error:
        raise SignatureOutOfDate from error
    if not is_recent:
        raise SignatureOutOfDate
    return at


def _require_own(actor: Actor, iin: str) -> None:
    """Require the IIN of the account; the first one becomes it, when the second factor was verified just now."""
    session, iin_hash = require_transaction(), keyed_hash(IIN_OF_SIGNER, iin)
    if actor.account_id is None:
        raise ServiceAccountSigns
    # So that two first signatures wait for each other.
    session.execute(select(Account.id).where(Account.id == actor.account_id).with_for_update())
    signer = session.get(Signer, actor.account_id)
    if signer is not None:
        if signer.iin_hash != iin_hash:
            raise CertificateOfAnotherPerson
        return
    _require_fresh_factor(actor)
    try:
        with session.begin_nested():
            session.add(Signer(account_id=actor.account_id, iin_hash=iin_hash, registered_at=now()))
    except IntegrityError as error:
        if not violates(error, "uq_signers_iin_hash"):
            raise
        # Another account's, by which one person would count as two.
        raise CertificateOfAnotherPerson from error
    journal.record(actor, "signature.signer-registered", f"account:{actor.principal}", {})


def _require_fresh_factor(actor: Actor) -> None:
    if is_fresh(actor.factor_at, now()):
        return
    # A token has no second factor to verify: the first signature is made on a page.
    if not (actor.second_factor_required and actor.is_session):
        raise SignerNeedsSecondFactor
    raise StepUpRequired(minutes=int(STEP_UP_MAX_AGE.total_seconds() // 60))
