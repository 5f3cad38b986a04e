"""The fields of new accounts, the same for forms and tables."""

from __future__ import annotations

from registry.accounts.roles import Role
from registry.core.base_schema import BaseSchema
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
    language = Choice(LANGUAGES, required=True)
