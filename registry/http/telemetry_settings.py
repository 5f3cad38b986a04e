"""Variables of OpenTelemetry and Sentry, both optional packages: is the package there, and the address one?"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from environs import ValidationError

COLLECTORS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
DISABLED: Final = "OTEL_SDK_DISABLED"
SENTRY: Final = "SENTRY_DSN"


def read_telemetry(env: Any) -> None:
    """Judge the variables; their packages read them again. ``env`` is the environs environment of the settings."""
    env.sentry_address(SENTRY, "")
    if collector := collector_variable(env.variables):
        env.collector_address(collector, "")


def collector_variable(variables: Mapping[str, str] | None = None) -> str | None:
    """The variable that names where traces are sent; None without one, or when the SDK is disabled."""
    variables = os.environ if variables is None else variables
    if variables.get(DISABLED, "").lower() == "true":
        return None
    return next((name for name in COLLECTORS if variables.get(name)), None)


def _sentry_address(text: str) -> str | None:
    if not text:
        return None
    try:
        import sentry_sdk  # noqa: F401 - only: is it there
        from sentry_sdk.utils import BadDsn, Dsn
    except ImportError as error:
        raise _extra_missing("sentry") from error
    try:
        Dsn(text)
    except BadDsn as error:
        raise ValidationError("expected an address such as https://key@host/number") from error
    return text


def _collector_address(text: str) -> str:
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter  # noqa: F401 - only: is it there
    except ImportError as error:
        raise _extra_missing("telemetry") from error
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValidationError("expected an address such as http://127.0.0.1:4318")
    return text


def _extra_missing(extra: str) -> ValidationError:
    return ValidationError(f"needs the extra {extra}; install config/locked/telemetry.txt, or unset it")


PARSERS: Final[dict[str, Callable[..., object]]] = {
    "sentry_address": _sentry_address,
    "collector_address": _collector_address,
}
