"""CSRF tokens of Flask-WTF, bound to the session of the current user. ``registry/flask_config.py`` has the settings."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from flask import current_app, session

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
