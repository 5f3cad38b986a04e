"""Error handlers of pages: error messages in the user's language, with a link to continue."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, make_response, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug import wrappers
from werkzeug.exceptions import HTTPException

from registry.accounts.sessions import SessionEnded
from registry.accounts.step_up import StepUpRequired
from registry.core.errors import RegistryError
from registry.core.messages import message
from registry.core.translations import lazy_text, translate
from registry.http import http_errors
from registry.http.database_errors import DATABASE_ERRORS, error_of
from registry.http.error_handlers import OF_HTTP, problem_response, retry_after, status_of
from registry.http.rate_limit import check_rate_limit
from registry.http.request_bodies import form_limit
from registry.http.request_ids import request_id
from registry.http.request_log import LOG
from registry.journal.read_replica import read_primary
from registry.web.blueprint import pages, to_second_factor, to_sign_in
from registry.web.current_user import current_user, locale_without_database, page_locale
from registry.web.error_messages import error_message, page_code, problem_message
from registry.web.page_headers import protect
from registry.web.parent_links import FIRST_PAGE, page_address
from registry.web.support import support

API: Final = "/api/"
ASK_FOR_HELP: Final = lazy_text("Ask for help:")
TO_FIRST_PAGE: Final = lazy_text("To the first page")


def error_page(error: RegistryError) -> Response:
    """Render the error as a page; a request over the rate limit gets that error instead."""
    # The view may have read from a standby, which may lag with what the header shows.
    read_primary()
    try:
        # When no view ran, this loads the user and counts the request for the rate limit.
        current_user()
    except http_errors.TooManyRequests as limited:
        error = limited
    status = status_of(error)
    problems = [problem_message(problem) for problem in getattr(error, "problems", ())]
    page = render_template(
        "error.html",
        status=status,
        title=message(f"title-{status}", page_locale()),
        text=error_message(error),
        problems=problems,
        # A form that is opened again is empty: what was too large is still in the browser, one step back.
        back=page_address() if request.method == "POST" and status != 413 else None,
        trace_id=request_id(),
    )
    response = make_response(page, status)
    wait = retry_after(error)
    if wait is not None:
        response.headers["Retry-After"] = wait
    return response


@pages.errorhandler(RegistryError)
def registry_error(error: RegistryError) -> Response:
    """Render a RegistryError as a page."""
    return error_page(error)


@pages.errorhandler(StepUpRequired)
def step_up_required(_error: StepUpRequired) -> wrappers.Response:
    """An action that needs a fresh second factor: to its verification, and back."""
    return to_second_factor()


@pages.errorhandler(SessionEnded)
def session_ended(_error: SessionEnded) -> wrappers.Response:
    """The session ended while its second factor was verified."""
    return to_sign_in()


@pages.errorhandler(CSRFError)
def csrf_error(_error: CSRFError) -> Response:
    """A form without a valid CSRF token."""
    return error_page(http_errors.CsrfTokenInvalid())


@pages.errorhandler(HTTPException)
def http_error(error: HTTPException) -> Response:
    """Render an HTTP error raised by Flask."""
    if (error.code or 500) >= 500:
        return unexpected(error)
    return error_page(OF_HTTP.get(error.code or 500, http_errors.BadRequest)(**_limits(error)))


def database_error(error: Exception) -> Response:
    """Render a page without database queries when the database is unavailable or busy."""
    LOG.error("the database could not be used", exc_info=error)
    mapped = error_of(error)
    response = make_response(render_template("plain_error.html", **_plain(mapped)), 503)
    response.headers["Retry-After"] = retry_after(mapped)
    return response


for kind in DATABASE_ERRORS:
    pages.register_error_handler(kind, database_error)


@pages.errorhandler(Exception)
def unexpected(error: Exception) -> Response:
    """Render an unexpected error with the id of its log entry."""
    LOG.error("unexpected exception", exc_info=error)
    return make_response(render_template("plain_error.html", **_plain(http_errors.InternalError())), 500)


def init_error_pages(app: Flask) -> None:
    """Register the error handlers. Unknown URLs get a page, except those of the API."""

    @app.errorhandler(404)
    def nothing_there(_error: HTTPException) -> wrappers.Response:
        return _routing_error(http_errors.RouteNotFound())

    @app.errorhandler(405)
    def only_a_form(error: HTTPException) -> wrappers.Response:
        page = page_address()
        if not _wants_no_page() and request.method in ("GET", "HEAD") and page != FIRST_PAGE:
            # The URL accepts form submissions only and was typed or revisited: redirect to its page.
            return redirect(page, 303)
        response = _routing_error(http_errors.MethodNotAllowed())
        response.headers["Allow"] = dict(error.get_headers(request.environ))["Allow"]
        return response


def _routing_error(error: RegistryError) -> wrappers.Response:
    """Handle a URL or method without a view; the rate limit has not counted this request yet."""
    if not _wants_no_page():
        return protect(error_page(error))
    try:
        check_rate_limit(None)
    except http_errors.TooManyRequests as limited:
        error = limited
    return problem_response(error)


def _wants_no_page() -> bool:
    return request.path.startswith(API) or not request.accept_mimetypes.accept_html


def _limits(error: HTTPException) -> dict[str, object]:
    return {"limit": form_limit()} if error.code == 413 else {}


def _plain(error: RegistryError) -> dict[str, object]:
    # No database query: the database may be the cause of the error.
    language = locale_without_database()
    status = status_of(error)
    return {
        "language": language,
        "title": message(f"title-{status}", language),
        "text": message(page_code(error.code), language, error.params),
        "trace_id": request_id(),
        "contact": support(),
        "help": translate(ASK_FOR_HELP, language),
        "home": translate(TO_FIRST_PAGE, language),
    }
