"""CLI messages are in the language of the locale."""

from __future__ import annotations

import pytest

from registry.cli.output import language
from tests.fixtures.cli import CommandLine, of_processes


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "kk_KZ.UTF-8"}, "kk"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8", "LC_MESSAGES": "kk_KZ"}, "kk"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "de:ru:kk"}, "ru"),
        ({"LANG": "C", "LANGUAGE": "ru"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "", "LC_ALL": ""}, "en"),
    ],
)
def test_language_follows_locale(environ: dict[str, str], expected: str) -> None:
    assert language(environ) == expected


@pytest.mark.sqlite_only
def test_error_is_in_language_of_locale(registry: CommandLine) -> None:
    messages = {
        locale: registry("tokens", "revoke", "0123456789", LC_ALL=locale).err
        for locale in ("kk_KZ.UTF-8", "ru_RU.UTF-8", "en_GB.UTF-8")
    }
    assert len(set(messages.values())) == 3
    assert all("0123456789" in text for text in messages.values())


@of_processes
def test_terminal_without_cyrillic_works(registry: CommandLine) -> None:
    ran = registry.process("tokens", "revoke", "0123456789", LC_ALL="ru_RU.UTF-8", PYTHONIOENCODING="ascii")
    assert (ran.code, ran.raw) == (3, b"")
    assert "0123456789" in ran.err and "Traceback" not in ran.err
