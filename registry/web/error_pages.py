"""Errors as pages, in the person's language: what happened, and where to go from here."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, make_response, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug import wrappers
from werkzeug.exceptions import HTTPException

from registry.core.errors import RegistryError
from registry.core.messages import message
from registry.http import http_errors as refusals
from registry.http.database_errors import DATABASE_ERRORS, error_of
from registry.http.error_handlers import OF_HTTP, problem_response, retry_after, status_of
from registry.http.rate_limit import check_rate_limit
from registry.http.request_ids import request_id
from registry.http.request_log import LOG
from registry.web.blueprint import pages
from registry.web.current_user import current_user, locale_without_database, page_locale
from registry.web.error_messages import error_message, page_code, problem_message
from registry.web.page_headers import protect
from registry.web.parent_links import FIRST_PAGE, page_address
from registry.web.translations import catalogue, lazy_text

API: Final = "/api/"
TO_FIRST_PAGE: Final = lazy_text("To the first page")


def error_page(refusal: RegistryError) -> Response:
    """The refusal as a page; a request over the limit gets that instead."""
    try:
        # Where no view ran, the visitor is counted here, for the first time.
        current_user()
    except refusals.TooManyRequests as limited:
        refusal = limited
    status = status_of(refusal)
    problems = [problem_message(problem) for problem in getattr(refusal, "problems", ())]
    page = render_template(
        "error.html",
        status=status,
        title=message(f"title-{status}", page_locale()),
        text=error_message(refusal),
        problems=problems,
        back=page_address() if request.method == "POST" else None,
        trace_id=request_id(),
    )
    response = make_response(page, status)
    wait = retry_after(refusal)
    if wait is not None:
        response.headers["Retry-After"] = wait
    return response


@pages.errorhandler(RegistryError)
def registry_error(error: RegistryError) -> Response:
    """A refusal as a page."""
    return error_page(error)


@pages.errorhandler(CSRFError)
def csrf_error(_error: CSRFError) -> Response:
    """A form without a valid CSRF token."""
    return error_page(refusals.CsrfTokenInvalid())


@pages.errorhandler(HTTPException)
def http_error(error: HTTPException) -> Response:
    """What Flask itself refuses."""
    if (error.code or 500) >= 500:
        return unexpected(error)
    return error_page(OF_HTTP.get(error.code or 500, refusals.BadRequest)(**_limits(error)))


def database_error(error: Exception) -> Response:
    """The database is away or busy: a page that asks it for nothing."""
    LOG.error("the database could not be used", exc_info=error)
    refusal = error_of(error)
    response = make_response(render_template("plain_error.html", **_plain(refusal)), 503)
    response.headers["Retry-After"] = retry_after(refusal)
    return response


for kind in DATABASE_ERRORS:
    pages.register_error_handler(kind, database_error)


@pages.errorhandler(Exception)
def unexpected(error: Exception) -> Response:
    """A mistake of this program: told with the number under which the log has it."""
    LOG.error("unexpected exception", exc_info=error)
    return make_response(render_template("plain_error.html", **_plain(refusals.InternalError())), 500)


def init_error_pages(app: Flask) -> None:
    """Show an address without anything as a page too; the API keeps its own answer."""

    @app.errorhandler(404)
    def nothing_there(_error: HTTPException) -> wrappers.Response:
        return _routing_error(refusals.RouteNotFound())

    @app.errorhandler(405)
    def only_a_form(error: HTTPException) -> wrappers.Response:
        page = page_address()
        if not _wants_no_page() and request.method in ("GET", "HEAD") and page != FIRST_PAGE:
            # An address that takes a form only, typed or gone back to: its page is what was meant.
            return redirect(page, 303)
        response = _routing_error(refusals.MethodNotAllowed())
        response.headers["Allow"] = dict(error.get_headers(request.environ))["Allow"]
        return response


def _routing_error(refusal: RegistryError) -> wrappers.Response:
    """The refusal of an address or method that no view takes: none has counted the request."""
    if not _wants_no_page():
        return protect(error_page(refusal))
    try:
        check_rate_limit(None)
    except refusals.TooManyRequests as limited:
        refusal = limited
    return problem_response(refusal)


def _wants_no_page() -> bool:
    return request.path.startswith(API) or not request.accept_mimetypes.accept_html


def _limits(error: HTTPException) -> dict[str, object]:
    return {"limit": "20 MiB"} if error.code == 413 else {}


def _plain(refusal: RegistryError) -> dict[str, object]:
    # Such a page asks the database for nothing: the database may be what is wrong.
    language = locale_without_database()
    status = status_of(refusal)
    return {
        "language": language,
        "title": message(f"title-{status}", language),
        "text": message(page_code(refusal.code), language, refusal.params),
        "trace_id": request_id(),
        "home": catalogue(language).ugettext(TO_FIRST_PAGE),
    }
