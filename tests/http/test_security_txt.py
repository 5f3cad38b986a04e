"""``/.well-known/security.txt``, and the contact for people who need help."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry.core.settings import security_contact, support_uri
from registry.http.security import init_security_txt
from registry.settings import read_settings
from tests.fixtures.web import Visit
from tests.present import Present

PATH = "/.well-known/security.txt"


def service(folder: Path, **variables: str) -> FlaskClient:
    """A service of these settings that answers this route only."""
    app = Flask("security")
    init_security_txt(app, read_settings({"REGISTRY_DATA_DIR": str(folder), **variables}))
    return app.test_client()


def test_security_txt_names_the_contact_the_expiry_and_the_languages(tmp_path: Path, present: Present) -> None:
    present.set(datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
    settings = {"REGISTRY_SECURITY_CONTACT": "cert@gov.kz", "REGISTRY_PUBLIC_URL": "https://registry.gov.kz/"}
    answer = service(tmp_path, **settings).get(PATH)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == (
        "Contact: mailto:cert@gov.kz\n"
        "Expires: 2026-03-31T00:00:00Z\n"
        "Preferred-Languages: kk, ru, en\n"
        "Canonical: https://registry.gov.kz/.well-known/security.txt\n"
    )


def test_security_txt_is_absent_without_a_contact(client: FlaskClient) -> None:
    assert client.get(PATH).status_code == 404


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("cert@gov.kz", "mailto:cert@gov.kz"),
        ("+7 (7172) 55-99-97", "tel:+77172559997"),
        ("1414", "tel:1414"),
        ("https://gov.kz/security", "https://gov.kz/security"),
    ],
)
def test_security_contact_becomes_a_uri(text: str, uri: str) -> None:
    assert security_contact(text) == uri


@pytest.mark.parametrize("text", ["javascript:alert(1)", "https://gov.kz", "a@b", "", "+", "a@b.kz\nContact: x"])
def test_support_contact_is_an_address_or_a_telephone_number(text: str) -> None:
    assert support_uri(text) is None


@pytest.mark.parametrize(
    ("text", "link"),
    [("help@gov.kz", "mailto:help@gov.kz"), ("+7 7172 55 99 97", "tel:+77172559997")],
)
def test_sign_in_page_and_error_pages_name_whom_to_ask(
    app: Flask, visit: Visit, monkeypatch: pytest.MonkeyPatch, text: str, link: str
) -> None:
    expected = f'<a class="govuk-link nowrap" href="{link}">{text}</a>'
    assert "Ask for help" not in visit.get("/sign-in").text
    monkeypatch.setitem(app.config, "SUPPORT_CONTACT", text)
    assert f"Cannot sign in? Ask for help: {expected}" in visit.get("/sign-in").text
    missing = visit.client.get("/nothing-here", headers={"Accept": "text/html"})
    assert missing.status_code == 404
    assert f"Ask for help: {expected}" in missing.text


def test_page_of_an_unexpected_error_names_whom_to_ask(own_app: Flask) -> None:
    def broken() -> None:
        raise RuntimeError("a mistake")

    own_app.view_functions["web.welcome"] = broken
    own_app.config["SUPPORT_CONTACT"] = "help@gov.kz"
    answer = own_app.test_client().get("/", headers={"Accept": "text/html"})
    assert answer.status_code == 500
    assert '<a class="govuk-link nowrap" href="mailto:help@gov.kz">help@gov.kz</a>' in answer.text
