"""Marshmallow fields of lists that are one text in forms and tables (``text_lists.py``), and of telephone numbers."""

from __future__ import annotations

import re
from typing import Any, Final

from registry.core.fields import InputField, Text, WholeNumber
from registry.core.text_lists import AMOUNT, SEPARATOR, YEAR, split_entries, split_year
from registry.core.value_checks import InvalidValue, control_character, is_visible
from registry.core.values.texts import is_blank

FIRST_YEAR: Final = 1991
LAST_YEAR: Final = 2060
MAX_YEARS: Final = 30
MAX_ENTRIES: Final = 50
# "+7 (7172) 74-00-00", with an extension in three languages behind it.
NUMBER: Final = r"[+]?[(]?[0-9][0-9 ()./-]{3,30}[0-9]"
TELEPHONE: Final = re.compile(rf"{NUMBER}(,? ?(ext|вн|доб|ішкі)[.]? ?[0-9]{{1,6}})?(, ?{NUMBER})?")


class Telephone(Text):
    """A telephone number as written, with an extension; or two, with a comma between them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text is not None and not TELEPHONE.fullmatch(text):
            raise InvalidValue("telephone-invalid")
        return text

    @property
    def json_schema(self) -> dict[str, Any]:
        """A string with the pattern of telephone numbers."""
        return {"type": "string", "maxLength": self.limit, "pattern": f"^\\s*({TELEPHONE.pattern})?\\s*$"}


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
            raise InvalidValue("years-invalid")
        if len(value) > MAX_YEARS:
            raise InvalidValue("too-many-entries", limit=MAX_YEARS)
        amounts: dict[int, int] = {}
        for each in value:
            year = self.year.deserialize(each[YEAR])
            if year in amounts:
                raise InvalidValue("year-twice", year=year)
            amounts[year] = self.amount.deserialize(each[AMOUNT])
        return [{YEAR: year, AMOUNT: amounts[year]} for year in sorted(amounts)] or None

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of years with their amounts."""
        properties = {YEAR: self.year.json_schema, AMOUNT: self.amount.json_schema}
        item = {"type": "object", "required": [*properties], "properties": properties}
        return {"type": "array", "items": item, "maxItems": MAX_YEARS}

    def from_text(self, text: str) -> object:
        """The list; the text when an entry has no year. Raises InvalidValue as ``WholeNumber``."""
        amounts = []
        if is_blank(text):
            return None
        for entry in split_entries(text):
            parts = split_year(entry)
            if parts is None:
                return text
            amounts.append({YEAR: parts[0], AMOUNT: self.amount.from_text(parts[1])})
        return amounts or None


class Entries(InputField):
    """A list of texts, each once; an empty list is a missing value. A text has one a line or between semicolons."""

    def __init__(self, limit: int = 200, **options: Any) -> None:
        super().__init__(**options)
        self.limit = limit

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str] | None:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise InvalidValue("expected-texts")
        entries = [entry for each in value if is_visible(entry := each.strip())]
        if len(entries) > MAX_ENTRIES:
            raise InvalidValue("too-many-entries", limit=MAX_ENTRIES)
        for entry in entries:
            self.check_entry(entry)
        return list(dict.fromkeys(entries)) or None

    def check_entry(self, entry: str) -> None:
        """Raise InvalidValue for an entry that is too long or has a control character or a separator."""
        character = control_character(entry)
        if character is not None:
            raise InvalidValue("control-character", character=f"U+{ord(character):04X}")
        if SEPARATOR in entry:
            raise InvalidValue("entry-with-separator", separator=SEPARATOR)
        if len(entry) > self.limit:
            raise InvalidValue("too-long", limit=self.limit, length=len(entry))

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of strings without semicolons."""
        item = {"type": "string", "maxLength": self.limit, "pattern": f"^[^{SEPARATOR}]*$"}
        return {"type": "array", "items": item, "maxItems": MAX_ENTRIES}

    def from_text(self, text: str) -> object:
        """The list."""
        return None if is_blank(text) else split_entries(text) or None


class Ids(InputField):
    """A list of 1 to ``most`` row ids."""

    def __init__(self, most: int = 500, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[int]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or any(type(each) is not int or not 0 < each < 2**31 for each in value):
            raise InvalidValue("expected-ids")
        if not 0 < len(value) <= self.most:
            raise InvalidValue("number-of-ids", largest=self.most)
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of ids."""
        item = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
        return {"type": "array", "items": item, "minItems": 1, "maxItems": self.most}

    def from_text(self, text: str) -> object:
        """The ids of a text with blanks between them; None for a blank one."""
        words = text.split()
        return [int(word) if word.isascii() and word.isdigit() else word for word in words] or None


class ProjectNumbers(InputField):
    """A list of 1 to ``most`` texts; whether they are numbers of projects is the service's to check."""

    def __init__(self, most: int = 5000, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise InvalidValue("expected-project-numbers")
        if not 0 < len(value) <= self.most:
            raise InvalidValue("number-of-projects", largest=self.most)
        return [each.strip() for each in value]

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of texts."""
        return {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": self.most}

    def from_text(self, text: str) -> object:
        """The numbers of a form's text, which blanks, commas, semicolons and line ends separate; None without any."""
        return text.replace(",", " ").replace(";", " ").split() or None


class Objects(InputField):
    """A list of 1 to ``most`` JSON objects, each of the schema with that name; who takes them loads them."""

    def __init__(self, most: int, component: str, **options: Any) -> None:
        super().__init__(**options)
        self.most = most
        self.component = component

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[dict[str, Any]]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise InvalidValue("expected-objects")
        if not 0 < len(value) <= self.most:
            raise InvalidValue("number-of-items", largest=self.most)
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of that schema."""
        item = {"$ref": f"#/components/schemas/{self.component}"}
        return {"type": "array", "items": item, "minItems": 1, "maxItems": self.most}
