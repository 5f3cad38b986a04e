"""Choices of people in forms: each with role and agency, which tell namesakes apart."""

from __future__ import annotations

from collections.abc import Iterable

from registry.accounts.models import Account
from registry.agencies.service import agencies_by_id
from registry.web.labels import name_in_page_language, role_name


def person_choices(accounts: Iterable[Account]) -> list[tuple[str, str]]:
    """``(name, "name – role, agency")`` of people."""
    agencies = agencies_by_id()
    choices = []
    for account in accounts:
        agency = agencies.get(account.agency_id or 0)
        parts = [role_name(account.role), *([] if agency is None else [name_in_page_language(agency)])]
        choices.append((account.name, f"{account.name} – {', '.join(parts)}"))
    return choices
