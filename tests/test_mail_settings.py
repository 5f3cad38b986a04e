"""Settings of e-mail: the server, the sender, the digest."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from registry.notifications.settings import Mail
from registry.settings import SettingsInvalid, read_settings


def environment(folder: Path, **variables: str) -> dict[str, str]:
    return {"REGISTRY_DATA_DIR": str(folder / "data"), **variables}


def mail_settings(folder: Path, **variables: str) -> Mail:
    usual = {"REGISTRY_SMTP_URL": "smtp://mail", "REGISTRY_PUBLIC_URL": "https://registry.gov.kz/"}
    mail = read_settings(environment(folder, **(usual | variables))).mail
    assert mail is not None
    return mail


def test_without_a_mail_server_no_mail_is_sent(tmp_path: Path) -> None:
    assert read_settings(environment(tmp_path, REGISTRY_PUBLIC_URL="https://registry.gov.kz")).mail is None


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail", ("mail", 25, False, None, None)),
        ("smtps://mail.gov.kz/", ("mail.gov.kz", 465, True, None, None)),
        ("smtp://mail:2525", ("mail", 2525, False, None, None)),
        ("smtp://user%40gov.kz:pa%3Ass%2F@mail:587", ("mail", 587, False, "user@gov.kz", "pa:ss/")),
        ("smtp://[::1]:25", ("::1", 25, False, None, None)),
    ],
)
def test_the_address_of_the_mail_server_says_all_that_it_takes(tmp_path: Path, url: str, server: object) -> None:
    mail = mail_settings(tmp_path, REGISTRY_SMTP_URL=url)
    assert (mail.host, mail.port, mail.tls, mail.user, mail.password) == server


@pytest.mark.parametrize(
    ("variables", "sender"),
    [
        ({}, ("", "registry@registry.gov.kz")),
        ({"REGISTRY_PUBLIC_URL": "http://registry.gov.kz:8080/x"}, ("", "registry@registry.gov.kz")),
        ({"REGISTRY_MAIL_FROM": "noreply@gov.kz"}, ("", "noreply@gov.kz")),
        ({"REGISTRY_MAIL_FROM": "Тізілім <noreply@gov.kz>"}, ("Тізілім", "noreply@gov.kz")),
    ],
)
def test_mails_come_from_the_public_address_or_from_the_one_that_is_set(
    tmp_path: Path, variables: dict[str, str], sender: object
) -> None:
    mail = mail_settings(tmp_path, **variables)
    assert (mail.sender_name, mail.sender) == sender


@pytest.mark.parametrize(
    "variables",
    [
        {"REGISTRY_MAIL_FROM": "registry"},
        {"REGISTRY_MAIL_FROM": "a@gov.kz\r\nBcc: b@gov.kz"},
        {"REGISTRY_MAIL_FROM": "a@gov.kz, b@gov.kz"},
        {"REGISTRY_MAIL_FROM": "пошта@gov.kz"},
        {"REGISTRY_PUBLIC_URL": "http://127.0.0.1:8000"},
        {"REGISTRY_PUBLIC_URL": "http://localhost:8000"},
        {"REGISTRY_PUBLIC_URL": "http://[::1]"},
    ],
)
def test_a_sender_that_mails_cannot_come_from_is_refused(tmp_path: Path, variables: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match=r"^REGISTRY_MAIL_FROM: [^\n]*$"):
        mail_settings(tmp_path, **variables)


def test_mails_need_the_address_that_their_links_lead_to(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"^REGISTRY_PUBLIC_URL: required with REGISTRY_SMTP_URL"):
        mail_settings(tmp_path, REGISTRY_PUBLIC_URL="")


def test_a_password_of_the_mail_server_is_never_shown(tmp_path: Path) -> None:
    mail = mail_settings(tmp_path, REGISTRY_SMTP_URL="smtp://user:hidden@mail")
    assert "hidden" not in repr(mail)
    with pytest.raises(SettingsInvalid) as refused:
        mail_settings(tmp_path, REGISTRY_SMTP_URL="smtp://user:hidden@mail/nonsense")
    assert "hidden" not in str(refused.value)


def test_the_digest_can_be_moved_and_turned_off(tmp_path: Path) -> None:
    assert read_settings(environment(tmp_path)).digest_at == time(9)
    assert read_settings(environment(tmp_path, REGISTRY_DIGEST_AT="07:30")).digest_at == time(7, 30)
    assert read_settings(environment(tmp_path, REGISTRY_DIGEST_AT="off")).digest_at is None
