"""Forms whose session ended: the entries stay on a page until their person has signed in again.

The page carries the entries as hidden fields. ``Continue`` sends them back to the form's address, which displays the
form with them and saves nothing: their token was of the session that ended.
"""

from __future__ import annotations

from typing import Final

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.web.current_user import TOKEN

RESUME: Final = "resume"


def kept_entries_page() -> Response:
    """The page that keeps the entries of the form that was sent without a session."""
    sent = {name: value for name, value in request.form.items() if name not in (TOKEN, RESUME)}
    sign_in = url_for("web.sign_in", back=url_for("web.signed_in_again"))
    page = render_template("kept_entries.html", entries=sent, resume=RESUME, sign_in=sign_in)
    return make_response(page, 401)
