"""Independent OpenID Connect providers on local ports, and what a person does at their pages."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import oidc_provider_mock
import requests
from playwright.sync_api import Page

from registry.settings import CHECKOUT
from tests.web.browser import follow

MODULES = CHECKOUT / ".venv" / "oidc-provider"
SERVER = Path(__file__).parent / "certified" / "server.mjs"


@dataclass(frozen=True, slots=True)
class MockProvider:
    """oidc-provider-mock: people exist as soon as the test describes them."""

    issuer: str
    name: ClassVar[str] = "oidc-provider-mock"

    def add_person(self, subject: str, bin_number: str) -> str:
        """Describe an editor of the agency. Returns the name that the provider will send."""
        name = f"Сәуле Ахметова {subject}"
        claims = {"name": name, "roles": ["qaztech-editor"], "organization_bin": bin_number}
        assert requests.put(f"{self.issuer}/users/{subject}", json=claims, timeout=10).status_code == 204
        return name

    def sign_in(self, page: Page, subject: str) -> None:
        page.fill("#subject-input", subject)
        follow(page, "button:has-text('Authorize') >> nth=0")

    def cancel(self, page: Page) -> None:
        follow(page, "text=Deny access")

    def sign_out(self, page: Page) -> None:
        follow(page, "button:has-text('End session')")


@dataclass(frozen=True, slots=True)
class CertifiedProvider:
    """oidc-provider of npm, which is OpenID certified: it accepts any subject, as an editor of the agency."""

    issuer: str
    name: ClassVar[str] = "oidc-provider"

    def add_person(self, subject: str, _bin_number: str) -> str:
        """Return the name that the provider will send."""
        return f"Айгүл Сапарова {subject}"

    def sign_in(self, page: Page, subject: str) -> None:
        page.fill("input[name=login]", subject)
        page.fill("input[name=password]", "any")
        follow(page, "button:has-text('Sign-in')")
        follow(page, "button:has-text('Continue')")

    def cancel(self, page: Page) -> None:
        follow(page, "a:has-text('Cancel')")

    def sign_out(self, page: Page) -> None:
        follow(page, "button:has-text('Yes, sign me out')")


Provider = MockProvider | CertifiedProvider


@contextmanager
def mock_provider() -> Iterator[MockProvider]:
    """Start oidc-provider-mock in a thread."""
    with oidc_provider_mock.run_server_in_thread(require_nonce=True) as server:
        yield MockProvider(f"http://localhost:{server.server_port}")


@contextmanager
def certified_provider(service: str, bin_number: str) -> Iterator[CertifiedProvider]:
    """Start oidc-provider in a process of its own, with the service at that address as its client."""
    logout = f"{service}/sign-in/oidc/back-channel-logout"
    command = ["node", str(SERVER), str(MODULES), f"{service}/sign-in/oidc/callback", f"{service}/", logout, bin_number]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield CertifiedProvider(process.stdout.readline().strip())
        finally:
            process.terminate()
