"""Second factors: ceremonies, authenticator apps (TOTP), recovery codes, passkeys, and an account's own."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import pyotp
import segno
import webauthn
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import CursorResult, delete, exists, func, select, update
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from registry.accounts import models
from registry.accounts.account_changes import end_access, lock_last_ones, require_another_supervisor
from registry.accounts.account_management import find_managed_account, require_account_manager
from registry.accounts.attempts import begin_code, begin_password_change, mark_succeeded
from registry.accounts.models import CeremonyKind, FactorCeremony, FactorKind, Passkey, Person, RecoveryCode, TotpFactor
from registry.accounts.passwords import NO_PASSWORD, verify_password
from registry.accounts.roles import Actor, StepUpRequired, is_fresh
from registry.accounts.sessions import FactorSession, renew_session, secret_hash_of, session_credential
from registry.accounts.tokens import require_credential
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import Conflict, Invalid, NotFound, invalid
from registry.core.installation import decrypt, derived_key, encrypt
from registry.journal import service as journal

# Second factors: ceremonies, verification, authenticator apps (TOTP), recovery codes, and an account's own.

# Ceremonies: enrolments and WebAuthn challenges that began in a session. They expire, and are used once.

# Keys for second factors, derived from the service's secret key (HKDF, RFC 5869), one for each purpose.

TOTP_SECRETS: Final = b"qaztech-registry: TOTP secrets"
RECOVERY_CODES: Final = b"qaztech-registry: recovery codes"
PASSKEY_USERS: Final = b"qaztech-registry: user handles of passkeys"


class FactorUnreadable(Conflict):
    """The factor was stored under another secret key; an administrator must reset it."""


def recovery_code_hash(person_id: int, code: str) -> str:
    """Return the stored hash of a recovery code. Without the service's secret key nobody can try codes against it."""
    return hmac.new(derived_key(RECOVERY_CODES), f"{person_id} {code}".encode(), hashlib.sha256).hexdigest()


def passkey_user_handle(account_id: int) -> bytes:
    """Return the user handle that passkeys store; it says nothing about the person."""
    return hmac.new(derived_key(PASSKEY_USERS), str(account_id).encode(), hashlib.sha256).digest()


MAX_AGES: Final = {
    CeremonyKind.TOTP_ENROLMENT: timedelta(minutes=30),
    CeremonyKind.PASSKEY_REGISTRATION: timedelta(minutes=5),
    CeremonyKind.PASSKEY_VERIFICATION: timedelta(minutes=5),
}


# Tabs of one session that may wait for a person's device at once.
MAX_OPEN: Final = 10


class CeremonyExpired(Conflict):
    """The enrolment or verification has expired, was used already, or began in another session."""


def begin_ceremony(session: FactorSession, kind: CeremonyKind, value: str) -> None:
    """Store a ceremony. Expired ones of all sessions are deleted, and all but the session's last nine of its kind."""
    at = now()
    of_session = (FactorCeremony.session_id == session.id, FactorCeremony.kind == kind.value)
    with transaction() as database:
        database.execute(delete(FactorCeremony).where(FactorCeremony.created_at < at - max(MAX_AGES.values())))
        newest_first = select(FactorCeremony.id).where(*of_session).order_by(FactorCeremony.id.desc())
        superseded = database.scalars(newest_first.offset(MAX_OPEN - 1)).all()
        database.execute(delete(FactorCeremony).where(FactorCeremony.id.in_(superseded)))
        database.add(FactorCeremony(session_id=session.id, kind=kind.value, value=value, created_at=at))


def latest_ceremony(session: FactorSession, kind: CeremonyKind) -> FactorCeremony | None:
    """Return the session's latest ceremony of a kind that has not expired."""
    statement = (
        select(FactorCeremony)
        .where(
            FactorCeremony.session_id == session.id,
            FactorCeremony.kind == kind.value,
            FactorCeremony.created_at >= now() - MAX_AGES[kind],
        )
        .order_by(FactorCeremony.id.desc())
        .limit(1)
    )
    return db.session.scalar(statement)


def use_challenge(session: FactorSession, kind: CeremonyKind, challenge: str) -> None:
    """Use up a challenge of the session, whatever the answer to it is worth. Raises CeremonyExpired."""
    with transaction():
        _delete(
            FactorCeremony.session_id == session.id,
            FactorCeremony.kind == kind.value,
            FactorCeremony.value == challenge,
            FactorCeremony.created_at >= now() - MAX_AGES[kind],
        )


def use_ceremony(ceremony_id: int) -> None:
    """Use up a ceremony, in the open transaction. Raises CeremonyExpired when another request was faster."""
    _delete(FactorCeremony.id == ceremony_id)


def _delete(*conditions: object) -> None:
    statement = delete(FactorCeremony).where(*conditions)  # type: ignore[arg-type]
    result = require_transaction().execute(statement, execution_options={"synchronize_session": False})
    if not isinstance(result, CursorResult) or result.rowcount == 0:
        raise CeremonyExpired


# What follows the verification of a factor: the session gets a new secret and the time of the verification.


class FactorAlreadyEnrolled(Conflict):
    """Another tab or device finished an enrolment since this one began; nothing is left to do."""


def complete_factor(session: FactorSession, kind: FactorKind) -> str:
    """Record in the open transaction that a factor was verified, and return the session's new secret.

    Raises SessionEnded when the session ended meanwhile, such as by disabling the account.
    """
    at = now()
    secret = renew_session(session.id, session.secret_hash, factor_at=at, factor_kind=kind.value, last_used_at=at)
    actor = _renewed(session.actor, secret)
    action = "person.signed-in" if session.awaits_factor else "person.factor-verified"
    if session.awaits_factor:
        models.mark_signed_in(session.person_id)
    journal.record(actor, action, f"person:{actor.principal}", {"factor": kind.value})
    return secret


def confirm_password(session: FactorSession, password: str) -> str:
    """Verify the password once more, before the first factor of an account is enrolled; returns the new secret.

    Raises Invalid, TooManyAttempts, SignInBusy, SessionEnded.
    """
    attempt = begin_password_change(session.account_id)
    kept = db.session.scalar(select(Person.password_hash).where(Person.id == session.person_id))
    if not verify_password(kept, password):
        with transaction():
            journal.record(session.actor, "account.password-refused", f"account:{session.actor.principal}")
        raise invalid("/password", "old-password-wrong")
    with transaction():
        mark_succeeded(attempt)
        return renew_session(session.id, session.secret_hash, password_at=now())


def has_password(session: FactorSession) -> bool:
    """False for a person who signs in at the OpenID Connect provider only."""
    stored = db.session.scalar(select(Person.password_hash).where(Person.id == session.person_id))
    return stored != NO_PASSWORD


def require_fresh_factor(session: FactorSession) -> None:
    """Raise StepUpRequired unless a factor was verified in the last 15 minutes, whatever the setting is."""
    if not is_fresh(session.actor.factor_at, now()):
        raise StepUpRequired


def require_enrolment_allowed(session: FactorSession) -> None:
    """Raise StepUpRequired unless a factor or, before the first factor, the password was verified recently.

    So nobody adds a factor in a session that was left open.
    """
    if session.has_factor:
        require_fresh_factor(session)
    elif not session.awaits_factor and not is_fresh(session.password_at, now()):
        raise StepUpRequired


def lock_for_enrolment(session: FactorSession) -> None:
    """Lock as ``lock_person`` does, and check that the enrolment is still allowed. Raises FactorAlreadyEnrolled.

    Whoever began without a verified factor must not finish after another session has enrolled the first one.
    """
    lock_person(session)
    enrolled = db.session.scalar(select(models.has_factor()).select_from(Person).where(Person.id == session.person_id))
    if enrolled and session.actor.factor_at is None:
        raise FactorAlreadyEnrolled


def lock_person(session: FactorSession) -> None:
    """Let changes of a person's factors wait for one another until the open transaction ends."""
    locked = select(Person.id).where(Person.id == session.person_id).with_for_update()
    require_transaction().execute(locked)


def refuse_factor(session: FactorSession, kind: FactorKind, error: Invalid) -> Invalid:
    """Record in the journal that a code or passkey was refused; returns the error to raise."""
    with transaction():
        details = {"factor": kind.value, "problem": error.problems[0].code}
        journal.record(session.actor, "person.factor-refused", f"person:{session.actor.principal}", details)
    return error


def _renewed(actor: Actor, secret: str) -> Actor:
    return replace(actor, credential=session_credential(secret_hash_of(secret)))


# Authenticator apps: enrolment and verification of time-based one-time passwords (RFC 6238), with PyOTP.

ISSUER: Final = "QazTech"
# One step of 30 seconds before and after: clocks of phones differ.
DRIFT_STEPS: Final = 1
CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)
QR_CODE_SCALE: Final = 4


@dataclass(frozen=True, slots=True)
class TotpEnrolment:
    """The secret of an enrolment that has begun, for typing, and its ``otpauth`` URI, for the QR code."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)

    @property
    def spaced(self) -> str:
        """The secret in groups of four letters, for typing."""
        return " ".join(self.secret[start : start + 4] for start in range(0, len(self.secret), 4))

    def qr_code(self) -> str:
        """Return the QR code as an SVG element."""
        return segno.make(self.uri, error="m").svg_inline(scale=QR_CODE_SCALE)


def begin_totp_enrolment(session: FactorSession) -> TotpEnrolment:
    """Begin to enrol an authenticator app, in place of the present one if any.

    The session's tabs get the same secret for 30 minutes. Raises StepUpRequired, and FactorUnreadable after a change of
    the secret key.
    """
    require_enrolment_allowed(session)
    begun = latest_ceremony(session, CeremonyKind.TOTP_ENROLMENT)
    secret = pyotp.random_base32() if begun is None else _decrypted(begun.value)
    if begun is None:
        begin_ceremony(session, CeremonyKind.TOTP_ENROLMENT, encrypt(TOTP_SECRETS, secret))
    uri = pyotp.TOTP(secret).provisioning_uri(name=session.actor.principal, issuer_name=ISSUER)
    return TotpEnrolment(secret, uri)


def finish_totp_enrolment(session: FactorSession, code: str) -> str:
    """Finish an enrolment with a code of the app, which also verifies it; returns the session's new secret.

    Raises Invalid for a wrong code, FactorAlreadyEnrolled in the second of two tabs, CeremonyExpired, TooManyAttempts,
    SessionEnded.
    """
    begun = latest_ceremony(session, CeremonyKind.TOTP_ENROLMENT)
    if begun is None:
        raise CeremonyExpired if _factor(session) is None else FactorAlreadyEnrolled
    begun_at, ceremony_id, encrypted = begun.created_at, begun.id, begun.value
    attempt = begin_code(session.account_id)
    step = _matching_step(_decrypted(encrypted), code)
    if step is None:
        raise refuse_factor(session, FactorKind.TOTP, invalid("/code", "code-not-accepted"))
    with transaction() as database:
        lock_for_enrolment(session)
        present = _factor(session)
        if present is not None and present.created_at >= begun_at:
            raise FactorAlreadyEnrolled
        use_ceremony(ceremony_id)
        mark_succeeded(attempt)
        if present is not None:
            database.delete(present)
            database.flush()
        at = now()
        database.add(
            TotpFactor(
                person_id=session.person_id,
                encrypted_secret=encrypted,
                last_used_step=step,
                created_at=at,
                last_used_at=at,
            )
        )
        details = {"factor": FactorKind.TOTP.value}
        journal.record(session.actor, "account.factor-added", f"account:{session.actor.principal}", details)
        return complete_factor(session, FactorKind.TOTP)


def verify_totp(session: FactorSession, code: str) -> str:
    """Verify a code of the authenticator app; returns the session's new secret.

    Raises Invalid for a wrong or used code, TooManyAttempts, FactorUnreadable, SessionEnded.
    """
    attempt = begin_code(session.account_id)
    factor = _factor(session)
    step = None if factor is None else _matching_step(_decrypted(factor.encrypted_secret), code)
    if step is None:
        raise refuse_factor(session, FactorKind.TOTP, invalid("/code", "code-not-accepted"))
    with transaction():
        lock_person(session)
        factor = _factor(session)
        if factor is not None and step > factor.last_used_step:
            factor.last_used_step, factor.last_used_at = step, now()
            mark_succeeded(attempt)
            return complete_factor(session, FactorKind.TOTP)
    raise refuse_factor(session, FactorKind.TOTP, invalid("/code", "code-already-used"))


def _factor(session: FactorSession) -> TotpFactor | None:
    statement = select(TotpFactor).where(TotpFactor.person_id == session.person_id)
    return db.session.scalar(statement.execution_options(populate_existing=True))


def _decrypted(stored: str) -> str:
    secret = decrypt(TOTP_SECRETS, stored)
    if secret is None:
        raise FactorUnreadable
    return secret


def _matching_step(secret: str, code: str) -> int | None:
    """Return the time step of the code; None when it is of none near the present."""
    digits = "".join(code.split())
    if not CODE.fullmatch(digits):
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(digits, for_time=now(), valid_window=DRIFT_STEPS)
    except OTPVerificationError:
        return None


# The factors of an account: list and remove one's own, reset those of another person.

# Recovery codes: ten codes for the day on which every other factor is lost. Each works once.

CODES: Final = 10
# Crockford's base 32: no I, L, O and U. Ten characters have 50 random bits; attempts are limited.
LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 10
READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", "–": ""})


def generate_recovery_codes(session: FactorSession) -> list[str]:
    """Replace the recovery codes by ten new ones, which are displayed once.

    Raises StepUpRequired, and SessionEnded when a reset has ended the session meanwhile: its factors are gone, and the
    codes would open the account beside the next ones.
    """
    require_fresh_factor(session)
    codes = ["".join(secrets.choice(LETTERS) for _ in range(LENGTH)) for _ in range(CODES)]
    with transaction() as database:
        models.find_account(session.account_id, lock=True)
        require_credential(session.actor)
        lock_person(session)
        database.execute(delete(RecoveryCode).where(RecoveryCode.person_id == session.person_id))
        for code in codes:
            code_hash = recovery_code_hash(session.person_id, code)
            database.add(RecoveryCode(person_id=session.person_id, code_hash=code_hash, created_at=now()))
        journal.record(session.actor, "account.recovery-codes-created", f"account:{session.actor.principal}")
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def use_recovery_code(session: FactorSession, code: str) -> str:
    """Verify a recovery code instead of another factor; returns the session's new secret.

    Raises Invalid for a wrong or used code, TooManyAttempts, SessionEnded.
    """
    attempt = begin_code(session.account_id)
    letters = "".join(code.split()).upper().translate(READ_AS)
    code_hash = recovery_code_hash(session.person_id, letters)
    of_code = (RecoveryCode.person_id == session.person_id, RecoveryCode.code_hash == code_hash)
    with transaction() as database:
        use = update(RecoveryCode).where(*of_code, RecoveryCode.used_at.is_(None)).values(used_at=now())
        result = database.execute(use, execution_options={"synchronize_session": False})
        if isinstance(result, CursorResult) and result.rowcount == 1:
            mark_succeeded(attempt)
            return complete_factor(session, FactorKind.RECOVERY_CODE)
    used = db.session.scalar(select(exists().where(*of_code)))
    problem = "recovery-code-already-used" if used else "recovery-code-not-accepted"
    raise refuse_factor(session, FactorKind.RECOVERY_CODE, invalid("/code", problem))


class FactorNotFound(NotFound):
    """The account has no such factor."""


class LastFactorRequired(Conflict):
    """The role requires a second factor, and this is the last one: add another one first."""


@dataclass(frozen=True, slots=True)
class OwnFactor:
    """An authenticator app or a passkey. ``id`` distinguishes passkeys; ``name`` is empty for an app."""

    kind: FactorKind
    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnFactors:
    """The factors of an account, the oldest first, and how many unused recovery codes are left."""

    factors: list[OwnFactor]
    recovery_codes_left: int


def list_factors(actor: Actor) -> OwnFactors:
    """Return the factors of the actor's account."""
    person_id = db.session.scalar(select(Person.id).where(Person.account_id == actor.account_id))
    apps = db.session.scalars(select(TotpFactor).where(TotpFactor.person_id == person_id))
    factors = [OwnFactor(FactorKind.TOTP, app.id, "", app.created_at, app.last_used_at) for app in apps]
    factors += [
        OwnFactor(FactorKind.PASSKEY, key.id, key.name, key.created_at, key.last_used_at)
        for key in db.session.scalars(select(Passkey).where(Passkey.person_id == person_id))
    ]
    unused = (RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    left = db.session.scalar(select(func.count(RecoveryCode.id)).where(*unused))
    return OwnFactors(sorted(factors, key=lambda factor: factor.created_at), left or 0)


def is_last_required(actor: Actor, factors: Sequence[OwnFactor]) -> bool:
    """Return True when the actor has one factor only, and the role requires one: it cannot be removed."""
    return len(factors) == 1 and models.is_required_of(actor.role)


def remove_factor(session: FactorSession, kind: FactorKind, factor_id: int) -> None:
    """Remove an authenticator app or a passkey of the session's account; with the last one go the recovery codes.

    Raises StepUpRequired, FactorNotFound, LastFactorRequired.
    """
    require_fresh_factor(session)
    with transaction() as database:
        lock_person(session)
        factors = list_factors(session.actor).factors
        if not any(factor.kind is kind and factor.id == factor_id for factor in factors):
            raise FactorNotFound(id=factor_id)
        if is_last_required(session.actor, factors):
            raise LastFactorRequired
        table = TotpFactor if kind is FactorKind.TOTP else Passkey
        database.execute(delete(table).where(table.id == factor_id))
        if len(factors) == 1:
            database.execute(delete(RecoveryCode).where(RecoveryCode.person_id == session.person_id))
        journal.record(
            session.actor, "account.factor-removed", f"account:{session.actor.principal}", {"factor": kind.value}
        )


def reset_factors(actor: Actor, account_id: int) -> None:
    """Remove all factors of another person, who has lost them, and end the account's sessions and tokens.

    The account becomes pending when its role requires two people, but for the command line. Raises RoleNotAllowed,
    AccountsNeedAPerson, AccountNotFound, NotYourself, LastSupervisor.
    """
    require_account_manager(actor)
    with transaction():
        # Two administrators who do this to each other wait, so that one of them stays active.
        alike = lock_last_ones(account_id)
        account = find_managed_account(actor, account_id)
        require_another_supervisor(actor, account, alike)
        person_id = db.session.scalar(select(Person.id).where(Person.account_id == account.id))
        if person_id is None:
            raise models.AccountNotFound(id=account_id)
        # First: an enrolment that another request is finishing needs its session, and is then deleted or refused.
        end_access(account)
        _delete_factors(person_id)
        models.require_confirmation(actor, account)
        models.end_admission(actor, account)
        journal.record(actor, "account.factors-reset", f"account:{account.name}", models.account_details(account))


def _delete_factors(person_id: int) -> None:
    for table in (TotpFactor, Passkey, RecoveryCode):
        require_transaction().execute(delete(table).where(table.person_id == person_id))


# Passkeys: registration and verification (WebAuthn level 3), with the library ``webauthn``.

NAME: Final = "QazTech"
TIMEOUT_MS: Final = 300_000
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
# What the library raises for hostile input besides its own exceptions, such as keys that are no points of the curve.
UNUSABLE: Final = (WebAuthnException, ValueError, TypeError, KeyError, OverflowError)


class PasskeysUnavailable(Conflict):
    """Passkeys need a public address with a domain, over HTTPS: set REGISTRY_PUBLIC_URL."""


class NoPasskey(Conflict):
    """The account has no passkey."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The site that passkeys belong to: its domain and the origin of its pages."""

    id: str
    origin: str


def relying_party() -> RelyingParty | None:
    """Return the site according to REGISTRY_PUBLIC_URL; None where browsers offer no passkeys."""
    parts = urlsplit(models.public_url() or "")
    host = (parts.hostname or "").rstrip(".")
    secure = parts.scheme == "https" or host == "localhost"
    is_domain = host != "" and ":" not in host and not host.rpartition(".")[2].isdigit()
    if not (secure and is_domain):
        return None
    port = "" if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return RelyingParty(host, f"{parts.scheme}://{host}{port}")


def begin_passkey_registration(session: FactorSession) -> str:
    """Begin to register a passkey; the options for ``navigator.credentials.create``, as JSON.

    Raises StepUpRequired and PasskeysUnavailable.
    """
    require_enrolment_allowed(session)
    options = webauthn.generate_registration_options(
        rp_id=_site().id,
        rp_name=NAME,
        user_name=session.actor.principal,
        user_id=passkey_user_handle(session.account_id),
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=_descriptors(session),
    )
    begin_ceremony(session, CeremonyKind.PASSKEY_REGISTRATION, bytes_to_base64url(options.challenge))
    return webauthn.options_to_json(options)


def finish_passkey_registration(session: FactorSession, response: Mapping[str, Any], name: str = "") -> str:
    """Register the passkey of the browser's response; returns the session's new secret.

    Raises Invalid for a response that is wrong or of another site, CeremonyExpired for a challenge that expired or was
    used, FactorAlreadyEnrolled, PasskeysUnavailable, SessionEnded.
    """
    challenge = _use_challenge(session, CeremonyKind.PASSKEY_REGISTRATION, response)
    site = _site()
    try:
        verified = webauthn.verify_registration_response(
            credential=dict(response), expected_challenge=challenge, expected_rp_id=site.id, expected_origin=site.origin
        )
    except UNUSABLE as error:
        raise _refused(session) from error
    credential_id = bytes_to_base64url(verified.credential_id)
    with transaction() as database:
        lock_for_enrolment(session)
        if database.scalar(select(Passkey.id).where(Passkey.credential_id == credential_id)) is not None:
            raise FactorAlreadyEnrolled
        database.add(
            Passkey(
                person_id=session.person_id,
                credential_id=credential_id,
                public_key=verified.credential_public_key,
                sign_count=verified.sign_count,
                name="".join(filter(str.isprintable, name)).strip()[: models.MAX_FACTOR_NAME_LENGTH],
                created_at=now(),
            )
        )
        details = {"factor": FactorKind.PASSKEY.value}
        journal.record(session.actor, "account.factor-added", f"account:{session.actor.principal}", details)
        return complete_factor(session, FactorKind.PASSKEY)


def begin_passkey_verification(session: FactorSession) -> str:
    """Begin to verify a passkey; the options for ``navigator.credentials.get``, as JSON.

    Raises NoPasskey and PasskeysUnavailable.
    """
    passkeys = _descriptors(session)
    if not passkeys:
        raise NoPasskey
    options = webauthn.generate_authentication_options(
        rp_id=_site().id,
        timeout=TIMEOUT_MS,
        allow_credentials=passkeys,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    begin_ceremony(session, CeremonyKind.PASSKEY_VERIFICATION, bytes_to_base64url(options.challenge))
    return webauthn.options_to_json(options)


def finish_passkey_verification(session: FactorSession, response: Mapping[str, Any]) -> str:
    """Verify the browser's response; returns the session's new secret.

    Raises Invalid for a response that is wrong, of another site, or whose sign count went back, which a copied passkey
    would show; CeremonyExpired for a challenge that expired or was used; PasskeysUnavailable, SessionEnded.
    """
    challenge = _use_challenge(session, CeremonyKind.PASSKEY_VERIFICATION, response)
    site = _site()
    credential_id = response.get("id")
    passkey = _find(session, credential_id) if isinstance(credential_id, str) else None
    if passkey is None:
        raise _refused(session)
    try:
        verified = webauthn.verify_authentication_response(
            credential=dict(response),
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            # Compared below, where concurrent uses wait for one another.
            credential_current_sign_count=0,
        )
    except UNUSABLE as error:
        raise _refused(session) from error
    count = verified.new_sign_count
    with transaction():
        lock_person(session)
        passkey = _find(session, str(credential_id))
        if passkey is not None and (count > passkey.sign_count or count == passkey.sign_count == 0):
            passkey.sign_count, passkey.last_used_at = count, now()
            return complete_factor(session, FactorKind.PASSKEY)
    raise _refused(session, "passkey-copied")


def _use_challenge(session: FactorSession, kind: CeremonyKind, response: Mapping[str, Any]) -> bytes:
    """Return the challenge that the response answers, used up. Checks the origin first, for a message that says so."""
    client_data = _client_data(response)
    if client_data is None:
        # Not in the journal, which must not grow with requests that answer no challenge.
        raise invalid("/passkey", "passkey-not-accepted")
    use_challenge(session, kind, bytes_to_base64url(client_data.challenge))
    if client_data.origin != _site().origin:
        raise _refused(session, "passkey-of-another-site")
    return client_data.challenge


def _client_data(response: Mapping[str, Any]) -> CollectedClientData | None:
    try:
        return parse_client_data_json(base64url_to_bytes(response["response"]["clientDataJSON"]))
    except UNUSABLE:
        return None


def _refused(session: FactorSession, problem: str = "passkey-not-accepted") -> Invalid:
    return refuse_factor(session, FactorKind.PASSKEY, invalid("/passkey", problem))


def _site() -> RelyingParty:
    site = relying_party()
    if site is None:
        raise PasskeysUnavailable
    return site


def _descriptors(session: FactorSession) -> list[PublicKeyCredentialDescriptor]:
    ids = db.session.scalars(select(Passkey.credential_id).where(Passkey.person_id == session.person_id))
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(credential_id)) for credential_id in ids]


def _find(session: FactorSession, credential_id: str) -> Passkey | None:
    # PostgreSQL rejects NUL in a parameter.
    if not credential_id.isprintable():
        return None
    statement = select(Passkey).where(Passkey.person_id == session.person_id, Passkey.credential_id == credential_id)
    return db.session.scalar(statement.execution_options(populate_existing=True))
