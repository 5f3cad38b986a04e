"""The one table refusal → status, and how an error is told: RFC 9457, in the caller's language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import Flask, Response, json, request
from flask_smorest.exceptions import NotModified
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from registry.accounts.attempts import WINDOW, TooManyAttempts
from registry.accounts.oidc.errors import ProviderUnavailable
from registry.accounts.passwords import SignInBusy
from registry.accounts.sign_in import PasswordNotAccepted
from registry.accounts.tokens import TokenNotAccepted
from registry.core.errors import Conflict, Invalid, Malformed, NotAllowed, NotFound, Problem, RegistryError, Stale
from registry.core.messages import message
from registry.http import http_errors as refusals
from registry.http.database_errors import DATABASE_ERRORS, error_of
from registry.http.locale import request_locale
from registry.http.request_ids import request_id
from registry.http.request_log import LOG

PROBLEM_JSON: Final = "application/problem+json"
TYPE: Final = "urn:qaztech-registry:problem:"
WINDOW_S: Final = int(WINDOW.total_seconds())
CHALLENGE: Final = 'Bearer realm="registry"'

# The first line that fits counts.
STATUSES: Final[tuple[tuple[type[RegistryError], int], ...]] = (
    (Malformed, 400),
    (refusals.BadRequest, 400),
    (refusals.AuthenticationRequired, 401),
    (TokenNotAccepted, 401),
    (PasswordNotAccepted, 401),
    (NotAllowed, 403),
    (NotFound, 404),
    (refusals.RouteNotFound, 404),
    (refusals.MethodNotAllowed, 405),
    (Conflict, 409),
    (Stale, 412),
    (refusals.PayloadTooLarge, 413),
    (refusals.UnsupportedMediaType, 415),
    (Invalid, 422),
    (refusals.IdempotencyKeyReused, 422),
    (refusals.PreconditionRequired, 428),
    (refusals.TooManyRequests, 429),
    (TooManyAttempts, 429),
    (SignInBusy, 503),
    (ProviderUnavailable, 503),
    (refusals.DatabaseUnavailable, 503),
    (refusals.DatabaseBusy, 503),
    (refusals.StorageFull, 503),
    (refusals.InternalError, 500),
)
OF_HTTP: Final[dict[int, type[RegistryError]]] = {
    404: refusals.RouteNotFound,
    405: refusals.MethodNotAllowed,
    412: refusals.PreconditionFailed,
    413: refusals.PayloadTooLarge,
    415: refusals.UnsupportedMediaType,
    428: refusals.PreconditionRequired,
}


def status_of(refusal: RegistryError) -> int:
    """The status of a refusal; one of no known kind is a mistake of this program."""
    return next((status for kind, status in STATUSES if isinstance(refusal, kind)), 500)


def retry_after(refusal: RegistryError) -> str | None:
    """In how many seconds it is worth trying again; None when time alone mends nothing."""
    match refusal:
        case refusals.TooManyRequests():
            return str(refusal.params["seconds"])
        case TooManyAttempts():
            return str(WINDOW_S)
        case (
            SignInBusy()
            | ProviderUnavailable()
            | refusals.DatabaseUnavailable()
            | refusals.DatabaseBusy()
            | refusals.StorageFull()
        ):
            return "5"
    return None


def problem_response(refusal: RegistryError) -> Response:
    """The refusal as problem+json in the language asked for."""
    language = request_locale()
    status = status_of(refusal)
    problems: Sequence[Problem] = getattr(refusal, "problems", ())
    body: dict[str, object] = {
        "type": TYPE + refusal.code,
        "title": message(f"title-{status}", language),
        "status": status,
        "detail": message(refusal.code, language, refusal.params),
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
    response = Response(json.dumps(body), status=status, content_type=PROBLEM_JSON)
    response.headers["Content-Language"] = language
    response.vary.add("Accept-Language")
    wait = retry_after(refusal)
    if wait is not None:
        response.headers["Retry-After"] = wait
    if status == 401:
        response.headers["WWW-Authenticate"] = (
            CHALLENGE if isinstance(refusal, refusals.AuthenticationRequired) else f'{CHALLENGE}, error="invalid_token"'
        )
    return response


def init_error_handlers(app: Flask) -> None:
    """Answer every refusal, HTTP error and unexpected exception as problem+json."""

    @app.errorhandler(RegistryError)
    def refused(error: RegistryError) -> Response:
        return problem_response(error)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> AnyResponse:
        if isinstance(error, NotModified):
            unchanged: AnyResponse = error.get_response()
            return unchanged
        status = error.code or 500
        if status >= 500:
            return unexpected(error)
        response = problem_response(OF_HTTP.get(status, refusals.BadRequest)())
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
        return problem_response(refusals.InternalError())
