"""CSRF tokens of Flask-WTF, bound to the session that somebody is signed in with."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from flask import Flask, current_app, session

from registry.extensions import csrf

TOKEN: Final = "csrf_token"  # noqa: S105 - a key of the session
PURPOSE: Final = "csrf-token:"


def init_csrf(app: Flask) -> None:
    """Give templates ``csrf_token()``; pages call ``csrf.protect()`` once they know who sent the form."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,
        # A form stays valid as long as its session: nobody loses what took two hours to write.
        WTF_CSRF_TIME_LIMIT=None,
        # http/cross_origin.py checks the origin, also over plain HTTP and behind a proxy that changes the host.
        WTF_CSRF_SSL_STRICT=False,
    )
    csrf.init_app(app)


def bind_csrf_token(secret: str) -> None:
    """Derive the token that Flask-WTF keeps in Flask's session from the secret of a signed-in session.

    A cookie of Flask's session that somebody else planted in the browser gives no valid token, and pages that are
    opened at once agree on one.
    """
    key = str(current_app.secret_key).encode()
    token = hmac.new(key, (PURPOSE + secret).encode(), hashlib.sha256).hexdigest()
    if session.get(TOKEN) != token:
        session[TOKEN] = token
