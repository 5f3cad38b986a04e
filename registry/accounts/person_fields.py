"""The fields of new accounts, the same for forms and tables."""

from __future__ import annotations

from collections.abc import Mapping

from registry.accounts.models import role_problems
from registry.accounts.roles import Role
from registry.core.base_schema import BaseSchema
from registry.core.errors import Problem
from registry.core.fields import Bin, Choice, Email, Text
from registry.core.languages import LANGUAGES


class AccountFields(BaseSchema):
    """An account of a person or a system."""

    name = Text(required=True)
    role = Choice(Role, required=True)
    agency = Bin()


class PersonFields(AccountFields):
    """A person."""

    email = Email()
    # As people write it in tables: each language's own name, and the names in the others.
    language = Choice(
        LANGUAGES,
        {
            "kk": ("Қазақша", "Казахский", "Қазақ тілі", "Kazakh", "каз", "қаз"),
            "ru": ("Русский", "Орысша", "Орыс тілі", "Russian", "рус", "орыс"),
            "en": ("English", "Английский", "Ағылшынша", "Ағылшын тілі", "англ"),
        },
        required=True,
    )


def role_and_agency_problems(texts: Mapping[str, str]) -> list[Problem]:
    """The problems of a role and an agency that do not fit each other, in a form where other fields may be invalid."""
    role = texts.get("role", "")
    if role not in Role.codes():
        return []
    # Any id: only whether there is an agency counts.
    return role_problems(Role(role), 0 if texts.get("agency", "").strip() else None)
