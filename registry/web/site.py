"""The first page and the switch of languages."""

from __future__ import annotations

from flask import redirect, render_template, request

from registry.core.languages import LANGUAGES
from registry.http.http_errors import RouteNotFound
from registry.web.blueprint import Answer, Public, local_address, pages, redirect_to
from registry.web.current_user import current_user, set_language_cookie


@pages.page("/", needs=Public("says what this is, to whoever comes"))
def welcome() -> Answer:
    """What this service is; for somebody signed in, the way to the own work."""
    if current_user().actor is not None:
        return redirect_to("home")
    return render_template("welcome.html")


@pages.page("/language/<language>", needs=Public("a language is chosen before signing in"))
def switch_language(language: str) -> Answer:
    """Remember a language and go back."""
    chosen = next((known for known in LANGUAGES if known == language), None)
    if chosen is None:
        raise RouteNotFound
    response = redirect(local_address(request.args.get("back")) or "/", 303)
    set_language_cookie(response, chosen)
    return response
