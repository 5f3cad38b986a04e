"""Marshmallow fields: validation of single values, the same for API, forms and imports.

Types are strict, as in JSON: ``_deserialize`` is the one place where a value is validated. ``from_text`` converts a
text of a form or table first (registry/core/values). A missing value is None: null, or a blank text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

from marshmallow import fields

from registry.core.bin_numbers import LENGTH as BIN_LENGTH
from registry.core.bin_numbers import SHAPE as BIN_SHAPE
from registry.core.bin_numbers import is_bin
from registry.core.clock import today
from registry.core.json_schemas import DAY_SCHEMA, HTTP_ADDRESS, NOT_BLANK
from registry.core.value_checks import InvalidValue, control_character, exact_day, is_visible, years_ahead
from registry.core.values.choices import ChoiceLabels
from registry.core.values.dates import read_day
from registry.core.values.numbers import MAX_LOST_ZEROS, read_digits, read_whole_number
from registry.core.values.texts import is_blank, read_boolean
from registry.freeze.vocabulary import Choices

MIN_DATE: Final = date(1991, 12, 16)
YEARS_AHEAD: Final = 10
MAX_PLANNED_END: Final = date(2060, 12, 31)
MAX_AMOUNT: Final = 10**15
# \x22 is a quotation mark, escaped because generated clients copy the pattern into their own source.
EMAIL: Final = re.compile(r"[^@\s,;<>\x22]+@[^@\s,;<>\x22]+\.[^@\s,;<>\x22.]+")


class InputField(fields.Field[Any]):
    """The base of writable fields. A required field is never null; ``nullable=False``: it may be absent but not null.

    Metadata: ``description`` for OpenAPI, ``label`` and ``hint`` for pages, further JSON Schema keywords.
    """

    default_error_messages = {"required": "required", "null": "required"}  # noqa: RUF012 - as marshmallow declares it

    def __init__(self, *, required: bool = False, nullable: bool = True, **metadata: Any) -> None:
        super().__init__(required=required, allow_none=nullable and not required, metadata=metadata)

    @property
    def label(self) -> str:
        """The label on pages, in English; empty when the field is on no page."""
        return str(self.metadata.get("label", ""))

    @property
    def hint(self) -> str:
        """The hint beside the form field, in English; empty for none."""
        return str(self.metadata.get("hint", ""))

    @property
    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of the accepted values, without null."""
        raise NotImplementedError

    def from_text(self, text: str) -> object:
        """The JSON value of a text; None for a blank one. A text that cannot be read stays text: invalid.

        Raises InvalidValue for a text that can be read in two ways, or loses something when it is read.
        """
        return None if is_blank(text) else text.strip()


class Text(InputField):
    """Up to ``limit`` characters without controls but tab and newline, trimmed; blank or invisible text is missing."""

    def __init__(self, limit: int = 200, **options: Any) -> None:
        super().__init__(**options)
        self.limit = limit

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        text = value.replace("\r\n", "\n").strip()
        character = control_character(text, but="\t\n")
        if character is not None:
            raise InvalidValue("control-character", character=f"U+{ord(character):04X}")
        if len(text) > self.limit:
            raise InvalidValue("too-long", limit=self.limit, length=len(text))
        if is_visible(text):
            return text
        if self.required:
            raise self.make_error("required")
        return None

    def from_text(self, text: str) -> object:
        """The text; a dash is a text."""
        return text.strip() or None

    @property
    def json_schema(self) -> dict[str, Any]:
        """A string; not blank where it is required."""
        schema = {"type": "string", "maxLength": self.limit}
        return schema | {"minLength": 1, "pattern": NOT_BLANK} if self.required else schema


class Email(Text):
    """One e-mail address, as written."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text is not None and not EMAIL.fullmatch(text):
            raise InvalidValue("email-invalid")
        return text

    def from_text(self, text: str) -> object:
        """The address; a dash says that there is none."""
        return None if is_blank(text) else super().from_text(text)

    @property
    def json_schema(self) -> dict[str, Any]:
        """A string with the pattern of addresses."""
        return {"type": "string", "maxLength": self.limit, "pattern": f"^\\s*({EMAIL.pattern})?\\s*$"}


class Url(Text):
    """An http or https URL without credentials: everybody who may see the project may see the URL."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text is None:
            return None
        try:
            parts = urlsplit(text)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\\]", text)
            # Reading the port raises ValueError when it is no port; an encoded host means another one to some clients.
            usable = usable and parts.port != 0 and "%" not in parts.netloc
        except ValueError as error:
            raise InvalidValue("url-invalid") from error
        if not usable:
            raise InvalidValue("url-invalid")
        if "@" in parts.netloc:
            raise InvalidValue("url-with-credentials")
        return text

    def from_text(self, text: str) -> object:
        """The address; a dash says that there is none."""
        return None if is_blank(text) else super().from_text(text)

    @property
    def json_schema(self) -> dict[str, Any]:
        """A string with the pattern of http addresses; blank only where none is required."""
        address = HTTP_ADDRESS if self.required else f"({HTTP_ADDRESS})?"
        return {"type": "string", "maxLength": self.limit, "pattern": f"^\\s*{address}\\s*$"}


class Choice(InputField):
    """One of a fixed set of codes. A text may have its label in any language, or one of its ``spellings``.

    ``width`` of codes of digits only, of which spreadsheets drop leading zeros.
    """

    def __init__(
        self, options: Sequence[str] | type[Choices], spellings: Mapping[str, Sequence[str]] | None = None, **more: Any
    ) -> None:
        super().__init__(**more)
        self.options = options.codes() if isinstance(options, type) else tuple(options)
        self.labels = ChoiceLabels(options, spellings or {})
        self.width = max(map(len, self.options)) if all(option.isdigit() for option in self.options) else 0

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        if value not in self.options:
            raise InvalidValue("not-a-choice", options=", ".join(self.options))
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """One of the codes."""
        return {"type": "string", "enum": list(self.options)}

    def from_text(self, text: str) -> object:
        """The code."""
        if text in self.options:
            return text
        if is_blank(text):
            return None
        code = self.labels.code(text)
        if code is None and self.width and (digits := read_digits(text, self.width, self.width - 1)) in self.options:
            code = digits
        return text.strip() if code is None else code


class AnyDay(InputField):
    """A date as ``YYYY-MM-DD`` in any year; a text may have it as people write it, day first."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:  # noqa: ARG002 - marshmallow's
        return exact_day(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return value.isoformat() if isinstance(value, date) else value

    @property
    def json_schema(self) -> dict[str, Any]:
        """A date."""
        return dict(DAY_SCHEMA)

    def from_text(self, text: str) -> object:
        """The date as ``YYYY-MM-DD``."""
        return read_day(text) or None


class Day(AnyDay):
    """A date from Independence Day (1991-12-16) to ten years ahead or to ``latest``."""

    def __init__(self, latest: date | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.latest = latest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        day = super()._deserialize(value, attr, data, **kwargs)
        latest = self.latest or years_ahead(today(), YEARS_AHEAD)
        if not MIN_DATE <= day <= latest:
            raise InvalidValue("date-out-of-range", earliest=MIN_DATE.isoformat(), latest=latest.isoformat())
        return day


class WholeNumber(InputField):
    """A whole number; money is in whole tenge. ``True`` and ``1.0`` are invalid. ``labels``: words for the numbers."""

    def __init__(
        self, smallest: int = 0, largest: int = MAX_AMOUNT, labels: ChoiceLabels | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.labels, self.smallest, self.largest = labels, smallest, largest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002 - marshmallow's
        if type(value) is not int:
            raise InvalidValue("expected-whole-number")
        if not self.smallest <= value <= self.largest:
            raise InvalidValue("number-out-of-range", smallest=self.smallest, largest=self.largest)
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """An integer within its limits."""
        return {"type": "integer", "minimum": self.smallest, "maximum": self.largest}

    def from_text(self, text: str) -> object:
        """The number."""
        code = self.labels and self.labels.code(text)
        return int(code) if code else read_whole_number(text)


class Boolean(InputField):
    """A boolean; a text has it as yes or no in the languages of the service, or as ``true`` or ``false``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, bool):
            raise InvalidValue("expected-true-or-false")
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}

    def from_text(self, text: str) -> object:
        """The boolean; spreadsheets write it in the language of their user."""
        return None if is_blank(text) else read_boolean(text)


class Bin(InputField):
    """A business identification number of 12 digits with its check digit; a text may have blanks in it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, str):
            raise InvalidValue("expected-text")
        if not is_bin(value):
            raise InvalidValue("bin-invalid")
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """A string of 12 digits."""
        return {"type": "string", "format": "bin", "pattern": f"^{BIN_SHAPE.pattern}$"}

    def from_text(self, text: str) -> object:
        """The number without blanks, with the leading zeros that spreadsheets drop."""
        return read_digits(text, BIN_LENGTH, MAX_LOST_ZEROS) or None
