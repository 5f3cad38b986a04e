"""Tokens of forms: a POST counts only when it comes from a form that we gave to this very browser."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from flask import current_app, request

from registry.core.errors import NotAllowed
from registry.web.current_user import visitor

FIELD: Final = "form_token"
PURPOSE: Final = "form-token:"


class FormTokenWrong(NotAllowed):
    """The form was not ours, or belongs to a session that ended."""


def form_token() -> str:
    """The token of this visitor's forms."""
    key = str(current_app.secret_key).encode()
    return hmac.new(key, (PURPOSE + visitor().secret).encode(), hashlib.sha256).hexdigest()


def require_form_token() -> None:
    """Raise FormTokenWrong unless the POST carries the visitor's token."""
    sent = request.form.get(FIELD, "")
    if not sent.isascii() or not hmac.compare_digest(sent, form_token()):
        raise FormTokenWrong
