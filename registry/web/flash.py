"""Flash messages: texts that the next page displays once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from flask import Flask, Request, flash, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from registry.web.formats import gettext

# ``success``: the action was done. ``information``: nothing changed, and nothing is wrong. ``error``: it failed.
FlashKind = Literal["success", "information", "error"]


class FlaskSession(SecureCookieSessionInterface):
    """Flask's session, used for flash messages and the CSRF token, signed with SHA-256 instead of SHA-1."""

    digest_method = staticmethod(hashlib.sha256)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of the cookie. Without one, as with every request of the API, there is no signature to check."""
        if app.secret_key and self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether the cookie is for TLS only: wherever the service is reached over TLS, behind a proxy too."""
        return super().get_cookie_secure(app) or request.is_secure


def flash_message(text: str, kind: FlashKind = "success") -> None:
    """Display the text on the next page."""
    flash(text, kind)


def flash_changes(changes: Sequence[object]) -> None:
    """Flash whether an edit changed anything."""
    if changes:
        flash_message(gettext("Changes saved."))
    else:
        flash_message(gettext("There were no changes to save."), "information")
