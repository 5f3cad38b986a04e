"""A stop of the tour, and who signs in on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from registry.accounts.roles import Role
from registry.core.translations import Language
from registry.demo.records import first_of_each_role

PASSWORD: Final = "Besköpir-2026-tau"


@dataclass(frozen=True, slots=True)
class Stop:
    """A page: its viewer (None: signed out), its URL, and the form submitted on it, if any."""

    name: str
    role: Role | None
    path: str
    sends: Mapping[str, str] | None = None

    def in_language(self, language: Language) -> Stop:
        """The stop in a language: public pages read no cookie and have it in their address."""
        if not self.path.startswith("/open-data"):
            return self
        return replace(self, path=f"{self.path}{'&' if '?' in self.path else '?'}language={language}")


def person_name(role: Role) -> str:
    """Return the user name of the person of the role."""
    return first_of_each_role()[role]
