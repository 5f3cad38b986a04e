"""Schemas of accounts, tokens and sessions in requests and responses."""

import re
from datetime import timedelta
from typing import Any, ClassVar, Final

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.accounts.models import MAX_EMAIL_LENGTH, AccountKind, AccountStatus, TokenStatus
from registry.accounts.roles import Permission, Role, Scope
from registry.accounts.tokens import MAX_PURPOSE_LENGTH, MAX_RANGES
from registry.core.fields import BaseSchema, Bin, Choice, Email, InputField, ReadOnly, Text, Timestamp
from registry.core.translations import LANGUAGES
from registry.core.values import InvalidValue

# Field types of accounts and tokens in requests: lifetimes, lists of scopes, lists of address ranges.

LIFETIME: Final = re.compile(r"([0-9]{1,10})([smhd])")
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MAX_RANGE_LENGTH: Final = 50


class LifetimeField(InputField):
    """How long a token lives: a whole number with a unit, ``90d``. How long it may live, the service knows."""

    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": f"^{LIFETIME.pattern}$"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> timedelta:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        match = LIFETIME.fullmatch(value)
        seconds = int(match[1]) * SECONDS[match[2]] if match else 0
        # More than any token may have: whoever asks for it gets the error of too long a lifetime.
        return timedelta(seconds=min(seconds, 10**9)) if match else _wrong_lifetime(value)


class ScopesField(InputField):
    """The scopes of a token."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Scope]:  # noqa: ARG002 - marshmallow's
        codes = [scope.value for scope in Scope]
        if not isinstance(value, list) or any(each not in codes for each in value):
            raise InvalidValue("not-a-choice", options=", ".join(codes))
        return [scope for scope in Scope if scope.value in value]

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of codes."""
        return {"type": "array", "items": {"type": "string", "enum": [scope.value for scope in Scope]}, "minItems": 1}


class AddressesField(InputField):
    """The address ranges of a token, which the service validates."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or any(type(each) is not str or len(each) > MAX_RANGE_LENGTH for each in value):
            raise InvalidValue("address-ranges-expected")
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of texts."""
        item = {"type": "string", "maxLength": MAX_RANGE_LENGTH}
        return {"type": "array", "items": item, "maxItems": MAX_RANGES}


def _wrong_lifetime(value: str) -> timedelta:
    raise InvalidValue("lifetime-wrong", value=value[:20])


TEXT_OR_NULL: Final = {"type": ["string", "null"]}
COUNT: Final = {"type": "integer", "minimum": 0}
TEXTS: Final = {"type": "array", "items": {"type": "string"}}
SHOWN: Final = frozenset({"id", "status", "second_factor", "last_signed_in_at", "created_at", "changed_at"})


class AccountFields(BaseSchema):
    """What administrators write of an account."""

    name = Text(MAX_NAME_LENGTH, description="What a person signs in with, and records show.", required=True)
    email = Email(MAX_EMAIL_LENGTH, description="Where notices go. Of people only.")
    # As people write it in tables: each language's own name, and the names in the others.
    language = Choice(
        LANGUAGES,
        {
            "kk": ("Қазақша", "Казахский", "Қазақ тілі", "Kazakh", "каз", "қаз"),
            "ru": ("Русский", "Орысша", "Орыс тілі", "Russian", "рус", "орыс"),
            "en": ("English", "Английский", "Ағылшынша", "Ағылшын тілі", "англ"),
        },
        description="Of pages and notices; by default `kk`. Of people only.",
        nullable=False,
    )
    role = Choice(Role, description="What the account may do.", required=True)
    agency = Bin(description="BIN of the agency; with an agency role only, and then always.")
    owner = Text(
        MAX_NAME_LENGTH,
        description="Name of the person who answers for a service account; by default who creates it.",
        nullable=False,
    )


class AccountBody(AccountFields):
    """An account to create."""

    READ_ONLY: ClassVar[frozenset[str]] = SHOWN

    kind = Choice(AccountKind.codes(), description="A person, or a program, which has tokens only.", required=True)


class AccountPatch(AccountFields):
    """Changes of an account."""

    READ_ONLY: ClassVar[frozenset[str]] = SHOWN | {"kind"}


class Account(BaseSchema):
    """An account."""

    id = ReadOnly("Its id.", {"type": "integer"})
    kind = ReadOnly("A person or a service account.", {"type": "string", "enum": list(AccountKind.codes())})
    name = ReadOnly("What a person signs in with, and records show.", {"type": "string"})
    email = ReadOnly("Where notices go; null for service accounts.", TEXT_OR_NULL)
    language = ReadOnly(
        "Of pages and notices; null for service accounts.", {"type": ["string", "null"], "enum": [*LANGUAGES, None]}
    )
    role = ReadOnly("What the account may do.", {"type": "string", "enum": list(Role.codes())})
    agency = ReadOnly("BIN of the agency; null for oversight roles.", TEXT_OR_NULL)
    status = ReadOnly(
        "Only people with an active account sign in.", {"type": "string", "enum": list(AccountStatus.codes())}
    )
    second_factor = ReadOnly("Whether an authenticator app or a passkey is enrolled.", {"type": "boolean"})
    last_signed_in_at = Timestamp("The last sign-in to the pages; null for none and unknown.", nullable=True)
    owner = ReadOnly("Name of the person who answers for a service account.", TEXT_OR_NULL)
    reads_restricted = ReadOnly(
        "Whether it reads restricted projects: those of oversight by their role, those of agencies once they are "
        "admitted (`POST /accounts/{id}/restricted-access`).",
        {"type": "boolean"},
    )
    created_at = Timestamp("When it was created.")
    changed_at = Timestamp("When it was last changed; null if an earlier version did.", nullable=True)


class AccountWithPassword(Account):
    """An account whose person got a new password."""

    password = ReadOnly(
        "The person's new password, after a confirmation its second half, in this response only. Null for service, "
        "invited and pending accounts, and in a response that is repeated for its `Idempotency-Key`.",
        TEXT_OR_NULL,
    )


class OwnAccount(Account):
    """The caller's account, and what the token of this request may be used for."""

    key_id = ReadOnly("Key id of the token.", {"type": "string"})
    token_role = ReadOnly("Role of the token: the account's or a narrower one.", {"type": "string"})
    scopes = ReadOnly("Scopes of the token.", TEXTS)
    permissions = ReadOnly("What the token may do.", {**TEXTS, "items": {"type": "string", "enum": sorted(Permission)}})


class AccountConfirmation(BaseSchema):
    """The confirmation of an account."""

    role = Choice(Role.codes(), description="The role that was read: another one is a conflict.", required=True)
    email = Email(MAX_EMAIL_LENGTH, description="The address that was read: another one is a conflict.")


class HandOverBody(BaseSchema):
    """Whom a person's open work goes to."""

    to = Text(MAX_NAME_LENGTH, description="Name of the person who gets the work.", required=True)


class HandedOver(BaseSchema):
    """How much was handed over."""

    cases = ReadOnly("Open cases that were assigned to the person.", COUNT)
    drafts = ReadOnly("Drafts of registrations.", COUNT)
    reports = ReadOnly("Reports to the Government, not issued, that the person was responsible for.", COUNT)
    service_accounts = ReadOnly("Service accounts that the person answered for.", COUNT)
    absences = ReadOnly("Absences that ended with it.", COUNT)


class NoFields(BaseSchema):
    """A body without fields."""


class TokenBody(BaseSchema):
    """A token to create. What is absent or null has its default."""

    role = Choice(Role.codes(), description="By default that of the account; a narrower one allows less.")
    scopes = ScopesField(description="By default those of the role, as docs/reference/api.md lists them.")
    expires_in = LifetimeField(description="Seconds, minutes, hours or days, such as `90d`, the default; at most 366d.")
    addresses = AddressesField(description="Addresses and CIDR ranges that it is accepted from; by default any.")
    purpose = Text(MAX_PURPOSE_LENGTH, description="What it is for, in your words.")


class Token(BaseSchema):
    """A token without its secret."""

    key_id = ReadOnly("Its id: the part of the token between the two underscores.", {"type": "string"})
    account = ReadOnly("Name of its account.", {"type": "string"})
    account_id = ReadOnly("Id of its account.", {"type": "integer"})
    kind = ReadOnly("Whose it is: a person's or a service's.", {"type": "string", "enum": list(AccountKind.codes())})
    role = ReadOnly("Its role.", {"type": "string", "enum": list(Role.codes())})
    agency = ReadOnly("BIN of the agency.", TEXT_OR_NULL)
    scopes = ReadOnly("Its scopes; null for all, in tokens of earlier versions.", {**TEXTS, "type": ["array", "null"]})
    addresses = ReadOnly("The ranges that it is accepted from; null for any.", {**TEXTS, "type": ["array", "null"]})
    purpose = ReadOnly("What it is for; null when nobody said.", TEXT_OR_NULL)
    status = ReadOnly(
        "Pending: a second person has to confirm it or its account. Disabled: its account is.",
        {"type": "string", "enum": list(TokenStatus.codes())},
    )
    created_at = Timestamp("When it was created.")
    expires_at = Timestamp("When it ends; null for never, in tokens of earlier versions.", nullable=True)
    revoked_at = Timestamp("When it was revoked.", nullable=True)
    last_used_at = Timestamp("The last use, to within five minutes.", nullable=True)
    last_used_from = ReadOnly("The address of the last use.", TEXT_OR_NULL)
    issued_by = ReadOnly("Key id of the token that created it; null for one that a person created.", TEXT_OR_NULL)
    owner = ReadOnly("Name of the person who answers for the service account.", TEXT_OR_NULL)


class NewToken(Token):
    """A token that was just created."""

    token = ReadOnly(
        "The token itself, in this response only; null in one that is repeated for its `Idempotency-Key`.", TEXT_OR_NULL
    )


class Session(BaseSchema):
    """An open browser session."""

    id = ReadOnly("Its id.", {"type": "string"})
    device = ReadOnly("Browser and system; empty when unknown.", {"type": "string"})
    address = ReadOnly("The address of the sign-in.", {"type": "string"})
    started_at = Timestamp("When it started.")
    last_used_at = Timestamp("The last use, to within a minute.")
    factor_kind = ReadOnly("The last second factor.", TEXT_OR_NULL)


ACCOUNT: Final = Account()
ACCOUNT_PATCH: Final = AccountPatch(partial=True)
SESSION: Final = Session()
