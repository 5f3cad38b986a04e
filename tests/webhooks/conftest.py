"""Fixtures of webhooks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from registry.webhooks.targets import WEBHOOK_NETWORKS


@pytest.fixture(autouse=True)
def _no_networks_afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take back what ``a_webhook`` allows: the app is shared with other tests."""
    app = request.getfixturevalue("app") if "app" in request.fixturenames else None
    yield
    if app is not None:
        app.config[WEBHOOK_NETWORKS] = ()
