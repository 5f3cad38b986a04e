"""Settings of the Aitu bot: off by default, complete or refused, and the token in no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.settings import SettingsInvalid, read_settings
from tests.notifications.aitu_server import TOKEN

GOOD = {
    "REGISTRY_AITU_BOT_TOKEN": TOKEN,
    "REGISTRY_AITU_BOT_NAME": "qaztech_bot",
    "REGISTRY_PUBLIC_URL": "https://registry.gov.kz/",
}
pytestmark = pytest.mark.sqlite_only


def read(folder: Path, **changes: str) -> object:
    given = {name: value for name, value in {**GOOD, **changes}.items() if value}
    return read_settings({**given, "REGISTRY_DATA_DIR": str(folder)}).aitu


def test_aitu_is_off_by_default_and_uses_the_public_api(tmp_path: Path) -> None:
    assert read(tmp_path, REGISTRY_AITU_BOT_TOKEN="") is None
    bot = read(tmp_path)
    assert (bot.api_url, bot.public_url, bot.name) == (
        "https://botapi.aitu.io/bot/v1",
        "https://registry.gov.kz",
        "qaztech_bot",
    )
    assert TOKEN not in repr(bot)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("REGISTRY_AITU_BOT_NAME", "", "REGISTRY_AITU_BOT_NAME: required with REGISTRY_AITU_BOT_TOKEN"),
        ("REGISTRY_PUBLIC_URL", "", "REGISTRY_AITU_BOT_TOKEN: REGISTRY_PUBLIC_URL is required with it"),
        ("REGISTRY_AITU_BOT_TOKEN", f"{TOKEN} {TOKEN}", "REGISTRY_AITU_BOT_TOKEN: expected the token"),
        ("REGISTRY_AITU_BOT_NAME", "a\nb", "REGISTRY_AITU_BOT_NAME: expected at most 200 printable"),
        ("REGISTRY_AITU_BOT_URL", "http://aitu.example/bot/v1", "REGISTRY_AITU_BOT_URL: expected an address"),
        ("REGISTRY_AITU_BOT_URL", "https://user@aitu.example", "REGISTRY_AITU_BOT_URL: expected an address"),
    ],
)
def test_incomplete_or_unusable_settings_are_refused(tmp_path: Path, variable: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read(tmp_path, **{variable: value})
    assert expected in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_state_installation_names_its_own_api(tmp_path: Path) -> None:
    assert read(tmp_path, REGISTRY_AITU_BOT_URL="https://aitu.gov.kz/bot/v1/").api_url == "https://aitu.gov.kz/bot/v1"
