"""Makes the web application."""

from typing import Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

import registry.models  # noqa: F401 - foreign keys name their tables, so every one must be known
from registry.accounts.oidc_provider import init_provider
from registry.accounts.views.sign_in import provider_calls
from registry.api.blueprint import require_declared_permissions
from registry.api.specification import attach_api, attach_docs
from registry.core.clock import require_current_zone
from registry.core.database import init_database
from registry.flask_config import flask_config, use_configuration_files
from registry.http import requests as http_requests
from registry.http.error_handlers import init_error_handlers
from registry.http.health import init_health
from registry.http.metrics import init_metrics
from registry.http.responses import compress, init_json
from registry.http.security import attach_cross_origin, init_rate_limit, init_security_headers, init_security_txt
from registry.http.telemetry import init_error_reports, init_tracing
from registry.settings import Settings, read_settings
from registry.web.application import attach_web
from registry.web.blueprint import csrf

# Routes outside the API that answer without a token, each with its reason.
OPEN_ENDPOINTS: Final = {
    "health.healthz": "a supervisor of processes has no token",
    "health.readyz": "a load balancer has no token",
    "security.security_txt": "whoever found a vulnerability has no token",
    "metrics.show": "Prometheus reads it inside the operator's network; it holds counts only",
    "oidc.back_channel_logout": "the OpenID Connect provider calls it; its signed logout token is the proof",
    "docs.openapi": "the documentation in machine-readable form",
    "docs.leading": "leads to the documentation",
    "docs.page": "the documentation",
    "docs.asset": "the documentation's files",
}

# Pages that count each request for its address, also in a session: nobody shall try codes.
LETTER_CHECKS: Final = ("web.check_letters", "web.checked_letter", "web.checked_letter_as_json")


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application: database, policy, API, errors, headers and logs.

    Raises SettingsInvalid, PolicyInvalid, CalendarInvalid, SignInFileInvalid, TimeZoneDataStale and
    PermissionNotDeclared rather than serve wrongly.
    """
    settings = settings or read_settings()
    require_current_zone()
    use_configuration_files(settings)
    app = Flask("registry", static_folder=None)
    app.config.from_mapping(flask_config(settings))
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign] # Flask's own way
    init_json(app)
    http_requests.log_to_stderr(settings.log_level)
    init_error_reports()
    init_database(app, settings.database_url, settings.database_limits, read_url=settings.database_read_url)
    # What is attached first sees the answer last: headers and log must see every answer as it leaves.
    init_tracing(app)
    http_requests.init_request_log(app)
    init_metrics(app)
    compress.init_app(app)
    http_requests.init_request_ids(app)
    init_security_headers(app, settings)
    http_requests.attach_body_drain(app)
    attach_cross_origin(app, settings.public_url)
    init_error_handlers(app)
    http_requests.attach_forwarded_warning(app, settings.trusted_proxies)
    init_rate_limit(app, settings.rate_limit, {*OPEN_ENDPOINTS, *LETTER_CHECKS})
    init_health(app, settings)
    init_security_txt(app, settings)
    attach_api(app)
    attach_docs(app)
    csrf.init_app(app)
    init_provider(app, settings.oidc)
    attach_web(app)
    app.register_blueprint(provider_calls)
    require_declared_permissions(app, OPEN_ENDPOINTS)
    return app
