"""URLs of projects must not contain credentials."""

from __future__ import annotations

import pytest

from registry.agencies.models import Agency
from tests.api.callers import Caller, codes
from tests.factories import a_project, project_values


@pytest.mark.parametrize("address", ["https://user:pw@example.kz/", "https://user@example.kz", "http://:@example.kz"])
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("kk", "пайдаланушы аты мен құпиясөз болмауы керек"),
        ("ru", "не должно быть имени пользователя и пароля"),
        ("en", "must not contain a user name or password"),
    ],
)
def test_url_with_user_name_or_password_is_rejected(
    editor: Caller, agency: Agency, address: str, language: str, text: str
) -> None:
    number = a_project(agency).number
    body = {"agency": agency.bin, **project_values(url=address)}

    registered = editor.post("/projects", body, Accept_Language=language)
    changed = editor.change(f"/projects/{number}", {"url": address})

    assert (registered.status_code, codes(registered)) == (422, {("/url", "url-with-credentials")})
    assert (changed.status_code, codes(changed)) == (422, {("/url", "url-with-credentials")})
    assert text in registered.get_json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "address",
    ["https://example.kz:99999", "https://x%40example.kz", "https://example.kz/\\@other.kz", "https://example.kz:0"],
)
def test_url_that_clients_read_differently_is_refused(editor: Caller, agency: Agency, address: str) -> None:
    answer = editor.post("/projects", {"agency": agency.bin, **project_values(url=address)})
    assert (answer.status_code, codes(answer)) == (422, {("/url", "url-invalid")})


@pytest.mark.parametrize(
    "address", ["https://example.kz/~user@host", "https://example.kz?to=a@b.kz", "http://[::1]:80"]
)
def test_url_with_an_at_sign_elsewhere_is_accepted(editor: Caller, agency: Agency, address: str) -> None:
    answer = editor.post("/projects", {"agency": agency.bin, **project_values(url=address)})
    assert (answer.status_code, answer.get_json()["url"]) == (201, address)
