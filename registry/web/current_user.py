"""Who looks at a page: somebody signed in by the cookie, or a visitor; and in which language."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final, TypedDict

from flask import current_app, request
from werkzeug.wrappers import Response

from registry.accounts.actors import Actor
from registry.accounts.current_user import SessionUser, find_session_user
from registry.accounts.known_devices import DEVICE_MAX_AGE, cookie_suffix, device_cookie, known_device
from registry.accounts.roles import AGENCY_ROLES
from registry.accounts.sessions import SESSION_MAX_AGE
from registry.core.languages import LANGUAGES, Language
from registry.http.authentication import PRINCIPAL
from registry.http.locale import request_locale
from registry.http.rate_limit import check_rate_limit
from registry.http.request_ids import client_request_id, request_id

SESSION_COOKIE: Final = "registry_session"
ANONYMOUS_COOKIE: Final = "registry_visitor"
LANGUAGE_COOKIE: Final = "registry_language"
DEVICE_COOKIE: Final = "registry_device_"
# Looked up once a request; kept with the request itself.
VISITOR: Final = "registry.visitor"
LANGUAGE: Final = "registry.language"
A_YEAR: Final = 365 * 24 * 3600
SECRET_LENGTHS: Final = range(20, 100)


class Cookie(TypedDict):
    """What every cookie of ours is given: out of reach for scripts, and for other sites' forms."""

    httponly: bool
    samesite: str
    secure: bool
    path: str


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """``secret`` is the session's when signed in, else one that ties forms to this browser."""

    secret: str
    signed_in: SessionUser | None

    @property
    def actor(self) -> Actor | None:
        """Who acts; None when not signed in."""
        return None if self.signed_in is None else self.signed_in.actor

    @property
    def must_change_password(self) -> bool:
        """Whether the person may do nothing but change the password and sign out."""
        return self.signed_in is not None and self.signed_in.must_change_password

    @property
    def is_agency(self) -> bool:
        """Whether the pages speak to an agency of its own projects, not to those who oversee it."""
        return self.actor is not None and self.actor.role in AGENCY_ROLES


def current_user() -> CurrentUser:
    """The visitor of this request, looked up once."""
    found: CurrentUser | None = request.environ.get(VISITOR)
    if found is None:
        found = request.environ[VISITOR] = _load_current_user()
        if found.actor is not None:
            request.environ[PRINCIPAL] = found.actor.principal
        # Kept before it is counted: a refused request's own page asks who looks at it.
        check_rate_limit(None if found.actor is None else found.actor.principal)
    return found


def page_locale() -> Language:
    """Chosen by the switch, else the person's own, else what the browser asks for."""
    language: Language | None = request.environ.get(LANGUAGE)
    if language is None:
        chosen = request.cookies.get(LANGUAGE_COOKIE)
        signed_in = current_user().signed_in
        wanted = chosen or (signed_in.language if signed_in else None)
        language = next((known for known in LANGUAGES if known == wanted), None) or request_locale()
        request.environ[LANGUAGE] = language
    return language


def locale_without_database() -> Language:
    """The language of a page that must not ask who looks at it, unless that is known already."""
    known: Language | None = request.environ.get(LANGUAGE)
    if known is not None:
        return known
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return next((language for language in LANGUAGES if language == chosen), None) or request_locale()


def set_session_cookie(response: Response, secret: str) -> None:
    """Give the browser a session's secret."""
    response.set_cookie(SESSION_COOKIE, secret, max_age=int(SESSION_MAX_AGE.total_seconds()), **_cookie())


def clear_session_cookie(response: Response) -> None:
    """Take it back."""
    response.delete_cookie(SESSION_COOKIE, **_cookie())


def set_language_cookie(response: Response, language: Language) -> None:
    """Remember the language that was chosen."""
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=A_YEAR, **_cookie())


def known_device_of(name: str) -> str | None:
    """The id of this browser when the person of that name signed in from it before."""
    cookie = request.cookies.get(DEVICE_COOKIE + cookie_suffix(name))
    return known_device(str(current_app.secret_key), cookie, name) if cookie else None


def keep_device(response: Response, name: str, device: str | None) -> None:
    """Let the browser be known as the person's."""
    cookie = device_cookie(str(current_app.secret_key), name, device)
    if cookie is not None:
        kept_for = int(DEVICE_MAX_AGE.total_seconds())
        response.set_cookie(DEVICE_COOKIE + cookie_suffix(name), cookie, max_age=kept_for, **_cookie())


def set_anonymous_cookie(response: Response) -> None:
    """Give a visitor's forms something to be tied to."""
    found: CurrentUser | None = request.environ.get(VISITOR)
    if found is not None and found.signed_in is None and request.cookies.get(ANONYMOUS_COOKIE) != found.secret:
        response.set_cookie(ANONYMOUS_COOKIE, found.secret, **_cookie())


def _load_current_user() -> CurrentUser:
    secret = request.cookies.get(SESSION_COOKIE, "")
    if len(secret) in SECRET_LENGTHS and secret.isascii():
        signed_in = find_session_user(secret, request.remote_addr or "", request_id(), client_request_id())
        if signed_in is not None:
            return CurrentUser(secret, signed_in)
    kept = request.cookies.get(ANONYMOUS_COOKIE, "")
    return CurrentUser(kept if len(kept) in SECRET_LENGTHS and kept.isascii() else secrets.token_urlsafe(32), None)


def _cookie() -> Cookie:
    # Secure wherever the service is reached over TLS, behind a proxy too; a first start on http://127.0.0.1 must work.
    secure = request.is_secure or bool(current_app.config["SESSION_COOKIE_SECURE"])
    return Cookie(httponly=True, samesite="Lax", secure=secure, path="/")
