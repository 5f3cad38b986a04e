"""Tokens of forms: a POST counts only when it comes from a form that we gave to this very browser."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from flask import current_app, request

from registry.core.errors import NotAllowed
from registry.web.current_user import current_user

FIELD: Final = "form_token"
PURPOSE: Final = "form-token:"


class CsrfTokenInvalid(NotAllowed):
    """The form was not ours, or belongs to a session that ended."""


def csrf_token() -> str:
    """The token of this visitor's forms."""
    key = str(current_app.secret_key).encode()
    return hmac.new(key, (PURPOSE + current_user().secret).encode(), hashlib.sha256).hexdigest()


def require_csrf_token() -> None:
    """Raise CsrfTokenInvalid unless the POST carries the visitor's token."""
    sent = request.form.get(FIELD, "")
    if not sent.isascii() or not hmac.compare_digest(sent, csrf_token()):
        raise CsrfTokenInvalid
