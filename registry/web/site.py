"""Welcome page and language switch."""

from __future__ import annotations

from flask import redirect, render_template, request

from registry.core.translations import LANGUAGES
from registry.http.http_errors import RouteNotFound
from registry.web.blueprint import ANY_SIGNED_IN, Actor, Answer, Public, local_address, pages, redirect_to
from registry.web.current_user import current_user, set_language_cookie


@pages.page("/", needs=Public("says what this is, to whoever comes"))
def welcome() -> Answer:
    """Display the welcome page, or redirect signed-in users to their home page."""
    if current_user().actor is not None:
        return redirect_to("home")
    return render_template("welcome.html")


@pages.page("/sign-in/again", needs=ANY_SIGNED_IN)
def signed_in_again(_actor: Actor) -> Answer:
    """After a sign-in in a new tab: the form is in the other one."""
    return render_template("signed_in_again.html")


@pages.page("/language/<language>", needs=Public("a language is chosen before signing in"))
def switch_language(language: str) -> Answer:
    """Store the chosen language and go back."""
    chosen = next((language_code for language_code in LANGUAGES if language_code == language), None)
    if chosen is None:
        raise RouteNotFound
    response = redirect(local_address(request.args.get("back")) or "/", 303)
    set_language_cookie(response, chosen)
    return response
