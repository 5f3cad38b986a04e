"""Session cookies, the current user and the page's locale."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, TypedDict

from flask import current_app, request, session
from werkzeug.wrappers import Response

from registry.accounts import sessions
from registry.accounts.roles import AGENCY_ROLES, Actor
from registry.accounts.sessions import FactorSession
from registry.accounts.sign_in import DEVICE_MAX_AGE, cookie_suffix, device_cookie, known_device
from registry.core.translations import LANGUAGES, Language
from registry.http.requests import PRINCIPAL, client_request_id, request_id, request_locale
from registry.http.security import check_rate_limit

# CSRF tokens of Flask-WTF, bound to the session of the current user. ``registry/flask_config.py`` has the settings.

TOKEN: Final = "csrf_token"  # noqa: S105 - a key of the session
PURPOSE: Final = "csrf-token:"


def bind_csrf_token(session_key: str) -> None:
    """Derive the token that Flask-WTF keeps in Flask's session from the key of a signed-in session.

    A cookie of Flask's session that somebody else planted in the browser gives no valid token, and pages that are
    opened at once agree on one.
    """
    key = str(current_app.secret_key).encode()
    token = hmac.new(key, (PURPOSE + session_key).encode(), hashlib.sha256).hexdigest()
    if session.get(TOKEN) != token:
        session[TOKEN] = token


SESSION_COOKIE: Final = "registry_session"
LANGUAGE_COOKIE: Final = "registry_language"
DEVICE_COOKIE: Final = "registry_device_"
# Cached in the request.
USER_KEY: Final = "registry.visitor"
LOCALE_KEY: Final = "registry.language"
WITHOUT_SESSION: Final = "registry.without_session"
A_YEAR: Final = 365 * 24 * 3600
SECRET_LENGTHS: Final = range(20, 100)


class Cookie(TypedDict):
    """Attributes of all cookies: not readable by scripts, not sent by other sites' forms."""

    httponly: bool
    samesite: str
    secure: bool
    path: str


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """``secret`` is the session's, empty without one. ``awaiting``: the session that awaits its second factor."""

    secret: str
    signed_in: FactorSession | None
    awaiting: FactorSession | None = None

    @property
    def actor(self) -> Actor | None:
        """The signed-in actor, or None."""
        return None if self.signed_in is None else self.signed_in.actor

    @property
    def session_actor(self) -> Actor | None:
        """The actor of the session, also of one that awaits its second factor."""
        return self.actor if self.awaiting is None else self.awaiting.actor

    @property
    def must_change_password(self) -> bool:
        """True when the user may only change the password and sign out."""
        session = self.signed_in or self.awaiting
        return session is not None and session.must_change_password

    @property
    def is_agency(self) -> bool:
        """True when the user belongs to an agency, not to oversight."""
        return self.actor is not None and self.actor.role in AGENCY_ROLES


def current_user() -> CurrentUser:
    """Return this request's user, loaded once."""
    user: CurrentUser | None = request.environ.get(USER_KEY)
    if user is None:
        user = request.environ[USER_KEY] = _load_current_user()
        actor = user.session_actor
        if actor is not None:
            request.environ[PRINCIPAL] = actor.principal
        # Cached before the rate limit is checked: the error page of a limited request needs the user.
        check_rate_limit(None if actor is None else actor.principal)
    return user


def forget_current_user() -> None:
    """Treat the rest of this request as one of nobody, in the same language: its session has just ended."""
    page_locale()
    request.environ[USER_KEY] = CurrentUser("", None)


def use_no_session(language: Language) -> None:
    """Treat the request as one of nobody, in this language, whatever cookies it has."""
    request.environ[USER_KEY] = CurrentUser("", None)
    request.environ[LOCALE_KEY] = language
    request.environ[WITHOUT_SESSION] = True


def is_without_session() -> bool:
    """True for pages that are the same for everybody."""
    return WITHOUT_SESSION in request.environ


def factor_session(secret: str | None = None) -> FactorSession:
    """This request's session, for its second factors; ``secret``: the new one after a verification.

    Raises SessionEnded when the session ended meanwhile.
    """
    user = current_user()
    if secret is None and user.awaiting is not None:
        return user.awaiting
    session = _find_factor_session(secret or user.secret)
    if session is None:
        raise sessions.SessionEnded
    return session


def page_locale() -> Language:
    """Return the chosen language, else the user's setting, else the browser's preference."""
    language: Language | None = request.environ.get(LOCALE_KEY)
    if language is None:
        chosen = request.cookies.get(LANGUAGE_COOKIE)
        session = current_user().signed_in or current_user().awaiting
        preferred = chosen or (session.language if session else None)
        language = next((cached for cached in LANGUAGES if cached == preferred), None) or request_locale()
        request.environ[LOCALE_KEY] = language
    return language


def locale_without_database() -> Language:
    """Return the locale without a database query: the cached one, if known, else by cookie and browser."""
    cached: Language | None = request.environ.get(LOCALE_KEY)
    if cached is not None:
        return cached
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return next((language for language in LANGUAGES if language == chosen), None) or request_locale()


def set_session_cookie(response: Response, secret: str) -> None:
    """Set the session cookie."""
    response.set_cookie(SESSION_COOKIE, secret, max_age=int(sessions.SESSION_MAX_AGE.total_seconds()), **_cookie())


def clear_session_cookie(response: Response) -> None:
    """Delete the session cookie."""
    response.delete_cookie(SESSION_COOKIE, **_cookie())


def set_language_cookie(response: Response, language: Language) -> None:
    """Store the chosen language."""
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=A_YEAR, **_cookie())


def known_device_of(name: str) -> str | None:
    """Return this browser's device id if the named person has signed in from it before."""
    cookie = request.cookies.get(DEVICE_COOKIE + cookie_suffix(name))
    return known_device(str(current_app.secret_key), cookie, name) if cookie else None


def keep_device(response: Response, name: str, device: str | None) -> None:
    """Store the device id for the person in the browser."""
    cookie = device_cookie(str(current_app.secret_key), name, device)
    if cookie is not None:
        kept_for = int(DEVICE_MAX_AGE.total_seconds())
        response.set_cookie(DEVICE_COOKIE + cookie_suffix(name), cookie, max_age=kept_for, **_cookie())


def _load_current_user() -> CurrentUser:
    secret = request.cookies.get(SESSION_COOKIE, "")
    if len(secret) in SECRET_LENGTHS and secret.isascii():
        signed_in = sessions.find_session_user(secret, request.remote_addr or "", request_id(), client_request_id())
        if signed_in is not None:
            bind_csrf_token(signed_in.session_key)
            return CurrentUser(secret, signed_in)
        awaiting = _find_factor_session(secret)
        if awaiting is not None:
            bind_csrf_token(awaiting.session_key)
            return CurrentUser(secret, None, awaiting)
    return CurrentUser("", None)


def _find_factor_session(secret: str) -> FactorSession | None:
    return sessions.find_factor_session(secret, request.remote_addr or "", request_id(), client_request_id())


def _cookie() -> Cookie:
    # Secure wherever TLS is used, also at a proxy; a first start on http://127.0.0.1 must work without.
    secure = request.is_secure or bool(current_app.config["SESSION_COOKIE_SECURE"])
    return Cookie(httponly=True, samesite="Lax", secure=secure, path="/")
