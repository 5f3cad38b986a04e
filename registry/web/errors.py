"""Error messages and error pages in the terms and the language of the pages."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any, Final

from flask import Flask, Response, make_response, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug import wrappers
from werkzeug.exceptions import HTTPException

from registry.accounts.roles import StepUpRequired
from registry.accounts.sessions import SessionEnded
from registry.core import errors
from registry.core.translations import MESSAGES, lazy_text, message, translate
from registry.http.error_handlers import DATABASE_ERRORS, OF_HTTP, error_of, problem_response
from registry.http.requests import LOG, form_limit, request_id
from registry.http.security import check_rate_limit
from registry.journal.read_replica import read_primary
from registry.web.blueprint import FIRST_PAGE, flash_message, page_address, pages, protect, to_second_factor, to_sign_in
from registry.web.current_user import current_user, locale_without_database, page_locale
from registry.web.formats import moment, number
from registry.web.labels import CHOICE_LABELS, FIELDS, LABELLED_PARAMS, choice_label, field_label, role_name
from registry.web.layout import support

# Error messages for pages, in the terms of the pages instead of those of the API (JSON, headers).

# Parameters of messages that are a choice of a field.
CHOICE_PARAMS: Final = {
    "stage": "stage",
    "action": "case_action",
    "last": "case_event",
    "decision": "decision",
    "scope": "scope",
}
# The field of the parameters ``status`` and ``state``, by how the message begins.
STATUS_FIELDS: Final = {"audit": "audit_status", "government-report": "report_status", "request": "request_state"}
# Parameters of messages that are amounts, which may be large; row ids are not.
AMOUNTS: Final = ("smallest", "largest", "limit", "length", "total")
# Messages that would mislead page users, and their replacements.
PAGE_CODES: Final = {
    "amounts-small": "page-amounts-small",
    "audit-date-after-today": "page-audit-date-after-today",
    "audit-date-before-last": "page-audit-date-before-last",
    "dates-two-ways": "page-dates-two-ways",
    "expected-date": "typed-date-wrong",
    "expected-whole-number": "typed-number-wrong",
    "internal-error": "page-internal-fault",
    "invalid": "page-invalid",
    "method-not-allowed": "page-method-not-taken",
    "number-out-of-range": "page-number-out-of-range",
    "payload-too-large": "page-payload-too-large",
    "role-not-allowed": "page-role-not-allowed",
    "route-not-found": "page-route-not-found",
    "sheet-left-out": "page-sheet-left-out",
    "sheets-left-out": "page-sheets-left-out",
    "start-may-be-planned": "page-start-may-be-planned",
}
WRITTEN_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def problem_message(problem: errors.Problem) -> str:
    """Return a problem's message in the page's language, with field labels."""
    return _page_message(problem.code, problem.params)


def error_message(error: errors.RegistryError) -> str:
    """Return an error's message in the page's language."""
    return _page_message(error.code, error.params)


@contextmanager
def flash_outcome(done: str) -> Iterator[None]:
    """Flash what was done, or the conflict that stopped it."""
    try:
        yield
    except errors.Conflict as error:
        flash_message(error_message(error), "error")
    else:
        flash_message(done)


def row_error_message(row: Mapping[str, Any]) -> str:
    """Return the message of a row error with ``column``, ``code`` and ``params``; choices have their labels."""
    params = dict(row["params"] or {})
    column = row["column"]
    if row["code"] == "not-a-choice" and column in CHOICE_LABELS and isinstance(params.get("options"), str):
        params["options"] = ", ".join(_quoted(choice_label(column, code)) for code in params["options"].split(", "))
    return _page_message(row["code"], params)


def failure_message(code: str) -> str:
    """Return the message of a failed background job by its code."""
    return message(code, page_locale(), {})


def page_code(code: str) -> str:
    """Return the code of the message that a page displays."""
    return PAGE_CODES.get(code, code)


def day_typed(day: date) -> str:
    """Format a date as forms accept it."""
    return day.strftime("%d.%m.%Y")


def _page_message(code: str, params: Mapping[str, object]) -> str:
    shown = {name: _typed(value) for name, value in _named(code, params).items()}
    return message(page_code(code), page_locale(), shown)


def _quoted(label: str) -> str:
    return f"“{label}”" if page_locale() == "en" else f"«{label}»"


def _typed(value: object) -> object:
    # In the form that users type, so that they can copy it.
    if isinstance(value, str) and WRITTEN_DAY.fullmatch(value):
        with suppress(ValueError):
            # Not of what somebody entered, such as 2026-13-45.
            return day_typed(date.fromisoformat(value))
    return value


def _named(code: str, params: Mapping[str, object]) -> dict[str, object]:
    status_field = next((field for prefix, field in STATUS_FIELDS.items() if code.startswith(prefix)), "case_status")
    shown = dict(params)
    for name, value in params.items():
        if name in LABELLED_PARAMS and isinstance(value, str) and value in FIELDS:
            # Some messages quote the header that may stand there instead.
            is_quoted = f'"{{{name}}}"' in MESSAGES.get(page_code(code), "")
            shown[name] = field_label(value) if is_quoted else _quoted(field_label(value))
        elif name == "role" and isinstance(value, str):
            shown[name] = _quoted(role_name(value))
        elif name in ("placement", "needed") and isinstance(value, str):
            shown[name] = _quoted(choice_label("placement", value))
        elif name in ("status", "state") and isinstance(value, str):
            shown[name] = _quoted(choice_label(status_field, value))
        elif name in CHOICE_PARAMS and isinstance(value, str):
            shown[name] = _quoted(choice_label(CHOICE_PARAMS[name], value))
        elif name in AMOUNTS and type(value) is int:
            shown[name] = number(value)
        elif name == "at" and isinstance(value, str):
            shown[name] = moment(value)
    return shown


# Error handlers of pages: error messages in the user's language, with a link to continue.

API: Final = "/api/"
ASK_FOR_HELP: Final = lazy_text("Ask for help:")
TO_FIRST_PAGE: Final = lazy_text("To the first page")


def error_page(error: errors.RegistryError) -> Response:
    """Render the error as a page; a request over the rate limit gets that error instead."""
    # The view may have read from a standby, which may lag with what the header shows.
    read_primary()
    try:
        # When no view ran, this loads the user and counts the request for the rate limit.
        current_user()
    except errors.TooManyRequests as limited:
        error = limited
    problems = [problem_message(problem) for problem in getattr(error, "problems", ())]
    page = render_template(
        "error.html",
        status=error.status,
        title=message(f"title-{error.status}", page_locale()),
        text=error_message(error),
        problems=problems,
        # A form that is opened again is empty: what was too large is still in the browser, one step back.
        back=page_address() if request.method == "POST" and error.status != 413 else None,
        trace_id=request_id(),
    )
    response = make_response(page, error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


@pages.errorhandler(errors.RegistryError)
def registry_error(error: errors.RegistryError) -> Response:
    """Render a RegistryError as a page."""
    return error_page(error)


@pages.errorhandler(StepUpRequired)
def step_up_required(_error: StepUpRequired) -> wrappers.Response:
    """Return an action that needs a fresh second factor: to its verification, and back."""
    return to_second_factor()


@pages.errorhandler(SessionEnded)
def session_ended(_error: SessionEnded) -> wrappers.Response:
    """Return the session ended while its second factor was verified."""
    return to_sign_in()


@pages.errorhandler(CSRFError)
def csrf_error(_error: CSRFError) -> Response:
    """Return a form without a valid CSRF token."""
    return error_page(errors.CsrfTokenInvalid())


@pages.errorhandler(HTTPException)
def http_error(error: HTTPException) -> Response:
    """Render an HTTP error raised by Flask."""
    if (error.code or 500) >= 500:
        return unexpected(error)
    return error_page(OF_HTTP.get(error.code or 500, errors.BadRequest)(**_limits(error)))


def database_error(error: Exception) -> Response:
    """Render a page without database queries when the database is unavailable or busy."""
    LOG.error("the database could not be used", exc_info=error)
    mapped = error_of(error)
    response = make_response(render_template("plain_error.html", **_plain(mapped)), 503)
    response.headers["Retry-After"] = str(mapped.retry_after)
    return response


for kind in DATABASE_ERRORS:
    pages.register_error_handler(kind, database_error)


@pages.errorhandler(Exception)
def unexpected(error: Exception) -> Response:
    """Render an unexpected error with the id of its log entry."""
    LOG.error("unexpected exception", exc_info=error)
    return make_response(render_template("plain_error.html", **_plain(errors.InternalError())), 500)


def init_error_pages(app: Flask) -> None:
    """Register the error handlers. Unknown URLs get a page, except those of the API."""

    @app.errorhandler(404)
    def nothing_there(_error: HTTPException) -> wrappers.Response:
        return _routing_error(errors.RouteNotFound())

    @app.errorhandler(405)
    def only_a_form(error: HTTPException) -> wrappers.Response:
        page = page_address()
        if not _wants_no_page() and request.method in ("GET", "HEAD") and page != FIRST_PAGE:
            # The URL accepts form submissions only and was typed or revisited: redirect to its page.
            return redirect(page, 303)
        response = _routing_error(errors.MethodNotAllowed())
        response.headers["Allow"] = dict(error.get_headers(request.environ))["Allow"]
        return response


def _routing_error(error: errors.RegistryError) -> wrappers.Response:
    """Handle a URL or method without a view; the rate limit has not counted this request yet."""
    if not _wants_no_page():
        return protect(error_page(error))
    try:
        check_rate_limit(None)
    except errors.TooManyRequests as limited:
        error = limited
    return problem_response(error)


def _wants_no_page() -> bool:
    return request.path.startswith(API) or not request.accept_mimetypes.accept_html


def _limits(error: HTTPException) -> dict[str, object]:
    return {"limit": form_limit()} if error.code == 413 else {}


def _plain(error: errors.RegistryError) -> dict[str, object]:
    # No database query: the database may be the cause of the error.
    language = locale_without_database()
    status = error.status
    return {
        "language": language,
        "title": message(f"title-{status}", language),
        "text": message(page_code(error.code), language, error.params),
        "trace_id": request_id(),
        "contact": support(),
        "help": translate(ASK_FOR_HELP, language),
        "home": translate(TO_FIRST_PAGE, language),
    }
