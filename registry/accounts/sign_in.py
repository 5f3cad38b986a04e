"""Sign-in with name or e-mail address and password, throttled per account and per source; known devices are counted
separately.

The session of an account with a second factor, or with a role that requires one, awaits it (``factors.py``).
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import func, select

from registry.accounts import models, oidc_provider, passwords, sessions
from registry.accounts.account_names import MAX_NAME_LENGTH, clean_name, name_problems, skeleton
from registry.accounts.agency_tree import AGENCIES, last_successor
from registry.accounts.attempts import begin_sign_in, is_locked, mark_succeeded, record_failure
from registry.accounts.models import Account, OidcIdentity, Person
from registry.accounts.oidc_configuration import SignInConfiguration, sign_in_configuration
from registry.accounts.roles import AGENCY_ROLES, STEP_UP_MAX_AGE, Actor, Role
from registry.accounts.service import person_named, personal_problems
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.errors import NotAllowed, RegistryError
from registry.core.installation import decrypt, encrypt
from registry.core.translations import Language
from registry.journal import service as journal


class PasswordNotAccepted(RegistryError, status=401):
    """The name or password is wrong, or the account is disabled; the response does not say which."""


class AccountNotConfirmed(NotAllowed):
    """The password is correct, but a second person must confirm the account first."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has started. ``secret`` is for the cookie; ``awaits_factor``: its second factor is to come."""

    secret: str
    awaits_factor: bool


def sign_in(
    name: str,
    password: str,
    source: str,
    request_id: str,
    client_request_id: str = "",
    *,
    device: str | None = None,
    user_agent: str = "",
) -> SignedIn:
    """Start a session for the person with the name or e-mail address, in whatever case; a failure is recorded.

    ``device`` is the id of a known device, ``user_agent`` the browser's header.

    Raises PasswordNotAccepted, AccountNotConfirmed, TooManyAttempts, SignInBusy.
    """
    origin = SignInRequest(source, request_id, client_request_id, user_agent=user_agent)
    try:
        return _sign_in_with_password(name, password, origin, device)
    except passwords.SignInBusy:
        # It says nothing of whoever signs in.
        raise
    except RegistryError as error:
        record_failure(name, source, request_id, error.code)
        raise


def _sign_in_with_password(name: str, password: str, origin: SignInRequest, device: str | None) -> SignedIn:
    source = origin.source
    name = "".join(letter for letter in name.strip()[:MAX_NAME_LENGTH] if letter.isprintable())
    # The key of the throttle is folded as the name is: another case is no further guess.
    attempt = begin_sign_in(skeleton(name)[:MAX_NAME_LENGTH], source, device)
    person = person_named(name)
    password_hash = None if person is None else person.password_hash
    names = {name} if person is None else {name, person.name, person.email or name}
    if is_locked({skeleton(each)[:MAX_NAME_LENGTH] for each in names}, source, device):
        password_hash = None
    matches = passwords.verify_password(password_hash, password)
    if person is None or password_hash is None or not matches or person.is_disabled:
        raise PasswordNotAccepted
    if not sign_in_configuration().allows_password(person.name):
        raise PasswordNotAccepted
    if person.is_pending:
        raise AccountNotConfirmed
    rehashed = passwords.hash_password(password) if passwords.needs_rehash(password_hash) else password_hash
    with transaction() as session:
        session.refresh(person, with_for_update=True)
        if person.password_hash != password_hash or person.is_disabled or person.is_pending:
            raise PasswordNotAccepted
        mark_succeeded(attempt)
        person.password_hash = rehashed
        # The first sign-in of a new account is always on a new device, and its person has just chosen the password.
        is_first = person.last_signed_in_at is None
        secret = sessions.start_session(person.id, source, device=sessions.device_name(origin.user_agent))
        awaits_factor = needs_factor(person.id, person.role)
        credential = sessions.session_credential(sessions.secret_hash_of(secret))
        actor = _actor(person.account, origin, credential)
        action = "person.password-accepted" if awaits_factor else "person.signed-in"
        if not awaits_factor:
            models.mark_signed_in(person.id)
        journal.record(actor, action, f"person:{person.name}")
        if device is None and not is_first:
            journal.record(actor, "account.new-device", f"account:{person.name}")
    return SignedIn(secret, awaits_factor)


def needs_factor(person_id: int, role: str) -> bool:
    """Return True when a session of the person needs a second factor: the role requires one, or the person has one."""
    enrolled = select(models.has_factor()).select_from(Person).where(Person.id == person_id)
    return models.is_required_of(role) or bool(require_transaction().scalar(enrolled))


def sign_out(actor: Actor, secret: str) -> None:
    """End the session."""
    with transaction():
        sessions.end_session(secret)
        journal.record(actor, "person.signed-out", f"person:{actor.principal}")


# Device cookies: a signed cookie marks a browser from which a person signed in with the current password.
#
# Failed sign-ins of such a browser are counted separately, so that an attacker who guesses passwords cannot lock the
# person out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").

DEVICE_MAX_AGE: Final = timedelta(days=365)
SALT: Final = "known-device"
DEVICE_BYTES: Final = 12


def known_device(secret_key: str, cookie: str, name: str) -> str | None:
    """Return the id of the device; None unless the person signed in from it with the current password."""
    try:
        content = _serializer(secret_key).loads(cookie, max_age=int(DEVICE_MAX_AGE.total_seconds()))
    except BadData:
        return None
    person = _person(name)
    if person is None or content[1:] != [_password_fingerprint(person)]:
        return None
    return str(content[0])


def device_cookie(secret_key: str, name: str, device: str | None) -> str | None:
    """Return the cookie to set after a sign-in; ``device`` keeps a known device's id. None when the person does not
    exist.
    """
    person = _person(name)
    if person is None:
        return None
    return str(
        _serializer(secret_key).dumps([device or secrets.token_urlsafe(DEVICE_BYTES), _password_fingerprint(person)])
    )


def cookie_suffix(name: str) -> str:
    """Return a suffix of the cookie's name, one for each person, so that several can use one browser."""
    person = _person(name)
    name = name if person is None else person.name
    return hashlib.sha256(name.strip().casefold().encode("utf-8", "replace")).hexdigest()[:16]


def _person(name: str) -> Person | None:
    # sign_in() drops unprintable characters; PostgreSQL rejects NUL.
    return person_named(name) if name.isprintable() else None


def _password_fingerprint(person: Person) -> str:
    """Return a hash that identifies the person and the current password without revealing the name."""
    return hashlib.sha256(f"{person.password_set_at.isoformat()} {person.name}".encode()).hexdigest()


def _serializer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt=SALT, signer_kwargs={"digest_method": hashlib.sha256})


# Identities of the OpenID Connect provider, and signing in with them.
#
# An identity is an issuer and a subject, which never change; a name or an unverified e-mail never leads to an account.

# Claims of the provider as values of the register.


@dataclass(frozen=True, slots=True)
class IdentityClaims:
    """Who signed in at the provider. ``issuer`` and ``subject`` identify the person for good; the rest may change.

    ``email`` is None unless the provider has verified it. ``agency`` is a BIN. ``second_factor``: the provider asked
    for one. ``auth_time``: when the person signed in there, None when the provider does not say.
    ``provider_session`` is the ``sid`` claim, by which the provider ends the session later.
    """

    issuer: str
    subject: str
    name: str
    email: str | None
    role: Role | None
    agency: str | None
    second_factor: bool
    provider_session: str | None = None
    auth_time: datetime | None = None


def read_claims(configuration: SignInConfiguration, claims: Mapping[str, Any]) -> IdentityClaims:
    """Read the claims of a validated ID token, with those of the userinfo endpoint if it was asked.

    People choose some of them at the provider: a text with control characters counts as absent, and so does an e-mail
    address that no account may have. Raises ProviderAnswerInvalid for a subject that no identity may have.
    """
    subject = str(claims["sub"])
    if not subject.isprintable() or len(subject) > models.MAX_SUBJECT_LENGTH:
        raise oidc_provider.ProviderAnswerInvalid(reason="sub")
    paths = configuration.claims
    # The flag beside the claim that the configuration names: email_verified says nothing about another claim.
    verified = _value(claims, f"{paths.email}_verified") in (True, "true")
    return IdentityClaims(
        issuer=str(claims["iss"]),
        subject=subject,
        name=_text(claims, paths.name) or "",
        email=_email(_text(claims, paths.email)) if verified else None,
        role=_role(configuration, _value(claims, paths.role)),
        agency=_text(claims, paths.agency),
        second_factor=_has_second_factor(configuration, claims),
        provider_session=_text(claims, "sid"),
        auth_time=_instant(claims.get("auth_time")),
    )


def _value(claims: Mapping[str, Any], path: str) -> Any:
    # A claim's own name may have dots: "https://example.kz/roles".
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def _text(claims: Mapping[str, Any], path: str) -> str | None:
    value = _value(claims, path)
    return value.strip() or None if isinstance(value, str) and value.isprintable() else None


def _email(address: str | None) -> str | None:
    return None if personal_problems(address, None) else address


def _instant(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC) if type(value) in (int, float) else None
    except (OverflowError, OSError, ValueError):
        return None


def _role(configuration: SignInConfiguration, value: Any) -> Role | None:
    """Return the first role of the configuration that one of the values leads to."""
    listed = value if isinstance(value, list) else [value]
    values = {each for each in listed if isinstance(each, str)}
    return next((role for role, names in configuration.roles.items() if names & values), None)


def _has_second_factor(configuration: SignInConfiguration, claims: Mapping[str, Any]) -> bool:
    methods = claims.get("amr")
    used = {each for each in methods if isinstance(each, str)} if isinstance(methods, list) else set()
    return claims.get("acr") in configuration.acr or bool(used & configuration.amr)


# The accounts of ``password.break_glass``, which sign in with a password while the provider is down.

log = logging.getLogger("registry")


def unusable_accounts(configuration: SignInConfiguration) -> list[str]:
    """Return the names of ``password.break_glass`` without an active person who has a password: misspelt ones, for
    example.

    Empty where everybody may sign in with a password.
    """
    if configuration.passwords:
        return []
    statement = (
        select(Account.name)
        .join(Person, Person.account_id == Account.id)
        .where(
            Account.name.in_(configuration.break_glass),
            Person.password_hash != passwords.NO_PASSWORD,
            models.is_active(),
        )
    )
    return sorted(configuration.break_glass - set(db.session.scalars(statement)))


def warn_of_unusable_accounts(configuration: SignInConfiguration) -> None:
    """Log a warning for each of ``unusable_accounts``. No error: an account may be added while the service runs."""
    for name in unusable_accounts(configuration):
        log.warning(
            "password.break_glass of the sign-in file names %r, but there is no active person of exactly that name "
            "with a password: this account cannot sign in while the provider is down",
            name,
        )


# ID tokens of sessions, encrypted: they name a person and hold claims, and backups hold the table of sessions.

ID_TOKENS: Final = b"qaztech-registry: ID tokens"

# Whoever has an account at the provider can ask for one here: more than these would hide those that are needed.
MAX_PENDING_ACCOUNTS: Final = 500


@dataclass(frozen=True, slots=True)
class SignInRequest:
    """Where a sign-in comes from: the address, the request ids, the browser's language and its User-Agent header."""

    source: str
    request_id: str
    client_request_id: str = ""
    language: Language = "ru"
    user_agent: str = ""


def sign_in_with_identity(claims: IdentityClaims, id_token: str, request: SignInRequest) -> SignedIn:
    """Start a session for the identity's account. A second factor at the provider counts as that of the session.

    A first sign-in links an account that has the verified e-mail, if the configuration says so, or else adds an
    account, which an administrator must confirm. Raises AccountNotConfirmed (the account is stored), AccountDisabled,
    IdentityWithoutRole, IdentityWithoutAgency, IdentityNameNotUsable, TooManyPendingAccounts.
    """
    try:
        try:
            return _sign_in(claims, id_token, request)
        except models.AccountNameTaken:
            # Another tab, or a namesake, has added an account at the same time.
            return _sign_in(claims, id_token, request)
    except AccountNotConfirmed:
        raise
    except RegistryError as error:
        record_failure(_name_in_records(claims), request.source, request.request_id, error.code)
        raise


def _sign_in(claims: IdentityClaims, id_token: str, request: SignInRequest) -> SignedIn:
    with transaction():
        identity = _find(claims) or _link(claims, request) or _add(claims, request)
        account = db.session.get_one(Account, identity.account_id, populate_existing=True, with_for_update=True)
        if account.disabled_at is not None:
            raise oidc_provider.AccountDisabled(name=account.name)
        if account.pending_since is None:
            # Whoever signs in at the provider needs no password, and so no invitation.
            account.invited_at = None
            passwords.delete_invitation(account.id)
        signed_in = None if account.pending_since is not None else _start(account, identity, claims, id_token, request)
    if signed_in is None:
        raise AccountNotConfirmed
    return signed_in


def end_sessions_of_identity(
    issuer: str, subject: str | None, provider_session: str | None, started_before: datetime
) -> int:
    """End the sessions that the provider signed out: those of its session, else all of the subject. Their number.

    Only those that started before: a logout token that is sent again does not end the next session.
    """
    if subject is None and provider_session is None:
        return 0
    with transaction() as session:
        statement = select(sessions.WebSession, OidcIdentity.account_id).join(
            OidcIdentity, OidcIdentity.id == sessions.WebSession.oidc_identity_id
        )
        statement = statement.where(OidcIdentity.issuer == issuer, sessions.WebSession.started_at <= started_before)
        if provider_session is not None:
            statement = statement.where(sessions.WebSession.provider_session == provider_session)
        if subject is not None:
            statement = statement.where(OidcIdentity.subject == subject)
        rows = session.execute(statement).all()
        for web_session, account_id in rows:
            account = session.get_one(Account, account_id)
            actor = models.account_actor(account, source="oidc")
            journal.record(actor, "person.signed-out", f"person:{account.name}", {"by": "provider"})
            session.delete(web_session)
    return len(rows)


def id_token_of(secret: str) -> str | None:
    """Return the ID token of a session, which the provider wants to see at sign-out; None for a session with a
    password.
    """
    statement = select(sessions.WebSession.id_token).where(
        sessions.WebSession.secret_hash == sessions.secret_hash_of(secret)
    )
    return decrypt(ID_TOKENS, db.session.scalar(statement))


def _find(claims: IdentityClaims) -> OidcIdentity | None:
    of_claims = (OidcIdentity.issuer == claims.issuer) & (OidcIdentity.subject == claims.subject)
    return db.session.scalar(select(OidcIdentity).where(of_claims))


def _link(claims: IdentityClaims, request: SignInRequest) -> OidcIdentity | None:
    """Link the one person with the verified e-mail who has no identity yet; None without exactly one.

    An agency administrator chooses the addresses of its people: where the claims name another agency or an oversight
    role, the address alone does not lead a person of oversight or of another agency into that account.
    """
    if sign_in_configuration().claims.match != "email" or claims.email is None:
        return None
    linked = select(OidcIdentity.account_id)
    same_email = func.lower(Person.email) == claims.email.lower()
    statement = select(Account).join(Person, Person.account_id == Account.id).where(same_email)
    accounts = db.session.scalars(statement.where(Account.id.not_in(linked)).limit(2)).all()
    if len(accounts) != 1:
        return None
    [account] = accounts
    if not _fits(account, claims):
        return None
    identity = _identity(account, claims, now())
    journal.record(
        _actor(account, request),
        "account.identity-linked",
        f"account:{account.name}",
        {"issuer": claims.issuer, "subject": claims.subject},
    )
    return identity


def _fits(account: Account, claims: IdentityClaims) -> bool:
    """True unless the claims name the other kind of role, or another agency than the account's."""
    is_of_agency = account.agency_id is not None
    if claims.role is not None and (claims.role in AGENCY_ROLES) != is_of_agency:
        return False
    if not is_of_agency or claims.agency is None:
        return True
    return _agency_id(claims) == account.agency_id


def _require_room() -> None:
    """Raise TooManyPendingAccounts when as many accounts from the provider wait as anybody could look at."""
    waiting = (Account.pending_since.is_not(None), Account.disabled_at.is_(None))
    counted = select(func.count(Account.id)).where(*waiting, Account.id.in_(select(OidcIdentity.account_id)))
    if db.session.execute(counted).scalar_one() >= MAX_PENDING_ACCOUNTS:
        raise oidc_provider.TooManyPendingAccounts


def _name_in_records(claims: IdentityClaims) -> str:
    """Return the name for the record of a refused sign-in: of the identity's account, else the subject, which is
    hashed.
    """
    identity = _find(claims)
    return claims.subject if identity is None else db.session.get_one(Account, identity.account_id).name


def _add(claims: IdentityClaims, request: SignInRequest) -> OidcIdentity:
    """Add a pending account with the role and agency of the claims."""
    role, agency_id = _role_and_agency(claims)
    _require_room()
    account = models.new_account(
        _newcomer(claims, role, request), _free_name(claims), models.AccountKind.PERSON, role, agency_id
    )
    at = now()
    account.pending_since, account.asked_by = at, [account.id]
    person = Person(
        account=account,
        email=claims.email,
        language=request.language,
        password_hash=passwords.NO_PASSWORD,
        password_must_change=False,
        created_at=at,
        password_set_at=at,
    )
    require_transaction().add(person)
    require_transaction().flush()
    # The same instant says that the account came from the identity.
    identity = _identity(account, claims, account.created_at)
    details = {**models.account_details(account), "issuer": claims.issuer, "subject": claims.subject}
    journal.record(_actor(account, request), "account.added", f"account:{account.name}", details)
    return identity


def _identity(account: Account, claims: IdentityClaims, at: datetime) -> OidcIdentity:
    session = require_transaction()
    identity = OidcIdentity(account_id=account.id, issuer=claims.issuer, subject=claims.subject, created_at=at)
    session.add(identity)
    session.flush()
    return identity


def _role_and_agency(claims: IdentityClaims) -> tuple[Role, int | None]:
    if claims.role is None:
        raise oidc_provider.IdentityWithoutRole
    if claims.role not in AGENCY_ROLES:
        return claims.role, None
    agency_id = _agency_id(claims)
    if models.role_problems(claims.role, agency_id):
        raise oidc_provider.IdentityWithoutAgency(agency=claims.agency or "")
    return claims.role, agency_id


def _agency_id(claims: IdentityClaims) -> int | None:
    """Return the agency of the claims; the successor of one that is closed, until the provider knows of it."""
    number = select(AGENCIES.c.id).where(AGENCIES.c.bin == claims.agency)
    agency_id = None if claims.agency is None else db.session.scalar(number)
    return None if agency_id is None else last_successor(agency_id)


def _free_name(claims: IdentityClaims) -> str:
    """Return the name of the claims; with the e-mail or a number behind it when another account has or had it."""
    name = clean_name(claims.name)
    if name_problems(name):
        raise oidc_provider.IdentityNameNotUsable
    email = [] if claims.email is None else [f"{name} ({claims.email})"]
    for candidate in (name, *email, *(f"{name} {number}" for number in range(2, 100))):
        if len(candidate) > MAX_NAME_LENGTH or name_problems(candidate):
            continue
        if models.taken_name(candidate) is None:
            return candidate
    raise oidc_provider.IdentityNameNotUsable


def _newcomer(claims: IdentityClaims, role: Role, request: SignInRequest) -> Actor:
    return Actor(clean_name(claims.name), role, None, request.source, request.request_id, credential="oidc")


def _actor(account: Account, request: SignInRequest, credential: str = "oidc") -> Actor:
    return models.account_actor(account, credential, request.source, request.request_id, request.client_request_id)


def _start(
    account: Account, identity: OidcIdentity, claims: IdentityClaims, id_token: str, request: SignInRequest
) -> SignedIn:
    person_id = require_transaction().scalars(select(Person.id).where(Person.account_id == account.id)).one()
    factor = {"factor_at": _factor_at(claims), "factor_kind": "oidc"} if claims.second_factor else {}
    secret = sessions.start_session(
        person_id,
        request.source,
        device=sessions.device_name(request.user_agent),
        oidc_identity_id=identity.id,
        provider_session=claims.provider_session,
        id_token=encrypt(ID_TOKENS, id_token),
        **factor,
    )
    awaits_factor = not claims.second_factor and needs_factor(person_id, account.role)
    actor = _actor(account, request, sessions.session_credential(sessions.secret_hash_of(secret)))
    details = {"issuer": claims.issuer, "second_factor": claims.second_factor}
    action = "person.provider-accepted" if awaits_factor else "person.signed-in"
    if not awaits_factor:
        models.mark_signed_in(person_id)
    journal.record(actor, action, f"person:{account.name}", details)
    return SignedIn(secret, awaits_factor)


def _factor_at(claims: IdentityClaims) -> datetime:
    """Return when the second factor was verified at the provider, whose session may be hours old.

    When the provider does not say so, long ago: the person is signed in, and verifies a factor for a step-up.
    """
    at = now()
    return min(claims.auth_time or at - 2 * STEP_UP_MAX_AGE, at)
