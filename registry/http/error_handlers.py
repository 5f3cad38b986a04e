"""Error handlers, and problem+json (RFC 9457) in the caller's language."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from flask import Flask, Response, json, request
from flask_smorest.exceptions import NotModified
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from registry.core import errors
from registry.core.translations import message
from registry.http.requests import LOG, request_id, request_locale

# What an answer says when the database does not do what it was asked: gone, too slow, or without room.

# The last one: every connection of the pool has been busy for long.
DATABASE_ERRORS: Final = (OperationalError, InterfaceError, TimeoutError)
DISK_FULL: Final = "53100"
# lock_not_available, query_canceled (the statement timeout), deadlock_detected, serialization_failure,
# too_many_connections: the server answers and nothing was changed.
BUSY: Final = ("55P03", "57014", "40P01", "40001", "53300")
SQLITE_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def error_of(error: Exception) -> errors.RegistryError:
    """Return the typed error for one of ``DATABASE_ERRORS``."""
    original = error.orig if isinstance(error, DBAPIError) else None
    sqlstate = getattr(original, "sqlstate", None)
    sqlite_code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    if sqlstate == DISK_FULL or sqlite_code == sqlite3.SQLITE_FULL:
        return errors.StorageFull()
    if isinstance(error, TimeoutError) or sqlstate in BUSY or sqlite_code in SQLITE_BUSY:
        return errors.DatabaseBusy()
    return errors.DatabaseUnavailable()


PROBLEM_JSON: Final = "application/problem+json"
TYPE: Final = "urn:qaztech-registry:problem:"
CHALLENGE: Final = 'Bearer realm="registry"'

OF_HTTP: Final[dict[int, type[errors.RegistryError]]] = {
    404: errors.RouteNotFound,
    405: errors.MethodNotAllowed,
    412: errors.PreconditionFailed,
    413: errors.PayloadTooLarge,
    415: errors.UnsupportedMediaType,
    428: errors.PreconditionRequired,
}


def problem_body(error: errors.RegistryError) -> dict[str, object]:
    """Return the members of the error's problem document, in the requested language."""
    language = request_locale()
    problems: Sequence[errors.Problem] = getattr(error, "problems", ())
    body: dict[str, object] = {
        "type": TYPE + error.code,
        "title": message(f"title-{error.status}", language),
        "status": error.status,
        "detail": message(error.code, language, error.params),
        "instance": request.path,
        "trace_id": request_id(),
    }
    if problems:
        body["errors"] = [
            {
                "pointer": problem.pointer,
                "code": problem.code,
                "message": message(problem.code, language, problem.params),
            }
            for problem in problems
        ]
    return body


def problem_response(error: errors.RegistryError) -> Response:
    """Return the error as problem+json in the requested language."""
    response = Response(json.dumps(problem_body(error)), status=error.status, content_type=PROBLEM_JSON)
    response.headers["Content-Language"] = request_locale()
    response.vary.add("Accept-Language")
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = (
            CHALLENGE if isinstance(error, errors.AuthenticationRequired) else f'{CHALLENGE}, error="invalid_token"'
        )
    return response


def init_error_handlers(app: Flask) -> None:
    """Answer every typed error, HTTP error and unexpected exception as problem+json."""

    @app.errorhandler(errors.RegistryError)
    def refused(error: errors.RegistryError) -> Response:
        return problem_response(error)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> AnyResponse:
        if isinstance(error, NotModified):
            unchanged: AnyResponse = error.get_response()
            return unchanged
        status = error.code or 500
        if status >= 500:
            return unexpected(error)
        response = problem_response(OF_HTTP.get(status, errors.BadRequest)())
        for name, value in error.get_headers(request.environ):
            if name.lower() in ("allow", "retry-after"):
                response.headers[name] = value
        return response

    def database_away(error: Exception) -> Response:
        LOG.error("the database could not be used", exc_info=error)
        return problem_response(error_of(error))

    for kind in DATABASE_ERRORS:
        app.register_error_handler(kind, database_away)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        LOG.error("unexpected exception", exc_info=error)
        return problem_response(errors.InternalError())
