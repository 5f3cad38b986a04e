"""Field types of accounts and tokens in requests: lifetimes, lists of scopes, lists of address ranges."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from registry.accounts.scopes import Scope
from registry.accounts.tokens import MAX_RANGES
from registry.core.fields import InputField
from registry.core.values import InvalidValue

LIFETIME: Final = re.compile(r"([0-9]{1,10})([smhd])")
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MAX_RANGE_LENGTH: Final = 50


class LifetimeField(InputField):
    """How long a token lives: a whole number with a unit, ``90d``. How long it may live, the service knows."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> timedelta:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        match = LIFETIME.fullmatch(value)
        seconds = int(match[1]) * SECONDS[match[2]] if match else 0
        # More than any token may have: whoever asks for it gets the error of too long a lifetime.
        return timedelta(seconds=min(seconds, 10**9)) if match else _wrong_lifetime(value)

    @property
    def json_schema(self) -> dict[str, Any]:
        """A number and a unit."""
        return {"type": "string", "pattern": f"^{LIFETIME.pattern}$"}


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
