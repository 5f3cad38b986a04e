"""Marshmallow schemas, their fields in requests and responses, and columns that store lists."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, Final, NamedTuple, Self
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, fields
from sqlalchemy import Dialect, Text as TextColumn
from sqlalchemy.types import TypeDecorator

from registry.core import values as value_types
from registry.core.clock import rfc3339, today
from registry.core.errors import Problem
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# Marshmallow fields of requests and responses, validation of single values and lists, and columns that store lists.

# Marshmallow fields: validation of single values and of lists, the same for API, forms and imports.

# Business identification numbers (BIN) of Kazakhstan: 12 digits, the last a check digit computed in two passes.
#
# ``YYMM``, type (4 resident, 5 non-resident, 6 sole trader), unit (0 head, 1 branch, 2 representative office, 3
# farm), five digits of serial, check digit. python-stdnum has no module for it.

LENGTH = 12
SHAPE = re.compile(r"[0-9]{2}(0[1-9]|1[0-2])[456][0-3][0-9]{6}")
FIRST_WEIGHTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
SECOND_WEIGHTS = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)


def is_bin(text: str) -> bool:
    """True for 12 ASCII digits in the format of a BIN with a correct check digit."""
    return SHAPE.fullmatch(text) is not None and check_digit(text[:11]) == int(text[11])


def check_digit(eleven: str) -> int | None:
    """Return the check digit of eleven digits; None when both passes give 10, since such a number is never issued."""
    digits = [int(digit) for digit in eleven]
    for weights in (FIRST_WEIGHTS, SECOND_WEIGHTS):
        rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11
        if rest < 10:
            return rest
    return None


# Parts of JSON Schemas that fields and responses share.

# Blank counts as missing, as in any text; the JSON Schema formats email and uri would reject it.
HTTP_ADDRESS: Final = r"[Hh][Tt][Tt][Pp][Ss]?://\S+"
# A text that is not empty after trimming.
NOT_BLANK: Final = "[^\\s\\u001c-\\u001f\\u0085]"
DAY_SCHEMA: Final = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}

# A date or a timestamp. Its format is its own: of a choice of two schemas, generators of typed languages make a class.
DAY_OR_INSTANT_SCHEMA: Final = {"type": "string", "format": "date-or-date-time"}


def shown_object(properties: Mapping[str, Any], sometimes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the JSON Schema of an object in a response: all properties are required except the ``sometimes`` ones."""
    required = [name for name in properties if name not in sometimes]
    return {"type": "object", "required": required, "properties": dict(properties)}


def object_of(**properties: Any) -> dict[str, Any]:
    """Return the JSON Schema of an object in a response with these properties, all required."""
    return shown_object(properties)


def nullable(schema: dict[str, Any], *, allow_none: bool = True) -> dict[str, Any]:
    """Return the JSON Schema that also allows null."""
    if not allow_none:
        return schema
    with_null = schema | {"type": [schema["type"], "null"]}
    if "enum" in schema:
        with_null["enum"] = [*schema["enum"], None]
    return with_null


# Marshmallow fields: validation of single values, the same for API, forms and imports.
#
# Types are strict, as in JSON: ``_deserialize`` is the one place where a value is validated. ``from_text`` converts
# a text of a form or table first (registry/core/values). A missing value is None: null, or a blank text.

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
        """Return the JSON value of a text; None for a blank one. A text that cannot be read stays text: invalid.

        Raises InvalidValue for a text that can be read in two ways, or loses something when it is read.
        """
        return None if value_types.is_blank(text) else text.strip()


class Text(InputField):
    """Up to ``limit`` characters without controls but tab and newline, trimmed; blank or invisible text is missing."""

    def __init__(self, limit: int = 200, **options: Any) -> None:
        super().__init__(**options)
        self.limit = limit

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, str):
            raise value_types.InvalidValue("expected-text")
        text = value.replace("\r\n", "\n").strip()
        character = value_types.control_character(text, but="\t\n")
        if character is not None:
            raise value_types.InvalidValue("control-character", character=f"U+{ord(character):04X}")
        if len(text) > self.limit:
            raise value_types.InvalidValue("too-long", limit=self.limit, length=len(text))
        if value_types.is_visible(text):
            return text
        if self.required:
            raise self.make_error("required")
        return None

    def from_text(self, text: str) -> object:
        """Return the text; a dash is a text."""
        return text.strip() or None

    @property
    def json_schema(self) -> dict[str, Any]:
        """A string; not blank where it is required."""
        schema = {"type": "string", "maxLength": self.limit}
        return schema | {"minLength": 1, "pattern": NOT_BLANK} if self.required else schema


class Reference(Text):
    """A number or an address, as written."""

    def from_text(self, text: str) -> object:
        """Return the text; a dash says that there is none."""
        return None if value_types.is_blank(text) else super().from_text(text)


class Patterned(Text):
    """A text of a certain form. ``code``: the error of another one."""

    text_pattern: ClassVar[re.Pattern[str]]
    code: ClassVar[str]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text is not None and not self.text_pattern.fullmatch(text):
            raise value_types.InvalidValue(self.code)
        return text

    @property
    def json_schema(self) -> dict[str, Any]:
        """A string with the pattern."""
        return {"type": "string", "maxLength": self.limit, "pattern": f"^\\s*({self.text_pattern.pattern})?\\s*$"}


class Email(Patterned, Reference):
    """One e-mail address, as written."""

    text_pattern, code = EMAIL, "email-invalid"


class Url(Reference):
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
            raise value_types.InvalidValue("url-invalid") from error
        if not usable:
            raise value_types.InvalidValue("url-invalid")
        if "@" in parts.netloc:
            raise value_types.InvalidValue("url-with-credentials")
        return text

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
        self.choices = options if isinstance(options, type) else None
        self.options = options.codes() if isinstance(options, type) else tuple(options)
        self.labels = value_types.ChoiceLabels(options, spellings or {})
        self.width = max(map(len, self.options)) if all(option.isdigit() for option in self.options) else 0

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, str):
            raise value_types.InvalidValue("expected-text")
        if value not in self.options:
            raise value_types.InvalidValue("not-a-choice", options=", ".join(self.options))
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """One of the codes."""
        return {"type": "string", "enum": list(self.options)}

    def from_text(self, text: str) -> object:
        """Return the code."""
        if text in self.options:
            return text
        if value_types.is_blank(text):
            return None
        code = self.labels.code(text)
        if (
            code is None
            and self.width
            and (digits := value_types.read_digits(text, self.width, self.width - 1)) in self.options
        ):
            code = digits
        return text.strip() if code is None else code


class AnyDay(InputField):
    """A date as ``YYYY-MM-DD`` in any year; a text may have it as people write it, day first."""

    json_schema: ClassVar[dict[str, Any]] = dict(DAY_SCHEMA)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:  # noqa: ARG002 - marshmallow's
        return value_types.exact_day(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return value.isoformat() if isinstance(value, date) else value

    def from_text(self, text: str) -> object:
        """Return the date as ``YYYY-MM-DD``."""
        return value_types.read_day(text) or None


class Day(AnyDay):
    """A date from Independence Day (1991-12-16) to ten years ahead or to ``latest``."""

    def __init__(self, latest: date | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.latest = latest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        day = super()._deserialize(value, attr, data, **kwargs)
        latest = self.latest or value_types.years_ahead(today(), YEARS_AHEAD)
        if not MIN_DATE <= day <= latest:
            raise value_types.InvalidValue(
                "date-out-of-range", earliest=MIN_DATE.isoformat(), latest=latest.isoformat()
            )
        return day


class WholeNumber(InputField):
    """A whole number; money is in whole tenge. ``True`` and ``1.0`` are invalid. ``labels``: words for the numbers."""

    def __init__(
        self,
        smallest: int = 0,
        largest: int = MAX_AMOUNT,
        labels: value_types.ChoiceLabels | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.labels, self.smallest, self.largest = labels, smallest, largest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002 - marshmallow's
        if type(value) is not int:
            raise value_types.InvalidValue("expected-whole-number")
        if not self.smallest <= value <= self.largest:
            raise value_types.InvalidValue("number-out-of-range", smallest=self.smallest, largest=self.largest)
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """An integer within its limits."""
        return {"type": "integer", "minimum": self.smallest, "maximum": self.largest}

    def from_text(self, text: str, unit: int | None = None) -> object:
        """Return the number; ``unit``: as ``read_whole_number``."""
        code = self.labels and self.labels.code(text)
        return int(code) if code else value_types.read_whole_number(text, unit)


class Boolean(InputField):
    """A boolean; a text has it as yes or no in the languages of the service, or as ``true`` or ``false``."""

    json_schema: ClassVar[dict[str, Any]] = {"type": "boolean"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, bool):
            raise value_types.InvalidValue("expected-true-or-false")
        return value

    def from_text(self, text: str) -> object:
        """Return the boolean; spreadsheets write it in the language of their user."""
        return None if value_types.is_blank(text) else value_types.read_boolean(text)


def labelled_choices(field: InputField | None) -> dict[str, str]:
    """Code → English label of what a text of a closed vocabulary may be; empty for other fields."""
    if isinstance(field, Boolean):
        return {"true": lazy_text("Yes"), "false": lazy_text("No")}
    if isinstance(field, Choice):
        return dict(zip(field.options, field.labels.english(), strict=True))
    if isinstance(field, WholeNumber) and field.labels is not None:
        return {str(code): label for code, label in enumerate(field.labels.english(), field.smallest)}
    return {}


class Bin(InputField):
    """A business identification number of 12 digits with its check digit; a text may have blanks in it."""

    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "bin", "pattern": f"^{SHAPE.pattern}$"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, str):
            raise value_types.InvalidValue("expected-text")
        if not is_bin(value):
            raise value_types.InvalidValue("bin-invalid")
        return value

    def from_text(self, text: str) -> object:
        """Return the number without blanks, with the leading zeros that spreadsheets drop."""
        return value_types.read_digits(text, LENGTH, value_types.MAX_LOST_ZEROS) or None


# Lists as one text: amounts by year (``2026: 1000000; 2027: 2000000``) and lists of texts (``first; second``).
#
# Forms, tables, exports and the database have the text; JSON has the list. A form may have one entry a line.

SEPARATOR: Final = ";"
YEAR: Final = "year"
AMOUNT: Final = "amount_kzt"
ENTRIES: Final = re.compile(r"[;\r\n]+")
YEAR_ENTRY: Final = re.compile(r"([0-9]{4})\s*[:=\u2013\u2014-]\s*(.*)", re.DOTALL)


def split_entries(text: str) -> list[str]:
    """Return the entries of a text, trimmed, without blank ones."""
    return [entry.strip() for entry in ENTRIES.split(text) if entry.strip()]


def split_year(entry: str) -> tuple[int, str] | None:
    """Return the year and the text of its amount; None for an entry that does not begin with a year."""
    match = YEAR_ENTRY.fullmatch(entry)
    return None if match is None else (int(match[1]), match[2])


def years_text(amounts: Iterable[Mapping[str, Any]]) -> str:
    """Return the text of amounts by year."""
    return f"{SEPARATOR} ".join(f"{each[YEAR]}: {each[AMOUNT]}" for each in amounts)


def years_from_text(text: str) -> list[dict[str, int]]:
    """Return the amounts of a text that ``years_text`` wrote."""
    pairs = (entry.split(": ") for entry in split_entries(text))
    return [{YEAR: int(year), AMOUNT: int(amount)} for year, amount in pairs]


def entries_text(entries: Sequence[str]) -> str:
    """Return the text of a list of texts, none of which has a separator or a line break."""
    return f"{SEPARATOR} ".join(entries)


# Marshmallow fields of lists that are one text in forms and tables (below), and of telephone numbers.

FIRST_YEAR: Final = 1991
LAST_YEAR: Final = 2060
MAX_YEARS: Final = 30
MAX_ENTRIES: Final = 50
# "+7 (7172) 74-00-00", with an extension in three languages behind it.
NUMBER: Final = r"[+]?[(]?[0-9][0-9 ()./-]{3,30}[0-9]"
TELEPHONE: Final = re.compile(rf"{NUMBER}(,? ?(ext|вн|доб|ішкі)[.]? ?[0-9]{{1,6}})?(, ?{NUMBER})?")


class Telephone(Patterned):
    """A telephone number as written, with an extension; or two, with a comma between them."""

    text_pattern, code = TELEPHONE, "telephone-invalid"


class YearlyAmounts(InputField):
    """Amounts by year: a list of ``{year, amount_kzt}``, each year once; an empty list is a missing value.

    A text has one year a line or between semicolons: ``2026: 1000000; 2027: 2000000``.
    """

    year = WholeNumber(FIRST_YEAR, LAST_YEAR, required=True)
    amount = WholeNumber(required=True)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[dict[str, int]] | None:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or not all(
            isinstance(each, dict) and set(each) == {YEAR, AMOUNT} for each in value
        ):
            raise value_types.InvalidValue("years-invalid")
        if len(value) > MAX_YEARS:
            raise value_types.InvalidValue("too-many-entries", limit=MAX_YEARS)
        amounts: dict[int, int] = {}
        for each in value:
            year = self.year.deserialize(each[YEAR])
            if year in amounts:
                raise value_types.InvalidValue("year-twice", year=year)
            amounts[year] = self.amount.deserialize(each[AMOUNT])
        return [{YEAR: year, AMOUNT: amounts[year]} for year in sorted(amounts)] or None

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of years with their amounts."""
        properties = {YEAR: self.year.json_schema, AMOUNT: self.amount.json_schema}
        item = {"type": "object", "required": [*properties], "properties": properties}
        return {"type": "array", "items": item, "maxItems": MAX_YEARS}

    def from_text(self, text: str, unit: int | None = None) -> object:
        """Return the list; the text when an entry has no year. Units and InvalidValue as ``WholeNumber``."""
        amounts = []
        if value_types.is_blank(text):
            return None
        for entry in split_entries(text):
            parts = split_year(entry)
            if parts is None:
                return text
            amounts.append({YEAR: parts[0], AMOUNT: self.amount.from_text(parts[1], unit)})
        return amounts or None


class Entries(InputField):
    """A list of texts, each once; an empty list is a missing value. A text has one a line or between semicolons."""

    def __init__(self, limit: int = 200, **options: Any) -> None:
        super().__init__(**options)
        self.limit = limit

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str] | None:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise value_types.InvalidValue("expected-texts")
        entries = [entry for each in value if value_types.is_visible(entry := each.strip())]
        if len(entries) > MAX_ENTRIES:
            raise value_types.InvalidValue("too-many-entries", limit=MAX_ENTRIES)
        for entry in entries:
            self.check_entry(entry)
        return list(dict.fromkeys(entries)) or None

    def check_entry(self, entry: str) -> None:
        """Raise InvalidValue for an entry that is too long or has a control character or a separator."""
        character = value_types.control_character(entry)
        if character is not None:
            raise value_types.InvalidValue("control-character", character=f"U+{ord(character):04X}")
        if SEPARATOR in entry:
            raise value_types.InvalidValue("entry-with-separator", separator=SEPARATOR)
        if len(entry) > self.limit:
            raise value_types.InvalidValue("too-long", limit=self.limit, length=len(entry))

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of strings without semicolons."""
        item = {"type": "string", "maxLength": self.limit, "pattern": f"^[^{SEPARATOR}]*$"}
        return {"type": "array", "items": item, "maxItems": MAX_ENTRIES}

    def from_text(self, text: str) -> object:
        """Return the list."""
        return None if value_types.is_blank(text) else split_entries(text) or None


class Ids(InputField):
    """A list of 1 to ``most`` row ids."""

    def __init__(self, most: int = 500, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[int]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or any(type(each) is not int or not 0 < each < 2**31 for each in value):
            raise value_types.InvalidValue("expected-ids")
        if not 0 < len(value) <= self.most:
            raise value_types.InvalidValue("number-of-ids", largest=self.most)
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of ids."""
        item = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
        return {"type": "array", "items": item, "minItems": 1, "maxItems": self.most}

    def from_text(self, text: str) -> object:
        """Return the ids of a text with blanks between them; None for a blank one."""
        words = text.split()
        return [int(word) if word.isascii() and word.isdigit() else word for word in words] or None


class ProjectNumbers(InputField):
    """A list of 1 to ``most`` texts; whether they are numbers of projects is the service's to check."""

    def __init__(self, most: int = 5000, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise value_types.InvalidValue("expected-project-numbers")
        if not 0 < len(value) <= self.most:
            raise value_types.InvalidValue("number-of-projects", largest=self.most)
        return [each.strip() for each in value]

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of texts."""
        return {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": self.most}

    def from_text(self, text: str) -> object:
        """Return the numbers of a form's text, which blanks, commas, semicolons and line ends separate; None without
        any.
        """
        return text.replace(",", " ").replace(";", " ").split() or None


class Objects(InputField):
    """A list of 1 to ``most`` JSON objects, each of the schema with that name; who takes them loads them."""

    def __init__(self, most: int, component: str, **options: Any) -> None:
        super().__init__(**options)
        self.most = most
        self.component = component

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[dict[str, Any]]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise value_types.InvalidValue("expected-objects")
        if not 0 < len(value) <= self.most:
            raise value_types.InvalidValue("number-of-items", largest=self.most)
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of that schema."""
        item = {"$ref": f"#/components/schemas/{self.component}"}
        return {"type": "array", "items": item, "minItems": 1, "maxItems": self.most}


# Read-only marshmallow fields of responses, and the JSON Schema of every field for apispec.


class ReadOnly(fields.Field[Any]):
    """A read-only value with an explicit JSON Schema; dates are serialised as ``YYYY-MM-DD``."""

    def __init__(self, description: str, json_schema: Mapping[str, Any], *, label: str = "") -> None:
        super().__init__(dump_only=True, metadata={"description": description, "label": label})
        self.json_schema = json_schema

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return value.isoformat() if isinstance(value, date) else value


class Timestamp(fields.Field[Any]):
    """A read-only instant, serialised as RFC 3339 in UTC with Z."""

    def __init__(self, description: str, *, nullable: bool = False, label: str = "") -> None:
        super().__init__(dump_only=True, allow_none=nullable, metadata={"description": description, "label": label})

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - marshmallow's
        return rfc3339(value) if isinstance(value, datetime) else value


def field_json_schema(_converter: object, field: fields.Field[Any], **_kwargs: object) -> dict[str, Any]:
    """Return the JSON Schema of a field: an attribute function for apispec."""
    if isinstance(field, Timestamp):
        return nullable({"type": "string", "format": "date-time"}, allow_none=bool(field.allow_none))
    if isinstance(field, ReadOnly):
        return dict(field.json_schema)
    if isinstance(field, InputField):
        return nullable(field.json_schema, allow_none=bool(field.allow_none))
    return {}


# Columns of lists, stored as the text that exports and forms have (``fields.py``).


class _ListAsText(TypeDecorator[list[Any]]):
    impl = TextColumn
    write: ClassVar[Callable[[Any], str]]
    read: ClassVar[Callable[[str], list[Any]]]

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Return the text to store."""
        return None if value is None else type(self).write(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> list[Any] | None:  # noqa: ARG002 - SQLAlchemy's
        """Return the list that was stored."""
        return None if value is None else type(self).read(value)


class YearlyAmountsText(_ListAsText):
    """Amounts by year: a list of ``{year, amount_kzt}`` in Python."""

    cache_ok = True
    write, read = years_text, years_from_text


class EntriesText(_ListAsText):
    """A list of texts."""

    cache_ok = True
    write, read = entries_text, split_entries


# The base of all marshmallow schemas, and their errors as problems.

# Most values by far: nothing is to be done for them.
PLAIN_TYPES = frozenset((str, int, bool, type(None)))


class Loaded(NamedTuple):
    """The valid values of a schema, and the problems of the others."""

    values: dict[str, Any]
    problems: tuple[Problem, ...]


class BaseSchema(Schema):
    """The base of request and response schemas. Unknown names are errors; READ_ONLY names have an error of their own.

    A response has every field except the SOMETIMES ones; any version may add fields.
    """

    READ_ONLY: ClassVar[frozenset[str]] = frozenset()
    # Fields that not every response has.
    SOMETIMES: ClassVar[frozenset[str]] = frozenset()
    error_messages = {"unknown": "unknown-field"}  # noqa: RUF012 - as marshmallow declares it

    class Meta:
        """Unknown names are errors."""

        unknown = RAISE

    def __deepcopy__(self, memo: object) -> Self:
        """Return the schema itself: nobody changes one, and flask-smorest copies those of a view at each decorator."""
        return self

    @property
    def inputs(self) -> dict[str, InputField]:
        """The writable fields."""
        return {name: field for name, field in self.fields.items() if isinstance(field, InputField)}

    def load_with_problems(self, data: Mapping[str, object], *, partial: bool | None = None) -> Loaded:
        """Return the valid values, and all problems of the others; for services that add their own problems."""
        try:
            return Loaded(Schema.load(self, data, partial=partial), ())
        except ValidationError as error:
            values = error.valid_data if isinstance(error.valid_data, dict) else {}
            return Loaded(values, body_problems(error.messages_dict))

    def load_texts(self, texts: Mapping[str, str]) -> Loaded:
        """Load the texts of a form. A field that the form does not have is not validated."""
        read, unreadable = self._from_texts(texts)
        values, problems = self.load_with_problems(read, partial=True)
        return Loaded(values, (*unreadable, *problems))

    def load_filled_texts(self, texts: Mapping[str, str]) -> Loaded:
        """Load the texts of a form, as ``load_filled``."""
        read, unreadable = self._from_texts(texts)
        values, problems = self.load_filled(read)
        return Loaded(values, (*unreadable, *problems))

    def load_filled(self, data: Mapping[str, object]) -> Loaded:
        """Load known fields; None passes, because the service checks what a whole record lacks."""
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, value in data.items():
            try:
                values[name] = None if value is None else self.fields[name].deserialize(value)
            except ValidationError as error:
                problems += body_problems({name: error.messages})
        return Loaded(values, tuple(problems))

    def _from_texts(self, texts: Mapping[str, str]) -> tuple[dict[str, object], tuple[Problem, ...]]:
        """Return the JSON values of texts, and the problems of those that cannot be read."""
        inputs = self.inputs
        read: dict[str, object] = {}
        problems: tuple[Problem, ...] = ()
        for name, text in texts.items():
            try:
                value = inputs[name].from_text(text)
            except ValidationError as error:
                problems += body_problems({name: error.messages})
                continue
            # Of an optional field that cannot be null, a blank text is no value.
            if value is not None or inputs[name].allow_none or inputs[name].required:
                read[name] = value
        return read, problems

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Return what is shown of an object or a mapping.

        Of a mapping in less than half of marshmallow's time (a page of 500 projects: 8 ms instead of 18): our fields
        show each value under its own name.
        """
        if not isinstance(obj, Mapping):
            return super().dump(obj, many=many)
        return {
            name: value if type(value := obj[name]) in PLAIN_TYPES else _json_ready(value)
            for name in self.dump_fields
            if name in obj
        }

    def handle_error(self, error: ValidationError, data: Any, **kwargs: Any) -> None:  # noqa: ARG002 - marshmallow's
        """Tell read-only names from unknown ones."""
        for name in self.READ_ONLY.intersection(error.messages_dict):
            error.messages_dict[name] = ["read-only-field"]


class LenientSchema(BaseSchema):
    """A schema whose ``load`` returns Loaded and raises nothing: its service adds problems and raises all at once."""

    def load(self, data: Any, **kwargs: Any) -> Any:
        """Return the valid values, and the problems of the others."""
        return self.load_with_problems(data, partial=kwargs.get("partial"))


def body_problems(messages: Mapping[str, Iterable[object]]) -> tuple[Problem, ...]:
    """marshmallow's messages as problems, each with the JSON pointer of its field (RFC 6901)."""
    return tuple(_problem(json_pointer(name), error) for name, many in messages.items() for error in many)


def parameter_problems(messages: Mapping[str, Iterable[object]]) -> tuple[Problem, ...]:
    """marshmallow's messages as problems, each with the name of its query parameter."""
    return tuple(_problem(name, error) for name, many in messages.items() for error in many)


def json_pointer(name: str) -> str:
    """Return the JSON pointer of a member of the document (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _problem(pointer: str, error: object) -> Problem:
    if isinstance(error, value_types.FieldError):
        return Problem(pointer, error.code, dict(error.params))
    return Problem(pointer, str(error))


def _json_ready(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value
