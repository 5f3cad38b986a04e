"""Passkeys: registration and verification (WebAuthn level 3), with the library ``webauthn``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import select
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from registry.accounts.events import factor_added
from registry.accounts.factors import (
    FactorAlreadyEnrolled,
    begin_ceremony,
    complete_factor,
    lock_for_enrolment,
    lock_person,
    passkey_user_handle,
    refuse_factor,
    require_enrolment_allowed,
    use_challenge,
)
from registry.accounts.models import MAX_FACTOR_NAME_LENGTH, CeremonyKind, FactorKind, Passkey, public_url
from registry.accounts.sessions import FactorSession
from registry.core.clock import now
from registry.core.database import db
from registry.core.errors import Conflict, Invalid, invalid
from registry.core.transactions import transaction
from registry.journal import service as journal

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
    """The site according to REGISTRY_PUBLIC_URL; None where browsers offer no passkeys."""
    parts = urlsplit(public_url() or "")
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
            credential=dict(response),
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
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
                name="".join(filter(str.isprintable, name)).strip()[:MAX_FACTOR_NAME_LENGTH],
                created_at=now(),
            )
        )
        details = {"factor": FactorKind.PASSKEY.value}
        journal.record(session.actor, "account.factor-added", f"account:{session.actor.principal}", details)
        factor_added.publish(session.account_id)
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
    """The challenge that the response answers, used up. Checks the origin first, for a message that says so."""
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
