"""Blueprint of the pages. Each page declares its required permission. User, CSRF token and permission are checked.

A view acts on POST only and is never called with HEAD: HEAD is handled as GET, and the server omits the body.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, Literal
from urllib.parse import urlencode

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from registry.accounts.roles import Actor, Permission
from registry.core.translations import LANGUAGES, Language
from registry.http.requests import limit_form, request_locale
from registry.http.responses import make_tag, not_modified
from registry.http.security import (
    REQUIRED_PERMISSION,
    Public,
    RequiredPermission,
    check_rate_limit,
    require_same_origin,
)
from registry.web.current_user import SESSION_COOKIE, TOKEN, current_user, locale_without_database, use_no_session
from registry.web.formats import gettext

# Flash messages: texts that the next page displays once.

# ``success``: the action was done. ``information``: nothing changed, and nothing is wrong. ``error``: it failed.
FlashKind = Literal["success", "information", "error"]


def flash_message(text: str, kind: FlashKind = "success") -> None:
    """Display the text on the next page."""
    flash(text, kind)


def flash_changes(changes: Sequence[object]) -> None:
    """Flash whether an edit changed anything."""
    if changes:
        flash_message(gettext("Changes saved."))
    else:
        flash_message(gettext("There were no changes to save."), "information")


# Parent pages: the page above a URL that accepts only form submissions.

GET: Final = "GET"
FIRST_PAGE: Final = "/"


def page_address() -> str:
    """Return the URL of this request's page: its own, or that of the nearest page above a form-only URL."""
    path = parent_page(request.path)
    query = request.query_string.decode("ascii", "replace")
    return f"{path}?{query}" if query and path != FIRST_PAGE else path


def parent_page(path: str) -> str:
    """Return the path if it can be opened with GET, else the nearest parent that can."""
    addresses = current_app.create_url_adapter(request)
    while addresses is not None and path.strip("/"):
        try:
            addresses.match(path, method=GET)
        except HTTPException:
            path = path.rstrip("/").rpartition("/")[0]
        else:
            return path
    return FIRST_PAGE


# Forms whose session ended: the entries stay on a page until their person has signed in again.
#
# The page carries the entries as hidden fields. ``Continue`` sends them back to the form's address, which displays
# the form with them and saves nothing: their token was of the session that ended.

RESUME: Final = "resume"


def kept_entries_page() -> Response:
    """Return the page that keeps the entries of the form that was sent without a session."""
    sent = {name: value for name, value in request.form.items() if name not in (TOKEN, RESUME)}
    sign_in = url_for("web.sign_in", back=url_for("web.signed_in_again"))
    page = render_template("kept_entries.html", entries=sent, resume=RESUME, sign_in=sign_in)
    return make_response(page, 401)


# Pages without sessions: the same for everybody, so that shared caches may keep them.
#
# No cookie is read or set; the language is in the address (``language=ru``), else what the browser prefers.

LANGUAGE: Final = "language"
# Kept, and compared with the tag before each use: what became private leaves caches at once.
CACHEABLE: Final = "public, no-cache"


def begin_public_request() -> None:
    """Treat the request as one of nobody, in the language of its address, and count it for its network address."""
    asked = request.args.get(LANGUAGE)
    use_no_session(next((language for language in LANGUAGES if language == asked), None) or request_locale())
    check_rate_limit(None)


def address_in(language: Language) -> str:
    """Return the address of this page in another language."""
    others = [(name, value) for name, value in request.args.items(multi=True) if name != LANGUAGE]
    return f"{request.path}?{urlencode([*others, (LANGUAGE, language)])}"


def cacheable_page(page: str) -> Response:
    """Return the page with its tag; 304 for a browser that has it."""
    tag = make_tag(page)
    response = not_modified(tag)
    if response is None:
        response = make_response(page)
        response.set_etag(tag)
    response.vary.add("Accept-Language")
    response.headers["Cache-Control"] = CACHEABLE
    return response


Answer = str | Response | tuple[str, int]
OpenView = Callable[..., Answer]
csrf: Final = CSRFProtect()
SIGN_IN: Final = "web.sign_in"
CHANGE_FIRST: Final = "web.own_password"
SECOND_FACTOR: Final = "web.second_factor"
# Of a page that shows a form, and takes it.
BOTH: Final = ("GET", "POST")
# Pages for every signed-in user, whatever the role.
ANY_SIGNED_IN: Final = Permission.AGENCIES_READ


class Pages(Blueprint):
    """Blueprint of all pages."""

    def page(
        self,
        rule: str,
        *,
        needs: RequiredPermission,
        methods: tuple[str, ...] = ("GET",),
        takes_file: bool = False,
        before_password_change: bool = False,
        before_factor: bool = False,
        keeps_entries: bool = False,
        without_session: bool = False,
    ) -> Callable[[OpenView], OpenView]:
        """Register the decorated view. It gets the actor as the first argument, unless the page is public.

        ``before_password_change``: also available to users who must change their password first. ``before_factor``:
        also in sessions that await their second factor; the actor is then for the journal only. ``keeps_entries``: what
        was entered in its form outlives the session (``kept_entries_page``). The view is then called with ``resumed``:
        when it is true the form's token is not valid, and the view displays what was entered and writes nothing.
        ``without_session``: a public page that is the same for everybody (``begin_public_request``).
        """
        has_form = "GET" in methods and "POST" in methods

        def register(view: OpenView) -> OpenView:
            @wraps(view)
            def handle(**path: Any) -> Answer:
                if request.method == "HEAD":
                    with _head_as_get():
                        return answer(path)
                return answer(path)

            def answer(path: dict[str, Any]) -> Answer:
                if takes_file:
                    limit_form()
                if without_session:
                    begin_public_request()
                user = current_user()
                if request.method == "POST":
                    require_same_origin()
                if isinstance(needs, Public):
                    if request.method == "POST":
                        csrf.protect()
                    return view(**path)
                actor = user.session_actor
                if keeps_entries and request.method == "POST" and (user.actor is None or user.must_change_password):
                    return kept_entries_page()
                if actor is None:
                    # Before the CSRF token, which ended with the session, so that the user can continue afterwards.
                    return to_sign_in()
                if user.must_change_password:
                    if not before_password_change:
                        return redirect(url_for(CHANGE_FIRST), 303)
                elif user.awaiting is not None and not before_factor:
                    return to_second_factor()
                if keeps_entries:
                    path["resumed"] = request.method == "POST" and not _has_valid_token()
                elif request.method == "POST":
                    csrf.protect()
                # A form asks for the step-up when it is opened. When it is sent, the service asks, so that the form is
                # displayed again with what was entered. A button on another page asks when it is pressed.
                actor.require(needs, step_up=(request.method == "POST") is not has_form)
                return view(actor, **path)

            setattr(handle, REQUIRED_PERMISSION, needs)
            self.add_url_rule(rule, endpoint=view.__name__, view_func=handle, methods=list(methods))
            return view

        return register


def _has_valid_token() -> bool:
    """Return whether the form was made in this session; it is not after a new sign-in, nor from the page of kept
    entries.
    """
    if RESUME in request.form:
        return False
    try:
        csrf.protect()
    except CSRFError:
        return False
    return True


@contextmanager
def _head_as_get() -> Iterator[None]:
    """Make the request look like GET inside the block, so that views do not treat HEAD as a form submission."""
    request.method = "GET"
    try:
        yield
    finally:
        request.method = "HEAD"


def to_sign_in() -> Response:
    """Redirect to the sign-in form, and back to this page, or to the page of this form, afterwards.

    The form says when a session ended, and when a change was not saved.
    """
    ended = "yes" if SESSION_COOKIE in request.cookies else None
    if request.method == "POST":
        ended = "unsaved"
    return redirect(url_for(SIGN_IN, back=page_address(), ended=ended), 303)


def to_second_factor() -> Response:
    """Redirect to the verification of a second factor, and back to this page, or to the page of this form."""
    unsaved = "yes" if request.method == "POST" else None
    return redirect(url_for(SECOND_FACTOR, back=page_address(), unsaved=unsaved), 303)


def local_address(url: str | None) -> str | None:
    """Return a local URL to go back to, or None for any other, to prevent open redirects."""
    if url and url.startswith("/") and not url.startswith(("//", "/\\")) and url.isprintable() and "\\" not in url:
        return url
    return None


def redirect_to(endpoint: str, **values: Any) -> Response:
    """Redirect after an action, so that reloading does not repeat it."""
    return redirect(url_for(f"web.{endpoint}", **values), 303)


pages = Pages("web", __name__)
__all__ = ["ANY_SIGNED_IN", "BOTH", "Actor", "Answer", "Permission", "Public", "local_address", "pages", "redirect_to"]


# Response headers of pages: content security policy and language.

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pages.after_request
def protect(response: Response) -> Response:
    """Set the content security policy, which allows this host only unless the page has its own, and the language."""
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        # A page that must not query the database does not know the user's language either.
        response.headers["Content-Language"] = locale_without_database()
    return response
