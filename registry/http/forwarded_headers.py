"""Warnings in the log when a proxy seems to stand before the service whose X-Forwarded-For is not believed."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable
from typing import Final

from flask import Flask, request

from registry.http.request_log import LOG

HEADER: Final = "X-Forwarded-For"
INTERVAL_S: Final = 600.0
ADVICE: Final = (
    "behind a proxy every caller has the proxy's address, and the limits of one stop all of them: "
    "set REGISTRY_TRUSTED_PROXIES to the number of proxies"
)
HEADER_IGNORED: Final = f"{HEADER} arrived while REGISTRY_TRUSTED_PROXIES is 0; {ADVICE}"
REACHABLE_WITHOUT_PROXY: Final = f"other machines can reach the service and REGISTRY_TRUSTED_PROXIES is 0; {ADVICE}"


class ForwardedWarning:
    """Logs that the header is ignored, at most once in ten minutes of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._warned_at: float | None = None

    def warn(self) -> None:
        """Log it unless it was logged a short while ago."""
        with self._lock:
            current = self._clock()
            if self._warned_at is not None and current - self._warned_at < INTERVAL_S:
                return
            self._warned_at = current
        LOG.warning(HEADER_IGNORED)


def attach_forwarded_warning(app: Flask, trusted_proxies: int, warning: ForwardedWarning | None = None) -> None:
    """Watch every request for the header; nothing to do where it is believed."""
    if trusted_proxies:
        return
    watched = warning or ForwardedWarning()

    @app.before_request
    def watch() -> None:
        if HEADER in request.headers:
            watched.warn()


def warn_at_start(host: str, trusted_proxies: int) -> None:
    """Log a warning when the service listens for other machines and believes no proxy."""
    if not trusted_proxies and not _is_loopback(host):
        LOG.warning(REACHABLE_WITHOUT_PROXY)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
